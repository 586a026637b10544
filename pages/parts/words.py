"""Text for people: names shown as typed, counts that agree, errors with a way on."""

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import streamlit as st

from core.errors import AppError

# Streamlit reads labels as Markdown with its own :shortcodes: and $maths$; a name is text and nothing more.
_MARKUP = re.compile(r"([\\`*_{}\[\]()#+\-.!|<>~$&=^])")
_WORD_JOINER = "\u2060"  # unseen; parts a colon from the shortcode that it would begin


def plain(text: str) -> str:
    """The text as it was typed, wherever Streamlit would read Markdown."""
    return _MARKUP.sub(r"\\\1", text).replace(":", f":{_WORD_JOINER}")


def count(number: int, one: str, many: str | None = None) -> str:
    """'1 photo', '2 photos', '1,200 photos'."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def megabytes(size: int) -> str:
    """The size of a file in bytes, as people say it: '0.3 MB', '12 MB'."""
    return f"{size / 1e6:.1f} MB" if size < 9.95e6 else f"{size / 1e6:,.0f} MB"


def when(at: datetime) -> str:
    """The time where the person is, as far as the browser says."""
    try:
        zone: ZoneInfo | None = ZoneInfo(st.context.timezone or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        zone = None
    local = at.astimezone(zone or UTC)
    return f"{local.day} {local:%b %Y, %H:%M}"


def show_error(error: AppError) -> None:
    """The problem, and the next step, in a box."""
    st.error(
        f"{plain(error.message)}\n\n{plain(error.hint)}" if error.hint else plain(error.message),
        icon=":material/error:",
    )
