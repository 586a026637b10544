"""Collecting from the web: what to ask for, the click that starts it, and the photos as they arrive."""

import re
from typing import Any

import streamlit as st

from core.data.search import PROVIDERS, phrases
from core.data.store import KEPT_BY_PERSON, Category, Collection, Plan, Project, Store
from core.jobs import Job
from core.serve.work import BUILD, start_building
from pages.parts import session, steps, work
from pages.parts.words import count, plain

POLL = 1.0  # seconds between two looks at what has arrived
NEWEST = 6  # thumbnails of each category's latest photos
THUMBNAIL = 72  # pixels
MOST_DOUBTS = 30  # shown at once
MOST = 300  # photos of a category; more make it slower, and hardly better
_WATCHED = "watched-build"


def start(project: Project, *, only: int | None = None) -> None:
    """Begin to collect, clean and train in the background; with `only`, photos of that category."""
    start_building(session.state(), project.id, only=only)


def options(store: Store, project: Project) -> None:
    """How many photos, and which; stored as soon as they are changed."""
    plan = store.web.plan(project.id)
    with st.expander("What to collect", icon=":material/tune:"):
        wanted = st.slider("Photos of each category", 10, MOST, min(plan.wanted, MOST), step=10)
        licensed = st.toggle(
            "Openly licensed only",
            plan.openly_licensed,
            help="Leaves out DuckDuckGo, whose photos mostly belong to someone. Choose this if you mean to publish.",
        )
        safe = st.toggle("Safe search", plan.safe, help="Leaves out what is not for everyone, as far as it is known.")
        chosen = st.multiselect(
            "Search with",
            list(PROVIDERS),
            [name for name in plan.providers if name in PROVIDERS],
            format_func=lambda name: PROVIDERS[name].title,
        )
        if not chosen:
            st.caption("Choose at least one.")
    changed = Plan(wanted, licensed, safe, tuple(chosen or plan.providers))
    if changed != plan:
        store.web.set_plan(project.id, changed)


def asked_for(store: Store, category: Category) -> None:
    """The phrases that are searched for, one or more, as the person types them."""
    now = ", ".join(store.web.phrases(category.id))
    typed = st.text_input(f"Search the web for photos of {plain(category.name)}", now, key=f"phrases-{category.id}")
    wanted = tuple(filter(None, (" ".join(phrase.split()) for phrase in re.split(r"[,;，、]", typed))))
    if wanted and ", ".join(wanted) != now:
        store.web.set_phrases(category.id, wanted)


def more(store: Store, project: Project, category: Category) -> None:
    """More photos of one category, with other phrases if the person likes."""
    asked_for(store, category)
    known = {phrase.casefold() for phrase in store.web.phrases(category.id)}
    offered = [phrase for phrase in phrases(category.name) if phrase.casefold() not in known]
    chosen = st.pills("Also search for", offered, selection_mode="multi", format_func=plain, key=f"also-{category.id}")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        number = st.number_input("How many more", 5, MOST, 20, step=5, width=160, key=f"more-{category.id}")
        if st.button("Collect more", icon=":material/travel_explore:", key=f"collect-{category.id}"):
            store.web.set_phrases(category.id, (*store.web.phrases(category.id), *chosen))
            store.web.want_more(category.id, int(number))
            start(project, only=category.id)
            st.rerun()


def panel(store: Store, project: Project) -> bool:
    """True while a collection is under way, drawn with each category's newest photos.

    Done, it leads to Try; or to Train, where a version that is not live yet waits for the person to decide.
    """
    live = session.jobs().live(project.id, BUILD)
    if live:
        st.session_state[_WATCHED] = live[0].id
        _watch(store, project)
        return True
    job = session.jobs().latest(project.id, BUILD)
    if job is not None and st.session_state.pop(_WATCHED, None) == job.id and job.state == "done":
        steps.go("try" if job.result.get("live") else "train", project.id)
    return False


@st.fragment(run_every=POLL)
def _watch(store: Store, project: Project) -> None:
    live = session.jobs().live(project.id, BUILD)
    if not live:
        st.rerun()
    for job in live:
        with st.container(border=True, key=f"build-{job.id}"):
            st.progress(job.fraction, text=plain(job.words or "Waiting for its turn"))
            for part in store.web.collection(project.id):
                _arrived(store, part)
            if st.button("Stop", key=f"stop-{job.id}", icon=":material/stop_circle:"):
                session.jobs().cancel(job.id)
            st.caption("You can leave this page; the work goes on. Photos that have come stay, also when you stop it.")


def _arrived(store: Store, part: Collection) -> None:
    refused = f" · {count(part.failed, 'file')} not usable" if part.failed else ""
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"arrived-{part.category_id}"):
        with st.container(width=220, gap=None):
            st.markdown(f"**{plain(part.name)}**")
            st.caption(f"{part.stored} of {part.wanted}{refused}")
        for photo in store.photos.newest(part.category_id, NEWEST):
            st.image(store.photos.thumbnail(photo.sha256), width=THUMBNAIL, alt=photo.title or photo.name)


def outcome(store: Store, project: Project) -> None:
    """What became of the last collection, when it did not end well, and what the searches said."""
    job = session.jobs().latest(project.id, BUILD)
    work.outcome(job)
    unfinished = job is not None and job.state in ("interrupted", "cancelled", "failed")
    if unfinished and st.button("Continue collecting", icon=":material/play_arrow:"):
        start(project)
        st.rerun()
    if job is not None:
        _doubts(store, project, job)
    parts = [part for part in store.web.collection(project.id) if part.outcomes]
    if parts:
        steps.link("credits", "Where the photos come from", ":material/copyright:", project.id)
        with st.expander("How the searches went", icon=":material/travel_explore:"):
            for part in parts:
                st.markdown(f"**{plain(part.name)}** – " + " ".join(plain(outcome.words) for outcome in part.outcomes))
            failed = store.web.finds(project.id, state="failed")
            if failed:
                st.caption(f"{count(len(failed), 'file')} could not be used:")
                st.dataframe([{"Address": find.image, "Why": find.reason} for find in failed], hide_index=True)


def _doubts(store: Store, project: Project, job: Job) -> None:
    """Photos that cleaning found odd but left where they are, while nobody has judged them."""
    kept = {photo.id: photo for photo in store.photos.of(project.id, kept=True) if not photo.reason}
    doubts = [(kept[doubt["photo"]], doubt["reason"]) for doubt in _found_odd(job) if doubt["photo"] in kept]
    if not doubts:
        return
    with st.expander(f"Worth a look: {count(len(doubts), 'photo')}", icon=":material/help:"):
        for photo, reason in doubts[:MOST_DOUBTS]:
            with st.container(horizontal=True, vertical_alignment="center", key=f"doubt-{photo.id}"):
                st.image(store.photos.thumbnail(photo.sha256), width=THUMBNAIL, alt=photo.title or photo.name)
                st.markdown(plain(reason), width="stretch")
                if st.button("Keep", key=f"keep-{photo.id}", icon=":material/check:"):
                    store.photos.set_kept([photo.id], True, KEPT_BY_PERSON, undoable=True)
                    st.rerun()
                if st.button("Drop", key=f"drop-{photo.id}", icon=":material/remove_circle:"):
                    store.photos.set_kept([photo.id], False, undoable=True)
                    st.rerun()


def _found_odd(job: Job) -> list[dict[str, Any]]:
    found = job.result.get("doubts")
    return found if isinstance(found, list) else []
