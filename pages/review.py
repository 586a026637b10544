"""Photos that were answered wrongly: look at each, and say which the model is to learn from."""

import streamlit as st

from core.data.dataset import NONE_OF_THESE
from core.data.store import Correction, Origin, Project, Store, Version
from core.errors import AppError
from core.serve.words import percent
from pages.parts import cards, session, start, steps, undo
from pages.parts.confirm import confirm
from pages.parts.words import count, plain, show_error, when

AT_ONCE = 12  # cards drawn: four rows on a desk
WIDTH = 320  # pixels of a card; three in a row on a desk, one on a phone
PICTURE = 286
ORIGINS: dict[Origin, str] = {"try": "From Try", "link": "Through a link", "api": "From a program"}
# Portrait or landscape, a photo is seen whole, and the words below stand in line.
STYLE = f"<style>.st-key-corrections img {{ width: 100%; height: {PICTURE}px; object-fit: contain; }}</style>"


def page() -> None:
    """Draw the queue of corrections."""
    project = session.need_project()
    store = session.store()
    versions = store.models.versions(project.id)
    newest = versions[0] if versions else None
    waiting = store.corrections.waiting(project.id)
    _header(store, project, newest, waiting)
    if not waiting:
        st.info(
            "Nothing waits. When somebody says on Try, through a link or from a program that an answer was wrong, the "
            "photo comes here first.",
            icon=":material/inbox:",
        )
    else:
        _queue(store, project, waiting)
    undo.draw(store, project, newest, retrain=False)


def _header(store: Store, project: Project, newest: Version | None, waiting: list[Correction]) -> None:
    """The title, and beside it the way on: to train with what was accepted, else back to Try."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.title("Corrections", width="stretch")
        if start.is_busy(project):
            if st.button("See the training", type="primary", icon=":material/arrow_forward:"):
                steps.go("train", project.id)
        else:
            _way_on(store, project, newest, is_waiting=bool(waiting))
    if waiting:
        st.markdown(
            "The model was wrong here, says who showed it these photos; where it was least sure comes first. What you "
            "accept joins your photos, and it learns from them when it is trained again."
        )


def _way_on(store: Store, project: Project, newest: Version | None, *, is_waiting: bool) -> None:
    accepted = _accepted(store, project, newest)
    changed = bool(accepted) or store.summary(project.id).changed
    if not changed and not is_waiting:
        if st.button("Back to Try", type="primary", icon=":material/arrow_forward:"):
            steps.go("try", project.id)
        return
    label = f"Train with {count(accepted, 'correction')}" if accepted else "Train again"
    why = steps.why_not_train(project.id) if changed else "Accept some first."
    icon = ":material/model_training:"
    if st.button(label, type="primary", icon=icon, disabled=bool(why), help=plain(why) or None):
        start.train(project)
        steps.go("train", project.id)


def _accepted(store: Store, project: Project, newest: Version | None) -> int:
    """How many corrections have joined the photos since the newest version was trained."""
    photos = store.photos.of(project.id, kept=True)
    return sum(
        cards.is_correction(photo) and (newest is None or photo.added_at > newest.created_at) for photo in photos
    )


def _queue(store: Store, project: Project, waiting: list[Correction]) -> None:
    categories = store.categories(project.id)
    names = [category.name for category in categories if not category.is_none] + [NONE_OF_THESE]
    pages = -(-len(waiting) // AT_ONCE)
    number = st.pagination(pages, key=f"corrections-{project.id}-{pages}") if pages > 1 else 1
    shown = waiting[(number - 1) * AT_ONCE : number * AT_ONCE]
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="correction-actions"):
        usable = [each.id for each in shown if each.right in names]
        if len(shown) > 1:
            if st.button(f"Accept all {len(usable)} shown", icon=":material/done_all:", disabled=not usable):
                _accept(store, usable)
            words = "They are deleted for good, and the model does not learn from them."
            label = f"Reject all {len(shown)} shown"
            if confirm(label, words, f"Reject {len(shown)}", key=f"reject-shown-{number}", icon=":material/delete:"):
                store.corrections.reject([each.id for each in shown])
                st.rerun()
        st.caption(f"{count(len(waiting), 'correction')} waiting")
    st.html(STYLE)
    with st.container(horizontal=True, gap="small", key="corrections"):
        for each in shown:
            with st.container(border=True, width=WIDTH, gap="xsmall", key=f"correction-{each.id}"):
                _card(store, each, names)


def _card(store: Store, correction: Correction, names: list[str]) -> None:
    st.image(store.photos.read(correction.sha256), width=PICTURE, alt=correction.name)
    says = "You say" if correction.origin == "try" else "The sender says"
    st.markdown(f"{_answered(correction)}  \n{says}: **{plain(correction.right)}**.")
    st.caption(f"{ORIGINS[correction.origin]} · {when(correction.at)} · version {correction.version}")
    known = correction.right in names
    if not known:
        st.caption(f":material/info: There is no category {plain(correction.right)} any more. Choose another.")
    with st.container(horizontal=True, gap="small"):
        label = f"Accept as {cards.short(correction.right)}"
        if known and st.button(label, icon=":material/check:", key=f"accept-{correction.id}", width="stretch"):
            _accept(store, [correction.id])
        with st.popover("As another…", icon=":material/swap_horiz:", key=f"other-{correction.id}"):
            for number, name in enumerate(names):
                if name != correction.right and st.button(
                    plain(name), key=f"as-{correction.id}-{number}", width="stretch"
                ):
                    _accept(store, [correction.id], right=name)
        if st.button("Reject", icon=":material/close:", key=f"reject-{correction.id}"):
            store.corrections.reject([correction.id])
            st.rerun()


def _answered(correction: Correction) -> str:
    if correction.is_none:
        return f"Answered **{NONE_OF_THESE}**, most like {plain(correction.answered)}."
    return f"Answered **{plain(correction.answered)}** ({percent(correction.probability)})."


def _accept(store: Store, ids: list[int], *, right: str | None = None) -> None:
    try:
        store.corrections.accept(ids, right=right)
    except AppError as error:
        show_error(error)
    else:
        st.rerun()
