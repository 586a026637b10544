"""Where training starts, is watched, and says how it ended; the page's one primary button."""

from typing import Literal

import streamlit as st

from core.data.store import Project, Store, Summary
from core.jobs import Job
from core.serve.work import BUILD, TRAIN, start_training
from pages.parts import session, steps, work
from pages.parts.words import count, plain

_WATCHED = "watched-training"


def train(project: Project, also: tuple[str, ...] = ()) -> None:
    """Begin to train in the background, with these backbones tried as well."""
    start_training(session.state(), project.id, also=also)


def is_busy(project: Project) -> bool:
    """Whether a training is under way, alone or at the end of a collection."""
    return any(session.jobs().live(project.id, kind) for kind in (TRAIN, BUILD))


def draw(store: Store, project: Project, summary: Summary, *, readable: bool) -> None:
    """The title with its buttons, or the work under way; `readable` says that the live version can be used."""
    if is_busy(project):
        st.session_state[_WATCHED] = project.id
        st.title("Train")
        work.running(project.id, TRAIN)
        work.running(project.id, BUILD)
        return
    job = _latest(project)
    if st.session_state.pop(_WATCHED, None) == project.id and job is not None and job.state == "done":
        st.toast("Trained. The result is at the top of this page.", icon=":material/check_circle:")
    missing = steps.why_not_train(project.id)
    trained = summary.version is not None
    current = trained and readable and not summary.changed
    interrupted = job is not None and job.kind == TRAIN and job.state == "interrupted"
    label = "Continue training" if interrupted else "Train again" if trained else "Train my model"
    with st.container(horizontal=True, vertical_alignment="center"):
        st.title("Train", width="stretch")
        if st.button(
            label, type="secondary" if current else "primary", icon=":material/model_training:", disabled=bool(missing)
        ):
            train(project)
            st.rerun()
        kind: Literal["primary", "secondary"] = "primary" if current else "secondary"
        if trained and readable and st.button("Next: try it", type=kind, icon=":material/arrow_forward:"):
            steps.go("try", project.id)
    if missing:
        st.caption(f":material/info: {plain(missing)}")
    work.outcome(job)
    _words(summary, readable=readable)


def _words(summary: Summary, *, readable: bool) -> None:
    if summary.version is None:
        st.markdown(
            f"{count(summary.photos, 'photo')} of {count(summary.categories, 'category', 'categories')}. "
            "Thimble learns from them, and keeps some out at a time to find out how well it does."
        )
    elif not readable:
        st.info(
            "This model was made by another version of Thimble, which this one cannot read. Your photos are all here: "
            "train again.",
            icon=":material/history:",
        )
    elif summary.changed:
        st.info(
            "The photos have changed since this model was trained. Train again to use them.",
            icon=":material/sync:",
        )


def _latest(project: Project) -> Job | None:
    """The training that was started last, alone or at the end of a collection."""
    found = [session.jobs().latest(project.id, kind) for kind in (TRAIN, BUILD)]
    return max((job for job in found if job is not None), key=lambda job: job.started_at, default=None)
