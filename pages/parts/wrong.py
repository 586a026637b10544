"""The way to say that an answer is wrong: the photo then waits, with the right one, to be looked at and learnt from."""

import hashlib

import streamlit as st

from core.data.dataset import NONE_OF_THESE
from core.data.store import Store
from core.errors import AppError
from core.model.bundle import Prediction
from core.serve.answers import Live
from core.serve.correcting import keep_correction
from pages.parts.words import plain, show_error


def draw(store: Store, live: Live, photo: tuple[str, bytes], answer: Prediction, key: str) -> None:
    """The question and its answers; once told, what was told."""
    said = f"said-{live.project.id}-{live.version.number}-{hashlib.sha256(photo[1]).hexdigest()}"
    if said in st.session_state:
        st.caption(f":material/check_circle: You said: {plain(st.session_state[said])}. It waits in Corrections.")
        return
    with st.popover("Wrong? Tell me", icon=":material/feedback:", key=f"wrong-{key}"):
        st.markdown("**What is it really?** The photo is then kept, for you to look at before it is learnt from.")
        for number, right in enumerate(_others(store, live, answer)):
            if st.button(plain(right), key=f"right-{key}-{number}", width="stretch") and _tell(
                store, live, photo, answer, right
            ):
                st.session_state[said] = right
                st.rerun()


def _others(store: Store, live: Live, answer: Prediction) -> list[str]:
    """Every answer that could be right but the one that was given."""
    given = NONE_OF_THESE if answer.is_none else answer.label
    names = [category.name for category in store.categories(live.project.id) if not category.is_none]
    return [name for name in [*names, NONE_OF_THESE] if name != given]


def _tell(store: Store, live: Live, photo: tuple[str, bytes], answer: Prediction, right: str) -> bool:
    name, data = photo
    try:
        keep_correction(store, live, data, answer, right=right, name=name, origin="try")
    except AppError as error:
        show_error(error)
        return False
    return True
