"""Work that takes its time, over HTTP: started here, it goes on in the background, and a page shows it too."""

from dataclasses import replace

from fastapi import APIRouter

from core.data.store import ApiKey, Store
from core.errors import BadInput
from core.serve.guard import JSON, SMALL, Caller, Guarded, Opened, check_project, needs
from core.serve.routes.bodies import Collect
from core.serve.routes.projects import HERE, category_of
from core.serve.routes.replies import Job
from core.serve.state import State
from core.serve.work import BUILD, check_trainable, start_building, start_training

router = APIRouter(route_class=Guarded)


@router.post(f"{HERE}/collect", tags=["work"], status_code=202, openapi_extra=needs("manage", {JSON: SMALL}))
def collect(project_id: str, body: Collect, opened: Opened) -> Job:
    """Collect photos of each category from the web, set the bad ones aside, and train.

    While such work is under way already, it is left as it is and answered.
    """
    store = opened.store
    live = opened.jobs.live(project_id, BUILD)
    if live:
        return Job.model_validate(live[0])
    if not [each for each in store.categories(project_id) if not each.is_none]:
        raise BadInput("There are no categories to collect photos of.", hint="Add some first.")
    if body.category_id is not None and category_of(store, project_id, body.category_id).is_none:
        raise BadInput("The web cannot be searched for none of these.", hint="Name another category.")
    _plan(store, project_id, body)

    return _job_reply(opened, start_building(opened, project_id, only=body.category_id))


@router.post(f"{HERE}/train", tags=["work"], status_code=202, openapi_extra=needs("manage"))
def train(project_id: str, opened: Opened) -> Job:
    """Train the next version. It goes live unless it is worse than the one before."""
    check_trainable(opened.store.categories(project_id), opened.store.photos.counts(project_id))
    return _job_reply(opened, start_training(opened, project_id))


@router.get("/v1/jobs/{job_id}", tags=["work"], openapi_extra=needs("manage"))
def read_job(job_id: str, opened: Opened, key: Caller) -> Job:
    """How far it is, or how it ended. Ask about twice a second."""
    return _job(opened, key, job_id)


@router.post("/v1/jobs/{job_id}/cancel", tags=["work"], status_code=202, openapi_extra=needs("manage"))
def cancel_job(job_id: str, opened: Opened, key: Caller) -> Job:
    """Have it stop soon; one that has ended stays as it is."""
    _job(opened, key, job_id)
    opened.jobs.cancel(job_id)
    return _job(opened, key, job_id)


def _job_reply(opened: State, job_id: str) -> Job:
    return Job.model_validate(opened.jobs.get(job_id))


def _job(opened: State, key: ApiKey, job_id: str) -> Job:
    job = opened.jobs.get(job_id)
    check_project(key, job.project_id)
    return Job.model_validate(job)


def _plan(store: Store, project_id: str, body: Collect) -> None:
    plan = store.web.plan(project_id)
    if body.per_category is not None:
        plan = replace(plan, wanted=body.per_category)
    if body.openly_licensed is not None:
        plan = replace(plan, openly_licensed=body.openly_licensed)
    if body.safe_search is not None:
        plan = replace(plan, safe=body.safe_search)
    if body.providers is not None:
        plan = replace(plan, providers=tuple(dict.fromkeys(body.providers)))
    store.web.set_plan(project_id, plan)
    if body.category_id is not None:
        store.web.want_more(body.category_id, body.more)
