"""The steps of a project and their state, at the top of every page, and the way from one to the next."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from core.data.store import Category, Counts, Project, Summary
from core.errors import AppError, BadInput
from core.serve.answers import mode_of
from core.serve.work import check_trainable
from pages.parts import session
from pages.parts.words import plain

_LINKS = "steps-pages"


def draw(pages: Mapping[str, StreamlitPage], project: Project | None) -> None:
    """The name of the app, the open project, and a link for each step with how far it is."""
    st.session_state[_LINKS] = dict(pages)
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="steps"):
        st.page_link(pages["home"], label="**Thimble**", icon=":material/photo_camera:")
        if project is None:
            return
        for step in _steps(project):
            st.page_link(
                pages[step.page],
                label=f"{step.name} · {step.state}" if step.state else step.name,
                icon=":material/check_circle:" if step.done else ":material/radio_button_unchecked:",
                disabled=bool(step.missing),
                help=step.missing or None,
                query_params={session.PROJECT: project.id},
            )
    st.caption(f"Project: {plain(project.name)}")


class Step(NamedTuple):
    """One step: its page, its name and state, whether it is done, and what is missing before it can be opened."""

    page: str
    name: str
    state: str
    done: bool
    missing: str


def _steps(project: Project) -> list[Step]:
    summary = session.store().summary(project.id)
    missing = why_not_train(project.id)
    trained = summary.version is not None
    accuracy = _accuracy(project, summary)
    result = f"{accuracy:.0%}" if accuracy is not None else ""
    if trained and summary.changed:
        result += ", photos changed"
    nameless = "" if summary.categories else "Name your categories first."
    waiting = session.store().corrections.count(project.id)
    steps = [
        Step("categories", "Categories", str(summary.categories or ""), summary.categories >= 2, ""),
        Step("photos", "Photos", f"{summary.photos:,}" if summary.photos else "", not missing, nameless),
        Step("train", "Train", result, trained and not summary.changed, "" if trained else missing),
        Step("try", "Try", "", False, "" if trained else "Train a model first."),
        Step("share", "Share", "", False, ""),
    ]
    return [*steps, Step("review", "Corrections", f"{waiting:,}", False, "")] if waiting else steps


def _accuracy(project: Project, summary: Summary) -> float | None:
    """The live version's, in the mode that the person picked if there is one."""
    if not project.mode or summary.version is None:
        return summary.accuracy
    try:
        bundle = session.answers().bundle(project.id, summary.version)
    except BadInput:
        return summary.accuracy
    return bundle.reports[mode_of(project, bundle)].accuracy


def why_not_train(project_id: str) -> str:
    """What is missing before training can start, in words; empty when nothing is."""
    return what_is_missing(session.store().categories(project_id), session.store().photos.counts(project_id))


def what_is_missing(categories: Sequence[Category], counts: Mapping[int, Counts]) -> str:
    """The same, for a page that has counted already."""
    try:
        check_trainable(categories, counts)
    except AppError as error:
        return str(error)
    return ""


def go(name: str, project_id: str | None = None) -> None:
    """Open another step's page; ends this run."""
    params = {session.PROJECT: project_id} if project_id else {}
    st.switch_page(st.session_state[_LINKS][name], query_params=params)


def link(name: str, label: str, icon: str, project_id: str) -> None:
    """A link to a page beside the steps."""
    page = st.session_state[_LINKS][name]
    st.page_link(page, label=label, icon=icon, query_params={session.PROJECT: project_id})


def header(title: str, label: str, name: str, project_id: str, *, missing: str = "") -> None:
    """The page's title, and beside it its one primary button, to the next step; disabled, it says why."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.title(title, width="stretch")
        if st.button(label, type="primary", icon=":material/arrow_forward:", disabled=bool(missing)):
            go(name, project_id)
    if missing:
        st.caption(f":material/info: {plain(missing)}")
