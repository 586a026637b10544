"""The versions of a model: the newest beside the one before it, and the way back to any of them."""

import streamlit as st

from core.data.store import Category, Project, Store, Version
from core.model.compare import Comparison
from pages.parts import cards, undo
from pages.parts.words import count, plain, when

SHOWN = 5  # versions; older ones are a click away
PHOTOS = 8  # shown on each side of a comparison
THUMBNAIL = 84


def compared(version: Version) -> Comparison | None:
    """What a version was measured against; None for a first one."""
    return Comparison.from_json(dict(version.comparison)) if version.comparison else None


def before_and_after(store: Store, project: Project, newest: Version, comparison: Comparison) -> None:
    """The newest version beside the one before it, while it answers or waits because it was worse."""
    if not newest.is_live and not comparison.is_worse:
        return
    with st.container(border=True, key="before-and-after"):
        st.subheader("Before and after")
        if newest.is_live:
            st.markdown(f"Version {newest.number} answers now. {plain(comparison.words)}")
        else:
            st.warning(
                f"Version {newest.number} came out worse, so it does not answer. {plain(comparison.words)}",
                icon=":material/trending_down:",
            )
        _photos(store, project, comparison)
        with st.container(horizontal=True, gap="small"):
            if newest.is_live:
                _back(store, project, comparison.against)
            elif st.button("Use it all the same", icon=":material/done_all:"):
                store.models.set_live(project.id, newest.number)
                st.rerun()


def table(store: Store, project: Project, versions: list[Version]) -> None:
    """All versions, newest first; one click has another one answer."""
    st.subheader("Versions")
    for version in versions[:SHOWN]:
        _row(store, project, version)
    if len(versions) > SHOWN:
        with st.expander(f"{count(len(versions) - SHOWN, 'older version')}"):
            for version in versions[SHOWN:]:
                _row(store, project, version)


def _row(store: Store, project: Project, version: Version) -> None:
    mode = f" · {version.mode}" if version.mode else ""
    with st.container(border=True, horizontal=True, vertical_alignment="center", key=f"version-{version.number}"):
        with st.container(width="stretch", gap="xxsmall"):
            st.markdown(
                f"**Version {version.number}** · {version.accuracy:.0%} right · {count(version.photos, 'photo')}{mode}"
            )
            st.caption(f"{when(version.created_at)}. {undo.sentence(version.note).replace('..', '.')}")
        if version.is_live:
            st.badge("Answers now", icon=":material/check:", color="green")
        elif st.button("Use this one", key=f"use-{version.number}", icon=":material/settings_backup_restore:"):
            store.models.set_live(project.id, version.number)
            st.rerun()


def _back(store: Store, project: Project, against: int) -> None:
    """Two ways back: the model alone, or with it the photos as they were when it was trained."""
    older = next((each for each in store.models.versions(project.id) if each.number == against), None)
    if older is None:
        return
    change = store.changes.last(project.id)
    if (
        change is not None
        and change.at > older.created_at
        and st.button(
            f"Undo, and go back to version {against}",
            icon=":material/undo:",
            help=f"Takes back what you did to photos since version {against}; the last was: {plain(change.words)}.",
        )
    ):
        store.changes.undo_since(project.id, older.created_at)
        store.models.set_live(project.id, against)
        st.rerun()
    if st.button(f"Go back to version {against}", icon=":material/settings_backup_restore:"):
        store.models.set_live(project.id, against)
        st.rerun()


def _photos(store: Store, project: Project, comparison: Comparison) -> None:
    if not comparison.mended and not comparison.spoilt:
        if comparison.photos:
            st.caption("No photo is answered differently from before, as far as right and wrong go.")
        return
    photos = {photo.sha256: photo for photo in store.photos.of(project.id, kept=True)}
    categories = {category.id: category for category in store.categories(project.id)}
    left, right = st.columns(2, gap="large")
    for column, title, which in (
        (left, ":green[:material/check_circle:] Right now, wrong before", comparison.mended),
        (right, ":orange[:material/cancel:] Wrong now, right before", comparison.spoilt),
    ):
        with column:
            st.markdown(f"**{title}: {len(which)}**")
            here = [(each, _name(categories, photos[each].category_id)) for each in which if each in photos]
            cards.row(store, here[:PHOTOS], THUMBNAIL, key=f"compared-{title[-12:]}")
            if len(here) > PHOTOS:
                st.caption(f"and {len(here) - PHOTOS:,} more")


def _name(categories: dict[int, Category], category_id: int) -> str:
    return categories[category_id].name if category_id in categories else ""
