"""What answers hold, apart from what the store holds: that may change without breaking any program that asks."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from core.serve.routes.bodies import Mode

Interval = Annotated[list[float], Field(min_length=2, max_length=2)]  # 95 %, from 0 to 1


class Given(BaseModel):
    """What an answer holds, read from the store's values."""

    model_config = ConfigDict(from_attributes=True)


class Project(Given):
    id: str
    name: str
    created_at: datetime
    is_example: bool
    mode: Mode
    share_refused: float
    maker: str


class Projects(Given):
    projects: list[Project]


class ProjectDetails(Project):
    """A project at a glance: `version` and `accuracy` are the live version's, `changed` says that training again
    would learn from other photos than that did."""

    categories: int
    photos: int
    set_aside: int
    conflicts: int
    version: int | None
    accuracy: float | None
    changed: bool


class Category(Given):
    """`is_none`: its photos show none of the others. Photos that are `conflicts` are kept elsewhere, too."""

    id: int
    name: str
    position: int
    is_none: bool
    search_for: list[str]
    photos: int
    set_aside: int
    conflicts: int


class Categories(Given):
    categories: list[Category]


class Photo(Given):
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
    licence_url: str
    title: str
    added_at: datetime
    conflicts: bool


class Photos(Given):
    """One page of them, oldest first; `total` counts all that were asked for."""

    photos: list[Photo]
    total: int
    offset: int


class Outcome(BaseModel):
    """What became of one file or address: added, repeated (it was there already) or refused, and then why."""

    name: str
    outcome: Literal["added", "repeated", "refused"]
    photo_id: int | None
    category_id: int | None
    reason: str


class Outcomes(BaseModel):
    added: int
    repeated: int
    refused: int
    items: list[Outcome]


class Job(Given):
    """Work in the background: `fraction` (0 to 1) and `words` say how far it is, `message` why it ended early."""

    id: str
    project_id: str
    kind: str
    state: Literal["queued", "running", "done", "failed", "cancelled", "interrupted"]
    fraction: float
    words: str
    message: str
    result: dict[str, object]
    started_at: datetime
    updated_at: datetime


class Jobs(Given):
    jobs: list[Job]


class Version(Given):
    number: int
    created_at: datetime
    accuracy: float
    photos: int
    mode: Literal["fast", "best", ""]
    note: str
    is_live: bool


class Versions(Given):
    versions: list[Version]


class CategoryReport(Given):
    name: str
    photos: int
    recall: float | None
    precision: float | None


class Report(Given):
    """Measured on photos kept out; rates are from 0 to 1, `confusion` has a row for each true category."""

    photos: int
    accuracy: float
    accuracy_interval: Interval
    balanced_accuracy: float
    log_loss: float
    expected_calibration_error: float
    separation: float
    categories: list[CategoryReport]
    confusion: list[list[int]]


class Finding(Given):
    title: str
    hint: str


class VersionReport(Version):
    """A version, how good each mode of it is, and what would make it better."""

    in_words: str
    advised: Literal["fast", "best"]
    reports: dict[str, Report]
    findings: list[Finding]
    set_aside: list["SetAside"]


class SetAside(Given):
    name: str
    reason: str


class Imported(Given):
    """A project that came as a file, how many photos it has now, and what of the file could not be used."""

    project: Project
    added: int
    refused: list[SetAside]


class Key(Given):
    """`start` is how its secret begins; the secret itself is not kept."""

    id: int
    name: str
    scope: Literal["predict", "manage"]
    start: str
    created_at: datetime
    used_at: datetime | None


class KeyWithSecret(Key):
    """`secret` is shown this once."""

    secret: str


class Keys(Given):
    keys: list[Key]


class Link(Given):
    """Whoever knows `address` may try the model, until it expires or is revoked."""

    id: int
    token: str
    address: str
    created_at: datetime
    expires_at: datetime | None


class Links(Given):
    links: list[Link]


class Format(BaseModel):
    """A format that versions can be exported in; `name` is what to ask for."""

    name: str
    title: str
    words: str


class Export(Given):
    name: str
    version: int
    size: int
    made_at: datetime


class Exports(Given):
    """What can be made, and what has been made of this version."""

    version: int
    formats: list[Format]
    exports: list[Export]


class PhotoCredit(BaseModel):
    category: str
    file: str
    title: str
    creator: str
    licence: str
    licence_url: str
    page: str
    site: str
    provider: str


class Credits(BaseModel):
    credits: list[PhotoCredit]
