"""Hand the model on: as a link, to programs, as a file for other systems; and the project, as a backup."""

import streamlit as st

from core.data.store import Project, Store
from core.errors import AppError, BadInput, NotFound
from pages.parts import backup, exports, keys, links, session, snippets, steps
from pages.parts.address import address, note
from pages.parts.words import show_error

LINK, PROGRAMS = ":material/link: A link", ":material/code: Programs"
EXPORTS, BACKUP = ":material/download: Take it with you", ":material/archive: Backup"

# The button that copies shows only under a mouse; a finger and the keyboard must find it, too.
COPY = '[data-testid="stCode"] > div:has([data-testid="stElementToolbarButton"])'
STYLE = f"<style>{COPY} {{ opacity: 1; visibility: visible; }}</style>"


def page() -> None:
    """Draw the page of sharing."""
    project = session.need_project()
    store = session.store()
    try:
        version = session.answers().live(project.id).version
    except (NotFound, BadInput) as error:
        _without_a_model(store, project, error)
        return
    st.title("Share")
    st.caption(f"Others always get the version that answers now: version {version.number}.")
    st.html(STYLE)
    labels = (LINK, PROGRAMS, EXPORTS, BACKUP)
    link, programs, files, whole = st.tabs(labels, key=f"share-{project.id}", on_change="rerun")
    if link.open:
        with link:
            links.draw(store, project, address())
    if programs.open:
        with programs:
            _programs(store, project)
    if files.open:
        with files:
            exports.draw(store, project, version)
    if whole.open:
        with whole:
            backup.download(store, project)


def _without_a_model(store: Store, project: Project, error: AppError) -> None:
    """The way to a model, there being none or none that this Thimble can read; a backup can be made all the same."""
    is_trained = isinstance(error, BadInput)
    label = "Train again" if is_trained else "Train a model"
    steps.header("Share", label, "train", project.id, missing=steps.why_not_train(project.id))
    if is_trained:
        show_error(error)
    else:
        st.info(
            "There is no trained model yet. Once there is one, you can give it to others here: as a link, to programs, "
            "or as a file.",
            icon=":material/model_training:",
        )
    st.subheader("Backup")
    backup.download(store, project, is_primary=False)


def _programs(store: Store, project: Project) -> None:
    where = address()
    st.markdown("A program in any language can show your model a photo and get its answer. It needs a key.")
    secret = keys.make(store, project)
    snippets.draw(where, project, secret)
    note(where)
    keys.listed(store, project)
    keys.owner(store)
