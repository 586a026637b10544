"""Photos over HTTP: files, a zip or addresses in; looked through, moved, set aside, deleted."""

from collections.abc import Iterator
from typing import Annotated

from fastapi import APIRouter, File, Form, Query, UploadFile
from fastapi.responses import Response

from core.data.archive import is_zip
from core.data.download import Downloader, Wanted
from core.data.intake import Sorter
from core.data.network import user_agent
from core.data.photo import Refused, decode
from core.data.sources import camera_source
from core.data.store import Credit, Store, StoredPhoto
from core.data.upload import MAX_FILES, Upload, unpack
from core.errors import AppError, NotFound
from core.serve.guard import FORM, JSON, SMALL, Guarded, Number, Opened, needs
from core.serve.problems import Problem
from core.serve.routes.bodies import LARGEST, Addresses, Id, PhotoChange
from core.serve.routes.projects import HERE, category_of
from core.serve.routes.replies import Outcome, Outcomes, Photo, Photos

router = APIRouter(route_class=Guarded)
PHOTO = f"{HERE}/photos/{{photo_id:id}}"
MOST_BYTES = 500_000_000  # of an upload; the browser's page takes as much at once
MOST_ON_A_PAGE = 500
FROM_ADDRESS = "address"  # the provider of a photo that was fetched because somebody named its address

Given = tuple[Upload | Refused, Credit]


@router.get(f"{HERE}/photos", tags=["photos"], openapi_extra=needs("manage"))
def list_photos(
    project_id: str,
    opened: Opened,
    category_id: Annotated[Id | None, Query()] = None,
    kept: bool | None = None,
    offset: Annotated[int, Query(ge=0, le=LARGEST)] = 0,
    limit: Annotated[int, Query(ge=1, le=MOST_ON_A_PAGE)] = 100,
) -> Photos:
    """A page of the photos, oldest first, of one category or all, kept or set aside or both."""
    counts = opened.store.photos.counts(project_id)
    if category_id is not None:
        category_of(opened.store, project_id, category_id)
    asked = [count for each, count in counts.items() if category_id in (None, each)]
    total = sum((count.kept if kept is not False else 0) + (count.set_aside if not kept else 0) for count in asked)
    found = opened.store.photos.of(project_id, category_id=category_id, kept=kept, offset=offset, limit=limit)
    return Photos(photos=[Photo.model_validate(each) for each in found], total=total, offset=offset)


@router.post(
    f"{HERE}/photos",
    tags=["photos"],
    form_limits={"max_files": MAX_FILES},
    openapi_extra=needs("manage", {FORM: MOST_BYTES}),
)
def add_photos(
    project_id: str,
    files: Annotated[list[UploadFile], File()],
    opened: Opened,
    category_id: Annotated[Id | None, Form()] = None,
) -> Outcomes:
    """Add photos, many at once, and at most one zip of them.

    Without `category_id` each goes to the category that its folder names ("cats/1.jpg"), made if need be. The answer
    tells what became of each; when none could be used it is a problem, and nothing has changed.
    """
    return _add(opened.store, project_id, category_id, _unpacked(files))


@router.post(f"{HERE}/photos/addresses", tags=["photos"], openapi_extra=needs("manage", {JSON: SMALL}))
def add_photos_from_addresses(project_id: str, body: Addresses, opened: Opened) -> Outcomes:
    """Fetch photos from public addresses on the web, and answer as if they had been sent."""
    category_of(opened.store, project_id, body.category_id)
    with Downloader(bytes, user_agent=user_agent()) as downloader:
        found = {each.url: each for each in downloader.fetch_many(Wanted(url) for url in dict.fromkeys(body.addresses))}
    given: list[Given] = []
    for url in body.addresses:
        credit = Credit(FROM_ADDRESS, page=url)
        data = found[url].data
        name = url.partition("?")[0].rpartition("/")[2] or url
        given.append((Refused(url, found[url].reason) if data is None else Upload(name, None, data), credit))
    return _add(opened.store, project_id, body.category_id, iter(given))


@router.get(PHOTO, tags=["photos"], openapi_extra=needs("manage"))
def read_photo(project_id: str, photo_id: Number, opened: Opened) -> Photo:
    """What is known of a photo."""
    return Photo.model_validate(opened.store.photos.one(project_id, photo_id))


@router.get(
    f"{PHOTO}/file",
    tags=["photos"],
    response_class=Response,
    responses={200: {"content": {"image/jpeg": {"schema": {"type": "string", "format": "binary"}}}}},
    openapi_extra=needs("manage"),
)
def read_photo_file(project_id: str, photo_id: Number, opened: Opened) -> Response:
    """The picture as it is kept: a JPEG, its longer side 640 pixels at most."""
    photo = opened.store.photos.one(project_id, photo_id)
    return Response(opened.store.photos.read(photo.sha256), media_type="image/jpeg")


@router.patch(PHOTO, tags=["photos"], openapi_extra=needs("manage", {JSON: SMALL}))
def change_photo(project_id: str, photo_id: Number, body: PhotoChange, opened: Opened) -> Photo:
    """Set a photo aside or bring it back, or move it. A picture that the other category holds becomes one with it."""
    store, named = opened.store, body.model_fields_set
    photo = store.photos.one(project_id, photo_id)
    if "category_id" in named:
        category_of(store, project_id, body.category_id)
        store.photos.move([photo_id], body.category_id, undoable=True)
        photo = _moved(store, project_id, body.category_id, photo)
    if "kept" in named:
        store.photos.set_kept([photo.id], body.kept, undoable=True)
    return Photo.model_validate(store.photos.one(project_id, photo.id))


@router.delete(PHOTO, tags=["photos"], status_code=204, openapi_extra=needs("manage"))
def delete_photo(project_id: str, photo_id: Number, opened: Opened) -> None:
    """Delete a photo for good."""
    opened.store.photos.delete([opened.store.photos.one(project_id, photo_id).id])


def _moved(store: Store, project_id: str, category_id: int, photo: StoredPhoto) -> StoredPhoto:
    """The photo in its new category: itself, or the one that it became one with."""
    try:
        return store.photos.one(project_id, photo.id)
    except NotFound:
        there = store.photos.of(project_id, category_id=category_id)
        return next(each for each in there if each.sha256 == photo.sha256)


def _unpacked(files: list[UploadFile]) -> Iterator[Given]:
    """What all files hold, bounded as one zip is: a hundred of them could unpack to a hundred times as much."""
    has_zip = False
    for file in files:
        name = file.filename or "photo"
        if is_zip(file.file):
            if has_zip:
                yield Refused(name, "Only one zip is opened in a request. Send the others by themselves."), Credit()
                continue
            has_zip = True
        for item in unpack(name, file.file):
            yield item, Credit()


def _add(store: Store, project_id: str, category_id: int | None, given: Iterator[Given]) -> Outcomes:
    if category_id is not None:
        category_of(store, project_id, category_id)
    sort = Sorter(store, project_id, category_id)
    items = [_outcome(store, sort, item, credit) for item, credit in given]
    count = {word: sum(item.outcome == word for item in items) for word in ("added", "repeated", "refused")}
    if count["refused"] == len(items):
        raise Problem(
            "bad-photo",
            items[0].reason if len(items) == 1 else "None of these could be used." if items else "There is no photo.",
            hint="`errors` says why, one by one." if items else "Send JPEG, PNG or WebP pictures, or a zip of them.",
            errors=[(item.name, item.reason) for item in items],
        )
    return Outcomes(**count, items=items)


def _outcome(store: Store, sort: Sorter, item: Upload | Refused, credit: Credit) -> Outcome:
    if isinstance(item, Refused):
        return _refused(item.name, item.reason)
    try:
        pixels = decode(item.data)  # before its category is made, so that what is no photo makes none
        source = camera_source(item.data)
        added = store.photos.add_pixels(sort.category(item), pixels, item.name, credit, source)
    except AppError as error:
        return _refused(item.name, str(error))
    return Outcome(
        name=item.name,
        outcome="added" if added.is_new else "repeated",
        photo_id=added.photo.id,
        category_id=added.photo.category_id,
        reason="",
    )


def _refused(name: str, reason: str) -> Outcome:
    return Outcome(name=name, outcome="refused", photo_id=None, category_id=None, reason=reason)
