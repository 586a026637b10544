"""The bar that says what was changed last, and takes it back; it stays in sight while the page is scrolled."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.data.store import Project, Store, Version
from pages.parts import start
from pages.parts.words import plain

# The colours are the themes' second backgrounds; without one, what the bar covers would be read through it.
# The container's wrapper has just its height, so the wrapper is what must stick.
STYLE = """<style>
[data-testid="stLayoutWrapper"]:has(> .st-key-changed) { position: sticky; bottom: 0.75rem; z-index: 50; }
.st-key-changed { background: light-dark(#f2efe8, #1f2627); }
</style>"""


def draw(store: Store, project: Project, newest: Version | None, *, retrain: bool = True) -> None:
    """Nothing unless photos were changed after the newest version was trained; `retrain` offers the way to the next.

    With that the training under way is told of, too: its progress may be far above.
    """
    if retrain and start.is_busy(project):
        with _bar():
            st.markdown(":material/hourglass_top: Training is under way: [see how far it is](#train).")
        return
    change = store.changes.last(project.id)
    if change is None or (newest is not None and change.at <= newest.created_at):
        return
    with _bar():
        st.markdown(f":material/history: {sentence(change.words)}", width="stretch")
        if st.button("Undo", icon=":material/undo:"):
            store.changes.undo(change.id)
            st.rerun()
        if retrain and st.button("Train again", icon=":material/model_training:", key="train-changed"):
            start.train(project)
            st.rerun()


def _bar() -> DeltaGenerator:
    st.html(STYLE)
    return st.container(border=True, horizontal=True, vertical_alignment="center", gap="small", key="changed")


def sentence(words: str) -> str:
    """What was done, as a sentence of its own."""
    return f"{plain(words[:1].upper() + words[1:])}."
