"""What several tests share: a backbone converted once, drawn photos, and a guard against the outside world."""

import os
import socket
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from core.model.backbones import BACKBONES, DEFAULT
from core.model.convert import converted

_connect = socket.socket.connect


@pytest.fixture(autouse=True)
def only_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that would reach beyond this machine fails."""

    def connect(self: socket.socket, address: object) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6):
            host = str(address[0] if isinstance(address, tuple) else address)
            assert host in {"127.0.0.1", "::1", "localhost"}, f"a test tried to reach {host}"
        _connect(self, address)  # type: ignore[arg-type]

    monkeypatch.setattr(socket.socket, "connect", connect)


@pytest.fixture(scope="session")
def backbone_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in which the default backbone is converted already: that takes seconds, once for all tests."""
    home = tmp_path_factory.mktemp("backbones")
    converted(BACKBONES[DEFAULT], home)
    return home


@pytest.fixture
def home(tmp_path: Path, backbone_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh THIMBLE_HOME for this test and its child processes, with the backbone ready."""
    fresh = tmp_path / "home"
    fresh.mkdir()
    os.symlink(backbone_home / "backbones", fresh / "backbones")
    monkeypatch.setenv("THIMBLE_HOME", str(fresh))
    return fresh


def draw_shape(kind: str, seed: int) -> Image.Image:
    """A picture (160 × 120) of a disc, a square or stripes, in colours and at a place that differ by seed."""
    random = np.random.default_rng([seed, *kind.encode()])
    picture = Image.new("RGB", (160, 120), tuple(random.integers(0, 110, 3).tolist()))
    pen = ImageDraw.Draw(picture)
    ink = tuple(random.integers(140, 256, 3).tolist())
    x, y = random.integers(30, 90), random.integers(20, 60)
    size = random.integers(30, 60)
    if kind == "disc":
        pen.ellipse((x, y, x + size, y + size), fill=ink)
    elif kind == "square":
        pen.rectangle((x, y, x + size, y + size), fill=ink)
    else:
        for line in range(0, 160, int(random.integers(10, 20))):
            pen.line((line, 0, line + 30, 120), fill=ink, width=4)
    noise = random.normal(0, 6, (120, 160, 3))
    return Image.fromarray(np.clip(np.asarray(picture) + noise, 0, 255).astype(np.uint8))


@pytest.fixture
def photo_folder(tmp_path: Path) -> Callable[..., Path]:
    """Makes a folder of drawn photos, `count` of each kind, in sub-folders named after the kinds."""

    def make(
        name: str = "photos", *, kinds: tuple[str, ...] = ("disc", "stripes"), count: int = 8, first: int = 0
    ) -> Path:
        folder = tmp_path / name
        for kind in kinds:
            (folder / kind).mkdir(parents=True)
            for number in range(first, first + count):
                draw_shape(kind, number).save(folder / kind / f"{kind} {number}.jpg", quality=92)
        return folder

    return make
