"""Asking a JSON service over HTTP: patient with what passes, short with what does not, bounded in all."""

import json
import ssl
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any, Literal

import httpx2

from core.data.network import Network
from core.data.search.hit import Pause
from core.data.search.pace import Pace, spoken
from core.data.transport import tls_trusting
from core.errors import SearchFailed

BACK_OFF = (1.0, 3.0)  # seconds before the second and the third try
LONGEST_RETRY_AFTER = 30.0  # seconds; a service that asks for more counts as throttling
CONNECT_SECONDS = 5.0  # an offline machine is told so at once
READ_SECONDS = 15.0  # until the next bytes
WHOLE_SECONDS = 30.0  # for one answer, however slowly it drips
MAX_ANSWER = 8_000_000  # bytes; a page of results is a hundredth of that

UNTRUSTED = "'s certificate is not trusted here, so something stands between this machine and it."
UNTRUSTED_HINT = "If your network uses an authority of its own, name its PEM file in THIMBLE_CA_FILE."
UNREACHED_HINT = "Check the connection, or upload your own photos."


@dataclass(frozen=True)
class _Trouble:
    """Why a try brought nothing; `wait` is how long to wait before another, None when none would help."""

    words: str
    wait: float | None = None
    hint: str = ""
    kind: Literal["failed", "throttled", "unreachable"] = "failed"


@lru_cache(maxsize=4)
def _tls(ca_file: str) -> ssl.SSLContext:
    """Read once for each file: every authority of the system is parsed, which takes a twentieth of a second."""
    return tls_trusting(ca_file)


def http_client(network: Network) -> httpx2.Client:
    """A client by these settings; close it. Raises BadInput when the file of authorities cannot be read."""
    return httpx2.Client(
        proxy=network.proxy,
        verify=_tls(network.ca_file or ""),
        headers={"User-Agent": network.user_agent, "Accept": "application/json"},
        timeout=httpx2.Timeout(READ_SECONDS, connect=CONNECT_SECONDS),
    )


def ask_json(
    client: httpx2.Client, title: str, address: str, params: dict[str, str], *, pace: Pace, pause: Pause
) -> dict[str, Any]:
    """The object that the service called `title` answers; raises SearchFailed when it does not.

    Server errors, broken answers and throttling are tried again after a while, Retry-After obeyed; a service
    that cannot be reached is not.
    """
    back_offs = iter(BACK_OFF)
    while True:
        with pace.turn(title, pause):
            answer = _ask_once(client, title, address, params)
        if not isinstance(answer, _Trouble):
            return answer
        back_off = next(back_offs, None)
        if back_off is None or answer.wait is None:
            raise SearchFailed(answer.words, hint=answer.hint, kind=answer.kind)
        pause(max(back_off, answer.wait))


def _ask_once(client: httpx2.Client, title: str, address: str, params: dict[str, str]) -> dict[str, Any] | _Trouble:
    try:
        with client.stream("GET", address, params=params) as response:
            if response.status_code != 200:
                return _refusal(title, response)
            body = _read(response)
    except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.ProxyError) as error:
        if "CERTIFICATE_VERIFY_FAILED" in str(error):
            return _Trouble(f"{title}{UNTRUSTED}", hint=UNTRUSTED_HINT)
        return _Trouble(f"{title} could not be reached.", hint=UNREACHED_HINT, kind="unreachable")
    except httpx2.TimeoutException:
        return _Trouble(f"{title} took too long to answer.", wait=0)
    except (httpx2.TransportError, httpx2.DecodingError):
        return _Trouble(f"{title} broke off in the middle of its answer.", wait=0)
    nonsense = _Trouble(f"{title} answered with something that is no search result.", wait=0)
    if body is None:
        return nonsense
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return nonsense
    return answer if isinstance(answer, dict) else nonsense


def _read(response: httpx2.Response) -> bytes | None:
    """The whole body; None when it is larger than any answer is. Raises httpx2.ReadTimeout when it drips."""
    body = bytearray()
    end = time.monotonic() + WHOLE_SECONDS
    for piece in response.iter_bytes():
        body += piece
        if len(body) > MAX_ANSWER:
            return None
        if time.monotonic() > end:
            raise httpx2.ReadTimeout("the whole answer took too long")
    return bytes(body)


def _refusal(title: str, response: httpx2.Response) -> _Trouble:
    status = response.status_code
    asked = _retry_after(response.headers.get("Retry-After", ""))
    if status == 429 or (status == 503 and asked is not None):
        words = f"{title} asks for fewer searches."
        if asked is not None and asked > LONGEST_RETRY_AFTER:
            hint = f"It may be asked again in {spoken(asked)}."
            return _Trouble(words, hint=hint, kind="throttled")
        return _Trouble(words, wait=asked or 0, hint="Try again in some minutes.", kind="throttled")
    if status >= 500:
        return _Trouble(f"{title} has a fault of its own (HTTP {status}).", wait=0, hint="Try again later.")
    return _Trouble(f"{title} refuses the search (HTTP {status}).")


def _retry_after(value: str) -> float | None:
    """Seconds from a Retry-After header, which holds seconds or a date (RFC 9110, 10.2.3)."""
    if value.isascii() and value.isdigit():
        return float(value[:9])
    try:
        date = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, (date.replace(tzinfo=date.tzinfo or UTC) - datetime.now(UTC)).total_seconds())
