"""Text for people: names shown as typed, counts that agree, errors with a way on."""

import re

import streamlit as st

from core.errors import AppError

# Streamlit reads labels as Markdown with its own :shortcodes: and $maths$; a name is text and nothing more.
_MARKUP = re.compile(r"([\\`*_{}\[\]()#+\-.!|<>~$&=^])")
_WORD_JOINER = "\u2060"  # unseen; parts a colon from the shortcode that it would begin


def plain(text: str) -> str:
    """The text as it was typed, wherever Streamlit would read Markdown."""
    return _MARKUP.sub(r"\\\1", text).replace(":", f":{_WORD_JOINER}")


def percent(share: float) -> str:
    """A probability in per cent; never 100% or 0%, which no model can know."""
    return "over 99%" if share > 0.995 else "under 1%" if share < 0.005 else f"{share:.0%}"


def count(number: int, one: str, many: str | None = None) -> str:
    """'1 photo', '2 photos', '1,200 photos'."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def show_error(error: AppError) -> None:
    """The problem, and the next step, in a box."""
    st.error(
        f"{plain(error.message)}\n\n{plain(error.hint)}" if error.hint else plain(error.message),
        icon=":material/error:",
    )
