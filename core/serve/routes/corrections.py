"""Corrections over HTTP: photos that were answered wrongly come in, and are accepted or rejected."""

from typing import Annotated

from fastapi import APIRouter, File, Form, UploadFile
from fastapi.responses import Response

from core.data import store as stored
from core.data.dataset import NAME_LIMIT, NONE_OF_THESE
from core.data.photo import Refused
from core.data.store import Store
from core.errors import BadInput, BadPhoto, NotFound
from core.serve.correcting import keep_correction
from core.serve.guard import FORM, JSON, SMALL, Guarded, Number, Opened, needs
from core.serve.routes.bodies import Accept, Reject
from core.serve.routes.model_replies import Correction, Corrections, Settled
from core.serve.routes.projects import HERE

router = APIRouter(route_class=Guarded, tags=["corrections"])
MOST_BYTES = 26_000_000  # one photo, and what a form puts around it


@router.post("/v1/models/{project_id}/corrections", status_code=201, openapi_extra=needs("predict", {FORM: MOST_BYTES}))
def correct(
    project_id: str,
    file: Annotated[UploadFile, File()],
    right: Annotated[str, Form(min_length=1, max_length=NAME_LIMIT)],
    opened: Opened,
) -> Correction:
    """Say that a photo was answered wrongly, and what it shows. It is kept, and waits for the owner."""
    live = opened.answers.live(project_id)
    known = {name.casefold(): name for name in (*live.bundle.categories, NONE_OF_THESE)}
    if right.strip().casefold() not in known:
        raise BadInput(f"The model knows no category '{right}'.", hint=f"It knows {', '.join(known.values())}.")
    data = file.file.read()
    answer = opened.answers.predict(live, [data])[0]
    if isinstance(answer, Refused):
        raise BadPhoto(answer.reason)
    right, name = known[right.strip().casefold()], file.filename or "photo"
    kept = keep_correction(opened.store, live, data, answer, right=right, name=name, origin="api")
    return Correction.model_validate(kept)


@router.get(f"{HERE}/corrections", openapi_extra=needs("manage"))
def list_corrections(project_id: str, opened: Opened) -> Corrections:
    """What waits for the owner, those first of which the model was least sure."""
    opened.store.project(project_id)
    waiting = opened.store.corrections.waiting(project_id)
    return Corrections(corrections=[Correction.model_validate(each) for each in waiting])


@router.get(
    f"{HERE}/corrections/{{correction_id:id}}/file",
    response_class=Response,
    responses={200: {"content": {"image/jpeg": {"schema": {"type": "string", "format": "binary"}}}}},
    openapi_extra=needs("manage"),
)
def read_correction_file(project_id: str, correction_id: Number, opened: Opened) -> Response:
    """The photo as it is kept, a JPEG."""
    (correction,) = _waiting(opened.store, project_id, [correction_id])
    return Response(opened.store.photos.read(correction.sha256), media_type="image/jpeg")


@router.post(f"{HERE}/corrections/accept", openapi_extra=needs("manage", {JSON: SMALL}))
def accept_corrections(project_id: str, body: Accept, opened: Opened) -> Settled:
    """Have these photos join the training photos of the category that was named, all of them or none."""
    found = _waiting(opened.store, project_id, body.ids)
    return Settled(count=opened.store.corrections.accept([each.id for each in found], right=body.right))


@router.post(f"{HERE}/corrections/reject", openapi_extra=needs("manage", {JSON: SMALL}))
def reject_corrections(project_id: str, body: Reject, opened: Opened) -> Settled:
    """Forget these corrections with their photos, all of them or none."""
    found = _waiting(opened.store, project_id, body.ids)
    return Settled(count=opened.store.corrections.reject([each.id for each in found]))


def _waiting(store: Store, project_id: str, ids: list[int]) -> list[stored.Correction]:
    """Corrections of this very project; raises NotFound when any of them is not, or is settled already."""
    store.project(project_id)
    waiting = {each.id: each for each in store.corrections.waiting(project_id)}
    missing = [str(each) for each in ids if each not in waiting]
    if missing:
        raise NotFound(f"No correction {', '.join(missing[:10])} is waiting.", hint="List those that are.")
    return [waiting[each] for each in dict.fromkeys(ids)]
