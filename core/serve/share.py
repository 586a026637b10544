"""A page on which strangers try the live model, and nothing else: /s/ and a link's token.

What a visitor sends is looked at in memory and forgotten, unless they say what is right and agree that it is kept; then
it waits among the corrections for the owner. A link that was revoked or has run out answers nothing from then on.
"""

import logging
from base64 import b64encode
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from anyio import CapacityLimiter, fail_after, to_thread
from starlette.background import BackgroundTask
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from core.data.dataset import NONE_OF_THESE
from core.data.photo import MAX_BYTES, Refused, decode, encode
from core.errors import AppError, BadInput, BadPhoto
from core.model.bundle import Prediction
from core.model.evaluate import in_words
from core.serve import problems
from core.serve.answers import Live
from core.serve.buckets import Buckets
from core.serve.correcting import keep_correction
from core.serve.door import address_of
from core.serve.guard import FORM, bounded, media_type, too_many
from core.serve.pages import HEADERS, file_route, page
from core.serve.problems import Problem
from core.serve.state import State
from core.serve.words import UNUSUAL, how_sure, percent

MOST_PHOTOS = 20  # on the page at once; each is sent by itself
VISITOR_BURST, VISITOR_A_SECOND = 2 * MOST_PHOTOS, 2.0  # of one link and address: two full pages, then with patience
LINK_BURST, LINK_A_SECOND = 200, 20.0  # of one link, from wherever: the owner's computer has other work too
FORM_BYTES = 10_000  # beside the photo
UPLOADS, UPLOAD_SECONDS = 16, 120.0  # photos on their way, all in memory, and how long one may take
AT_WORK = 2  # photos decoded at the same moment; one may take 300 MB for as long as that lasts
BARS = 5  # likeliest categories with their bars

GONE = "It was withdrawn, has run out, or was not copied whole. Ask whoever sent it to you for a new one."
NOT_NOW = "The model cannot answer at the moment. Try again later, or ask whoever sent you the link."
FORGOTTEN = "Nothing was kept."
TITLES = {"not-found": "This link leads nowhere", "unavailable": "Nothing to try just now"}

log = logging.getLogger(__name__)

Endpoint = Callable[[Request], Awaitable[Response]]


def share_routes(state: State) -> list[BaseRoute]:
    """Every route under /s, so that nothing below it ever reaches another page."""
    visits = Visits(state)
    return [
        file_route,
        Route("/s/{token}", _as_page(visits.show), methods=["GET"]),
        Route("/s/{token}", _as_page(visits.answer_without_script), methods=["POST"]),
        Route("/s/{token}/predict", _as_json(visits.predict), methods=["POST"]),
        Route("/s/{token}/correct", _as_json(visits.correct), methods=["POST"]),
        Route("/s/{rest:path}", _as_page(_nowhere)),
    ]


@dataclass(frozen=True)
class Sent:
    """What a visitor sent, and the model that it is for."""

    live: Live
    photo: bytes
    fields: dict[str, str]


class Visits:
    """What visitors of all links do, and how much of it they may; methods raise AppError and Problem."""

    def __init__(self, state: State) -> None:
        self._store = state.store
        self._answers = state.answers
        self._of_visitor = Buckets(VISITOR_A_SECOND, VISITOR_BURST)
        self._of_link = Buckets(LINK_A_SECOND, LINK_BURST)
        self._uploads = CapacityLimiter(UPLOADS)
        self._places = CapacityLimiter(AT_WORK)

    async def show(self, request: Request) -> Response:
        """The page, before a photo was given."""
        live = await to_thread.run_sync(self._live, _token(request))
        answer = page("share.html", **_about(live), answer=None)
        answer.background = BackgroundTask(self._make_ready, live)  # while the visitor still picks a photo
        return answer

    async def answer_without_script(self, request: Request) -> Response:
        """The page with the answer to one photo, for browsers that run no script."""
        sent = await self._sent(request)
        answer = await to_thread.run_sync(self._answer, sent, limiter=self._places)
        shown = _for_people(answer)
        shown["picture"] = await to_thread.run_sync(_picture, sent.photo, limiter=self._places)
        return page("share.html", **_about(sent.live), answer=shown)

    async def predict(self, request: Request) -> Response:
        """The answer to one photo, with the photo as it was understood where `picture` asks for it."""
        sent = await self._sent(request)
        answer = await to_thread.run_sync(self._answer, sent, limiter=self._places)
        shown = _for_people(answer)
        if sent.fields.get("picture"):
            shown["picture"] = await to_thread.run_sync(_picture, sent.photo, limiter=self._places)
        return JSONResponse(shown, headers=HEADERS)

    async def correct(self, request: Request) -> Response:
        """Keep one photo with what its sender says it shows, if they agree."""
        sent = await self._sent(request)
        if sent.fields.get("agreed") != "true":
            raise Problem("bad-input", f"{FORGOTTEN} Say that the photo may be kept, or leave it at that.")
        await to_thread.run_sync(self._keep, sent, sent.fields.get("right", ""), limiter=self._places)
        return JSONResponse({"kept": True}, 201, headers=HEADERS)

    async def _sent(self, request: Request) -> Sent:
        token = _token(request)
        await to_thread.run_sync(self._live, token)
        self._count(token, address_of(request))
        try:
            with fail_after(UPLOAD_SECONDS):
                async with self._uploads:
                    photo, fields = await _form(request)
        except TimeoutError as error:
            raise Problem("bad-request", "The photo took too long to arrive.", hint="Try a smaller one.") from error
        # Meanwhile the link may have been revoked.
        live = await to_thread.run_sync(self._live, token)
        return Sent(live, photo, fields)

    def _count(self, token: str, address: str) -> None:
        wait = self._of_visitor.take(f"{token} {address}") or self._of_link.take(token)
        if wait:
            raise too_many(wait)

    def _live(self, token: str) -> Live:
        link = self._store.access.link(token)
        if link is None:
            raise Problem("not-found", GONE)
        return self._answers.live(link.project_id)

    def _answer(self, sent: Sent) -> Prediction:
        (answer,) = self._answers.predict(sent.live, [sent.photo])
        if isinstance(answer, Refused):
            raise BadPhoto(answer.reason)
        return answer

    def _keep(self, sent: Sent, right: str) -> None:
        live = sent.live
        if right not in (*live.bundle.categories, NONE_OF_THESE):
            raise Problem("bad-input", f"{FORGOTTEN} Choose what the photo shows from the list.")
        answer = self._answer(sent)
        if right == (NONE_OF_THESE if answer.is_none else answer.label):
            raise Problem("bad-input", f"{FORGOTTEN} It says “{right}” by itself now.")
        try:
            # The file's own name may say who its sender is.
            name = "sent by a visitor"
            keep_correction(self._store, live, sent.photo, answer, right=right, name=name, origin="link")
        except BadInput as error:
            words = f"{FORGOTTEN} So many photos wait to be looked at that there is no room for another."
            raise Problem("unavailable", words) from error

    def _make_ready(self, live: Live) -> None:
        try:
            for backbone in {backbone for backbone, _ in live.bundle.looks(live.mode)}:
                self._answers.embedders[backbone].prepare()
        except AppError:
            return  # the first answer meets the same error where the visitor can read it


class InMemory(MultiPartParser):
    """Reads a form without ever writing a photo to the disk."""

    spool_max_size = MAX_BYTES + FORM_BYTES


async def _form(request: Request) -> tuple[bytes, dict[str, str]]:
    """The photo that was sent, and what was said with it."""
    if media_type(request) != FORM:
        raise Problem("wrong-type", "A photo is sent as a form (multipart/form-data), in the field 'photo'.")
    body = Request(request.scope, bounded(request, MAX_BYTES + FORM_BYTES)).stream()
    parser = InMemory(request.headers, body, max_files=1, max_fields=5, max_part_size=FORM_BYTES)
    try:
        form = await parser.parse()
    except MultiPartException as error:
        raise Problem("bad-request", f"The form could not be read: {error.message}") from error
    photo = form.get("photo")
    data = await photo.read() if isinstance(photo, UploadFile) else None
    await form.close()
    if data is None:
        raise Problem("bad-input", "No photo came with this. Choose one and send it again.")
    return data, {name: value for name, value in form.items() if isinstance(value, str)}


def _token(request: Request) -> str:
    return str(request.path_params["token"])


async def _nowhere(request: Request) -> Response:
    raise Problem("not-found", GONE)


def _about(live: Live) -> dict[str, Any]:
    """What the page says of a model."""
    report = live.bundle.reports[live.mode]
    how_often, _, range_in_words = in_words(report).partition("; ")
    return {
        "title": live.project.name,
        "categories": live.bundle.categories,
        "none_of_these": NONE_OF_THESE,
        "how_often": how_often[0].upper() + how_often[1:],
        "range": range_in_words,
        "photos": live.version.photos,
        "made_at": live.version.created_at,
        "made_by": live.project.maker,
        "bars_shown": min(BARS, len(live.bundle.categories)),
        "most_photos": MOST_PHOTOS,
        "most_bytes": MAX_BYTES,
    }


def _for_people(answer: Prediction) -> dict[str, Any]:
    """The answer as the page shows it; figures only where they mean something."""
    scores = list(answer.scores.items())[:BARS]
    return {
        "label": None if answer.is_none else answer.label,
        "is_none": answer.is_none,
        "most_like": answer.label,
        "sure": "" if answer.is_none else how_sure(answer.probability),
        "percent": "" if answer.is_none else percent(answer.probability),
        "note": _how_unusual(answer.nearness) if answer.is_none or answer.nearness < UNUSUAL else "",
        "scores": [
            {"name": name, "share": round(share, 4), "percent": "" if answer.is_none else percent(share)}
            for name, share in scores
        ],
    }


def _how_unusual(nearness: float) -> str:
    number = round(100 * nearness)
    how_many = f"{number} {'looks' if number == 1 else 'look'}" if number else "not one looks"
    return f"Of 100 photos that do show one of these, {how_many} as unusual as this."


def _picture(photo: bytes) -> str:
    """The photo as it was understood: upright, in sRGB, of moderate size; for browsers that cannot draw the file."""
    return "data:image/jpeg;base64," + b64encode(encode(decode(photo))).decode()


def _as_json(endpoint: Endpoint) -> Endpoint:
    async def answer(request: Request) -> Response:
        try:
            return await endpoint(request)
        except (AppError, Problem, ClientDisconnect) as error:
            no = _problem(error)
            return problems.answer(no.kind, no.detail, hint=no.hint, headers=HEADERS | dict(no.headers or {}))

    return answer


def _as_page(endpoint: Endpoint) -> Endpoint:
    async def answer(request: Request) -> Response:
        try:
            return await endpoint(request)
        except (AppError, Problem, ClientDisconnect) as error:
            no = _problem(error)
            title = TITLES.get(no.kind, "That did not work")
            words = f"{no.detail} {no.hint}".strip()
            again = "" if no.kind in TITLES else request.scope["path"]
            status = no.status_code
            return page("message.html", status=status, headers=no.headers, title=title, words=words, again=again)

    return answer


def _problem(error: Exception) -> Problem:
    """The same with words for a visitor; what only the owner can mend goes to the log."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, BadPhoto):
        return Problem("bad-photo", error.message, hint=error.hint)
    if isinstance(error, ClientDisconnect):
        return Problem("bad-request", "The photo did not arrive whole.", hint="Send it again.")
    log.warning("a shared model cannot answer: %s", error)
    return Problem("unavailable", NOT_NOW)
