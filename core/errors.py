"""Everything that can go wrong in a way a person can mend.

AppError                 a message (what was found) and a hint (what to do next)
├── BadPhoto             these bytes are no usable picture
├── BadInput             a name, folder, file or option that cannot be used
├── TooFewPhotos         a category has not enough photos to learn from
├── NotFound             a project, category, photo or version that is no longer there
├── SearchFailed         a picture search that could not be reached, refuses or answers nonsense
└── Cancelled            the person stopped the work; nothing is wrong

Raised anywhere in `core`; put into words for a person once, at each door (a page, the command line).
"""

from typing import Literal


class AppError(Exception):
    """A problem in plain words: `message` names the value, `hint` the next step (may be empty)."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class BadPhoto(AppError):
    """These bytes are no usable picture; the message says why."""


class BadInput(AppError):
    """A name, folder, file or option that cannot be used."""


class TooFewPhotos(AppError):
    """A category has not enough photos to learn from."""


class NotFound(AppError):
    """A project, category, photo or version that is no longer there."""


class SearchFailed(AppError):
    """A picture search gave no answer: it `failed`, asks for fewer questions, or there is no way to it."""

    def __init__(
        self, message: str, *, hint: str = "", kind: Literal["failed", "throttled", "unreachable"] = "failed"
    ) -> None:
        super().__init__(message, hint=hint)
        self.kind = kind


class Cancelled(AppError):
    """The person stopped the work."""
