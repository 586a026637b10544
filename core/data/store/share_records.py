"""What the store hands out of what is shared with others: keys, links, what they sent back, and exports."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Scope = Literal["predict", "manage"]
Origin = Literal["try", "link", "api"]


@dataclass(frozen=True)
class ApiKey:
    """Who holds its secret may use a project, or all of them where `project_id` is None: that is the owner's key.

    `start` is how the secret begins, to recognise it by; the secret itself is not kept. `used_at` is None while it
    was never used.
    """

    id: int
    project_id: str | None
    name: str
    scope: Scope
    start: str
    created_at: datetime
    used_at: datetime | None


@dataclass(frozen=True)
class Link:
    """Who knows its `token` may try a project's model, until it expires if it ever does."""

    id: int
    project_id: str
    token: str
    created_at: datetime
    expires_at: datetime | None

    def has_expired(self, now: datetime) -> bool:
        """Whether it leads nowhere any more."""
        return self.expires_at is not None and self.expires_at <= now


@dataclass(frozen=True)
class Correction:
    """A photo that was answered wrongly, as its sender says, and waits for the owner.

    `answered` with this `probability` (0 to 1) was the answer of this `version`, or none of the categories where
    `is_none`. `right` is the name of the category that the sender gave, NONE_OF_THESE for none.
    """

    id: int
    project_id: str
    sha256: str
    name: str
    answered: str
    probability: float
    is_none: bool
    right: str
    origin: Origin
    version: int
    at: datetime


@dataclass(frozen=True)
class Export:
    """A version as other programs use it: `name` is the format's, `size` is in bytes."""

    name: str
    version: int
    size: int
    made_at: datetime
