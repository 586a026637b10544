"""Show the trained model new photos."""

import streamlit as st

from core.data import example
from core.data.photo import MAX_BYTES, Refused, decode, encode
from core.data.store import Project
from core.errors import BadPhoto
from core.model.bundle import Bundle, Prediction
from pages.parts import charts, session, steps
from pages.parts.words import plain

LARGE, THUMBNAIL = 380, 132  # pixels: a single photo, and one in the list of answers
LIMIT = MAX_BYTES // 1_000_000  # megabytes


def page() -> None:
    """Draw the page for trying the model."""
    project = session.need_project()
    summary = session.store().summary(project.id)
    if summary.version is None:
        steps.header("Try it", "Train a model", "train", project.id)
        st.info("There is no trained model yet.", icon=":material/model_training:")
        return
    st.title("Try it")
    bundle = session.bundle(project.id, summary.version)
    st.markdown("Show it photos that it has never seen. They are not kept.")
    photos = _given(project)
    if photos:
        _answers(bundle, photos)
    else:
        st.caption("It knows " + ", ".join(plain(name) for name in bundle.categories) + ".")


def _given(project: Project) -> list[tuple[str, bytes]]:
    labels = [":material/upload: Photos", ":material/photo_camera: Camera"]
    if project.is_example:
        labels.insert(0, ":material/checkroom: New dresses")
    tabs = dict(zip(labels, st.tabs(labels), strict=True))
    given: list[tuple[str, bytes]] = []
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


def _dresses() -> list[tuple[str, bytes]]:
    number = st.session_state.setdefault("dress-number", 0)
    if st.button("Draw new dresses", icon=":material/refresh:", type="primary" if not number else "secondary"):
        number = st.session_state["dress-number"] = number + 1
    if not number:
        return []
    return [(dress.name, dress.data) for dress in example.held_back(seed=number)]


def _answers(bundle: Bundle, photos: list[tuple[str, bytes]]) -> None:
    answers = bundle.predict_with(session.predictor(bundle.backbone.id), [data for _, data in photos])
    if len(photos) == 1:
        _large(photos[0], answers[0])
        return
    for number, (photo, answer) in enumerate(zip(photos, answers, strict=True)):
        _row(photo, answer, number)


def _large(photo: tuple[str, bytes], answer: Prediction | Refused) -> None:
    left, right = st.columns(2, gap="large")
    with left:
        _picture(photo, LARGE)
    with right:
        _words(answer, heading=True)
        if isinstance(answer, Prediction):
            charts.scores(answer.scores, key="scores")


def _row(photo: tuple[str, bytes], answer: Prediction | Refused, number: int) -> None:
    with st.container(border=True, horizontal=True, vertical_alignment="center", key=f"answer-{number}"):
        with st.container(width=THUMBNAIL):
            _picture(photo, THUMBNAIL)
        with st.container(width="stretch"):
            _words(answer)
            st.caption(plain(photo[0]))
            if isinstance(answer, Prediction):
                charts.scores(_likeliest(answer), key=f"scores-{number}")


def _words(answer: Prediction | Refused, *, heading: bool = False) -> None:
    if isinstance(answer, Refused):
        st.error(plain(answer.reason), icon=":material/broken_image:")
    else:
        words = f"{plain(answer.label)} · {how_sure(answer.probability)} ({answer.probability:.0%})"
        (st.subheader if heading else st.markdown)(words)


def how_sure(probability: float) -> str:
    """The probability in a word or two, before the figure."""
    for least, words in ((0.95, "almost certain"), (0.8, "quite sure"), (0.6, "rather sure")):
        if probability >= least:
            return words
    return "not sure"


def _likeliest(answer: Prediction) -> dict[str, float]:
    return dict(list(answer.scores.items())[:3])


def _picture(photo: tuple[str, bytes], side: int) -> None:
    """The photo as it was understood, upright and in true colours, no side longer than `side` pixels."""
    try:
        pixels = decode(photo[1])
    except BadPhoto:
        st.markdown(":material/broken_image:")
    else:
        height, width = pixels.shape[:2]
        st.image(encode(pixels), width=round(width * side / max(width, height)), alt=photo[0])
