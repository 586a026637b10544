"""Who may see the pages: whoever sits at this computer, and whoever shows the owner's key.

Open to everybody are only the API (it asks for keys of its own), shared pages (whose addresses nobody guesses), the
page to sign in at, and whether the app is up. THIMBLE_DOOR changes who else comes in:

open    everybody, as a demo for all wants it
key     nobody without the key, not even from this computer; right where other people have accounts on it, or where a
        proxy on it passes on what comes from outside without saying so
"""

import os
from ipaddress import IPv4Address, IPv6Address, ip_address
from math import ceil
from urllib.parse import parse_qs, quote

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, HTTPConnection, Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core.data.store.access import Access
from core.serve.buckets import Buckets
from core.serve.pages import HEADERS, page
from core.serve.state import State

OPEN = ("/api/", "/s/")
OPEN_EXACTLY = ("/door", "/_stcore/health")
LOCAL_NAMES = {"localhost", "127.0.0.1", "[::1]"}
# Any of these says that the peer, although on this computer, only passes on what another asked.
FORWARDED = (
    "cf-connecting-ip",
    "fastly-client-ip",
    "fly-client-ip",
    "forwarded",
    "tailscale-user-login",
    "true-client-ip",
    "via",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-envoy-external-address",
    "x-forwarded-",
    "x-real-ip",
)
COOKIE = "thimble_door"
COOKIE_SECONDS = 30 * 86_400
TRIES, TRIES_A_MINUTE = 5, 5  # at once and then again, from one address: never more than ten in a minute
MOST_BYTES = 4_000  # of the form; a key has 51 characters
REFUSED = 1008  # the code of a websocket that is closed because of who asks


class Door:
    """ASGI middleware around all that the process serves; `access` knows the keys.

    The key is looked up at every request, and at every message of a websocket that was opened with it, so that a
    revoked one opens nothing from the next click on.
    """

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket") or _is_open(scope["path"]) or _policy() == "open":
            return await self._app(scope, receive, send)
        caller = HTTPConnection(scope)
        if _is_from_elsewhere(caller):
            return await _refuse(scope, receive, send, _another_site())
        if is_local(caller):
            return await self._app(scope, receive, send)
        if not await holds_key(self._access, caller):
            return await _refuse(scope, receive, send, _to_the_door(caller))
        if scope["type"] == "http":
            return await self._app(scope, receive, send)
        return await self._while_the_key_is_good(caller, receive, send)

    async def _while_the_key_is_good(self, caller: HTTPConnection, receive: Receive, send: Send) -> None:
        closed = False

        async def checked() -> Message:
            nonlocal closed
            message = await receive()
            if message["type"] == "websocket.receive" and not await holds_key(self._access, caller):
                closed = True
                await send({"type": "websocket.close", "code": REFUSED})
                return {"type": "websocket.disconnect", "code": REFUSED}
            return message

        async def until_closed(message: Message) -> None:
            if not closed:
                await send(message)

        await self._app(caller.scope, checked, until_closed)


def is_local(caller: HTTPConnection) -> bool:
    """Whether the caller sits at this computer, as far as the network tells.

    The name asked for must be this computer's own too: a site that has its name point here (DNS rebinding) sends its
    visitors with another one.
    """
    hosts = caller.headers.getlist("host")
    return (
        _policy() != "key"
        and (peer := _peer(caller)) is not None
        and peer.is_loopback
        and len(hosts) == 1
        and _without_port(hosts[0]) in LOCAL_NAMES
        and not any(name.startswith(FORWARDED) for name in caller.headers)
    )


async def holds_key(access: Access, caller: HTTPConnection) -> bool:
    """Whether the caller's cookie holds an owner's key that is good now."""
    secret = caller.cookies.get(COOKIE, "")
    return bool(secret) and await run_in_threadpool(_opens, access, secret)


def address_of(caller: HTTPConnection) -> str:
    """Whom to count a caller's tries for: its address, or of an IPv6 address the network, which is one household's."""
    peer = _peer(caller)
    return peer.exploded[: len("2001:0db8:0000:0000")] if isinstance(peer, IPv6Address) else str(peer)


def door_routes(state: State) -> list[BaseRoute]:
    """The page to sign in and out at, /door."""
    access = state.store.access
    tries = Buckets(TRIES_A_MINUTE / 60, TRIES)

    async def show(request: Request) -> Response:
        goal = request.query_params.get("next", "/")
        return _door(request, goal=goal, is_in=await holds_key(access, request))

    async def sign_in_or_out(request: Request) -> Response:
        if _is_from_elsewhere(request):
            return _another_site()
        form = await _form(request)
        if form is None:
            return _door(request, status=413, words="That is far too long for a key.")
        if "out" in form:
            answer = RedirectResponse("/door", 303, HEADERS)
            answer.delete_cookie(COOKIE, path="/", httponly=True, samesite="lax", secure=_is_https(request))
            return answer
        goal, secret = form.get("next", "/"), form.get("key", "").strip()
        wait = tries.take(address_of(request))
        if wait:
            seconds = ceil(wait)
            words = f"Those were many tries. Wait {seconds} seconds, then try again."
            return _door(request, status=429, goal=goal, words=words, headers={"Retry-After": str(seconds)})
        if not await run_in_threadpool(_opens, access, secret):
            words = "That is not a key of this Thimble, or no longer one. Copy it whole, from “thimble_” to its end."
            return _door(request, status=403, goal=goal, words=words)
        answer = RedirectResponse(_inside(goal), 303, HEADERS)
        answer.set_cookie(
            COOKIE, secret, COOKIE_SECONDS, path="/", httponly=True, samesite="lax", secure=_is_https(request)
        )
        return answer

    return [Route("/door", show, methods=["GET"]), Route("/door", sign_in_or_out, methods=["POST"])]


def _another_site() -> Response:
    words = "Another site asked for this in your name. Nothing was done."
    return page("message.html", status=403, title="Not from here", words=words, again="/")


def _door(
    request: Request,
    *,
    status: int = 200,
    goal: str = "/",
    words: str = "",
    is_in: bool = False,
    headers: dict[str, str] | None = None,
) -> Response:
    # With "no-referrer" a browser would not say in Origin which site the form belongs to.
    own = {"Referrer-Policy": "same-origin"}
    return page(
        "door.html",
        status=status,
        headers=own | (headers or {}),
        goal=_inside(goal),
        words=words,
        is_in=is_in,
        is_open=_policy() == "open" or is_local(request),
        is_encrypted=_is_https(request),
    )


def _is_open(path: str) -> bool:
    return path.startswith(OPEN) or path in OPEN_EXACTLY


def _policy() -> str:
    return os.environ.get("THIMBLE_DOOR", "")


def _opens(access: Access, secret: str) -> bool:
    key = access.key(secret)
    return key is not None and key.project_id is None


def _peer(caller: HTTPConnection) -> IPv4Address | IPv6Address | None:
    """The address that the connection comes from; None where it is no network address, as of a Unix socket."""
    try:
        address = ip_address(caller.client.host if caller.client else "")
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _is_from_elsewhere(caller: HTTPConnection) -> bool:
    """Whether another site's page sent this: it may open ours, but neither change anything nor speak over a websocket.

    A browser names the site in Origin; a program that is none has nothing to gain from a person's cookie.
    """
    is_harmless = caller.scope["type"] == "http" and caller.scope["method"] in ("GET", "HEAD", "OPTIONS")
    origins = caller.headers.getlist("origin")
    return not is_harmless and any(each.partition("://")[2] != caller.headers.get("host") for each in origins)


def _is_https(caller: HTTPConnection) -> bool:
    return caller.scope["scheme"] in ("https", "wss") or caller.headers.get("x-forwarded-proto") == "https"


def _without_port(host: str) -> str:
    name, colon, port = host.rpartition(":")
    return (name if colon and (port.isdecimal() or not port) else host).lower()


def _inside(goal: str) -> str:
    """The path to go on to; the first page where it would lead away from this app."""
    is_path = goal.startswith("/") and not goal.startswith(("//", "/\\")) and goal.isprintable()
    return goal if is_path and not goal.startswith("/door") else "/"


def _to_the_door(caller: HTTPConnection) -> Response:
    if caller.scope["type"] == "http" and "text/html" in caller.headers.get("accept", ""):
        query = caller.scope["query_string"].decode("latin-1")
        asked = quote(caller.scope["path"]) + (f"?{query}" if query else "")
        return RedirectResponse(f"/door?next={quote(asked, safe='/')}", 303, HEADERS)
    return PlainTextResponse("These pages are their owner's. Sign in at /door.", 401, HEADERS)


async def _refuse(scope: Scope, receive: Receive, send: Send, answer: Response) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": REFUSED})
    else:
        await answer(scope, receive, send)


async def _form(request: Request) -> dict[str, str] | None:
    """The fields that were sent, or None for more than MOST_BYTES of them."""
    body = b""
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > MOST_BYTES:
                return None
    except ClientDisconnect:
        return None
    return {name: values[-1] for name, values in parse_qs(body.decode("utf-8", "replace")).items()}
