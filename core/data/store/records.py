"""What the store hands out: plain frozen values, so that a page can keep one without keeping the database."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal


@dataclass(frozen=True)
class Project:
    """One classifier in the making; `id` is 32 hexadecimal digits, `created_at` is UTC."""

    id: str
    name: str
    created_at: datetime
    is_example: bool


@dataclass(frozen=True)
class Summary:
    """A project at a glance.

    `photos` counts the kept ones, those in conflict included; `conflicts` counts pictures, each once.
    `version` and `accuracy` are the latest version's; `changed` says that training again would learn from
    other photos or categories than that version did (False while there is no version).
    """

    categories: int
    photos: int
    set_aside: int
    conflicts: int
    version: int | None
    accuracy: float | None
    changed: bool


@dataclass(frozen=True)
class Category:
    """One answer that the classifier can give; `position` orders the categories of a project."""

    id: int
    project_id: str
    name: str
    position: int


@dataclass(frozen=True)
class StoredPhoto:
    """One picture in one category.

    `reason` says why it was set aside (empty while kept). `conflicts` says that the same picture is also kept
    in another category of the project, so that training leaves out both.
    """

    id: int
    category_id: int
    sha256: str
    name: str
    kept: bool
    reason: str
    width: int
    height: int
    provider: str
    page: str
    creator: str
    licence: str
    title: str
    added_at: datetime
    conflicts: bool


@dataclass(frozen=True)
class Added:
    """A picture as it now lies in a category; `is_new` is False when the category had it already.

    `conflicts_with` names the other categories that keep the same picture (empty unless kept here too).
    """

    photo: StoredPhoto
    is_new: bool
    conflicts_with: tuple[str, ...]

    @property
    def stays_dropped(self) -> bool:
        """The picture was here before and had been set aside; adding it again did not bring it back."""
        return not self.is_new and not self.photo.kept


@dataclass(frozen=True)
class RefusedFile:
    """A file that could not be used, and why; `category` is the name it was meant for, if any."""

    id: int
    name: str
    reason: str
    category: str | None
    added_at: datetime


@dataclass(frozen=True)
class Counts:
    """Photos of one category; `conflicts` of the `kept` ones are kept in another category as well."""

    kept: int
    set_aside: int
    conflicts: int


@dataclass(frozen=True)
class Version:
    """A trained model, numbered from 1 in its project; `photos` is how many it learnt from."""

    project_id: str
    number: int
    created_at: datetime
    accuracy: float
    photos: int


JobState = Literal["queued", "running", "done", "failed", "cancelled", "interrupted"]


@dataclass(frozen=True)
class Job:
    """Work in the background, as it stood when asked.

    `fraction` (0 to 1) and `words` say how far it is, `message` why it ended early and what to do, `result`
    what it returned. `started_at` is when it was asked for, later when its turn came.
    """

    id: str
    project_id: str
    kind: str
    state: JobState
    fraction: float
    words: str
    message: str
    result: dict[str, object]
    started_at: datetime
    updated_at: datetime

    @property
    def is_live(self) -> bool:
        """Waiting for its turn, or at work."""
        return self.state in ("queued", "running")
