"""Which addresses of strangers may be asked at all: web addresses as written, and the numbers behind names.

A search result, or a server's redirect, can name anything: this machine, the router, the cloud's own metadata
service. Only what is public is ever asked.
"""

import re
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from urllib.parse import SplitResult, quote, urljoin, urlsplit

import idna

from core.errors import BadInput

MAX_LENGTH = 8000  # of an address; servers refuse longer ones
PORTS = {"http": 80, "https": 443}
ALLOWED_PORTS = frozenset({80, 443, 8080, 8443})  # others belong to mail, databases and the like

# Names that mean something only inside a house or a company (RFC 6761, 6762, 8375 and custom).
INSIDE = frozenset(
    {"localhost", "localdomain", "local", "internal", "intranet", "lan", "corp", "home", "arpa", "onion"}
)

# What of IPv4 is not public (RFC 6890 and the registry that keeps it up to date). Named here
# since what `ipaddress` calls global differs between versions of Python.
_PRIVATE = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8",  # this network
            "10.0.0.0/8",
            "100.64.0.0/10",  # carriers' own (RFC 6598)
            "127.0.0.0/8",  # this machine
            "169.254.0.0/16",  # link-local, and clouds' metadata
            "172.16.0.0/12",
            "192.0.0.0/24",
            "192.0.2.0/24",  # documentation
            "192.88.99.0/24",  # relays of 6to4
            "192.168.0.0/16",
            "198.18.0.0/15",  # benchmarks
            "198.51.100.0/24",  # documentation
            "203.0.113.0/24",  # documentation
            "224.0.0.0/4",  # multicast
            "240.0.0.0/4",  # reserved, and broadcast
        ),
    )
)

# Of all IPv6 only this much is given out for public use (RFC 4291); the rest is refused unseen, and with it
# the mapped and compatible forms of IPv4, unique local, link-local, site-local and multicast addresses.
_GLOBAL_UNICAST = IPv6Network("2000::/3")
_NOT_GLOBAL = (
    IPv6Network("2001::/23"),  # Teredo and other protocols' own
    IPv6Network("2001:db8::/32"),  # documentation
    IPv6Network("2002::/16"),  # 6to4, withdrawn (RFC 7526): holds an IPv4 address, whose network it would reach
    IPv6Network("3fff::/20"),  # documentation
)
_NAT64 = IPv6Network("64:ff9b::/96")  # how a network without IPv4 reaches it (RFC 6052)
_ISATAP = frozenset({0x00005EFE, 0x02005EFE})  # the upper half of an interface that holds an IPv4 address

_LABEL = re.compile(r"[a-z0-9_-]{1,63}")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_SAFE = "%/:?@!$&'()*+,;=~-._"


@dataclass(frozen=True)
class Address:
    """A web address taken apart, in plain ASCII: `host` without brackets, `target` the path and the query."""

    scheme: str
    host: str
    port: int
    target: str

    @property
    def authority(self) -> str:
        """Host and port as the Host header has them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}{self.target}"


def parse(url: str) -> Address:
    """The address, with what is badly quoted in it quoted; raises BadInput for one that must not be asked.

    Asked are http and https, on the web's usual ports, without a name and password, of hosts with a public name
    or a public number written in the usual way. What numbers a name has is for `is_public` to judge, later.
    """
    if len(url) > MAX_LENGTH:
        raise BadInput(f"The address is too long ({len(url)} characters).")
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError as error:
        raise BadInput("The address is not well formed.") from error
    if parts.scheme not in PORTS:
        raise BadInput("The address begins with neither http:// nor https://.")
    if "@" in parts.netloc:
        raise BadInput("The address carries a name or a password.")
    port = PORTS[parts.scheme] if port is None else port
    if port not in ALLOWED_PORTS:
        raise BadInput(f"The address names an unusual port ({port}).")
    query = f"?{quote(parts.query, safe=_SAFE)}" if parts.query else ""
    return Address(parts.scheme, _host(parts), port, (quote(parts.path, safe=_SAFE) or "/") + query)


def redirected(address: Address, location: str) -> Address:
    """Where a redirect leads from here; raises BadInput as `parse` does."""
    try:
        return parse(urljoin(str(address), location.strip()))
    except ValueError as error:
        raise BadInput("The redirect is not well formed.") from error


def is_public(address: str) -> bool:
    """Whether this numeric address is a public one, of a single machine in the world outside."""
    try:
        ip = ip_address(address)
    except ValueError:
        return False
    if isinstance(ip, IPv6Address):
        return _is_public_6(ip)
    return not any(ip in network for network in _PRIVATE)


def _is_public_6(ip: IPv6Address) -> bool:
    if ip.scope_id is not None:
        return False
    low = int(ip) & 0xFFFFFFFF
    if ip in _NAT64:
        return is_public(str(IPv4Address(low)))
    if int(ip) >> 32 & 0xFFFFFFFF in _ISATAP and not is_public(str(IPv4Address(low))):
        return False
    return ip in _GLOBAL_UNICAST and not any(ip in network for network in _NOT_GLOBAL)


def _host(parts: SplitResult) -> str:
    host = parts.hostname or ""
    if "[" in parts.netloc:
        return _number(host, IPv6Address)
    if not host.isascii():
        try:
            host = idna.encode(host, uts46=True).decode()
        except idna.IDNAError as error:
            raise BadInput("The address has no valid host name.") from error
    host = host.removesuffix(".")
    labels = host.split(".")
    if len(host) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise BadInput("The address has no valid host name.")
    if _NUMBER.fullmatch(labels[-1]):
        # Names do not end in a number; what does is an IPv4 address, in one of a dozen ways of writing it.
        return _number(host, IPv4Address)
    if len(labels) == 1 or labels[-1] in INSIDE:
        raise BadInput(f"The address leads to a private place ({host}).")
    return host


def _number(host: str, kind: type[IPv4Address] | type[IPv6Address]) -> str:
    try:
        ip = kind(host)
    except AddressValueError as error:
        raise BadInput("The address has a number for a host, written in an unusual way.") from error
    if not is_public(str(ip)):
        raise BadInput(f"The address leads to a private place ({ip}).")
    return str(ip)
