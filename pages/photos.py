"""Give each category its photos, and look through them."""

import streamlit as st

from core.data.intake import take_in
from core.data.photo import MAX_BYTES
from core.data.store import Category, Counts, Project, Store
from core.jobs import Progress
from core.serve.work import BUILD
from pages.parts import gallery, session, steps, undo, web, work
from pages.parts.words import count, plain

UPLOAD = "upload"
FILES, WEB = ":material/upload: Photos", ":material/travel_explore: From the web"
SORTED, CAMERA = ":material/folder_zip: Sorted folders or a zip", ":material/photo_camera: Camera"
LIMIT = MAX_BYTES // 1_000_000  # megabytes; the browser refuses a larger file before it travels


def page() -> None:
    """Draw the page of photos."""
    project = session.need_project()
    store = session.store()
    categories = sorted(store.categories(project.id), key=lambda category: category.is_none)
    if not categories:
        steps.header("Show it some photos", "Name your categories", "categories", project.id)
        st.info("There are no categories yet.", icon=":material/label:")
        return
    coming = bool(session.jobs().live(project.id, UPLOAD))
    counts = store.photos.counts(project.id)
    building = bool(session.jobs().live(project.id, BUILD))
    missing = "Training begins by itself when all have come." if building else steps.what_is_missing(categories, counts)
    steps.header("Show it some photos", "Next: train", "train", project.id, missing=missing)
    st.markdown("About 20 of each make a good start; more, and more varied ones, make it better.")

    if not web.panel(store, project):
        web.outcome(store, project)
    category = _choose(categories, counts)
    _add_photos(store, project, category)
    if not work.running(project.id, UPLOAD) and coming:
        st.rerun()  # photos may have come after they were counted above
    gallery.draw(store, project, category, categories, counts[category.id])
    _not_usable(store, project)
    versions = store.models.versions(project.id)
    undo.draw(store, project, versions[0] if versions else None, retrain=False)


def _choose(categories: list[Category], counts: dict[int, Counts]) -> Category:
    by_id = {category.id: category for category in categories}
    key = session.category_key(categories[0].project_id)
    if st.session_state.get(key) not in by_id:
        st.session_state[key] = categories[0].id
    chosen = st.pills(
        "Category",
        list(by_id),
        format_func=lambda category_id: f"{plain(by_id[category_id].name)} · {counts[category_id].kept:,}",
        key=key,
        persist_state="session",
        required=True,
    )
    return by_id.get(chosen or 0, categories[0])


def _add_photos(store: Store, project: Project, category: Category) -> None:
    name = plain(category.name)
    labels = [FILES, SORTED, CAMERA] if category.is_none else [FILES, WEB, SORTED, CAMERA]
    if category.is_none:
        st.caption(
            "Photos of what it will be shown but should not name, each as different as can be. A few are enough, and "
            "it does without, too."
        )
    tabs = dict(zip(labels, st.tabs(labels), strict=True))
    with tabs[FILES]:
        key = session.fresh_key(f"files-{category.id}")
        files = st.file_uploader(f"Photos of {name}", accept_multiple_files=True, max_upload_size=LIMIT, key=key)
        if files:
            _take_in(store, project, category.id, [(file.name, file.getvalue()) for file in files])
            session.renew(f"files-{category.id}")
            st.rerun()
    if WEB in tabs:
        with tabs[WEB]:
            web.more(store, project, category)
    with tabs[SORTED]:
        st.caption("A zip, or a folder of folders: each inner folder's name is a category, made if it is new.")
        zips = st.file_uploader("A zip", accept_multiple_files=True, type=["zip"], key=session.fresh_key("zip"))
        folder = st.file_uploader("A folder", accept_multiple_files="directory", key=session.fresh_key("folder"))
        for name, given in (("zip", zips), ("folder", folder)):
            if given:
                _take_in(store, project, None, [(file.name, file.getvalue()) for file in given])
                session.renew(name)
                st.rerun()
    with tabs[CAMERA]:
        if st.toggle("Use the camera", key=f"camera-on-{category.id}"):
            shot = st.camera_input(f"A photo of {name}", key=session.fresh_key(f"camera-{category.id}"))
            if shot:
                _take_in(store, project, category.id, [("camera.jpg", shot.getvalue())])
                session.renew(f"camera-{category.id}")
                st.rerun()


def _take_in(store: Store, project: Project, category_id: int | None, files: list[tuple[str, bytes]]) -> None:
    def take(progress: Progress) -> dict[str, object]:
        taken = take_in(store, project.id, category_id, files, on_progress=progress)
        return {"added": taken.added, "repeated": taken.repeated, "refused": taken.refused}

    session.jobs().start(project.id, UPLOAD, take, alone=False)


def _not_usable(store: Store, project: Project) -> None:
    refused = store.refused(project.id)
    if not refused:
        return
    with st.expander(f"{count(len(refused), 'file')} could not be used", icon=":material/block:"):
        st.dataframe(
            [{"File": item.name, "Why": item.reason, "Category": item.category or ""} for item in refused],
            hide_index=True,
        )
        if st.button("Clear this list", icon=":material/done:"):
            store.clear_refused(project.id)
            st.rerun()
