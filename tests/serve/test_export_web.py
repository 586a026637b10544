"""The exported web page's files: complete, safe to write names into, and leading nowhere outside."""

import base64
import gzip
import hashlib
import json
import lzma
import re

import pytest

from core.serve.export.web import RUNTIME, RUNTIME_FILES, web_files

CRUEL = "</script><script>alert(1)</script>"
ABOUT = {
    "project": f"Cats & dogs {CRUEL}",
    "version": 3,
    "categories": ["cat", CRUEL, "$project", "ネコ"],
    "threshold": 1.25,
    "words": f"Right for 9 of 10. {CRUEL}",
}
MODEL = bytes(range(256)) * 40


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    return web_files(MODEL, ABOUT)


def held(script: bytes) -> object:
    """What a script of packed text holds."""
    return json.loads(script.decode().partition(" = ")[2].rstrip(";\n"))


def unpacked(text: str) -> bytes:
    return gzip.decompress(base64.b64decode(text))


def test_the_model_and_the_runtime_lie_beside_the_page_byte_for_byte(files: dict[str, bytes]) -> None:
    assert unpacked(held(files["model.js"])) == MODEL
    runtime = held(files["runtime.js"])
    assert unpacked(runtime["wasm"]).startswith(b"\0asm")
    assert b"ONNX Runtime Web v1.30.0" in unpacked(runtime["library"])[:200]


def test_every_file_that_the_page_names_is_there(files: dict[str, bytes]) -> None:
    page = files["index.html"].decode()
    named = {*re.findall(r'(?:src|href)="([^":]+)"', page), *re.findall(r'"([\w-]+\.js)"', files["page.js"].decode())}
    assert named >= {"page.css", "page.js", "classifier.js", "runtime.js", "model.js", "runtime-licence.txt"}
    assert named <= set(files)


def test_names_and_words_are_text_and_nothing_more(files: dict[str, bytes]) -> None:
    page = files["index.html"].decode()
    assert CRUEL not in page
    assert "&lt;script&gt;alert(1)" in page
    assert "<li>$project</li>" in page
    assert "<li>ネコ</li>" in page
    told = json.loads(re.search(r'id="about">(.*)</script>', page)[1])
    assert told == {"categories": ABOUT["categories"], "threshold": 1.25}


def test_the_page_may_reach_nothing_outside_and_names_nothing_outside(files: dict[str, bytes]) -> None:
    page = files["index.html"].decode()
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)[1]
    assert "default-src 'none'" in policy
    assert "connect-src 'none'" in policy
    assert "unsafe-inline" not in policy
    assert not re.search(r"https?:|\*", policy)
    for name in ("index.html", "page.css", "page.js", "classifier.js"):
        # A namespace is a name, not an address that is fetched.
        assert not re.search(rb"//\w+\.", files[name].replace(b"http://www.w3.org/2000/svg", b"")), name


def test_the_same_model_gives_the_same_page(files: dict[str, bytes]) -> None:
    assert web_files(MODEL, ABOUT) == files


def test_the_runtime_is_what_its_readme_says_and_its_licence_goes_along(files: dict[str, bytes]) -> None:
    hashes = dict(re.findall(r"\| `(\S+)` \|.*`([0-9a-f]{64})`", (RUNTIME / "README.md").read_text()))
    assert len(hashes) == len(RUNTIME_FILES)
    for packed in RUNTIME_FILES.values():
        unpacked_file = lzma.decompress((RUNTIME / packed).read_bytes())
        assert hashlib.sha256(unpacked_file).hexdigest() == hashes[packed.removesuffix(".xz")]
    licence = files["runtime-licence.txt"].decode()
    assert "Copyright (c) Microsoft Corporation" in licence
    assert "Protocol Buffers" in licence or "protobuf" in licence
