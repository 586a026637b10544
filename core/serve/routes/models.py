"""Asking a trained model, over HTTP: what it knows, and what it says of photos."""

import base64
import binascii
import json
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query
from fastapi.responses import Response
from pydantic import ValidationError
from starlette.datastructures import UploadFile
from starlette.requests import Request

from core.data.download import Downloader
from core.data.network import user_agent
from core.data.photo import Refused, decode, encode
from core.data.store import Store
from core.data.upload import MAX_FILES
from core.errors import BadPhoto, NotFound
from core.model.bundle import Prediction
from core.model.evaluate import in_words
from core.model.explain import Explanation, overlay
from core.serve import problems
from core.serve.answers import Live
from core.serve.guard import FORM, JSON, Guarded, Opened, media_type, needs
from core.serve.problems import Problem
from core.serve.routes.bodies import MOST_NEAREST, MOST_PHOTOS, Id, Images
from core.serve.routes.model_replies import Model, Predictions
from core.serve.state import State

router = APIRouter(route_class=Guarded, tags=["models"])
HERE = "/v1/models/{project_id}"
MOST_JSON = 35_000_000  # bytes: one photo of MAX_BYTES is a third longer in base64
MOST_FORM = 100_000_000
FIELDS = ("file", "files")

_PHOTO = {"type": "string", "format": "binary"}
_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            FORM: {
                "schema": {
                    "title": "PhotoForm",
                    "type": "object",
                    "description": "Photos as files: one `file`, or several `files`.",
                    "properties": {
                        "file": _PHOTO,
                        "files": {"type": "array", "items": _PHOTO, "minItems": 1, "maxItems": MOST_PHOTOS},
                    },
                    "minProperties": 1,
                    "additionalProperties": False,
                }
            },
            JSON: {"schema": {"$ref": f"#/components/schemas/{Images.__name__}"}},
        },
    }
}

Named = tuple[str, bytes | Refused]  # a photo as its sender calls it, and its bytes or why there are none


@dataclass(frozen=True)
class Asked:
    """What is to be looked at, as it came: files, or JSON not yet read."""

    files: Sequence[UploadFile] = ()
    json: bytes = b""


async def _asked(request: Request) -> AsyncIterator[Asked]:
    if media_type(request) == JSON:
        yield Asked(json=await request.body())
        return
    async with request.form(max_files=MAX_FILES, max_fields=MOST_PHOTOS) as form:
        given = form.multi_items()
        files = [value for name, value in given if name in FIELDS and isinstance(value, UploadFile)]
        wrong = [(name, "no file") for name, value in given if name in FIELDS and not isinstance(value, UploadFile)]
        wrong += [(name, "unknown") for name, _ in given if name not in FIELDS]
        if wrong or not files:
            raise Problem("bad-input", "Send photos in the form's field 'file', or 'files'.", errors=wrong)
        _check_number(len(files))
        yield Asked(files)


@router.get(HERE, openapi_extra=needs("predict"))
def read_model(project_id: str, opened: Opened) -> Model:
    """What the live version knows, and how good it is."""
    live = opened.answers.live(project_id)
    report = live.bundle.reports[live.mode]
    return Model(
        id=project_id,
        name=live.project.name,
        version=live.version.number,
        mode=live.mode,
        categories=list(live.bundle.categories),
        photos=report.photos,
        accuracy=report.accuracy,
        accuracy_interval=list(report.accuracy_interval),
        in_words=in_words(report),
        trained_at=live.version.created_at,
    )


@router.post(
    f"{HERE}/predict",
    response_class=Response,
    responses={200: {"content": {JSON: {"schema": {"$ref": f"#/components/schemas/{Predictions.__name__}"}}}}},
    openapi_extra=needs("predict", {FORM: MOST_FORM, JSON: MOST_JSON}, **_BODY),
)
def predict(
    project_id: str,
    opened: Opened,
    asked: Annotated[Asked, Depends(_asked)],
    version: Annotated[Id | None, Query(description="the one to ask; the live one when it is left out")] = None,
    nearest: Annotated[
        int,
        Query(ge=0, le=MOST_NEAREST, description="how many of the photos most alike to name, of those it learnt from"),
    ] = 0,
    heat_map: Annotated[bool, Query(description="whether to draw where it looked")] = False,
    mode: Annotated[
        Literal["fast", "best"] | None, Query(description="how to look; as its owner picked when it is left out")
    ] = None,
) -> Response:
    """What each photo shows, or that it is none of the categories, and how sure that is.

    On request the photos that the model learnt from and finds most alike, and where it looked. One photo alone that
    cannot be used is a problem; among several it is named, and the others are answered.
    """
    started = perf_counter()
    live = opened.answers.live(project_id, version)
    if mode:
        live = replace(live, mode=mode)
    photos = list(_photos(asked))
    usable = [data for _, data in photos if isinstance(data, bytes)]
    answers = iter(opened.answers.predict(live, usable))
    told: list[dict[str, Any]] = []
    for name, data in photos:
        answer = data if isinstance(data, Refused) else next(answers)
        if isinstance(answer, Refused):
            if len(photos) == 1:
                raise BadPhoto(answer.reason)
            told.append({"name": name, "error": answer.reason})
            continue
        told.append({"name": name, **_words(answer)})
        if isinstance(data, bytes) and (nearest or heat_map):
            told[-1] |= _why(opened, live, data, nearest, heat_map)
    body = {
        "model": {"id": project_id, "version": live.version.number, "mode": live.mode},
        "milliseconds": round(1000 * (perf_counter() - started), 1),
        "predictions": told,
    }
    # Not through the model of the answer, whose validation would take longer than what it describes.
    return Response(json.dumps(body, ensure_ascii=False), media_type=JSON)


def _photos(asked: Asked) -> Iterator[Named]:
    for file in asked.files:
        yield file.filename or "photo", file.file.read()
    if asked.files:
        return
    try:
        images = Images.model_validate_json(asked.json)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)
        if any(each["type"] == "json_invalid" for each in found):
            raise Problem("bad-request", f"The body is no JSON. {found[0]['msg']}.") from error
        raise problems.invalid(found) from error
    if images.address:
        with Downloader(bytes, user_agent=user_agent()) as downloader:
            outcome = downloader.fetch(images.address)
        yield images.address, Refused(images.address, outcome.reason) if outcome.data is None else outcome.data
        return
    texts = images.images or [images.image]
    for number, text in enumerate(texts, start=1):
        name = f"photo {number}" if len(texts) > 1 else "photo"
        yield name, _from_base64(name, text)


def _from_base64(name: str, text: str) -> bytes | Refused:
    head, comma, rest = text.partition(",")
    if comma and head.startswith("data:") and head.endswith(";base64"):
        text = rest
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):  # ValueError: not even ASCII
        return Refused(name, "It is not written in base64.")


def _check_number(photos: int) -> None:
    if photos > MOST_PHOTOS:
        raise Problem(
            "bad-input",
            f"These are {photos:,} photos; one request answers {MOST_PHOTOS} at most.",
            hint="Send them in several requests.",
        )


def _words(answer: Prediction) -> dict[str, Any]:
    return {
        "label": None if answer.is_none else answer.label,
        "is_none": answer.is_none,
        "most_like": answer.label,
        "probability": answer.probability,
        "nearness": answer.nearness,
        "scores": answer.scores,
    }


def _why(opened: State, live: Live, photo: bytes, nearest: int, heat_map: bool) -> dict[str, Any]:
    explanation = opened.answers.explain(live, photo)
    why: dict[str, Any] = {}
    if nearest:
        why["nearest"] = list(_nearest(opened.store, live, explanation, nearest))
    if heat_map:
        why["heat_map"] = _data_uri(encode(overlay(decode(photo), explanation)))
    return why


def _nearest(store: Store, live: Live, explanation: Explanation, most: int) -> Iterator[dict[str, Any]]:
    """The photos most alike, but for those deleted since."""
    for alike in explanation.alike[:most]:
        sha256 = live.bundle.memory.sha256[alike.position]
        try:
            thumbnail = store.photos.thumbnail(sha256)
        except NotFound:
            continue
        yield {
            "category": alike.category,
            "sha256": sha256,
            "similarity": alike.likeness,
            "thumbnail": _data_uri(thumbnail),
        }


def _data_uri(jpeg: bytes) -> str:
    return f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}"
