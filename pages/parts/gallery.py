"""A category's photos: equal thumbnails, a page at a time, to keep, drop and move."""

from pathlib import PurePosixPath

import streamlit as st

from core.data.credits import site_of
from core.data.store import DROPPED_BY_PERSON, KEPT_BY_PERSON, Category, Counts, Project, Store, StoredPhoto
from pages.parts import cards, session
from pages.parts.words import count, plain

LARGE = 240  # pixels; the one photo that is ticked
THUMBNAIL = 108  # pixels; eight in a row on a desk, three on a phone
SHORT = 12  # characters of a name under a thumbnail
KEPT, SET_ASIDE = "Kept", "Set aside"


def draw(store: Store, project: Project, category: Category, categories: list[Category], counts: Counts) -> None:
    """The gallery of one category, with what can be done to the photos that are ticked."""
    if not counts.kept and not counts.set_aside:
        words = "No photos here yet." if category.is_none else f"No photos of {plain(category.name)} yet."
        st.info(f"{words} Add some above.", icon=":material/add_photo_alternate:")
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
    licence, total = _licence(store.photos.licences(category.id, kept=kept), f"licence-{category.id}-{kept}")
    pages = max(1, -(-total // session.PAGE_SIZE))
    number = 1
    if pages > 1:
        number = st.pagination(pages, key=f"page-{category.id}-{kept}-{licence}-{pages}")
    photos = store.photos.of(
        project.id,
        category_id=category.id,
        kept=kept,
        licence=licence,
        offset=(number - 1) * session.PAGE_SIZE,
        limit=session.PAGE_SIZE,
    )
    if counts.conflicts:
        st.warning(
            f"The same picture is in another category too: {count(counts.conflicts, 'photo')} marked “two categories”. "
            "Training leaves these out; drop the wrong ones.",
            icon=":material/content_copy:",
        )
    scope = f"{category.id}-{kept}-{licence}-{number}"
    _act(store, category, categories, photos, kept=kept, scope=scope)
    ticked = [photo for photo in photos if st.session_state.get(_tick(photo, scope))]
    if len(ticked) == 1:
        _details(store, project, ticked[0])
    with st.container(horizontal=True, gap="small", key="gallery"):
        for photo in photos:
            _cell(store, photo, scope)


def _licence(licences: dict[str, int], key: str) -> tuple[str | None, int]:
    """The licence that the person wants to see, None for any, and how many photos have it."""
    everything = sum(licences.values())
    if set(licences) <= {""}:
        return None, everything
    chosen = st.selectbox(
        "Licence",
        [None, *licences],
        format_func=lambda name: "Any licence" if name is None else f"{name or 'Not stated'} · {licences[name]:,}",
        key=key,
        width=260,
    )
    return chosen, everything if chosen is None else licences[chosen]


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
            store.photos.set_kept(ticked, not kept, DROPPED_BY_PERSON if kept else KEPT_BY_PERSON, undoable=True)
            _untick(photos, scope)
            st.rerun()
        others = [other for other in categories if other.id != category.id]
        if others:
            with st.popover("Move to…", icon=":material/drive_file_move:", disabled=not ticked):
                for other in others:
                    if st.button(plain(other.name), key=f"move-{scope}-{other.id}"):
                        store.photos.move(ticked, other.id, undoable=True)
                        _untick(photos, scope)
                        st.rerun()
        st.caption(f"{count(len(ticked), 'photo')} selected" if ticked else f"{count(len(photos), 'photo')} shown")


def _details(store: Store, project: Project, photo: StoredPhoto) -> None:
    """The one photo that is ticked, larger, and where it comes from."""
    site = site_of(photo)
    with st.container(border=True, horizontal=True, key="details"):
        st.image(store.photos.read(photo.sha256), width=LARGE, alt=photo.title or photo.name)
        with st.container(width="stretch"):
            st.markdown(f"**{plain(photo.title or photo.name)}**")
            if not site:
                st.caption("From a correction of a wrong answer." if cards.is_correction(photo) else "Your own photo.")
                return
            st.caption(f"{plain(photo.creator or 'Maker unknown')} · {plain(photo.licence or 'licence not stated')}")
            st.link_button(f"See it on {plain(site)}", photo.page, icon=":material/open_in_new:")
            if st.button(f"Drop everything from {plain(site)}", icon=":material/block:"):
                same = [other.id for other in store.photos.of(project.id, kept=True) if site_of(other) == site]
                store.photos.set_kept(same, False, f"you dropped everything from {site}", undoable=True)
                st.rerun()


def _cell(store: Store, photo: StoredPhoto, scope: str) -> None:
    with st.container(width=THUMBNAIL, gap="xxsmall"):
        st.image(store.photos.thumbnail(photo.sha256), width=THUMBNAIL, alt=photo.name)
        st.checkbox(plain(_short(photo.name)), key=_tick(photo, scope))
        if photo.conflicts:
            st.caption(":orange[:material/content_copy: two categories]")
        elif not photo.kept:
            st.caption(plain(photo.reason))
        elif cards.is_correction(photo):
            st.caption(":green[:material/feedback: correction]")


def _short(name: str) -> str:
    """The file's name without its folders and ending, as much as fits; what tells names apart is mostly at the end."""
    stem = PurePosixPath(name).stem
    return stem if len(stem) <= SHORT else f"{stem[: SHORT // 2 - 1]}…{stem[-SHORT // 2 :]}"


def _tick(photo: StoredPhoto, scope: str) -> str:
    return f"tick-{scope}-{photo.id}"


def _untick(photos: list[StoredPhoto], scope: str) -> None:
    for photo in photos:
        st.session_state.pop(_tick(photo, scope), None)
