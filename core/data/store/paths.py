"""Where each file lies, relative to the root of all files."""

import re

from core.errors import NotFound


def photo_path(sha256: str) -> str:
    """Raises NotFound for what is no SHA-256, so that no address leads to another file."""
    return f"photos/{_shard(sha256)}.jpg"


def thumbnails_path(sha256: str) -> str:
    """A folder. Raises as `photo_path`."""
    return f"thumbnails/{_shard(sha256)}"


def models_path(project_id: str) -> str:
    """A folder of all versions."""
    return f"models/{project_id}"


def version_path(project_id: str, number: int) -> str:
    """A folder of one model."""
    return f"{models_path(project_id)}/{number}"


def exports_path(project_id: str) -> str:
    """A folder of all exports of all versions."""
    return f"exports/{project_id}"


def version_exports_path(project_id: str, number: int) -> str:
    """A folder of the exports of one version."""
    return f"{exports_path(project_id)}/{number}"


def export_path(project_id: str, number: int, name: str) -> str:
    """Raises NotFound for what is no format's name, so that no address leads to another file."""
    if not re.fullmatch("[a-z0-9_]{1,40}", name):
        raise NotFound("There is no such export.", hint="Choose one of the formats that are offered.")
    return f"{version_exports_path(project_id, number)}/{name}.zip"


def _shard(sha256: str) -> str:
    # Folders with hundreds of thousands of files are slow to list.
    if not re.fullmatch("[0-9a-f]{64}", sha256):
        raise NotFound("There is no such photo.", hint="Reload the page.")
    return f"{sha256[:2]}/{sha256[2:]}"
