"""Links to a page that only tries the live model: make one, hand it on, revoke it."""

from datetime import UTC, datetime, timedelta
from io import BytesIO

import segno
import streamlit as st

from core.data.dataset import NAME_LIMIT
from core.data.store import Link, Project, Store
from core.errors import AppError
from pages.parts.address import Address, note
from pages.parts.confirm import confirm
from pages.parts.words import show_error, when

ENDS = {
    "Never": None,
    "After a day": timedelta(days=1),
    "After a week": timedelta(days=7),
    "After a month": timedelta(days=30),
}
QR = 168  # pixels: a phone reads it from the screen at arm's length
PRINTED = 16  # pixels of a downloaded QR code's smallest square: sharp on a poster
DARK, LIGHT = "#16211e", "#ffffff"  # in dark mode, too: many phones read no light code on dark ground


def draw(store: Store, project: Project, where: Address) -> None:
    """All of it; a link can be made once there is a model."""
    st.markdown(
        "Whoever has the link can try your model with their own photos, also on a phone, and nothing else: they do "
        "not see your photos or your projects. Photos that they try are not kept, unless they tell you that an answer "
        "was wrong."
    )
    _maker(store, project)
    links = store.access.links(project.id)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        ends = st.selectbox("The link ends", list(ENDS), width=220, key=f"link-ends-{project.id}")
        label = "Make another link" if links else "Make a link"
        if st.button(label, type="secondary" if links else "primary", icon=":material/add_link:"):
            lasts = ENDS[ends]
            store.access.add_link(project.id, expires_at=datetime.now(UTC) + lasts if lasts else None)
            st.rerun()
    note(where)
    for link in links:
        if not link.has_expired(datetime.now(UTC)):
            _live(store, link, f"{where.url}/s/{link.token}")
        else:
            _ended(store, link)


def _maker(store: Store, project: Project) -> None:
    key = f"maker-{project.id}"
    st.text_input(
        "Made by",
        project.maker,
        max_chars=NAME_LIMIT,
        placeholder="Nobody is named",
        help="Your name, as the page says who made it. Exports say it, too.",
        width=460,
        key=key,
        on_change=_keep_maker,
        args=(store, project.id, key),
    )


def _keep_maker(store: Store, project_id: str, key: str) -> None:
    try:
        store.rename_project(project_id, maker=st.session_state[key])
    except AppError as error:
        show_error(error)


def _live(store: Store, link: Link, url: str) -> None:
    with st.container(border=True, horizontal=True, vertical_alignment="center", gap="medium", key=f"link-{link.id}"):
        code = segno.make(url, error="m", micro=False)
        st.image(code.svg_inline(scale=4, border=3, dark=DARK, light=LIGHT), width=QR, alt=f"QR code of {url}")
        with st.container(width="stretch", gap="small"):
            st.code(url, language=None, wrap_lines=True)
            ends = f"ends {when(link.expires_at)}" if link.expires_at else "never ends by itself"
            st.caption(f"Made {when(link.created_at)} · {ends}")
            with st.container(horizontal=True, gap="small"):
                st.link_button("Open it", url, icon=":material/open_in_new:")
                st.download_button(
                    "QR code",
                    _png(code),
                    "thimble-link.png",
                    "image/png",
                    icon=":material/qr_code_2:",
                    help="As a picture, to print or to send.",
                    key=f"qr-{link.id}",
                    on_click="ignore",
                )
                words = "The link stops at once for everybody who has it. You can always make a new one."
                if confirm("Revoke", words, "Revoke this link", key=f"revoke-link-{link.id}"):
                    store.access.revoke_link(link.id)
                    st.rerun()


def _ended(store: Store, link: Link) -> None:
    with st.container(border=True, horizontal=True, vertical_alignment="center", key=f"link-{link.id}"):
        ended = when(link.expires_at) if link.expires_at else ""
        st.markdown(f":material/timer_off: A link of {when(link.created_at)} ended {ended}.", width="stretch")
        if st.button("Remove", key=f"remove-link-{link.id}"):
            store.access.revoke_link(link.id)
            st.rerun()


def _png(code: segno.QRCode) -> bytes:
    picture = BytesIO()
    code.save(picture, kind="png", scale=PRINTED, border=4, dark=DARK, light=LIGHT)
    return picture.getvalue()
