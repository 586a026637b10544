"""Keys by which programs, and the owner from another computer, get in: made and shown once, listed, revoked."""

import streamlit as st

from core.data.store import ApiKey, Project, Scope, Store
from core.errors import AppError
from pages.parts.confirm import confirm
from pages.parts.words import plain, show_error, when

SCOPES: dict[Scope, str] = {"predict": "Ask for answers", "manage": "Change this project, too"}
MEANS: dict[Scope, str] = {
    "predict": "For apps and devices: photos go in, answers come out.",
    "manage": "For programs that add photos, train, and make links or keys.",
}
_MADE = "new-key"  # the key just made and its secret, until the person says that it is copied


def make(store: Store, project: Project) -> str | None:
    """The way to a new key of the project; the secret of the one that was made just now, else None."""
    with st.form("new-key-form", border=False, clear_on_submit=True):
        with st.container(horizontal=True, vertical_alignment="bottom"):
            name = st.text_input("What is the key for?", placeholder="For example: door camera", max_chars=60)
            made = st.form_submit_button("Make a key", type="primary", icon=":material/key:")
        scope = st.radio("It may", list(SCOPES), format_func=SCOPES.__getitem__, captions=list(MEANS.values()))
    if made:
        _make(store, project.id, name, scope)
    return _shown_once(project.id, store.access.keys(project.id))


def listed(store: Store, project: Project) -> None:
    """The project's keys; nothing while there is none."""
    keys = store.access.keys(project.id)
    if keys:
        st.subheader("Keys in use")
    for key in keys:
        _row(store, key, SCOPES[key.scope])


def owner(store: Store) -> None:
    """The owner's keys: whoever has one is the owner."""
    with st.expander("Sign in from another computer", icon=":material/admin_panel_settings:"):
        st.warning(
            "**Who has an owner's key can do all that you can, in every project:** see your photos, change them and "
            "delete them. Make one for yourself only, and revoke it when you no longer need it.",
            icon=":material/warning:",
        )
        st.markdown(
            "On the other computer open Thimble's address; it asks for the key. Programs may use it, too, to make "
            "projects."
        )
        form = st.form("new-owner-key", border=False, clear_on_submit=True)
        with form, st.container(horizontal=True, vertical_alignment="bottom"):
            name = st.text_input("Which computer is it for?", placeholder="For example: my laptop", max_chars=60)
            made = st.form_submit_button("Make an owner's key", icon=":material/key:")
        if made:
            _make(store, None, name, "manage")
        keys = store.access.keys(None)
        _shown_once(None, keys)
        for key in keys:
            _row(store, key, "Everything")


def _make(store: Store, project_id: str | None, name: str, scope: Scope) -> None:
    try:
        key, secret = store.access.add_key(project_id, name, scope)
    except AppError as error:
        show_error(error)
        return
    st.session_state[_MADE] = (key.id, secret)
    st.rerun()


def _shown_once(project_id: str | None, keys: list[ApiKey]) -> str | None:
    """The secret just made, drawn if it is one of these keys'."""
    number, secret = st.session_state.get(_MADE, (None, ""))
    if number not in [key.id for key in keys]:
        return None
    with st.container(border=True, key="made-key"):
        st.markdown(":material/key: **Copy the key now.** It is shown only this once.")
        st.code(secret, language=None, wrap_lines=True)
        if st.button("I have copied it", icon=":material/check:", key=f"copied-{project_id}"):
            del st.session_state[_MADE]
            st.rerun()
    return str(secret)


def _row(store: Store, key: ApiKey, may: str) -> None:
    with st.container(border=True, horizontal=True, vertical_alignment="center", key=f"key-{key.id}"):
        with st.container(width="stretch", gap="xxsmall"):
            st.markdown(f"**{plain(key.name)}** · {may}")
            used = f"last used {when(key.used_at)}" if key.used_at else "not used yet"
            st.caption(f"{plain(key.start)}… · made {when(key.created_at)} · {used}")
        words = "What uses this key is turned away at once. The key cannot be brought back; you can make a new one."
        if confirm("Revoke", words, "Revoke this key", key=f"revoke-key-{key.id}"):
            store.access.revoke_key(key.id)
            st.rerun()
