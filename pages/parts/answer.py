"""An answer as a person reads it: the photo, what it shows, how sure that is, and on request why."""

import streamlit as st

from core.data.dataset import NONE_OF_THESE
from core.data.photo import Refused, decode, encode
from core.data.store import Store
from core.errors import BadPhoto
from core.model.bundle import Prediction
from core.serve.answers import Live
from core.serve.words import UNUSUAL, how_sure, percent
from pages.parts import charts, why, wrong
from pages.parts.words import plain

LARGE, THUMBNAIL = 380, 104  # pixels: a single photo, and one in the list of answers
LIKELIEST = 3  # bars in the list of answers
FEW = 5  # of 100: "only"

PHOTO, LOOKED = ":material/image: Photo", ":material/center_focus_strong: Where it looked"

Photo = tuple[str, bytes]


def large(
    store: Store, live: Live, photo: Photo, answer: Prediction | Refused, key: str, *, asked_why: bool = False
) -> None:
    """One photo with its answer and why; the answer is on the page before the reasons are worked out."""
    if isinstance(answer, Refused):
        _words(answer)
        return
    left, right = st.columns(2, gap="large")
    with left:
        shown, looked = st.tabs([PHOTO, LOOKED], default=LOOKED if asked_why else PHOTO)
        with shown:
            _picture(photo, LARGE)
    with right:
        _words(answer, heading=True)
        _bars(answer, len(answer.scores), key=f"scores-{key}")
        if not asked_why:
            wrong.draw(store, live, photo, answer, key=key)
        alike = st.container()
    why.draw(store, live.bundle, live.mode, photo, LARGE, looked, alike, key=key)


@st.fragment
def row(store: Store, live: Live, photo: Photo, answer: Prediction | Refused, key: str) -> None:
    """One of many photos with its answer; asking why draws this one alone."""
    with st.container(border=True, horizontal=True, vertical_alignment="center", key=f"answer-{key}"):
        with st.container(width=THUMBNAIL):
            _picture(photo, THUMBNAIL)
        with st.container(width="stretch", gap="xsmall"):
            with st.container(horizontal=True, gap="small"):
                with st.container(width="stretch", gap=None):
                    _words(answer)
                    st.caption(plain(photo[0]))
                why_asked = isinstance(answer, Prediction) and st.button("Why?", key=f"why-{key}", type="tertiary")
            if isinstance(answer, Prediction):
                _bars(answer, LIKELIEST, key=f"scores-{key}")
                wrong.draw(store, live, photo, answer, key=key)
    if why_asked and isinstance(answer, Prediction):
        _in_a_window(store, live, photo, answer)


@st.dialog("Why this answer?", width="large")
def _in_a_window(store: Store, live: Live, photo: Photo, answer: Prediction) -> None:
    large(store, live, photo, answer, key="window", asked_why=True)


def how_unusual(nearness: float) -> str:
    """How many real photos look as unusual: the share `nearness` as people count."""
    number = round(100 * nearness)
    if not number:
        return "Of 100 real photos of your categories, not one is as unusual as this."
    words = f"only {number}" if number <= FEW else str(number)
    return f"Of 100 real photos of your categories, {words} {'is' if number == 1 else 'are'} as unusual as this."


def _words(answer: Prediction | Refused, *, heading: bool = False) -> None:
    if isinstance(answer, Refused):
        st.error(plain(answer.reason), icon=":material/broken_image:")
        return
    if answer.is_none:
        (st.subheader if heading else st.markdown)(NONE_OF_THESE if heading else f"**{NONE_OF_THESE}**")
        st.markdown(f"Most like **{plain(answer.label)}**. {how_unusual(answer.nearness)}")
        return
    words = f"{plain(answer.label)} · {how_sure(answer.probability)} ({percent(answer.probability)})"
    (st.subheader if heading else st.markdown)(words)
    if answer.nearness < UNUSUAL:
        st.caption(f":material/info: {how_unusual(answer.nearness)}")


def _bars(answer: Prediction, most: int, key: str) -> None:
    """Bars of the likeliest; without figures for what is none of them, since a certainty among wrong names is none."""
    if answer.is_none:
        st.caption("If it had to be one of them:")
    charts.scores(dict(list(answer.scores.items())[:most]), key=key, muted=answer.is_none)


def _picture(photo: Photo, side: int) -> None:
    """The photo as it was understood, upright and in true colours, no side longer than `side` pixels."""
    try:
        pixels = decode(photo[1])
    except BadPhoto:
        st.markdown(":material/broken_image:")
    else:
        height, width = pixels.shape[:2]
        st.image(encode(pixels), width=round(width * side / max(width, height)), alt=photo[0])
