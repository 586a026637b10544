"""Projects and their categories, over HTTP."""

from fastapi import APIRouter

from core.data import store as stored
from core.data.store import Counts, Store
from core.errors import NotFound
from core.serve.guard import JSON, SMALL, Caller, Guarded, Number, Opened, needs
from core.serve.routes.bodies import CategoryChange, Mode, NewCategory, NewProject, ProjectChange
from core.serve.routes.replies import Categories, Category, Project, ProjectDetails, Projects

router = APIRouter(route_class=Guarded)
HERE = "/v1/projects/{project_id}"
MODES: dict[Mode, str] = {"auto": "", "fast": "fast", "best": "best"}
NO_PHOTOS = Counts(0, 0, 0)
NAMES: dict[str, Mode] = {value: name for name, value in MODES.items()}


@router.get("/v1/projects", tags=["projects"], openapi_extra=needs("manage"))
def list_projects(opened: Opened, key: Caller) -> Projects:
    """All projects that the key opens, newest first."""
    mine = [each for each in opened.store.projects() if key.project_id in (None, each.id)]
    return Projects(projects=[project_reply(each) for each in mine])


@router.post("/v1/projects", tags=["projects"], status_code=201, openapi_extra=needs("owner", {JSON: SMALL}))
def make_project(body: NewProject, opened: Opened) -> Project:
    """Make an empty project."""
    return project_reply(opened.store.create_project(body.name))


@router.get(HERE, tags=["projects"], openapi_extra=needs("manage"))
def read_project(project_id: str, opened: Opened) -> ProjectDetails:
    """The project at a glance."""
    project, summary = opened.store.project(project_id), opened.store.summary(project_id)
    return ProjectDetails(
        **project_reply(project).model_dump(),
        categories=summary.categories,
        photos=summary.photos,
        set_aside=summary.set_aside,
        conflicts=summary.conflicts,
        version=summary.version,
        accuracy=summary.accuracy,
        changed=summary.changed,
    )


@router.patch(HERE, tags=["projects"], openapi_extra=needs("manage", {JSON: SMALL}))
def change_project(project_id: str, body: ProjectChange, opened: Opened) -> Project:
    """Rename it, say who made it, or decide how its model is chosen and how easily it says none of these."""
    store, named = opened.store, body.model_fields_set
    project = store.project(project_id)
    if "name" in named or "maker" in named:  # first, and at once: of all only names can still be refused
        project = store.rename_project(
            project_id,
            body.name if "name" in named else None,
            body.maker if "maker" in named else None,
        )
    if "mode" in named:
        project = store.set_mode(project_id, MODES[body.mode])
    if "share_refused" in named:
        project = store.set_share_refused(project_id, body.share_refused)
    return project_reply(project)


@router.delete(HERE, tags=["projects"], status_code=204, openapi_extra=needs("manage"))
def delete_project(project_id: str, opened: Opened) -> None:
    """Delete the project with its photos, versions, exports, keys and links. There is no way back."""
    opened.store.delete_project(project_id)


@router.get(f"{HERE}/categories", tags=["categories"], openapi_extra=needs("manage"))
def list_categories(project_id: str, opened: Opened) -> Categories:
    """The categories in their order, each with how many photos it has."""
    counts = opened.store.photos.counts(project_id)
    found = opened.store.categories(project_id)
    return Categories(categories=[_category(opened.store, each, counts.get(each.id, NO_PHOTOS)) for each in found])


@router.post(f"{HERE}/categories", tags=["categories"], status_code=201, openapi_extra=needs("manage", {JSON: SMALL}))
def make_category(project_id: str, body: NewCategory, opened: Opened) -> Category:
    """Make a category. One named "None of these" holds photos that show none of the others."""
    category = opened.store.add_category(project_id, body.name)
    if body.search_for:
        opened.store.web.set_phrases(category.id, body.search_for)
    return _category(opened.store, category, NO_PHOTOS)


@router.patch(
    f"{HERE}/categories/{{category_id:id}}", tags=["categories"], openapi_extra=needs("manage", {JSON: SMALL})
)
def change_category(project_id: str, category_id: Number, body: CategoryChange, opened: Opened) -> Category:
    """Rename a category, or set what to search the web for; no phrases stand for its name."""
    category = category_of(opened.store, project_id, category_id)
    if "name" in body.model_fields_set:
        category = opened.store.rename_category(category_id, body.name)
    if "search_for" in body.model_fields_set:
        opened.store.web.set_phrases(category_id, body.search_for)
    return _category(opened.store, category, opened.store.photos.counts(project_id).get(category_id, NO_PHOTOS))


@router.delete(
    f"{HERE}/categories/{{category_id:id}}", tags=["categories"], status_code=204, openapi_extra=needs("manage")
)
def delete_category(project_id: str, category_id: Number, opened: Opened) -> None:
    """Delete a category with its photos."""
    category_of(opened.store, project_id, category_id)
    opened.store.delete_category(category_id)


def category_of(store: Store, project_id: str, category_id: int) -> stored.Category:
    """A category of this very project; raises NotFound for another's, in the words for one that is gone."""
    for category in store.categories(project_id):
        if category.id == category_id:
            return category
    raise NotFound("This category is not there.", hint="List the categories of the project.")


def project_reply(project: stored.Project) -> Project:
    """The project as the API gives it."""
    return Project(
        id=project.id,
        name=project.name,
        created_at=project.created_at,
        is_example=project.is_example,
        mode=NAMES[project.mode],
        share_refused=project.share_refused,
        maker=project.maker,
    )


def _category(store: Store, category: stored.Category, counts: Counts) -> Category:
    return Category(
        id=category.id,
        name=category.name,
        position=category.position,
        is_none=category.is_none,
        search_for=list(store.web.phrases(category.id)),
        photos=counts.kept,
        set_aside=counts.set_aside,
        conflicts=counts.conflicts,
    )
