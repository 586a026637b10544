"""What outlives one run of a page: every shared resource, every session key, and the project in the address."""

import threading

import numpy as np
import streamlit as st

from core.data.store import Project, Store
from core.errors import AppError, NotFound
from core.jobs import Jobs
from core.model.backbones import BUNDLED
from core.model.embedder import Embedders
from core.serve import state as process
from core.serve.answers import Answers

PROJECT = "project"  # the query parameter that names the project, so that a reload or a link finds it again
PAGE_SIZE = 48  # photos drawn at once: a screenful or two, and quick however large the category


def state() -> process.State:
    """What this process has open, for its pages and its API."""
    return process.state()


def store() -> Store:
    """The one store of this process."""
    return state().store


def jobs() -> Jobs:
    """The one runner of background work of this process."""
    return state().jobs


def answers() -> Answers:
    """What answers for every project."""
    return state().answers


@st.cache_resource(show_spinner=False)
def trainers() -> Embedders:
    """The embedders that training uses, made ready in the background as soon as the first page is drawn."""
    threading.Thread(target=_prepare, args=(state().trainers,), name="prepare-backbones", daemon=True).start()
    return state().trainers


def _prepare(embedders: Embedders) -> None:
    try:
        for backbone in BUNDLED:
            embedders[backbone].prepare()
    except AppError:
        return  # training meets the same error where the person can read it


def predictors() -> Embedders:
    """The embedders for single predictions."""
    return state().predictors


@st.cache_resource(show_spinner=False)
def make_ready(backbones: tuple[str, ...]) -> None:
    """Load, in the background, what answers and their reasons need, while the person still picks a photo."""
    threading.Thread(target=_load, args=(predictors(), backbones), name="load-backbones", daemon=True).start()


def _load(embedders: Embedders, backbones: tuple[str, ...]) -> None:
    try:
        for embedder in (embedders[backbone] for backbone in backbones):
            embedder.prepare()
            side = embedder.backbone.pixels
            embedder.maps(np.zeros((side, side, 3), np.uint8))
    except AppError:
        return  # the first answer meets the same error where the person can read it


def current_project() -> Project | None:
    """The project that the address names, or None on pages that need none; NotFound when it is gone."""
    project_id = st.query_params.get(PROJECT)
    return store().project(project_id) if project_id else None


def need_project() -> Project:
    """The project that the address names; NotFound, with the way on, when there is none."""
    project = current_project()
    if project is None:
        raise NotFound("No project is open.", hint="Open one of yours, or make a new one, on the first page.")
    return project


def category_key(project_id: str) -> str:
    """The key of the Photos page's choice of a category."""
    return f"category-of-{project_id}"


def fresh_key(name: str) -> str:
    """A widget's key that `renew` replaces, which empties the widget."""
    return f"{name}-{st.session_state.setdefault(f'{name}-number', 0)}"


def renew(name: str) -> None:
    """Empty the widget whose key came from `fresh_key`."""
    st.session_state[f"{name}-number"] = st.session_state.get(f"{name}-number", 0) + 1
