"""What outlives one run of a page: every shared resource, every session key, and the project in the address."""

import threading

import numpy as np
import streamlit as st

from core.data.store import Project, Store
from core.errors import AppError, NotFound
from core.jobs import Jobs
from core.model.backbones import BUNDLED
from core.model.bundle import Bundle
from core.model.embedder import Embedders
from core.model.select import Mode

PROJECT = "project"  # the query parameter that names the project, so that a reload or a link finds it again
PAGE_SIZE = 48  # photos drawn at once: a screenful or two, and quick however large the category


@st.cache_resource(show_spinner=False)
def store() -> Store:
    """The one store of this process."""
    return Store.from_environment()


@st.cache_resource(show_spinner=False)
def jobs() -> Jobs:
    """The one runner of background work of this process."""
    return Jobs(store())


@st.cache_resource(show_spinner=False)
def trainers() -> Embedders:
    """The embedders that training uses, made ready in the background as soon as the first page is drawn."""
    embedders = Embedders(store().home, bulk=True)
    threading.Thread(target=_prepare, args=(embedders,), name="prepare-backbones", daemon=True).start()
    return embedders


def _prepare(embedders: Embedders) -> None:
    try:
        for backbone in BUNDLED:
            embedders[backbone].prepare()
    except AppError:
        return  # training meets the same error where the person can read it


@st.cache_resource(show_spinner=False, max_entries=8)
def bundle(project_id: str, version: int) -> Bundle:
    """A trained version, read once: versions never change."""
    return Bundle.from_files(store().models.files(project_id, version))


def mode_of(project: Project, bundle: Bundle) -> Mode:
    """The mode that answers: the one that the person picked, else the one that is advised."""
    return "fast" if project.mode == "fast" else "best" if project.mode == "best" else bundle.mode


@st.cache_resource(show_spinner=False)
def predictors() -> Embedders:
    """The embedders for single predictions."""
    return Embedders(store().home)


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
