"""An export that is a single web page: it classifies in the browser, opened from disk, with no server and no network.

Beside index.html lie the model and what runs it, ONNX Runtime Web, as scripts that hold packed text: a page opened
from disk may load scripts, but may fetch nothing.
"""

import base64
import gzip
import html
import json
import lzma
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Template
from typing import cast

ASSETS = Path(__file__).parent / "web"
RUNTIME = ASSETS / "runtime"  # its README.md says where these files come from
RUNTIME_FILES = {"library": "ort.wasm.bundle.min.mjs.xz", "wasm": "ort-wasm-simd-threaded.wasm.xz"}


def web_files(onnx: bytes, about: Mapping[str, object]) -> dict[str, bytes]:
    """The page's files by name; open index.html. The same model and words give the same bytes.

    `onnx` takes "photo", uint8 (1, height, width, 3), and gives "probabilities" (1, categories) and "strangeness" (1,).
    `about` holds "project", "version", "categories" in the order of the probabilities, the "threshold" above which a
    photo is none of these, and "words", which say how good the model is.
    """
    categories = cast(Sequence[str], about["categories"])
    told = {"categories": list(categories), "threshold": about["threshold"]}
    shown = {key: html.escape(str(about[key])) for key in ("project", "version", "words")}
    page = Template((ASSETS / "index.html").read_text("utf-8")).substitute(
        shown,
        categories="".join(f"<li>{html.escape(name)}</li>" for name in categories),
        about=json.dumps(told, allow_nan=False).replace("<", "\\u003c"),  # no name may end the script it stands in
    )
    return {
        "index.html": page.encode(),
        **{name: (ASSETS / name).read_bytes() for name in ("page.css", "page.js", "classifier.js")},
        "model.js": _script("model", _packed(onnx)),
        "runtime.js": _script("runtime", {key: _packed(_runtime(name)) for key, name in RUNTIME_FILES.items()}),
        "runtime-licence.txt": (RUNTIME / "LICENSE").read_bytes() + b"\n" + _runtime("ThirdPartyNotices.txt.xz"),
    }


def _script(name: str, value: object) -> bytes:
    return f"(globalThis.thimble ??= {{}}).{name} = {json.dumps(value)};\n".encode()


def _packed(data: bytes) -> str:
    return base64.b64encode(gzip.compress(data, mtime=0)).decode()


def _runtime(name: str) -> bytes:
    return lzma.decompress((RUNTIME / name).read_bytes())
