"""A button that asks once more before it does what cannot be undone."""

import streamlit as st


def confirm(label: str, words: str, yes: str, *, key: str, icon: str = ":material/block:") -> bool:
    """True in the run in which the person pressed `yes`, after reading the `words`."""
    with st.popover(label, icon=icon, key=f"{key}-ask"):
        st.markdown(words)
        return st.button(yes, key=key)
