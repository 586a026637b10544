"""A whole project as one file: downloaded from the Share page, brought in again on the first page."""

import re
from functools import partial
from io import BytesIO

import streamlit as st

from core.data.store import Project, Store
from core.errors import AppError
from core.serve.backup import SUFFIX, backup
from core.serve.imports import Imported, import_project
from pages.parts import session, steps
from pages.parts.words import count, plain, show_error

FILE = "bring"  # the uploader of a project
_BROUGHT = "brought-project"  # what was brought in last, while something about it is still to be read


def download(store: Store, project: Project, *, is_primary: bool = True) -> None:
    """What the file holds, and the button that makes it."""
    summary = store.summary(project.id)
    st.markdown(
        f"All of this project in one file: its {count(summary.photos + summary.set_aside, 'photo')} with where they "
        "come from, its categories, all trained versions, and corrections that wait. Keys and links are not in it."
    )
    st.download_button(
        "Download the backup",
        partial(_file, store, project.id),
        f"{re.sub(r'[^0-9A-Za-z]+', '-', project.name).strip('-').lower() or 'project'}{SUFFIX}",
        "application/zip",
        icon=":material/archive:",
        type="primary" if is_primary else "secondary",
        on_click="ignore",
    )
    st.caption(
        "To bring it back, here or on another computer, choose *Bring a project* on the first page. It becomes a "
        "project of its own, and gives the same answers."
    )


def bring(store: Store) -> None:
    """A project from a file, as one more project."""
    with st.expander("Bring a project", icon=":material/unarchive:", expanded=_BROUGHT in st.session_state):
        st.markdown(
            "A backup from Thimble, a Teachable Machine project, or a zip in which each folder holds the photos of one "
            "category."
        )
        file = st.file_uploader("The file", type=[SUFFIX, ".tm", ".zip"], key=session.fresh_key(FILE))
        if file is not None:
            _take_in(store, file, file.name)
        _brought()


def _take_in(store: Store, file: BytesIO, name: str) -> None:
    bar = st.progress(0.0, text="Looking into the file …")

    def show(done: float, words: str) -> None:
        bar.progress(done, text=words)

    try:
        imported = import_project(store, file, name, on_progress=show)
    except AppError as error:
        show_error(error)
        return
    finally:
        bar.empty()
    session.renew(FILE)
    if not imported.refused:
        steps.go("photos", imported.project.id)
    st.session_state[_BROUGHT] = imported
    st.rerun()


def _brought() -> None:
    """What could not be used of the file that was brought in last."""
    imported: Imported | None = st.session_state.get(_BROUGHT)
    if imported is None:
        return
    st.success(
        f"**{plain(imported.project.name)}** is here, with {count(imported.added, 'photo')}.", icon=":material/check:"
    )
    st.markdown(f"{count(len(imported.refused), 'thing')} in the file could not be used:")
    st.dataframe([{"What": item.name, "Why": item.reason} for item in imported.refused], hide_index=True)
    if st.button("Open it", icon=":material/arrow_forward:", key="open-brought"):
        del st.session_state[_BROUGHT]
        steps.go("photos", imported.project.id)


def _file(store: Store, project_id: str) -> BytesIO:
    file = BytesIO()
    backup(store, project_id, file)
    return file
