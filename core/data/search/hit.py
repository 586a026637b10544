"""What a picture search gives, and how its loose answers are read: any field may be missing, empty or odd."""

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, Protocol
from urllib.parse import quote, urlsplit

Pause = Callable[[float], None]  # waits that many seconds; may raise (Cancelled) to end the search

MAX_ADDRESS = 4_000  # characters; longer ones are data in disguise and few servers take them

_STRAY_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_KEPT = "/%:@!$&'()*+,;=~?[]"  # what an address may hold as it is


@dataclass(frozen=True)
class Hit:
    """One picture found. Addresses are http or https; what is not known is "" or None."""

    provider: str  # key in PROVIDERS
    image: str
    thumbnail: str
    page: str
    title: str
    creator: str
    licence: str  # as people write it: "CC BY-SA 4.0"
    licence_url: str
    width: int | None  # pixels, of `image`
    height: int | None


class Provider(Protocol):
    """A picture search. Its `name` is its key in PROVIDERS, its `title` what a person reads."""

    @property
    def name(self) -> str: ...

    @property
    def title(self) -> str: ...

    @property
    def openly_licensed(self) -> bool:
        """Whether every picture of it comes under an open licence."""

    def search(self, query: str, limit: int, *, safe: bool = True, pause: Pause = time.sleep) -> Iterator[Hit]:
        """At most `limit` hits, best first; asks for the next page only when the caller gets there.

        Ends when nothing is left; raises SearchFailed when the service fails. `safe` leaves out what is not
        for everyone, as far as the service can tell.
        """


@dataclass(frozen=True)
class ProviderOutcome:
    """How the search at one provider ended: hits found that were new, and a sentence for a person."""

    provider: str
    found: int
    state: Literal["found", "nothing", "throttled", "failed"]
    words: str


def text_of(value: object) -> str:
    """The text in one line; "" for anything that is no text."""
    return " ".join(value.split()) if isinstance(value, str) else ""


def size_of(value: object) -> int | None:
    """Pixels, from a number or its digits; None for anything else."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10:
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None


def address_of(value: object) -> str:
    """The http or https address, quoted where it lacks quoting and without its fragment; else "".

    An address that is well quoted stays as it is, letter for letter.
    """
    if not isinstance(value, str) or len(value) > MAX_ADDRESS:
        return ""
    text = value.strip()
    text = f"https:{text}" if text.startswith("//") else text
    try:
        parts = urlsplit(text)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return ""
    if not usable or " " in parts.netloc:
        return ""
    return parts._replace(path=_quoted(parts.path), query=_quoted(parts.query), fragment="").geturl()


def _quoted(part: str) -> str:
    return quote(_STRAY_PERCENT.sub("%25", part), safe=_KEPT, errors="replace")
