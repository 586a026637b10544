"""Who made the photos that came from the web, under which licence, and where they are shown."""

import streamlit as st

from core.data.credits import credit_rows, credits_csv
from pages.parts import session
from pages.parts.words import count, plain


def page() -> None:
    """Draw the page of credits."""
    project = session.need_project()
    store = session.store()
    categories = {category.id: category.name for category in store.categories(project.id)}
    rows = credit_rows(store.photos.of(project.id, kept=True), categories)
    st.title("Where the photos come from")
    if not rows:
        st.info("All photos of this project are your own.", icon=":material/photo_library:")
        return
    st.markdown(
        f"{count(len(rows), 'photo')} from the web. Each belongs to whoever made it; a licence says what others may do "
        "with it. Without one, ask before you publish a photo."
    )
    st.download_button(
        "Download credits.csv", credits_csv(rows), "credits.csv", "text/csv", icon=":material/download:", type="primary"
    )
    for name in categories.values():
        here = [row for row in rows if row["category"] == name]
        if here:
            st.subheader(plain(name))
            st.markdown("\n".join(f"- {_credit(row)}" for row in here))


def _credit(row: dict[str, str]) -> str:
    title = plain(row["title"] or row["file"])
    maker = f" by {plain(row['creator'])}" if row["creator"] else ""
    licence = plain(row["licence"]) or "licence not stated"
    if row["licence_url"].startswith("https://"):
        licence = f"[{licence}](<{_safe(row['licence_url'])}>)"
    return f"[{title}](<{_safe(row['page'])}>){maker}, {licence}, {plain(row['site'])}"


def _safe(address: str) -> str:
    """An address that cannot end the Markdown link it stands in."""
    return address.replace("<", "%3C").replace(">", "%3E").replace("\n", "")
