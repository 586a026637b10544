"""Train with one click, hear how good the result is, and make it better."""

from core.errors import BadInput
from pages.parts import advice, details, live, mixups, report, scratch, session, start, suspects, undo, versions


def page() -> None:
    """Draw the page of training."""
    project = session.need_project()
    store = session.store()
    summary = store.summary(project.id)
    try:
        model = live.read(store, project)
    except BadInput:
        model = None
    start.draw(store, project, summary, readable=model is not None)
    if summary.version is None:
        return
    made = store.models.versions(project.id)
    comparison = versions.compared(made[0])
    fresh = comparison is not None and not summary.changed
    if comparison and fresh:
        versions.before_and_after(store, project, made[0], comparison)
    if model is not None:
        report.draw(store, model)
        advice.draw(store, model)
        mixups.draw(store, model)
        suspects.draw(store, model)
    versions.table(store, project, made)
    if comparison and not fresh:
        versions.before_and_after(store, project, made[0], comparison)
    if model is not None:
        details.draw(store, model)
        scratch.compare(project, model.version.number, model.bundle)
    undo.draw(store, project, made[0])
