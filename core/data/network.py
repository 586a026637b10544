"""The way to the outside: what the environment says of proxy, certificates and whom to write to."""

import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from core.errors import BadInput

NO_CONTACT = "a person's own copy; THIMBLE_CONTACT names whom to write to"


@dataclass(frozen=True)
class Network:
    """How every client of ours reaches the web."""

    proxy: str | None  # http://host:port; None: the system's own settings
    ca_file: str | None  # PEM, authorities trusted besides the usual ones
    user_agent: str  # plain ASCII, with a contact, as Wikimedia's and Openverse's rules ask


def network() -> Network:
    """The settings from THIMBLE_PROXY, THIMBLE_CA_FILE and THIMBLE_CONTACT; raises BadInput for unusable ones."""
    proxy = os.environ.get("THIMBLE_PROXY", "").strip() or None
    ca_file = os.environ.get("THIMBLE_CA_FILE", "").strip() or None
    if proxy is not None and not is_proxy(proxy):
        raise BadInput(
            "THIMBLE_PROXY is no address of a proxy.", hint="Write it as http://host:port, or leave it unset."
        )
    if ca_file is not None and not Path(ca_file).is_file():
        raise BadInput(
            f"THIMBLE_CA_FILE names {ca_file}, which is no file.", hint="Name a PEM file, or leave it unset."
        )
    return Network(proxy, ca_file, user_agent())


def user_agent() -> str:
    """How Thimble names itself to services, with the contact from THIMBLE_CONTACT (an address to write to)."""
    contact = os.environ.get("THIMBLE_CONTACT", "") or NO_CONTACT
    plain = "".join(letter for letter in contact if " " <= letter <= "~" and letter not in "()")
    return f"Thimble/0.1 (no-code image classifier; contact: {' '.join(plain.split())})"


def is_proxy(address: str) -> bool:
    """Whether this can be the address of an HTTP proxy."""
    try:
        parts = urlsplit(address)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
