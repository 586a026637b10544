"""What stands before every operation of the API: whose key it is, what it may do, how often, and how much it sends.

All of it is settled before a byte of the body is read.
"""

import os
from collections.abc import Callable, Coroutine, Mapping
from typing import Annotated, Any, Literal

from fastapi import Depends, Path
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool
from starlette.convertors import Convertor, register_url_convertor
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive

from core.data.store import ApiKey, Store
from core.errors import BadInput
from core.serve.buckets import Buckets
from core.serve.door import address_of
from core.serve.problems import Problem
from core.serve.routes.bodies import LARGEST
from core.serve.state import State

Needs = Literal["predict", "manage", "owner"]
RANKS: dict[str, int] = {"predict": 0, "manage": 1, "owner": 2}  # each key may do what lower ones may

JSON, FORM = "application/json", "multipart/form-data"
SMALL = 1_000_000  # bytes of a body that holds no photo

RATE = 300.0  # requests a second of one key, twice as many at once; more than two cores answer
FAILURES = 20  # requests with a wrong key, a minute and address

SCHEME = "key"  # the name of the security scheme in the OpenAPI
_LIMITS = "x-most-bytes"
_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="Thimble"'}


def needs(least: Needs, accepts: Mapping[str, int] | None = None, **extra: Any) -> dict[str, Any]:
    """What an operation says of itself in the OpenAPI, for `openapi_extra`; `Guarded` holds it to that.

    `least` is the least key that may do it, `accepts` the most bytes of a body of each type that it takes.
    """
    return {"security": [{SCHEME: [least]}], **({_LIMITS: dict(accepts)} if accepts else {}), **extra}


class Guard:
    """Knows the keys and how often each was used; safe to share between threads.

    Raises BadInput when THIMBLE_RATE is no number of requests a second.
    """

    def __init__(self, store: Store) -> None:
        self._access = store.access
        rate = _rate()
        self._requests = Buckets(rate, 2 * rate)
        self._failures = Buckets(FAILURES / 60, FAILURES)

    def admit(self, authorization: str, peer: str, project_id: str | None, least: Needs) -> ApiKey:
        """The key, when it may do what needs at least such a one in this project; raises Problem."""
        scheme, _, secret = authorization.partition(" ")
        if scheme.lower() != "bearer" or not secret.strip():
            raise Problem(
                "no-key",
                "This request carries no key.",
                hint="Send the header 'Authorization: Bearer thimble_…'; keys are made on the Share page.",
                headers=_CHALLENGE,
            )
        key = self._access.key(secret.strip())
        # A right key passes whatever others at its address tried: there may be a whole office behind one.
        wait = self._requests.take(str(key.id)) if key else self._failures.take(peer)
        if wait:
            raise too_many(wait)
        if key is None:
            raise Problem(
                "no-key",
                "This key is not known, or it was revoked.",
                hint="Look it up, or have a new one made on the Share page.",
                headers={"WWW-Authenticate": f'{_CHALLENGE["WWW-Authenticate"]}, error="invalid_token"'},
            )
        check_project(key, project_id)
        if RANKS[rank(key)] < RANKS[least]:
            raise Problem(
                "not-allowed",
                f"This is a key to {rank(key)}; this needs one to {least}."
                if least != "owner"
                else "Only the owner's key may do this.",
                hint="Have one made on the Share page." if least != "owner" else "`python -m core key` makes one.",
            )
        return key


def rank(key: ApiKey) -> Needs:
    """What a key may do at most."""
    return "owner" if key.project_id is None else key.scope


def check_project(key: ApiKey, project_id: str | None) -> None:
    """Raises Problem for another project than the key's, in the same words whether it exists or not."""
    if project_id is not None and key.project_id not in (None, project_id):
        raise Problem("not-found", "This project is not there, or not yours.", hint="Check its id.")


def too_many(wait: float) -> Problem:
    """More requests than are answered; `wait` is in seconds."""
    seconds = max(1, round(wait + 0.5))
    return Problem(
        "too-many-requests",
        "That is more than is answered at a time.",
        hint=f"Wait {seconds} second{'' if seconds == 1 else 's'} and try again.",
        headers={"Retry-After": str(seconds)},
    )


class Guarded(APIRoute):
    """An operation that is reached only by those whom its `openapi_extra` names, with bodies as it says."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        extra = self.openapi_extra or {}
        least: Needs = extra["security"][0][SCHEME][0]
        accepts: dict[str, int] = extra.get(_LIMITS, {})

        async def guarded(request: Request) -> Response:
            guard: Guard = request.app.state.guard
            request.state.key = await run_in_threadpool(
                guard.admit,
                request.headers.get("authorization", ""),
                address_of(request),
                request.path_params.get("project_id"),
                least,
            )
            if accepts:
                request = Request(request.scope, bounded(request, _limit(request, accepts)))
            return await handle(request)

        return guarded


async def _opened(request: Request) -> State:
    state: State = request.app.state.opened
    return state


async def _caller(request: Request) -> ApiKey:
    key: ApiKey = request.state.key
    return key


# What operations are given. Coroutines, so that no thread is asked for a look into a dictionary.
Opened = Annotated[State, Depends(_opened)]
Caller = Annotated[ApiKey, Depends(_caller)]
Number = Annotated[int, Path(ge=1, le=LARGEST)]


class IdConvertor(Convertor[int]):
    """A whole number in a path, `{name:id}`, so that no word is taken for one: /photos/addresses is no photo."""

    regex = "[0-9]{1,16}"

    def convert(self, value: str) -> int:
        return int(value)

    def to_string(self, value: int) -> str:
        return str(value)


register_url_convertor("id", IdConvertor())


def bounded(request: Request, limit: int) -> Receive:
    """The body as it comes, to `limit` bytes; beyond, whatever its length was said to be, raises Problem."""
    length = request.headers.get("content-length", "")
    claimed = int(length) if length.isdecimal() else 0
    received = 0

    async def receive() -> Message:
        nonlocal received
        message: Message = {} if claimed > limit else await request.receive()
        received += len(message.get("body", b""))
        if max(claimed, received) > limit:
            raise Problem(
                "too-large",
                f"The body is larger than {limit / 1e6:g} MB, the most that is taken here.",
                hint="Send less at once, or smaller photos.",
            )
        return message

    return receive


def media_type(request: Request) -> str:
    """The type of the body without its parameters; "" when none is named."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _limit(request: Request, accepts: Mapping[str, int]) -> int:
    found = media_type(request)
    if found not in accepts:
        raise Problem(
            "wrong-type",
            f"The body is {found or 'of no named type'}; here it must be {' or '.join(accepts)}.",
            hint="Set the Content-Type header, or have your client do it.",
        )
    return accepts[found]


def _rate() -> float:
    text = os.environ.get("THIMBLE_RATE", "").strip()
    try:
        rate = float(text or RATE)
    except ValueError:
        rate = 0.0
    if not 0 < rate < float("inf"):
        raise BadInput(f"THIMBLE_RATE is '{text}'.", hint="Write the requests a second of one key, like 300.")
    return rate
