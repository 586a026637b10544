"""The address at which others reach this app, and who can open it."""

import ipaddress
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

import streamlit as st
from streamlit.net_util import get_internal_ip

from core.serve.address import public_address

EVERYWHERE = ("", "0.0.0.0", "::")  # what `server.address` is when the server listens on all addresses


@dataclass(frozen=True)
class Address:
    """Where the app is reached, without a slash at its end; `is_local`: by this computer only."""

    url: str
    is_local: bool


def address() -> Address:
    """THIMBLE_PUBLIC_URL if set, else what the browser's address bar says; of "localhost" the network's address.

    Raises BadInput for a THIMBLE_PUBLIC_URL that is no address.
    """
    public = public_address()
    if public:
        return Address(public, is_local=False)
    seen = urlsplit(st.context.url or "http://localhost")
    if not _is_loopback(seen):
        return Address(_without_page(seen), is_local=False)
    mine = get_internal_ip()  # asks the routing table of this computer; nothing is sent
    if mine is None or mine.startswith("127.") or (st.get_option("server.address") or "") not in EVERYWHERE:
        return Address(_without_page(seen), is_local=True)
    return Address(_without_page(seen._replace(netloc=f"{mine}:{seen.port}" if seen.port else mine)), is_local=False)


def note(where: Address) -> None:
    """For an address of this computer alone: that it is, and how to open it to others."""
    if where.is_local:
        st.info(
            "**Only this computer can open this address.** To open it to your network, stop Thimble and start it with "
            "`make share`; your projects stay closed to others. On a server of yours, set `THIMBLE_PUBLIC_URL` to the "
            "address that people know.",
            icon=":material/lan:",
        )


def _is_loopback(seen: SplitResult) -> bool:
    host = seen.hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _without_page(seen: SplitResult) -> str:
    return f"{seen.scheme}://{seen.netloc}{seen.path.rpartition('/')[0]}"
