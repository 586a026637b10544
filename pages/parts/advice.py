"""What would make the model better: what is at fault, what more photos would bring, and where to get them."""

import streamlit as st

from core.data.store import Category, Project, Store
from core.model.findings import Diagnosis
from core.model.forecast import in_words
from pages.parts import cards, charts, session, start, steps, web
from pages.parts.live import Live
from pages.parts.words import count, plain

THUMBNAIL = 84
PHOTOS = 6


def draw(store: Store, live: Live) -> None:
    """Findings, forecast and learning curve."""
    advice = live.bundle.advice
    st.subheader("What next")
    for number, finding in enumerate(advice.findings):
        _finding(store, live, finding, number)
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown("**What more photos would bring**")
        names = [plain(name) for name in live.bundle.categories]
        for sentence in in_words(advice.forecast, names):
            st.markdown(sentence)
        _more(store, live)
    with right:
        charts.learning_curve(advice.curve, advice.forecast, key=f"curve-{live.version.number}")


def _finding(store: Store, live: Live, finding: Diagnosis, number: int) -> None:
    with st.container(border=True, gap="xsmall", key=f"finding-{number}"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown(f"**{plain(finding.title)}**", width="stretch")
            if finding.cost is not None and round(finding.cost) >= 1:
                st.badge(
                    f"about {count(round(finding.cost), 'point')}", color="orange", help="Of accuracy, in per cent."
                )
        st.markdown(plain(finding.hint))
        sha256 = [live.bundle.memory.sha256[at] for at in finding.photos]
        shown = [(each, live.name(at)) for each, at in zip(sha256, finding.photos, strict=True) if each in live.photos]
        if shown:
            cards.row(store, shown[:PHOTOS], THUMBNAIL, key=f"finding-photos-{number}")


def _more(store: Store, live: Live) -> None:
    """The way to more photos, of the category that needs them most where there is one."""
    forecast, project = live.bundle.advice.forecast, live.project
    needy = [live.categories.get(live.bundle.categories[at]) for at in forecast.neediest[:1]]
    category = needy[0] if needy else None
    with st.container(horizontal=True, gap="small"):
        if category is None:
            if st.button("Add photos", icon=":material/add_photo_alternate:"):
                steps.go("photos", project.id)
            return
        if _is_from_the_web(store, project, category) and not start.is_busy(project):
            label = f"Get {forecast.more} more photos of {cards.short(category.name)}"
            if st.button(label, icon=":material/travel_explore:", help="From the web; then it trains again."):
                store.web.want_more(category.id, forecast.more)
                web.start(project, only=category.id)
                st.rerun()
        if st.button(f"Add photos of {cards.short(category.name)}", icon=":material/add_photo_alternate:"):
            st.session_state[session.category_key(project.id)] = category.id
            steps.go("photos", project.id)


def _is_from_the_web(store: Store, project: Project, category: Category) -> bool:
    """Whether it was collected before: who brought only photos of their own gets no others unasked."""
    return any(part.category_id == category.id and part.rounds for part in store.web.collection(project.id))
