"""Background work on a page: its progress while it lives, what became of it afterwards."""

import streamlit as st

from core.jobs import Job
from pages.parts import session
from pages.parts.words import plain

POLL = 0.5  # seconds between two looks at a job: often enough to seem alive


def running(project_id: str, kind: str) -> bool:
    """True while work of this kind goes on, drawn with a bar and a way to stop it; the page stays free meanwhile."""
    if not session.jobs().live(project_id, kind):
        return False
    _watch(project_id, kind)
    return True


@st.fragment(run_every=POLL)
def _watch(project_id: str, kind: str) -> None:
    live = session.jobs().live(project_id, kind)
    if not live:
        st.rerun()
    for job in live:
        with st.container(border=True, key=f"job-{job.id}"):
            st.progress(job.fraction, text=plain(job.words or "Waiting for its turn"))
            if st.button("Stop", key=f"stop-{job.id}", icon=":material/stop_circle:"):
                session.jobs().cancel(job.id)
            st.caption("You can leave this page; the work goes on.")


def outcome(job: Job | None) -> None:
    """What a person must know about work that did not end well; nothing when it did."""
    if job is None:
        return
    if job.state == "failed":
        st.error(plain(job.message), icon=":material/error:")
    elif job.state == "cancelled":
        st.info(
            "You stopped it. Nothing is lost: it goes on from there when you start it again.",
            icon=":material/info:",
        )
    elif job.state == "interrupted":
        st.warning(
            f"Thimble was closed in the middle of this, at {job.fraction:.0%}. Nothing is lost: continue, and it "
            "goes on from there.",
            icon=":material/power_off:",
        )
