"""What leaves a project, over HTTP: exports of its versions, the credits of its photos, and all of it as one file."""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from typing import IO, Annotated, Any, Literal

from fastapi import APIRouter, File, Query, UploadFile
from fastapi.responses import Response, StreamingResponse

from core.data.credits import credit_rows, credits_csv
from core.errors import BadInput, NotFound
from core.serve.backup import SUFFIX, backup
from core.serve.export import FORMATS
from core.serve.guard import FORM, JSON, SMALL, Guarded, Opened, needs
from core.serve.imports import import_project
from core.serve.routes.bodies import Id, MakeExports
from core.serve.routes.projects import HERE, project_reply
from core.serve.routes.replies import Credits, Export, Exports, Format, Imported, Job, PhotoCredit, SetAside
from core.serve.state import State
from core.serve.work import start_export

router = APIRouter(route_class=Guarded)
ZIP, CSV = "application/zip", "text/csv"
MOST_BACKUP = 2_000_000_000  # bytes
_CHUNK = 1_000_000
_FILE = {"schema": {"type": "string", "format": "binary"}}

Version = Annotated[Id | None, Query(description="A version's number; the live one when it is left out.")]


@router.get(f"{HERE}/exports", tags=["exports"], openapi_extra=needs("manage"))
def list_exports(project_id: str, opened: Opened, version: Version = None) -> Exports:
    """The formats that a version can be exported in, and the exports of it that were made."""
    number = _number(opened, project_id, version)
    return Exports(
        version=number,
        formats=[Format(name=name, title=each.name, words=each.words) for name, each in FORMATS.items()],
        exports=[Export.model_validate(each) for each in opened.store.exports.of(project_id, number)],
    )


@router.post(f"{HERE}/exports", tags=["exports"], status_code=202, openapi_extra=needs("manage", {JSON: SMALL}))
def make_exports(project_id: str, body: MakeExports, opened: Opened) -> Job:
    """Export a version in these formats, each proven to answer as the version does; one that does not is refused."""
    unknown = [name for name in body.formats if name not in FORMATS]
    if unknown:
        raise BadInput(f"There is no format '{unknown[0]}'.", hint=f"Choose from {', '.join(FORMATS)}.")
    number = _number(opened, project_id, body.version)
    formats = list(dict.fromkeys(body.formats))
    return Job.model_validate(opened.jobs.get(start_export(opened, project_id, formats, version=number)))


@router.get(
    f"{HERE}/exports/{{name}}",
    tags=["exports"],
    response_class=Response,
    responses={200: {"content": {ZIP: _FILE}}},
    openapi_extra=needs("manage"),
)
def read_export(project_id: str, name: str, opened: Opened, version: Version = None) -> Response:
    """An export as a zip: the model, its card, five photos with what it says of them, and a program that uses it."""
    number = _number(opened, project_id, version)
    data = opened.store.exports.read(project_id, number, name)
    return Response(data, media_type=ZIP, headers=_named(f"{name}-{number}.zip"))


@router.get(
    f"{HERE}/credits",
    tags=["exports"],
    response_model=Credits,
    responses={200: {"content": {CSV: {"schema": {"type": "string"}}}}},
    openapi_extra=needs("manage"),
)
def read_credits(
    project_id: str, opened: Opened, form: Annotated[Literal["json", "csv"], Query(alias="format")] = "json"
) -> Any:
    """Who made the photos from the web, and under which licence, as JSON or as a table."""
    names = {category.id: category.name for category in opened.store.categories(project_id)}
    rows = credit_rows(opened.store.photos.of(project_id, kept=True), names)
    if form == "csv":
        return Response(credits_csv(rows), media_type=CSV, headers=_named("credits.csv"))
    return Credits(credits=[PhotoCredit.model_validate(row) for row in rows])


@router.get(
    f"{HERE}/backup",
    tags=["projects"],
    response_class=Response,
    responses={200: {"content": {ZIP: _FILE}}},
    openapi_extra=needs("manage"),
)
def read_backup(project_id: str, opened: Opened) -> Response:
    """The whole project as one file, to be restored here or elsewhere: photos, categories, credits and versions."""
    with ExitStack() as stack:
        file = stack.enter_context(tempfile.TemporaryFile())
        backup(opened.store, project_id, file)
        size = file.tell()
        stack.pop_all()  # from here on the answer closes it
    headers = {**_named(f"{project_id}{SUFFIX}"), "Content-Length": str(size)}
    return StreamingResponse(_chunks(file), media_type=ZIP, headers=headers)


@router.post("/v1/restore", tags=["projects"], status_code=201, openapi_extra=needs("owner", {FORM: MOST_BACKUP}))
def restore_project(file: Annotated[UploadFile, File()], opened: Opened) -> Imported:
    """Make a new project of a backup, which gives the same answers, of a zip of folders or a Teachable Machine file.

    When nothing of it can be used it is a problem, and nothing has changed.
    """
    imported = import_project(opened.store, file.file, file.filename or "project.zip")
    refused = [SetAside.model_validate(each) for each in imported.refused]
    return Imported(project=project_reply(imported.project), added=imported.added, refused=refused)


def _number(opened: State, project_id: str, version: int | None) -> int:
    """Of the version asked for, or of the live one. Raises NotFound."""
    if version is not None:
        return version
    live = opened.store.models.live(project_id)
    if live is None:
        raise NotFound("There is no trained version yet.", hint="Train one first.")
    return live.number


def _named(name: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{name}"'}


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        file.seek(0)
        while chunk := file.read(_CHUNK):
            yield chunk
