"""Keys and links over HTTP: who else may use a project."""

from datetime import UTC, datetime

from fastapi import APIRouter
from starlette.requests import Request

from core.data import store as stored
from core.errors import BadInput, NotFound
from core.serve.address import reached_at
from core.serve.guard import JSON, SMALL, Guarded, Number, Opened, needs
from core.serve.routes.bodies import NewKey, NewLink
from core.serve.routes.projects import HERE
from core.serve.routes.replies import Key, Keys, KeyWithSecret, Link, Links

router = APIRouter(route_class=Guarded, tags=["access"])


@router.get(f"{HERE}/keys", openapi_extra=needs("manage"))
def list_keys(project_id: str, opened: Opened) -> Keys:
    """The keys of the project, newest first, without their secrets."""
    opened.store.project(project_id)
    return Keys(keys=[Key.model_validate(each) for each in opened.store.access.keys(project_id)])


@router.post(f"{HERE}/keys", status_code=201, openapi_extra=needs("manage", {JSON: SMALL}))
def make_key(project_id: str, body: NewKey, opened: Opened) -> KeyWithSecret:
    """Make a key. The answer holds its secret, which cannot be had again."""
    key, secret = opened.store.access.add_key(project_id, body.name, body.scope)
    return KeyWithSecret(**Key.model_validate(key).model_dump(), secret=secret)


@router.delete(f"{HERE}/keys/{{key_id:id}}", status_code=204, openapi_extra=needs("manage"))
def revoke_key(project_id: str, key_id: Number, opened: Opened) -> None:
    """Revoke a key, at once and for good."""
    if key_id not in {key.id for key in opened.store.access.keys(project_id)}:
        raise NotFound("This key is not there.", hint="List the keys of the project.")
    opened.store.access.revoke_key(key_id)


@router.get(f"{HERE}/links", openapi_extra=needs("manage"))
def list_links(project_id: str, opened: Opened, request: Request) -> Links:
    """The links to the page that only tries the model, newest first, expired ones too."""
    opened.store.project(project_id)
    return Links(links=[_link(each, request) for each in opened.store.access.links(project_id)])


@router.post(f"{HERE}/links", status_code=201, openapi_extra=needs("manage", {JSON: SMALL}))
def make_link(project_id: str, body: NewLink, opened: Opened, request: Request) -> Link:
    """Make a link to a page that only tries the live model."""
    if body.expires_at is not None and body.expires_at <= datetime.now(UTC):
        raise BadInput("The link would have expired already.", hint="Name a moment in the future, or none.")
    return _link(opened.store.access.add_link(project_id, expires_at=body.expires_at), request)


@router.delete(f"{HERE}/links/{{link_id:id}}", status_code=204, openapi_extra=needs("manage"))
def revoke_link(project_id: str, link_id: Number, opened: Opened) -> None:
    """Revoke a link, at once and for good."""
    if link_id not in {link.id for link in opened.store.access.links(project_id)}:
        raise NotFound("This link is not there.", hint="List the links of the project.")
    opened.store.access.revoke_link(link_id)


def _link(link: stored.Link, request: Request) -> Link:
    return Link(**{**vars(link), "address": f"{reached_at(request)}/s/{link.token}"})
