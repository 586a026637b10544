// The page: photos in, answers out. The model itself runs in classifier.js, in a worker.
"use strict";

const about = JSON.parse(document.getElementById("about").textContent);
const part = (id) => document.getElementById(id);
const MOST_BARS = 5;

// ---- the model ----

const waiting = new Map(); // by number, what is done with the worker's answer to that question
let worker;
let asked = 0;
let failure; // why there will be no answers, in words

// One question at a time, since the model holds one photo in memory; what is asked while it gets ready waits.
let queue = start().catch((error) => {
  failure = error.message;
  say(failure, true);
});

function ask(question, ...moved) {
  queue = queue.then(() => (failure ? { refused: failure, error: failure } : send(question, ...moved)));
  return queue;
}

function send(question, ...moved) {
  return new Promise((resolve) => {
    waiting.set(++asked, resolve);
    worker.postMessage({ id: asked, ...question }, moved);
  });
}

async function start() {
  if (!canRun())
    throw new Error("This browser is too old for this page. Use Chrome 97, Firefox 114, Safari 16.4, or later ones.");
  say("Getting ready…");
  await Promise.all(["runtime.js", "model.js"].map(load));
  const text = new Blob([`(${classifier})();`], { type: "text/javascript" });
  worker = new Worker(URL.createObjectURL(text));
  worker.onmessage = ({ data }) => {
    waiting.get(data.id)(data);
    waiting.delete(data.id);
  };
  worker.onerror = () => {
    failure = "The browser stopped the model, perhaps for want of memory. Load the page again.";
    for (const resolve of waiting.values()) resolve({ refused: failure, error: failure });
    waiting.clear();
  };
  const { refused, error } = await send({ start: { ...thimble.runtime, model: thimble.model } });
  if (error) throw new Error(refused || `The model could not be started (${error}).`);
  delete globalThis.thimble; // the worker has its own copy
  say("Ready.");
}

function canRun() {
  // A WebAssembly program with two SIMD instructions, of which the runtime is full.
  const head = [0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0];
  const simd = [...head, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11];
  return (
    typeof WebAssembly === "object" &&
    WebAssembly.validate(new Uint8Array(simd)) &&
    typeof OffscreenCanvas === "function" &&
    typeof DecompressionStream === "function"
  );
}

// The model and the runtime are scripts, since a page opened from disk may read no other files.
function load(name) {
  return new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = name;
    script.onload = resolve;
    script.onerror = () =>
      reject(new Error(`${name} is missing. Put the whole unpacked folder in one place, and open index.html in it.`));
    document.head.append(script);
  });
}

// ---- answers ----

function add(files) {
  if (!files.length) return;
  const cards = [...files].map((file) => {
    const card = element("li", "card");
    card.append(element("p", "quiet", file.name), element("p", "", "Looking…"));
    return card;
  });
  part("cards").prepend(...cards);
  arrange();
  [...files].forEach(async (file, i) => {
    const answer = await ask({ photo: file });
    show(cards[i], file.name, answer);
    if (files.length === 1) cards[0].scrollIntoView({ block: "nearest" });
    if (files.length === 1) say(`${file.name}: ${answer.error ? reason(answer) : spoken(answer.answer)}`);
    else if (i + 1 < files.length) say(`${i + 1} of ${files.length} photos…`);
    else say(`All ${files.length} photos are answered.`);
  });
}

function arrange() {
  const count = part("cards").childElementCount;
  part("answers").hidden = count === 0;
  part("cards").classList.toggle("many", count > 1);
}

function show(card, name, { answer, ...problem }) {
  if (!answer) {
    card.replaceChildren(element("p", "quiet", name), element("p", "problem", reason(problem)));
    return;
  }
  const picture = element("img");
  picture.alt = name;
  picture.src = URL.createObjectURL(answer.preview);
  picture.onload = () => URL.revokeObjectURL(picture.src);
  const text = element("div", "answer");
  const source = element("p", "quiet", `${name} · ${Math.max(1, Math.round(answer.milliseconds))} ms`);
  text.append(...answered(answer, "h3"), source);
  card.replaceChildren(picture, text);
}

const reason = ({ refused, error }) => refused || `The model could not answer (${error}).`;

function answered(answer, heading) {
  const { heading: title, detail, isNone, scores } = words(answer);
  const list = element("dl", isNone ? "bars muted" : "bars");
  for (const [name, probability] of scores.slice(0, MOST_BARS)) {
    const bar = element("dd", "bar");
    bar.ariaHidden = "true";
    const fill = element("span");
    fill.style.width = `${Math.max(1, 100 * probability)}%`;
    bar.append(fill);
    // Among wrong names even a certainty is none, so those of a stranger are shown without figures.
    const figure = element("dd", "figure", isNone ? "" : percent(probability));
    list.append(element("dt", "", name), figure, bar);
  }
  return [element(heading, "label", title), element("p", "", detail), list];
}

function words({ probabilities, strangeness }) {
  const scores = about.categories.map((name, i) => [name, probabilities[i]]).sort((a, b) => b[1] - a[1]);
  const [label, probability] = scores[0];
  if (strangeness > about.threshold)
    return { heading: "None of these", detail: `If it had to be one, most like ${label}:`, isNone: true, scores };
  return { heading: label, detail: `${howSure(probability)} (${percent(probability)})`, isNone: false, scores };
}

function spoken(answer) {
  const { heading, detail, isNone } = words(answer);
  return isNone ? heading : `${heading}. ${detail}`;
}

function howSure(probability) {
  const steps = [[0.95, "Almost certain"], [0.8, "Quite sure"], [0.6, "Rather sure"], [0, "Not sure"]];
  return steps.find(([least]) => probability >= least)[1];
}

// Never 100 % or 0 %, which no model can know.
function percent(share) {
  return share > 0.995 ? "over 99%" : share < 0.005 ? "under 1%" : `${Math.round(100 * share)}%`;
}

function element(kind, name = "", text = "") {
  const made = document.createElement(kind);
  if (name) made.className = name;
  made.textContent = text;
  return made;
}

function say(text, problem = false) {
  part("status").textContent = text;
  part("status").classList.toggle("problem", problem);
}

// ---- the camera ----

let stream;
let facing = "environment";

async function openCamera() {
  if (!navigator.mediaDevices?.getUserMedia) return part("shot").click(); // the phone's own camera app
  part("camera").disabled = true;
  try {
    await look();
  } catch (error) {
    stopCamera();
    const problem = error.name === "NotFoundError" ? "was not found" : "is in use elsewhere, or was not allowed";
    return say(`The camera ${problem}. Choose photos instead.`, true);
  }
  part("live-answer").replaceChildren();
  part("live").showModal();
  const cameras = (await navigator.mediaDevices.enumerateDevices()).filter(({ kind }) => kind === "videoinput");
  part("turn").hidden = cameras.length < 2;
  while (part("live").open) await answerFrame();
}

async function look() {
  stream?.getTracks().forEach((track) => track.stop());
  const size = { width: { ideal: 1280 }, height: { ideal: 960 } };
  stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: facing, ...size } });
  part("video").srcObject = stream;
  await part("video").play();
  part("video").classList.toggle("mirrored", stream.getVideoTracks()[0].getSettings().facingMode === "user");
}

async function answerFrame() {
  const frame = await createImageBitmap(part("video")).catch(() => undefined);
  if (!frame) return new Promise((resolve) => setTimeout(resolve, 100)); // between two cameras there is no picture
  const result = await ask({ photo: frame }, frame);
  part("live-answer").replaceChildren(
    ...(result.answer ? answered(result.answer, "p") : [element("p", "problem", reason(result))])
  );
}

function keepFrame() {
  const video = part("video");
  const canvas = element("canvas");
  [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
  canvas.getContext("2d").drawImage(video, 0, 0);
  const name = `camera ${new Date().toLocaleTimeString()}`;
  canvas.toBlob((photo) => add([new File([photo], name, { type: "image/png" })]));
  part("live").close();
}

function stopCamera() {
  part("camera").disabled = false;
  stream?.getTracks().forEach((track) => track.stop());
  part("video").srcObject = null;
}

// ---- what a person does ----

for (const id of ["files", "shot"])
  part(id).addEventListener("change", ({ target }) => {
    add([...target.files]);
    target.value = ""; // so that the same photo can be chosen again
  });
part("clear").addEventListener("click", () => {
  part("cards").replaceChildren();
  arrange();
  say("Ready.");
  part("files").focus();
});
part("camera").addEventListener("click", openCamera);
part("take").addEventListener("click", keepFrame);
part("turn").addEventListener("click", () => {
  facing = facing === "user" ? "environment" : "user";
  look().catch(() => part("live").close());
});
part("close").addEventListener("click", () => part("live").close());
part("live").addEventListener("close", stopCamera);
document.addEventListener("dragover", (event) => {
  event.preventDefault();
  document.body.classList.add("dropping");
});
document.addEventListener("dragleave", ({ relatedTarget }) => {
  if (!relatedTarget) document.body.classList.remove("dropping");
});
document.addEventListener("drop", (event) => {
  event.preventDefault();
  document.body.classList.remove("dropping");
  takeFrom(event.dataTransfer, "That was no file. Save the picture first, then drop the file.");
});
document.addEventListener("paste", ({ clipboardData }) => {
  takeFrom(clipboardData, "There is no picture to paste. Copy one first.");
});

function takeFrom({ files }, otherwise) {
  if (files.length) add([...files]);
  else say(otherwise, true);
}
