"""My projects, a new one, or the built-in example."""

import streamlit as st

from core.data import example
from core.data.photo import encode
from core.data.store import Project, Store
from core.errors import AppError
from pages.parts import backup, session, steps
from pages.parts.words import count, plain, show_error

SEED = 7  # of the two dresses shown


def page() -> None:
    """Draw the first page."""
    st.title("Teach your computer to tell things apart")
    st.markdown(
        "Name two or more kinds of things, show a few photos of each, and get a model that recognises them in new "
        "photos. No code, and nothing leaves this computer."
    )
    left, right = st.columns([3, 2], gap="large")
    with left:
        _new_project()
        _my_projects()
        backup.bring(session.store())
    with right:
        _example()


def _new_project() -> None:
    with st.form("new-project", border=False), st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.text_input("Name of your new project", placeholder="For example: garden birds", max_chars=200)
        made = st.form_submit_button("Create project", type="primary")
    if made:
        try:
            project = session.store().create_project(name)
        except AppError as error:
            show_error(error)
        else:
            steps.go("categories", project.id)


def _my_projects() -> None:
    st.subheader("Your projects")
    projects = session.store().projects()
    if not projects:
        st.caption("None yet. Create one above, or look at the example first.")
    for project in projects:
        _card(session.store(), project)


def _card(store: Store, project: Project) -> None:
    summary = store.summary(project.id)
    state = [count(summary.categories, "category", "categories"), count(summary.photos, "photo")]
    if summary.accuracy is not None:
        state.append(f"{summary.accuracy:.0%} right when tested")
    with st.container(border=True, horizontal=True, vertical_alignment="center", key=f"project-{project.id}"):
        with st.container(width="stretch", gap=None):
            st.markdown(f"**{plain(project.name)}**")
            st.caption(" · ".join(state))
        if st.button("Open", key=f"open-{project.id}", help=f"Open {plain(project.name)}"):
            steps.go(_where_to_go_on(store, project), project.id)
        with st.popover("", icon=":material/more_vert:", help="Rename or delete", key=f"more-{project.id}"):
            _rename(store, project)
            if st.button("Delete this project…", key=f"delete-{project.id}", icon=":material/delete:"):
                _confirm_delete(store, project)


def _where_to_go_on(store: Store, project: Project) -> str:
    summary = store.summary(project.id)
    if summary.version is not None:
        return "try"
    if not steps.why_not_train(project.id):
        return "train"
    return "photos" if summary.categories >= 2 else "categories"


def _rename(store: Store, project: Project) -> None:
    with st.form(f"rename-{project.id}", border=False):
        name = st.text_input("New name", value=project.name, max_chars=200)
        if st.form_submit_button("Rename"):
            try:
                store.rename_project(project.id, name)
            except AppError as error:
                show_error(error)
            else:
                st.rerun()


@st.dialog("Delete this project?")
def _confirm_delete(store: Store, project: Project) -> None:
    photos = count(store.summary(project.id).photos, "photo")
    st.markdown(f"**{plain(project.name)}**, its {photos} and its models will be gone for good.")
    with st.container(horizontal=True):
        if st.button("Delete it", type="primary"):
            store.delete_project(project.id)
            st.rerun()
        if st.button("Keep it"):
            st.rerun()


def _example() -> None:
    with st.container(border=True):
        st.subheader("Not sure? Start with the example")
        with st.container(horizontal=True):
            for category, picture in _pictures().items():
                st.image(picture, width=120, alt=f"A drawn dress, {category}")
        st.markdown(
            "Is the dress **blue and black**, or **white and gold**? "
            f"{2 * example.PHOTOS} drawn dresses to learn from, trained and tried in a few seconds."
        )
        if st.button("Open the example", icon=":material/checkroom:"):
            with st.spinner("Drawing dresses…"):
                project_id = _open_example(session.store())
            steps.go("train", project_id)


@st.cache_data(show_spinner=False)
def _pictures() -> dict[str, bytes]:
    return {category: encode(example.draw(category, seed=SEED)) for category in example.CATEGORIES}


def _open_example(store: Store) -> str:
    for project in store.projects():
        if project.is_example:
            return project.id
    return example.make_project(store).id
