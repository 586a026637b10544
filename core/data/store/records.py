"""What the store hands out: plain frozen values, so that a page can keep one without keeping the database."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from core.data.dataset import is_none
from core.data.search.hit import ProviderOutcome

DROPPED_BY_PERSON = "dropped by you"
KEPT_BY_PERSON = "kept by you"  # the reason of a photo that was brought back; cleaning leaves it alone
PERSONAL = (DROPPED_BY_PERSON, "you dropped")  # how the reasons begin that are the person's; others are cleaning's


@dataclass(frozen=True)
class Project:
    """One classifier in the making; `id` is 32 hexadecimal digits, `created_at` is UTC.

    What the person picked: `mode` ("fast", "best", or "" while nothing was), choices `fixed` by hand, as names and
    values, and the share of true photos that may be refused as none of the categories. `maker` is whom shared pages
    and exports name, "" for nobody.
    """

    id: str
    name: str
    created_at: datetime
    is_example: bool
    mode: str = ""
    fixed: dict[str, str] = field(default_factory=dict)
    share_refused: float = 0.05
    maker: str = ""


@dataclass(frozen=True)
class Summary:
    """A project at a glance.

    `categories` counts the answers, `photos` the kept ones, those in conflict included; `conflicts` counts pictures,
    each once.
    `version` and `accuracy` are the live version's. `newest` is the latest one, and `changed` says that training
    again would learn from other photos or categories than that did (False while there is no version).
    """

    categories: int
    photos: int
    set_aside: int
    conflicts: int
    version: int | None
    accuracy: float | None
    newest: int | None
    changed: bool


@dataclass(frozen=True)
class Category:
    """One answer that the classifier can give, or what shows none of them; `position` orders a project's categories."""

    id: int
    project_id: str
    name: str
    position: int

    @property
    def is_none(self) -> bool:
        """Its photos show none of the other categories: see `core.data.dataset.is_none`."""
        return is_none(self.name)


@dataclass(frozen=True)
class Credit:
    """Where a photo comes from and whose it is; what is not known is ""."""

    provider: str = "upload"
    page: str = ""
    creator: str = ""
    licence: str = ""
    licence_url: str = ""
    title: str = ""


@dataclass(frozen=True)
class StoredPhoto:
    """One picture in one category.

    `reason` says why it was set aside, or why it is kept if somebody said so. `conflicts` says that the same
    picture is also kept in another category of the project, so that training leaves out both.
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
    licence_url: str
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
    """A trained model, numbered from 1 in its project; `photos` is how many it learnt from.

    `fingerprint` is `training_fingerprint` of those. `note` says in words how it came to be live or not, `comparison`
    holds what it was measured against, ready for JSON. One version of a project `is_live`: the one that answers.
    """

    project_id: str
    number: int
    created_at: datetime
    accuracy: float
    photos: int
    fingerprint: str
    note: str
    mode: str
    comparison: dict[str, object]
    is_live: bool


@dataclass(frozen=True)
class Change:
    """Something that the person did to photos, and may undo; in `words` like "moved 3 photos to 'coyote'".

    `live` is the number of the version that was live then. Of the `photos` it touched, `lost` cannot be put back any
    more: they, or the category that they were in, were deleted since.
    """

    id: int
    project_id: str
    at: datetime
    words: str
    live: int | None
    photos: int
    lost: int


@dataclass(frozen=True)
class Plan:
    """What to collect from the web: `wanted` photos a category, from these providers in this order."""

    wanted: int = 60
    openly_licensed: bool = False
    safe: bool = True
    providers: tuple[str, ...] = ("duckduckgo", "openverse", "commons")


FindState = Literal["found", "stored", "failed"]


@dataclass(frozen=True)
class Find:
    """A picture that a search found for a category, and what became of it.

    `round` and `rank` say when it was found, both from 1. It is "found" until it has been tried; `reason` says
    why it "failed"; `sha256` is the picture's when it was "stored", else empty.
    """

    id: int
    category_id: int
    round: int
    rank: int
    provider: str
    image: str
    thumbnail: str
    page: str
    title: str
    creator: str
    licence: str
    licence_url: str
    width: int | None
    height: int | None
    state: FindState
    reason: str
    sha256: str


@dataclass(frozen=True)
class SearchRound:
    """One search for a category: how many hits it was `asked` for and `found`, and how each provider did.

    `is_over` once the collection that it belonged to has come to its end.
    """

    number: int
    asked: int
    found: int
    outcomes: tuple[ProviderOutcome, ...]
    is_over: bool


@dataclass(frozen=True)
class Collection:
    """How far collecting for a category is.

    `stored` counts its photos from the web but those that the person dropped, `pending` the finds not yet tried.
    """

    category_id: int
    name: str
    wanted: int
    stored: int
    failed: int
    pending: int
    rounds: tuple[SearchRound, ...]

    @property
    def outcomes(self) -> tuple[ProviderOutcome, ...]:
        """How each provider did in the last search."""
        return self.rounds[-1].outcomes if self.rounds else ()


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
