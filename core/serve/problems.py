"""What went wrong, as RFC 9457 problem details: what was found, and what to do.

{"type": "/api/docs#bad-photo", "title": "This is no usable photo", "status": 422,
 "detail": "The file is empty.", "hint": "Copy or download it again."}
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

from core.errors import AppError, BadInput, BadPhoto, Cancelled, NotFound, SearchFailed, TooFewPhotos

MEDIA_TYPE = "application/problem+json"
DOCS = "/api/docs"  # each kind is explained there, under its name
MOST_ERRORS = 100  # named in one answer

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Kind:
    """One kind of problem: its status, its title, and when it comes."""

    status: int
    title: str
    when: str


KINDS: dict[str, Kind] = {
    "bad-request": Kind(400, "The request is broken", "The body is no JSON, or no form, as it says it is."),
    "no-key": Kind(401, "A key is needed", "There is no key, or it is unknown, or it was revoked."),
    "not-allowed": Kind(403, "The key does not reach that far", "Another kind of key may do this."),
    "not-found": Kind(404, "It is not there", "It was never there, is no longer, or belongs to another's project."),
    "no-such-method": Kind(405, "This cannot be done here", "The Allow header says what can."),
    "cancelled": Kind(409, "It was stopped", "The work was stopped before it came to its end."),
    "too-large": Kind(413, "It is too large", "The body is larger than this operation takes."),
    "wrong-type": Kind(415, "The content type is another one", "The body is not in a form that this operation takes."),
    "bad-input": Kind(
        422, "It cannot be used", "A field is missing or holds what cannot be used; `errors` says which."
    ),
    "bad-photo": Kind(422, "This is no usable photo", "The bytes are no picture, or one too large or too small."),
    "too-few-photos": Kind(422, "There are too few photos", "A category has not enough photos to learn from."),
    "too-many-requests": Kind(429, "Too many requests", "Wait as many seconds as the Retry-After header says."),
    "unexpected": Kind(500, "Something went wrong", "Thimble did not expect this; its log says what it was."),
    "search-failed": Kind(502, "The search did not answer", "A service on the web failed, or cannot be reached."),
    "unavailable": Kind(503, "It cannot be done now", "The disk is full, or a backbone cannot be prepared."),
}

_OF_ERRORS: dict[type[AppError], str] = {
    BadPhoto: "bad-photo",
    BadInput: "bad-input",
    TooFewPhotos: "too-few-photos",
    NotFound: "not-found",
    SearchFailed: "search-failed",
    Cancelled: "cancelled",
}
_OF_STATUS = {404: "not-found", 405: "no-such-method", 413: "too-large"}


class FieldError(BaseModel):
    """A field or file, and what is wrong with it."""

    field: str
    message: str


class ProblemDetails(BaseModel):
    """What was wrong, and what to do (RFC 9457); `errors` names the fields or files that are wrong."""

    type: str
    title: str
    status: int
    detail: str
    hint: str
    errors: list["FieldError"] = []


class Problem(HTTPException):
    """A problem of the request itself: raised by what stands before an operation, answered as it says.

    `kind` is one of KINDS; `errors` are the fields or files that are wrong, (name, message).
    """

    def __init__(
        self,
        kind: str,
        detail: str,
        *,
        hint: str = "",
        errors: Sequence[tuple[str, str]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(KINDS[kind].status, detail, dict(headers or {}))
        self.kind = kind
        self.hint = hint
        self.errors = errors


def answer(
    kind: str,
    detail: str,
    *,
    hint: str = "",
    errors: Iterable[tuple[str, str]] = (),
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """The problem as a response."""
    body: dict[str, Any] = {
        "type": f"{DOCS}#{kind}",
        "title": KINDS[kind].title,
        "status": KINDS[kind].status,
        "detail": detail,
        "hint": hint,
    }
    if errors:
        body["errors"] = [{"field": field, "message": message} for field, message in errors][:MOST_ERRORS]
    return JSONResponse(body, KINDS[kind].status, dict(headers or {}), MEDIA_TYPE)


def of_http_error(request: Request, error: Exception) -> JSONResponse:
    """The answer to a Problem, and to what the framework finds wrong."""
    assert isinstance(error, HTTPException)
    if isinstance(error, Problem):
        return answer(error.kind, error.detail, hint=error.hint, errors=error.errors, headers=error.headers)
    kind = _OF_STATUS.get(error.status_code, "bad-request")
    path = request.scope["path"]
    if kind == "not-found":
        return answer(kind, f"There is nothing at {path}.", hint=f"{DOCS} lists what there is.")
    if kind == "no-such-method":
        return answer(kind, f"{request.method} cannot be done at {path}.", hint=f"{DOCS} lists what can.")
    return answer(kind, str(error.detail), hint=f"{DOCS} shows how the body is written.", headers=error.headers)


def of_app_error(request: Request, error: Exception) -> JSONResponse:
    """The answer to what core found wrong, in its words."""
    assert isinstance(error, AppError)
    return answer(_OF_ERRORS.get(type(error), "unavailable"), error.message, hint=error.hint)


def of_invalid(request: Request, error: Exception) -> JSONResponse:
    """The answer to fields that are missing or hold what they cannot."""
    assert isinstance(error, RequestValidationError)
    found = error.errors()
    broken = next((each for each in found if each["type"] == "json_invalid"), None)
    if broken is not None:
        return answer("bad-request", f"The body is no JSON: {broken['ctx']['error']}, at {broken['loc'][-1]}.")
    return of_http_error(request, invalid(found))


def invalid(found: Sequence[Mapping[str, Any]]) -> Problem:
    """The problem of these errors of pydantic's."""
    errors = [(".".join(str(part) for part in each["loc"]) or "body", str(each["msg"])) for each in found]
    words = "; ".join(f"{field}: {message}" for field, message in errors[:3])
    return Problem("bad-input", f"{words}.", hint="Mend what `errors` names and send it again.", errors=errors)


def of_unexpected(request: Request, error: Exception) -> JSONResponse:
    """The answer to a mistake of Thimble's own; the error itself goes to the log and nowhere else."""
    log.error("%s %s", request.method, request.scope["path"], exc_info=error)
    return answer("unexpected", "Thimble did not expect this. Nothing is known to be wrong with your request.")


def title_of(status: int) -> str:
    """What a status means, for the documents."""
    titles = [kind.title for kind in KINDS.values() if kind.status == status]
    return titles[0] if titles else HTTPStatus(status).phrase
