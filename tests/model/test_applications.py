"""Networks of Keras are fetched whole and unchanged, or not at all, and then work as Keras has them."""

import dataclasses
import hashlib
import json
import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from core.errors import AppError
from core.model import convert
from core.model.applications import weights_path
from core.model.availability import ready
from core.model.backbones import BACKBONES, Application, Backbone
from core.model.convert import converted
from core.model.embedder import Embedder

ROOT = Path(__file__).parents[2]
Fetch = Callable[[Backbone, Path], str]
HINT = "The bundled ones go on working; try again when there is a network."


class Mirror:
    """A server of files on this machine, which can be told to misbehave. `asked` are the paths asked for."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.behaviour = "good"
        self.asked: list[str] = []
        self.closing = threading.Event()
        mirror = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                mirror.answer(self)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        self.address = f"http://127.0.0.1:{self.server.server_port}/weights"

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        self.asked.append(request.path)
        data = self.files.get(request.path.removeprefix("/weights/"))
        if data is None or self.behaviour == "missing":
            request.send_error(404)
            return
        if self.behaviour == "changed":
            data = data[:-1] + bytes([data[-1] ^ 1])
        request.send_response(200)
        request.send_header("Content-Length", str(len(data)))
        request.end_headers()
        request.wfile.write(data if self.behaviour in {"good", "changed"} else data[: len(data) // 2])
        if self.behaviour == "hanging":
            self.closing.wait()

    def close(self) -> None:
        self.closing.set()
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def mirror(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mirror]:
    mirror = Mirror()
    monkeypatch.setenv("THIMBLE_WEIGHTS_URL", mirror.address)
    yield mirror
    mirror.close()


def card_of(data: bytes, *, algorithm: str = "md5", like: str = "convnext-tiny") -> Backbone:
    """A card whose published file of weights is `data`."""
    return dataclasses.replace(BACKBONES[like], weights_hash=hashlib.new(algorithm, data).hexdigest())


def published(backbone: Backbone) -> str:
    assert isinstance(backbone.made, Application)
    return backbone.made.weights_file


@pytest.fixture(scope="module")
def fetcher() -> Iterator[subprocess.Popen[bytes]]:
    """A child that fetches what it is asked to; one for all tests, since importing Keras takes seconds."""
    code = (
        "import json, os, pickle, sys; from pathlib import Path; from core.errors import AppError\n"
        "from core.model.applications import fetched; from core.model.convert import refuse_telemetry\n"
        "refuse_telemetry()\n"
        "while True:\n"
        "    card, home, os.environ['THIMBLE_WEIGHTS_URL'] = pickle.load(sys.stdin.buffer)\n"
        "    try: fetched(card, home); words = ''\n"
        "    except AppError as error: words = str(error)\n"
        "    print(json.dumps(words), flush=True)\n"
    )
    environment = os.environ | {"KERAS_BACKEND": "openvino"}  # imported sooner than TensorFlow; neither matters here
    command = [sys.executable, "-c", code]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL
    ) as child:
        yield child
        child.kill()


@pytest.fixture
def fetch(fetcher: subprocess.Popen[bytes], mirror: Mirror) -> Fetch:
    """Fetches from the mirror: the words of the refusal, or "" when the file is there."""

    def run(backbone: Backbone, home: Path) -> str:
        assert fetcher.stdin
        assert fetcher.stdout
        pickle.dump((backbone, home, mirror.address), fetcher.stdin)
        fetcher.stdin.flush()
        words: str = json.loads(fetcher.stdout.readline())
        return words

    return run


def left(home: Path) -> list[str]:
    """All files under the home, by name, and all folders of unfinished work."""
    return [path.name for path in home.rglob("*") if path.is_file() or path.suffix == ".part"]


@pytest.mark.slow
@pytest.mark.parametrize("algorithm", ["md5", "sha256"])
def test_a_file_is_fetched_once_and_kept(algorithm: str, mirror: Mirror, fetch: Fetch, tmp_path: Path) -> None:
    data = b"weights" * 50_000
    card = card_of(data, algorithm=algorithm)
    mirror.files[published(card)] = data
    assert fetch(card, tmp_path) == ""
    assert weights_path(card, tmp_path).read_bytes() == data
    assert mirror.asked == ["/weights/convnext/convnext_tiny_notop.h5"]
    assert fetch(card, tmp_path) == ""
    assert len(mirror.asked) == 1
    weights_path(card, tmp_path).write_bytes(data[:1000])  # a damaged disk
    assert fetch(card, tmp_path) == ""
    assert weights_path(card, tmp_path).read_bytes() == data
    assert left(tmp_path) == [weights_path(card, tmp_path).name]


@pytest.mark.parametrize(
    ("behaviour", "words"),
    [
        ("missing", "the server answered 404 (Not Found)"),
        ("cut short", "the connection broke off half way"),
        ("changed", "what came is not the file that was published"),
    ],
)
def test_what_cannot_be_had_whole_leaves_nothing_and_can_be_tried_again(
    behaviour: str, words: str, mirror: Mirror, fetch: Fetch, tmp_path: Path
) -> None:
    data = bytes(300_000)
    card = card_of(data)
    mirror.files[published(card)] = data
    mirror.behaviour = behaviour
    assert fetch(card, tmp_path) == f"ConvNeXt-Tiny could not be downloaded: {words}. {HINT}"
    assert left(tmp_path) == []
    mirror.behaviour = "good"
    assert fetch(card, tmp_path) == ""
    assert weights_path(card, tmp_path).read_bytes() == data


def test_no_network_is_told_in_plain_words(mirror: Mirror, fetch: Fetch, tmp_path: Path) -> None:
    mirror.close()
    words = fetch(BACKBONES["resnet50"], tmp_path)
    assert words.startswith("ResNet50 could not be downloaded: ")
    assert "refused" in words
    assert words.endswith(HINT)
    assert left(tmp_path) == []


@pytest.mark.slow
def test_a_download_that_hangs_is_given_up(mirror: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    card = card_of(bytes(300_000))
    mirror.files[published(card)] = bytes(300_000)
    mirror.behaviour = "hanging"
    monkeypatch.setattr(convert, "SILENT_SECONDS", 20)
    with pytest.raises(AppError, match="ConvNeXt-Tiny could not be prepared: nothing moved for 20 seconds"):
        converted(card, tmp_path)
    assert mirror.asked
    assert left(tmp_path) == []


@pytest.mark.slow
def test_a_fetched_network_embeds_as_keras_does(mirror: Mirror, tmp_path: Path) -> None:
    """From the file as Keras publishes it to rows; the weights are random, in the same format."""
    like = BACKBONES["mobilenetv3-large"]
    views = np.random.default_rng(0).integers(0, 256, (2, like.pixels, like.pixels, 3), np.uint8)
    np.save(tmp_path / "views.npy", views)
    # The plain network, as anyone would make it with Keras.
    code = (
        "import sys, h5py, keras, numpy as np; from pathlib import Path;"
        "from keras.src.legacy.saving.legacy_h5_format import save_weights_to_hdf5_group;"
        "folder = Path(sys.argv[1]); views = np.load(folder / 'views.npy').astype('float32');"
        "keras.utils.set_random_seed(0);"
        "network = keras.applications.MobileNetV3Large(include_top=False, weights=None, input_shape=(224, 224, 3));"
        "file = h5py.File(folder / 'weights.h5', 'w'); save_weights_to_hdf5_group(file, network); file.close();"
        "np.save(folder / 'rows.npy', network.predict_on_batch(views).mean(axis=(1, 2)))"
    )
    run_child(code, str(tmp_path))
    data = (tmp_path / "weights.h5").read_bytes()
    card = card_of(data, like="mobilenetv3-large")
    home = tmp_path / "home"

    with pytest.raises(AppError) as caught:  # the mirror has no such file yet
        converted(card, home)
    assert str(caught.value) == (
        f"MobileNetV3-Large could not be downloaded: the server answered 404 (Not Found). {HINT}"
    )
    assert left(home) == []
    assert not ready(card, home)

    mirror.files[published(card)] = data
    rows = Embedder(card, home).embed(views)
    expected = np.load(tmp_path / "rows.npy")
    assert rows.shape == (2, card.row)
    np.testing.assert_allclose(rows[:, card.last], expected, atol=1e-3 * np.abs(expected).max())
    assert ready(card, home)
    asked = len(mirror.asked)
    Embedder(card, home).embed(views)
    assert len(mirror.asked) == asked  # once converted it needs no network
    assert {path.name for path in (home / "backbones").iterdir()} == {"weights", convert.place(card, home).name}


@pytest.mark.slow
def test_every_card_says_what_its_network_has() -> None:
    """Layers by name and width, the size of the file, and the hash that Keras itself publishes; weights are random."""
    code = (
        "import json, keras, importlib; from core.model.applications import untrained, PUBLISHED;"
        "from core.model.backbones import BACKBONES; from core.model.convert import with_cuts\n"
        "layers = keras.layers  # each network must find its own, whatever was made before it\n"
        "keras.Sequential([keras.Input((4, 4, 1)), layers.LayerNormalization(), layers.Activation('relu')])\n"
        "for card in BACKBONES.values():\n"
        "    if card.is_bundled: continue\n"
        "    source = importlib.import_module('keras.src.applications.' + card.made.module)\n"
        "    model = untrained(card); cut = with_cuts(model, card)\n"
        "    maps = [cut.output[f'map{at}'].shape for at in range(len(card.cuts))]\n"
        "    print(json.dumps([card.id, model.count_params(), cut.output['row'].shape[1], maps,\n"
        "        model.get_layer('last').output is cut.output[f'map{len(maps) - 1}'],\n"
        "        any(card.weights_hash == notop for _, notop in source.WEIGHTS_HASHES.values()),\n"
        "        vars(source).get('BASE_WEIGHTS_PATH', vars(source).get('BASE_WEIGHT_PATH'))]))\n"
    )
    seen = {}
    for line in run_child(code).splitlines():
        name, parameters, row, maps, ends_in_last, hash_published, base = json.loads(line)
        card = seen[name] = BACKBONES[name]
        assert isinstance(card.made, Application)
        assert row == card.row, name
        assert [each[-1] for each in maps] == [cut.features for cut in card.cuts], name
        sides = [each[1] for each in maps]
        assert sides == sorted(sides, reverse=True), name  # from early to late
        assert sides[-1] == card.pixels // 32, name
        assert ends_in_last, name
        assert hash_published, name
        assert f"https://storage.googleapis.com/tensorflow/keras-applications/{published(card)}".startswith(base), name
        assert card.made.download_mb == pytest.approx(4 * parameters / 1e6, rel=0.07), name
    assert set(seen) == {name for name, card in BACKBONES.items() if not card.is_bundled}


def run_child(code: str, *arguments: str) -> str:
    """What the code prints. A child, because what TensorFlow imports warns, and it would stay in this process."""
    environment = os.environ | {"CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "3"}
    run = subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    return run.stdout
