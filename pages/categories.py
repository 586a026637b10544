"""Name the kinds of things to tell apart."""

import re

import streamlit as st

from core.data.dataset import NONE_OF_THESE
from core.data.store import Category, Project, Store
from core.errors import AppError
from pages.parts import session, steps, web
from pages.parts.words import count, plain, show_error


def page() -> None:
    """Draw the page of categories."""
    project = session.need_project()
    store = session.store()
    categories = store.categories(project.id)
    answers = [category for category in categories if not category.is_none]
    missing = {0: "Add two categories first.", 1: "Add one more category first."}.get(len(answers), "")
    _title(project, missing)
    st.markdown("Two or more kinds of things that a photo can show, like *fox* and *wolf*, or *ripe* and *unripe*.")

    _add(store, project)
    counts = store.photos.counts(project.id)
    for category in answers:
        _row(store, category, counts[category.id].kept)
    if answers:
        web.options(store, project)
    if categories:
        none = next((category for category in categories if category.is_none), None)
        _none_of_these(store, project, none, counts[none.id].kept if none else 0)


def _title(project: Project, missing: str) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.title("What should it tell apart?", width="stretch")
        if st.button("Use my own photos", disabled=bool(missing), icon=":material/add_photo_alternate:"):
            steps.go("photos", project.id)
        if st.button("Build my model", type="primary", disabled=bool(missing), icon=":material/travel_explore:"):
            web.start(project)
            steps.go("photos", project.id)
    words = "Building collects photos of each from the web, leaves out the bad ones, and trains: one click."
    st.caption(f":material/info: {plain(missing) or words}")


def _add(store: Store, project: Project) -> None:
    form = st.form("add-categories", border=False, clear_on_submit=True)
    with form, st.container(horizontal=True, vertical_alignment="bottom"):
        typed = st.text_input("Add categories, separated by commas", placeholder="fox, wolf, coyote")
        added = st.form_submit_button("Add")
    if not added:
        return
    names = [name for name in re.split(r"[,;，、\n]", typed) if name.strip()]
    if not names:
        st.warning("Type a name first, like fox.", icon=":material/edit:")
    problems = []
    for name in names:
        try:
            store.add_category(project.id, name)
        except AppError as error:
            problems.append(error)
    for problem in problems:
        show_error(problem)
    if names and not problems:
        st.rerun()


def _row(store: Store, category: Category, photos: int) -> None:
    with st.container(border=True, horizontal=True, vertical_alignment="center", key=f"category-{category.id}"):
        with st.container(width=220, gap=None):
            st.markdown(f"**{plain(category.name)}**")
            st.caption(count(photos, "photo"))
        with st.container(width="stretch"):
            web.asked_for(store, category)
        with st.popover("", icon=":material/edit:", help="Rename or remove", key=f"edit-{category.id}"):
            _edit(store, category, photos)


def _none_of_these(store: Store, project: Project, category: Category | None, photos: int) -> None:
    """What is no answer: apart from the answers, and never searched for."""
    with st.container(border=True, horizontal=True, vertical_alignment="center", key="none-of-these"):
        with st.container(width="stretch", gap="xsmall"):
            state = "optional" if category is None else count(photos, "photo")
            st.markdown(f"**{NONE_OF_THESE}** · {state}")
            st.caption(
                "Your own photos of things that it will be shown but that are none of the above. A few help it to tell "
                "strangers; it does without, too."
            )
            if category is None:
                if st.button("Add it", icon=":material/add:", key="add-none-of-these"):
                    store.add_category(project.id, NONE_OF_THESE)
                    st.rerun()
                return
            if st.button("Give it photos", icon=":material/add_photo_alternate:", key="photos-none-of-these"):
                st.session_state[session.category_key(project.id)] = category.id
                steps.go("photos", project.id)
        with st.popover("", icon=":material/edit:", help="Remove", key=f"edit-{category.id}"):
            _remove(store, category, photos)


def _edit(store: Store, category: Category, photos: int) -> None:
    with st.form(f"rename-{category.id}", border=False):
        name = st.text_input("New name", value=category.name)
        if st.form_submit_button("Rename"):
            try:
                store.rename_category(category.id, name)
            except AppError as error:
                show_error(error)
            else:
                st.rerun()
    _remove(store, category, photos)


def _remove(store: Store, category: Category, photos: int) -> None:
    removes = f"Remove it and its {count(photos, 'photo')}" if photos else "Remove it"
    if st.button(removes, key=f"remove-{category.id}", icon=":material/delete:"):
        store.delete_category(category.id)
        st.rerun()
