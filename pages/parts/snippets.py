"""What to write in a program that asks the model, to be copied."""

import streamlit as st

from core.data.store import Project
from core.serve.snippets import PHOTO, snippets
from pages.parts.address import Address

LANGUAGES = {"curl": "bash", "Python": "python", "JavaScript": "javascript"}
NOTES = {
    "curl": "For a shell.",
    "Python": "It needs the package `requests`.",
    "JavaScript": "For Node 20 or newer, in a file that ends in `.mjs`. For a web page at another address, name that "
    "address in `THIMBLE_CORS`.",
}


def draw(where: Address, project: Project, secret: str | None) -> None:
    """A tab for each language, with the key that was just made filled in."""
    st.subheader("What to write")
    texts = snippets(where.url, project.id, secret) if secret else snippets(where.url, project.id)
    for tab, (name, text) in zip(st.tabs(list(texts), key="snippets"), texts.items(), strict=True):
        with tab:
            st.code(text, language=LANGUAGES[name])
            key = "" if secret else " in place of `YOUR_KEY` your key,"
            st.caption(f"{NOTES[name]} Put{key} in place of `{PHOTO}` your photo.")
    st.link_button(
        "All that the API can do",
        f"{where.url}/api/docs",
        icon=":material/menu_book:",
        help="Also: make projects, add photos, train, get exports.",
    )
