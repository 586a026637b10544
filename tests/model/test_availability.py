"""What could be tried besides, best guess first, and what that would cost."""

import dataclasses
from pathlib import Path

import pytest

from core.model import availability
from core.model.applications import weights_path
from core.model.availability import offers, ready, to_download
from core.model.backbones import BACKBONES, Application, Lite
from core.model.convert import place

CONVNEXT = BACKBONES["convnext-tiny"]


def ids(tried: list[str], home: Path) -> list[str]:
    return [backbone.id for backbone in offers(tried, home)]


def test_offers_all_that_were_not_tried_the_most_accurate_first(tmp_path: Path) -> None:
    assert ids([], tmp_path)[:3] == ["efficientnetv2-s", "convnext-tiny", "efficientnetv2-b0"]
    assert set(ids([], tmp_path)) == set(BACKBONES)
    assert ids(["lite0", "lite2", "efficientnetv2-s", "resnet50"], tmp_path) == [
        "convnext-tiny",
        "efficientnetv2-b0",
        "lite1",
        "mobilenetv3-large",
    ]
    assert ids(list(BACKBONES), tmp_path) == []
    assert list(tmp_path.iterdir()) == []  # asking prepares and fetches nothing


def test_a_download_counts_until_its_file_is_here_or_is_converted(tmp_path: Path) -> None:
    assert isinstance(CONVNEXT.made, Application)
    assert to_download(CONVNEXT, tmp_path) == CONVNEXT.made.download_mb > 100
    assert to_download(BACKBONES["lite0"], tmp_path) == 0
    path = weights_path(CONVNEXT, tmp_path)
    path.parent.mkdir(parents=True)
    path.touch()
    assert to_download(CONVNEXT, tmp_path) == 0
    path.unlink()
    place(CONVNEXT, tmp_path).mkdir()
    assert to_download(CONVNEXT, tmp_path) == 0


def test_ready_means_converted(tmp_path: Path, backbone_home: Path) -> None:
    assert ready(BACKBONES["lite0"], backbone_home)
    assert not ready(BACKBONES["lite0"], tmp_path)
    assert not ready(BACKBONES["resnet50"], backbone_home)


@pytest.mark.parametrize("change", [{"package": "no-such-backbone-model"}, {"weights_file": "missing.pth"}])
def test_a_bundled_one_whose_weights_are_gone_is_offered_only_once_converted(
    change: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lite1 = BACKBONES["lite1"]
    assert isinstance(lite1.made, Lite)
    gone = dataclasses.replace(lite1, made=dataclasses.replace(lite1.made, **change))  # type: ignore[arg-type]
    monkeypatch.setitem(availability.BACKBONES, "lite1", gone)
    assert "lite1" not in ids([], tmp_path)
    place(gone, tmp_path).mkdir(parents=True)
    assert "lite1" in ids([], tmp_path)
