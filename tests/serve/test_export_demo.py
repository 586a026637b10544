"""The demo that is ready to push: complete, needing no Thimble, and seeing photos as training did."""

import base64
import io
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from core.data import example
from core.data.photo import decode
from core.serve.export.demo import demo_files

CRUEL = ":red[gold] *& _white_ $x$"
CATEGORIES = ("blue and black", CRUEL)
MODEL = bytes(range(256))  # nothing here runs it
ABOUT = {
    "project": 'The "dress": $2 # again',
    "version": 3,
    "categories": CATEGORIES,
    "threshold": 1.25,
    "words": "Right for 96 of 100 photos.",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo, unpacked."""
    folder = tmp_path_factory.mktemp("demo")
    for name, data in demo_files(MODEL, ABOUT).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def test_a_space_finds_what_it_reads_at_the_top_of_the_readme(folder: Path) -> None:
    _, block, text = (folder / "README.md").read_text("utf-8").split("---\n", 2)
    told = dict(line.split(": ", 1) for line in block.splitlines())
    assert json.loads(told["title"]) == ABOUT["project"]
    assert told["sdk"] == "docker"
    dockerfile = (folder / "Dockerfile").read_text()
    assert f"EXPOSE {told['app_port']}" in dockerfile
    assert f"--server.port={told['app_port']}" in dockerfile
    assert r'# The "dress"\: \$2 \# again' in text
    assert "${" not in text


def test_the_folder_names_all_that_the_app_imports_and_nothing_of_thimble(folder: Path) -> None:
    app = (folder / "app.py").read_text("utf-8")
    assert len(app.splitlines()) < 80
    needed = {name.partition(".")[0] for name in re.findall(r"^(?:import|from) (\S+)", app, re.MULTILINE)}
    needed -= sys.stdlib_module_names
    asked = [line for line in (folder / "requirements.txt").read_text().splitlines() if line]
    assert {re.match(r"[a-z]+", line)[0].replace("pillow", "PIL") for line in asked} == needed
    assert all(re.fullmatch(r"[a-z]+>=[\d.]+,<\d+", line) for line in asked)


def test_the_model_goes_along_and_git_takes_it_as_a_large_file(folder: Path) -> None:
    assert (folder / "model.onnx").read_bytes() == MODEL
    assert "*.onnx filter=lfs" in (folder / ".gitattributes").read_text()
    assert json.loads((folder / "labels.json").read_text("utf-8"))["categories"] == list(CATEGORIES)


def test_it_opens_and_says_what_it_knows(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", Image.MAX_IMAGE_PIXELS)  # put back what the app sets
    app = AppTest.from_file(str(folder / "app.py"), default_timeout=60).run()
    assert not app.exception
    assert "dress" in app.title[0].value
    assert "blue and black" in app.markdown[0].value
    assert "96 of 100" in app.caption[0].value


def test_it_sees_a_photo_as_training_did(folder: Path) -> None:
    code = (
        "import base64, sys, streamlit, app\n"
        "for line in sys.stdin:\n"
        "    sys.stdout.write(app.decode(base64.b64decode(line)).tobytes().hex() + '\\n')\n"
    )
    picture = Image.fromarray(example.draw("white and gold", 3))
    turned = Image.Exif()
    turned[274] = 6
    clear = picture.convert("RGBA")
    clear.putalpha(Image.linear_gradient("L").resize(picture.size))
    photos = [
        saved(picture, "JPEG"),
        saved(picture, "JPEG", exif=turned),
        saved(picture.convert("L"), "JPEG"),
        saved(clear, "PNG"),
        saved(picture.resize((1500, 2000)), "JPEG"),
        saved(picture.resize((1000, 1250)), "PNG"),
    ]
    lines = "\n".join(base64.b64encode(photo).decode() for photo in photos)
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, input=lines, capture_output=True, text=True, check=True
    )
    for seen, photo in zip(done.stdout.splitlines(), photos, strict=True):
        np.testing.assert_array_equal(np.frombuffer(bytes.fromhex(seen), np.uint8), decode(photo).ravel())


def saved(picture: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()
