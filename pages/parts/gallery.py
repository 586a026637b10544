"""A category's photos: equal thumbnails, a page at a time, to keep, drop and move."""

from pathlib import PurePosixPath

import streamlit as st

from core.data.store import Category, Project, Store, StoredPhoto
from pages.parts import session
from pages.parts.words import count, plain

THUMBNAIL = 108  # pixels; eight in a row on a desk, three on a phone
SHORT = 12  # characters of a name under a thumbnail
KEPT, SET_ASIDE = "Kept", "Set aside"


def draw(store: Store, project: Project, category: Category, categories: list[Category]) -> None:
    """The gallery of one category, with what can be done to the photos that are ticked."""
    counts = store.counts(project.id)[category.id]
    if not counts.kept and not counts.set_aside:
        st.info(f"No photos of {plain(category.name)} yet. Add some above.", icon=":material/add_photo_alternate:")
        return
    kept = True
    if counts.set_aside:
        kept = (
            st.segmented_control(
                "Show",
                [KEPT, SET_ASIDE],
                default=KEPT,
                required=True,
                format_func=lambda view: f"{view} · {counts.kept if view == KEPT else counts.set_aside:,}",
                key=f"view-{category.id}",
                label_visibility="collapsed",
            )
            == KEPT
        )
    total = counts.kept if kept else counts.set_aside
    pages = max(1, -(-total // session.PAGE_SIZE))
    number = 1
    if pages > 1:
        number = st.pagination(pages, key=f"page-{category.id}-{kept}-{pages}")
    photos = store.photos(
        project.id,
        category_id=category.id,
        kept=kept,
        offset=(number - 1) * session.PAGE_SIZE,
        limit=session.PAGE_SIZE,
    )
    if counts.conflicts:
        st.warning(
            f"The same picture is in another category too: {count(counts.conflicts, 'photo')} marked “two categories”. "
            "Training leaves these out; drop the wrong ones.",
            icon=":material/content_copy:",
        )
    scope = f"{category.id}-{kept}-{number}"
    _act(store, category, categories, photos, kept=kept, scope=scope)
    with st.container(horizontal=True, gap="small", key="gallery"):
        for photo in photos:
            _cell(store, photo, scope)


def _act(
    store: Store,
    category: Category,
    categories: list[Category],
    photos: list[StoredPhoto],
    *,
    kept: bool,
    scope: str,
) -> None:
    ticked = [photo.id for photo in photos if st.session_state.get(_tick(photo, scope))]
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="gallery-actions"):
        everything = len(ticked) == len(photos) and bool(photos)
        if st.button("Select none" if everything else "Select all", icon=":material/select_all:"):
            for photo in photos:
                st.session_state[_tick(photo, scope)] = not everything
            st.rerun()
        label, icon = ("Drop", ":material/remove_circle:") if kept else ("Keep", ":material/undo:")
        if st.button(label, icon=icon, disabled=not ticked, help=None if ticked else "Tick some photos first."):
            store.set_kept(ticked, not kept)
            _untick(photos, scope)
            st.rerun()
        others = [other for other in categories if other.id != category.id]
        if others:
            with st.popover("Move to…", icon=":material/drive_file_move:", disabled=not ticked):
                for other in others:
                    if st.button(plain(other.name), key=f"move-{scope}-{other.id}"):
                        store.move(ticked, other.id)
                        _untick(photos, scope)
                        st.rerun()
        st.caption(f"{count(len(ticked), 'photo')} selected" if ticked else f"{count(len(photos), 'photo')} shown")


def _cell(store: Store, photo: StoredPhoto, scope: str) -> None:
    with st.container(width=THUMBNAIL, gap="xxsmall"):
        st.image(store.thumbnail(photo.sha256), width=THUMBNAIL, alt=photo.name)
        st.checkbox(plain(_short(photo.name)), key=_tick(photo, scope))
        if photo.conflicts:
            st.caption(":orange[:material/content_copy: two categories]")
        elif not photo.kept:
            st.caption(plain(photo.reason))


def _short(name: str) -> str:
    """The file's name without its folders and ending, as much as fits; what tells names apart is mostly at the end."""
    stem = PurePosixPath(name).stem
    return stem if len(stem) <= SHORT else f"{stem[: SHORT // 2 - 1]}…{stem[-SHORT // 2 :]}"


def _tick(photo: StoredPhoto, scope: str) -> str:
    return f"tick-{scope}-{photo.id}"


def _untick(photos: list[StoredPhoto], scope: str) -> None:
    for photo in photos:
        st.session_state.pop(_tick(photo, scope), None)
