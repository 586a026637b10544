// The model at work. The page hands this function's text to a worker, so that the page never stands still while a photo
// is decoded and answered; from a page opened from disk, a worker can be started in no other way.
"use strict";

function classifier() {
  // The rules of core/data/photo.py, so that a photo is seen here as it was in training.
  const MAX_BYTES = 25_000_000;
  const MAX_PIXELS = 80_000_000;
  const MIN_SIDE = 32;
  const STORED_SIDE = 640;
  const CANVAS_PIXELS = 16_777_216; // the largest canvas of an iPhone

  class Refused extends Error {} // its message is meant for the person

  let session, Tensor;

  self.onmessage = async ({ data: { id, start, photo } }) => {
    try {
      self.postMessage({ id, answer: await (start ? load(start) : classify(photo)) });
    } catch (error) {
      self.postMessage({ id, refused: error instanceof Refused ? error.message : "", error: String(error) });
    }
  };

  async function load({ library, wasm, model }) {
    if (!canvasIsTrue())
      throw new Refused(
        "This browser hides pictures from pages (protection against fingerprinting), so no answer would be right. " +
          "Allow this page to read canvas data, or use another browser."
      );
    const source = new Blob([await unpacked(library)], { type: "text/javascript" });
    const address = URL.createObjectURL(source);
    const ort = await import(address);
    URL.revokeObjectURL(address);
    ort.env.wasm.wasmBinary = await unpacked(wasm);
    ort.env.wasm.numThreads = 1; // more need headers that a page from disk, and most hosts, cannot send
    ort.env.logLevel = "error";
    Tensor = ort.Tensor;
    session = await ort.InferenceSession.create(await unpacked(model), { executionProviders: ["wasm"] });
    return {};
  }

  async function unpacked(text) {
    const packed = Uint8Array.fromBase64?.(text) ?? Uint8Array.from(atob(text), (letter) => letter.charCodeAt());
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Uint8Array(await new Response(stream).arrayBuffer());
  }

  function canvasIsTrue() {
    const pen = new OffscreenCanvas(16, 16).getContext("2d", { willReadFrequently: true });
    for (let x = 0; x < 16; x++) {
      pen.fillStyle = `rgb(${x * 16} ${240 - x * 16} 99)`;
      pen.fillRect(x, 0, 1, 16);
    }
    const seen = pen.getImageData(0, 0, 16, 16).data;
    return seen.every((value, i) => {
      const x = (i >> 2) % 16;
      return Math.abs(value - [x * 16, 240 - x * 16, 99, 255][i % 4]) <= 8;
    });
  }

  // What the model says about a file or a frame of the camera, and the photo as it was understood (a JPEG).
  async function classify(photo) {
    const { pixels, width, height } = await decoded(photo);
    const rgb = new Uint8Array(width * height * 3);
    for (let i = 0, j = 0; j < rgb.length; i += 4) {
      rgb[j++] = pixels[i];
      rgb[j++] = pixels[i + 1];
      rgb[j++] = pixels[i + 2];
    }
    const begun = performance.now();
    const feeds = { photo: new Tensor("uint8", rgb, [1, height, width, 3]) };
    const { probabilities, strangeness } = await session.run(feeds);
    const milliseconds = performance.now() - begun;
    const canvas = new OffscreenCanvas(width, height);
    canvas.getContext("2d").putImageData(new ImageData(pixels, width, height), 0, 0);
    const preview = await canvas.convertToBlob({ type: "image/jpeg", quality: 0.9 });
    return { probabilities: [...probabilities.data], strangeness: strangeness.data[0], milliseconds, preview };
  }

  // Upright pixels (RGBA) in sRGB on white, the longest side at most STORED_SIDE.
  async function decoded(photo) {
    const image = photo instanceof Blob ? await opened(photo) : photo;
    try {
      check(image.width, image.height);
      const { width, height, data } = drawn(image);
      const scale = Math.min(1, STORED_SIDE / Math.max(width, height));
      const to = [Math.round(width * scale), Math.round(height * scale)];
      const reduced = boxed({ width, height, pixels: data }, reduction(width, height, to, photo.type));
      return stretched(stretched(reduced, to[0], true), to[1], false);
    } finally {
      image.close();
    }
  }

  async function opened(file) {
    if (!file.size) throw new Refused("The file is empty. Copy or download it again.");
    const size = `${(file.size / 1e6).toFixed(1)} MB`;
    if (file.size > MAX_BYTES) throw new Refused(`The file is too large (${size}). Use one of at most 25 MB.`);
    try {
      return await createImageBitmap(file, { imageOrientation: "from-image" });
    } catch {
      if (/hei[cf]/.test(file.type) || /\.hei[cf]$/i.test(file.name))
        throw new Refused("This browser cannot open HEIC pictures. Save it as JPEG, or use Safari.");
      throw new Refused("This is no picture that this browser can open. Use a JPEG, PNG or WebP picture.");
    }
  }

  function check(width, height) {
    const size = `${width}×${height} pixels`;
    if (width * height > MAX_PIXELS)
      throw new Refused(`The picture is too large (${size}). Use one of at most 80 megapixels.`);
    if (Math.min(width, height) < MIN_SIDE)
      throw new Refused(`The picture is too small (${size}). Use one of at least ${MIN_SIDE} pixels on each side.`);
    if (Math.min(width, height) * STORED_SIDE < Math.max(width, height) * MIN_SIDE)
      throw new Refused(`The picture is too long and narrow (${size}). Crop it to the part that matters.`);
  }

  function drawn(image) {
    let { width, height } = image;
    while (width * height > CANVAS_PIXELS) [width, height] = [width >> 1, height >> 1];
    const pen = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true, colorSpace: "srgb" });
    pen.fillStyle = "white";
    pen.fillRect(0, 0, width, height);
    pen.imageSmoothingQuality = "high";
    pen.drawImage(image, 0, 0, width, height);
    return pen.getImageData(0, 0, width, height, { colorSpace: "srgb" });
  }

  // By how much Pillow reduces before it resizes: JPEG by halves while decoding, others to twice the size wanted.
  function reduction(width, height, to, type) {
    const least = Math.min(Math.floor(width / to[0]), Math.floor(height / to[1]));
    if (type === "image/jpeg") return [8, 4, 2, 1].find((factor) => least >= factor);
    return Math.max(1, Math.floor(Math.min(width / to[0], height / to[1]) / 2));
  }

  // Every box of `factor` × `factor` pixels averaged into one.
  function boxed({ width, height, pixels }, factor) {
    if (factor === 1) return { width, height, pixels };
    const [wide, high] = [Math.ceil(width / factor), Math.ceil(height / factor)];
    const out = new Uint8ClampedArray(wide * high * 4);
    for (let y = 0; y < high; y++)
      for (let x = 0; x < wide; x++) {
        const [right, bottom] = [Math.min(width, (x + 1) * factor), Math.min(height, (y + 1) * factor)];
        let red = 0, green = 0, blue = 0, count = 0;
        for (let v = y * factor; v < bottom; v++)
          for (let u = x * factor; u < right; u++, count++) {
            const i = (v * width + u) * 4;
            red += pixels[i];
            green += pixels[i + 1];
            blue += pixels[i + 2];
          }
        out.set([red / count, green / count, blue / count, 255], (y * wide + x) * 4);
      }
    return { width: wide, height: high, pixels: out };
  }

  // Resized along one side to `size`, antialiased bicubic as Pillow does it (a = −0.5), rounded to whole numbers.
  function stretched({ width, height, pixels }, size, across) {
    const [from, lines] = across ? [width, height] : [height, width];
    if (from === size) return { width, height, pixels };
    const [step, stride] = across ? [4, width * 4] : [width * 4, 4];
    const [toStep, toStride] = across ? [4, size * 4] : [width * 4, 4];
    const out = new Uint8ClampedArray(size * lines * 4);
    const scale = Math.max(1, from / size);
    for (let at = 0; at < size; at++) {
      const centre = ((at + 0.5) * from) / size;
      const first = Math.max(0, Math.trunc(centre - 2 * scale + 0.5));
      const last = Math.min(from, Math.trunc(centre + 2 * scale + 0.5));
      const weights = [];
      for (let i = first; i < last; i++) weights.push(cubic((i - centre + 0.5) / scale));
      const sum = weights.reduce((total, weight) => total + weight);
      for (let line = 0; line < lines; line++) {
        let red = 0, green = 0, blue = 0, i = first * step + line * stride;
        for (const weight of weights) {
          red += weight * pixels[i];
          green += weight * pixels[i + 1];
          blue += weight * pixels[i + 2];
          i += step;
        }
        out.set([red / sum, green / sum, blue / sum, 255], at * toStep + line * toStride);
      }
    }
    return across ? { width: size, height, pixels: out } : { width, height: size, pixels: out };
  }

  function cubic(x) {
    x = Math.abs(x);
    if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
    return x < 2 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : 0;
  }
}
