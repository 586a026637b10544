"""What a backup says, line by line, and how it is checked: whoever sends one is not trusted.

    project.json                      About: name, picks, plan of the web search, categories in order
    photos.jsonl                      a PhotoLine for each photo, also those set aside
    photos/<SHA-256>.jpg              the pictures, to the last bit as they are stored
    versions.jsonl                    a VersionLine for each trained model, with the SHA-256 of each of its files
    versions/<number>/<file>          those files
    corrections.jsonl                 a CorrectionLine for each photo that waits to be looked at

Keys, links, jobs and whatever can be computed again are not in it.
"""

from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from core.data.store import Origin, Plan, Project, Version
from core.data.store.draft import CorrectionRecord, PhotoRecord
from core.data.store.store import MOST_REFUSED
from core.data.store.tables import TEXT_LIMIT
from core.data.store.web import MOST_WANTED

FORMAT = 2  # of the whole; a newer Thimble that writes something this one would misread raises it

ABOUT, PHOTOS, VERSIONS, CORRECTIONS = "project.json", "photos.jsonl", "versions.jsonl", "corrections.jsonl"

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Text = Annotated[str, StringConstraints(max_length=TEXT_LIMIT)]
Address = Annotated[str, StringConstraints(max_length=TEXT_LIMIT, pattern=r"(?is)^(https?://.*)?$")]
FileName = Annotated[str, StringConstraints(pattern=r"^[a-z_]{1,40}\.(json|npz)$")]
Share = Annotated[float, Field(ge=0, le=1)]
PickedMode = Literal["", "fast", "best"]


class Line(BaseModel):
    """Strict: no other fields, no other types, no numbers that are none."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class CategoryLine(Line):
    """Without phrases its name is what to search for."""

    name: Text
    phrases: tuple[Text, ...]


class PlanLine(Line):
    wanted: Annotated[int, Field(ge=1, le=MOST_WANTED)]
    openly_licensed: bool
    safe: bool
    providers: Annotated[tuple[Text, ...], Field(max_length=20)]

    def plan(self) -> Plan:
        return Plan(**dict(self))


class About(Line):
    """The first thing to be read; `thimble` is the FORMAT."""

    thimble: int
    name: Text
    is_example: bool
    mode: PickedMode
    fixed: dict[Text, Text]
    share_refused: Annotated[float, Field(ge=0, le=MOST_REFUSED)]
    maker: Text = ""  # older backups name none
    plan: PlanLine
    categories: Annotated[tuple[CategoryLine, ...], Field(max_length=10_000)]

    def project(self) -> Project:
        """As it is to be, made now."""
        now = datetime.now(UTC)
        return Project("", self.name, now, self.is_example, self.mode, self.fixed, self.share_refused, self.maker)


class PhotoLine(Line):
    category: Annotated[int, Field(ge=0)]
    sha256: Sha256
    name: Text
    kept: bool
    reason: Text
    added_at: AwareDatetime
    provider: Text
    page: Address
    creator: Text
    licence: Text
    licence_url: Address
    title: Text
    source: Text

    def record(self) -> PhotoRecord:
        return PhotoRecord(**dict(self))


class ComparisonLine(Line):
    """As `core.model.compare.Comparison` gives it."""

    against: int
    photos: int
    right_before: int
    right_now: int
    mended: tuple[Sha256, ...]
    spoilt: tuple[Sha256, ...]


class VersionLine(Line):
    number: Annotated[int, Field(ge=1, le=1_000_000)]
    created_at: AwareDatetime
    accuracy: Share
    photos: Annotated[int, Field(ge=0, le=1_000_000_000)]
    fingerprint: Text
    note: Text
    mode: PickedMode
    comparison: ComparisonLine | None
    is_live: bool
    files: Annotated[dict[FileName, Sha256], Field(max_length=20)]

    def version(self) -> Version:
        known = {name: value for name, value in self if name != "files"}
        return Version(
            "", **{**known, "comparison": self.comparison.model_dump(mode="json") if self.comparison else {}}
        )


class CorrectionLine(Line):
    sha256: Sha256
    name: Text
    answered: Text
    probability: Share
    is_none: bool
    right: Text
    origin: Origin
    version: Annotated[int, Field(ge=1)]
    at: AwareDatetime
    source: Text

    def record(self) -> CorrectionRecord:
        return CorrectionRecord(**dict(self))


def picture_name(sha256: str) -> str:
    """In the archive."""
    return f"photos/{sha256}.jpg"


def file_name(version: int, name: str) -> str:
    """In the archive, of one file of a version."""
    return f"versions/{version}/{name}"
