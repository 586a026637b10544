"""Photos on cards, with what a click can do to each."""

from typing import Literal

import streamlit as st

from core.data.store import Category, Store, StoredPhoto
from pages.parts.words import plain

SHORT = 20  # characters of a name on a button
LETTER = 8  # pixels, about; two lines go under a thumbnail


def short(name: str) -> str:
    """A name cut to fit, as typed."""
    return _cut(name, SHORT)


def is_correction(photo: StoredPhoto) -> bool:
    """Whether it came as a correction of a wrong answer."""
    return photo.provider == "correction"


def picture(store: Store, sha256: str, width: int, words: str) -> None:
    """A square thumbnail with a few words below; `words` are text, not markup."""
    with st.container(width=width, gap="xxsmall"):
        st.image(store.photos.thumbnail(sha256), width=width, alt=words)
        st.caption(_cut(words, 2 * width // LETTER))


def row(store: Store, photos: list[tuple[str, str]], width: int, key: str) -> None:
    """Thumbnails side by side, as many as given: SHA-256 and a few words each."""
    with st.container(horizontal=True, gap="small", key=key):
        for sha256, words in photos:
            picture(store, sha256, width, words)


def move_button(
    store: Store, photo: StoredPhoto, target: Category, key: str, width: Literal["content", "stretch"] = "content"
) -> None:
    """One click moves the photo; it can be undone."""
    if st.button(f"Move to {short(target.name)}", key=key, help=_whole(target.name), width=width):
        store.photos.move([photo.id], target.id, undoable=True)
        st.rerun()


def _cut(text: str, most: int) -> str:
    return plain(text if len(text) <= most else f"{text[: most - 1].rstrip()}…")


def _whole(name: str) -> str | None:
    return plain(name) if len(name) > SHORT else None
