"""What outlives one run of a page: every shared resource, every session key, and the project in the address."""

import threading

import streamlit as st

from core.data.store import Project, Store
from core.errors import AppError, NotFound
from core.jobs import Jobs
from core.model.backbones import BACKBONES, DEFAULT
from core.model.bundle import Bundle
from core.model.embed import Embedder

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
def trainer() -> Embedder:
    """The embedder that training uses, made ready in the background as soon as the first page is drawn."""
    embedder = Embedder(BACKBONES[DEFAULT], store().home, bulk=True)
    threading.Thread(target=_prepare, args=(embedder,), name="prepare-backbone", daemon=True).start()
    return embedder


def _prepare(embedder: Embedder) -> None:
    try:
        embedder.prepare()
    except AppError:
        return  # training meets the same error where the person can read it


@st.cache_resource(show_spinner=False, max_entries=8)
def bundle(project_id: str, version: int) -> Bundle:
    """A trained version, read once: versions never change."""
    return Bundle.from_files(store().version_files(project_id, version))


@st.cache_resource(show_spinner=False)
def predictor(backbone_id: str) -> Embedder:
    """The embedder for single predictions."""
    return Embedder(BACKBONES[backbone_id], store().home)


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


def fresh_key(name: str) -> str:
    """A widget's key that `renew` replaces, which empties the widget."""
    return f"{name}-{st.session_state.setdefault(f'{name}-number', 0)}"


def renew(name: str) -> None:
    """Empty the widget whose key came from `fresh_key`."""
    st.session_state[f"{name}-number"] = st.session_state.get(f"{name}-number", 0) + 1
