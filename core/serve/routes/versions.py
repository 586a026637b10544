"""Trained versions over HTTP: how good each is, and which of them answers."""

from fastapi import APIRouter

from core.model.evaluate import in_words
from core.serve.guard import Guarded, Number, Opened, needs
from core.serve.routes.projects import HERE
from core.serve.routes.replies import Finding, Report, SetAside, Version, VersionReport, Versions

router = APIRouter(route_class=Guarded, tags=["versions"])
ONE = f"{HERE}/versions/{{number:id}}"


@router.get(f"{HERE}/versions", openapi_extra=needs("manage"))
def list_versions(project_id: str, opened: Opened) -> Versions:
    """All versions, newest first."""
    opened.store.project(project_id)
    return Versions(versions=[Version.model_validate(each) for each in opened.store.models.versions(project_id)])


@router.get(ONE, openapi_extra=needs("manage"))
def read_version(project_id: str, number: Number, opened: Opened) -> VersionReport:
    """How good a version is, measured on photos that it did not learn from, and what would make it better."""
    live = opened.answers.live(project_id, number)
    bundle = live.bundle
    return VersionReport(
        **Version.model_validate(live.version).model_dump(),
        in_words=in_words(bundle.reports[live.mode]),
        advised=bundle.mode,
        reports={mode: Report.model_validate(report) for mode, report in bundle.reports.items()},
        findings=[Finding.model_validate(each) for each in bundle.advice.findings],
        set_aside=[SetAside.model_validate(each) for each in bundle.set_aside],
    )


@router.post(f"{ONE}/live", openapi_extra=needs("manage"))
def make_live(project_id: str, number: Number, opened: Opened) -> Version:
    """Have this version answer from now on."""
    return Version.model_validate(opened.store.models.set_live(project_id, number))
