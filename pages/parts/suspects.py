"""Photos that are probably in the wrong category: move them, keep them, one by one or all at once."""

import streamlit as st

from core.data.store import KEPT_BY_PERSON, Store
from pages.parts import cards
from pages.parts.live import Live
from pages.parts.words import count

AT_ONCE = 18  # cards drawn: three rows on a desk
WIDTH = 165  # pixels; six in a row on a desk, two on a phone


def draw(store: Store, live: Live) -> None:
    """The section; nothing where no label is in doubt."""
    if not live.bundle.advice.suspects:
        return
    found = live.suspects()
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader("Probably in the wrong category", width="stretch")
        if len(found) > 1 and st.button(f"Move all {len(found)}", icon=":material/drive_file_move:"):
            pairs = [(photo.id, target.id) for photo, _, target in found]
            store.photos.move_each(pairs, f"moved {count(len(pairs), 'photo')} to where they seem to belong")
            st.rerun()
    if not found:
        st.caption(":material/check_circle: You have looked at all of them.")
        return
    st.caption(
        "The model, never having seen them, takes these for something else. Some are only hard: look before you move. "
        "You can undo it."
    )
    pages = -(-len(found) // AT_ONCE)
    number = st.pagination(pages, key=f"suspects-{live.version.number}-{pages}") if pages > 1 else 1
    with st.container(horizontal=True, gap="xsmall", key="suspects"):
        for photo, suspect, target in found[(number - 1) * AT_ONCE : number * AT_ONCE]:
            with st.container(border=True, width=WIDTH, gap="xsmall", key=f"suspect-{photo.id}"):
                cards.picture(store, photo.sha256, WIDTH - 34, f"now in {live.name(suspect.photo)}")
                cards.move_button(store, photo, target, key=f"suspect-move-{photo.id}", width="stretch")
                if st.button("Keep it", key=f"suspect-keep-{photo.id}", width="stretch"):
                    store.photos.set_kept([photo.id], True, KEPT_BY_PERSON, undoable=True)
                    st.rerun()
