"""Show the trained model new photos."""

import streamlit as st

from core.data import example
from core.data.photo import MAX_BYTES
from core.data.store import Project, Store
from core.errors import BadInput
from core.serve.answers import Live
from pages.parts import answer, session, steps
from pages.parts.words import plain, show_error

LIMIT = MAX_BYTES // 1_000_000  # megabytes
LEAST, MOST = 1, 20  # of 100 true photos may be refused


def page() -> None:
    """Draw the page for trying the model."""
    project = session.need_project()
    store = session.store()
    if store.models.live(project.id) is None:
        steps.header("Try it", "Train a model", "train", project.id)
        st.info("There is no trained model yet.", icon=":material/model_training:")
        return
    try:
        live = session.answers().live(project.id)
    except BadInput as error:
        steps.header("Try it", "Train again", "train", project.id)
        show_error(error)
        return
    session.make_ready(tuple(sorted({backbone for backbone, _ in live.bundle.looks(live.mode)})))
    st.title("Try it")
    st.markdown("Show it photos that it has never seen. They are not kept, unless you say that an answer is wrong.")
    photos = _given(project)
    if photos:
        _answers(store, live, photos)
    else:
        st.caption("It knows " + ", ".join(plain(name) for name in live.bundle.categories) + ".")
    _strictness(project)


def _given(project: Project) -> list[answer.Photo]:
    labels = [":material/upload: Photos", ":material/photo_camera: Camera"]
    if project.is_example:
        labels.insert(0, ":material/checkroom: New dresses")
    tabs = dict(zip(labels, st.tabs(labels), strict=True))
    given: list[answer.Photo] = []
    if project.is_example:
        with tabs[":material/checkroom: New dresses"]:
            given = _dresses()
    with tabs[":material/upload: Photos"]:
        files = st.file_uploader("Photos to try", accept_multiple_files=True, max_upload_size=LIMIT, key="try-files")
        given = [(file.name, file.getvalue()) for file in files or []] or given
    with tabs[":material/photo_camera: Camera"]:
        if st.toggle("Use the camera", key="try-camera-on"):
            shot = st.camera_input("A photo to try", key="try-camera")
            given = [("camera", shot.getvalue())] if shot else given
    return given


def _dresses() -> list[answer.Photo]:
    number = st.session_state.setdefault("dress-number", 0)
    if st.button("Draw new dresses", icon=":material/refresh:", type="primary" if not number else "secondary"):
        number = st.session_state["dress-number"] = number + 1
    if not number:
        return []
    return [(dress.name, dress.data) for dress in example.held_back(seed=number)]


def _answers(store: Store, live: Live, photos: list[answer.Photo]) -> None:
    given = session.answers().predict(live, [data for _, data in photos])
    if len(photos) == 1:
        answer.large(store, live, photos[0], given[0], key="single")
        return
    for number, (photo, each) in enumerate(zip(photos, given, strict=True)):
        answer.row(store, live, photo, each, key=str(number))


def _strictness(project: Project) -> None:
    """How many true photos may be refused; what is known of strangers stays, so nothing is trained again."""
    share = _share(project)
    key = f"share-refused-{project.id}"
    with st.expander("How easily it says “None of these”", icon=":material/tune:"):
        st.slider(
            "Of 100 real photos, it may refuse",
            LEAST,
            MOST,
            share,
            key=key,
            on_change=_set_share,
            args=(project.id, key),
        )
        st.caption(
            "The more it may refuse, the fewer strange photos get one of your names, and the more real ones get none. "
            "It counts at once, without training again."
        )


def _share(project: Project) -> int:
    return min(max(round(100 * project.share_refused), LEAST), MOST)


def _set_share(project_id: str, key: str) -> None:
    session.store().set_share_refused(project_id, st.session_state[key] / 100)
