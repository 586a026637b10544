"""Which backbones could be tried, and what that would cost. Nothing here reaches the network."""

from collections.abc import Collection
from pathlib import Path

from core.model.applications import weights_path as downloaded_path
from core.model.backbones import BACKBONES, Application, Backbone
from core.model.convert import place
from core.model.weights import weights_path as installed_path


def ready(backbone: Backbone, home: Path) -> bool:
    """Whether it can be used at once: converted already."""
    return place(backbone, home).exists()


def to_download(backbone: Backbone, home: Path) -> float:
    """Million bytes that would be fetched from the network at its first use; 0 if its weights are here."""
    if not isinstance(backbone.made, Application) or ready(backbone, home):
        return 0.0
    return 0.0 if downloaded_path(backbone, home).is_file() else backbone.made.download_mb


def offers(tried: Collection[str], home: Path) -> tuple[Backbone, ...]:
    """The backbones worth a try besides those with the ids `tried`, the most accurate on ImageNet first.

    One that has to be downloaded is among them (see `to_download`): the person decides. One whose installed weights
    are missing is not.
    """
    others = [backbone for name, backbone in BACKBONES.items() if name not in tried and _can_be_had(backbone, home)]
    return tuple(sorted(others, key=lambda backbone: -backbone.top1))


def _can_be_had(backbone: Backbone, home: Path) -> bool:
    if isinstance(backbone.made, Application) or ready(backbone, home):
        return True
    path = installed_path(backbone.made)
    return path is not None and path.is_file()
