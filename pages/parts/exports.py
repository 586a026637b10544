"""The model as a file for other systems: made on request, proven to answer the same, downloaded."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import streamlit as st

from core.data.store import Export, Project, Store, Version
from core.jobs import Job
from core.serve.export import FORMATS
from core.serve.work import EXPORT, export_kind, start_export
from pages.parts import session, work
from pages.parts.words import count, megabytes, plain, when


def draw(store: Store, project: Project, live: Version) -> None:
    """Each format with what it is for, and its file once it was made."""
    st.markdown(
        "Each file holds the whole model: photos go in as they are, answers come out. Before you get it, it must give "
        "the same answers as Thimble on test photos. With it come the labels, a description, test photos and a short "
        "program that uses it. Running it needs no Thimble."
    )
    busy = [name for name in FORMATS if session.jobs().live(project.id, export_kind(name))]
    made = _newest(store, project)
    for name in FORMATS:
        with st.container(border=True, gap="small", key=f"export-{name}"):
            _format(store, project, live, name, made.get(name), busy)


def _newest(store: Store, project: Project) -> dict[str, Export]:
    """Of each format the file of the newest version that has one."""
    found: dict[str, Export] = {}
    for version in store.models.versions(project.id):
        for export in store.exports.of(project.id, version.number):
            found.setdefault(export.name, export)
    return found


def _format(store: Store, project: Project, live: Version, name: str, made: Export | None, busy: list[str]) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        with st.container(width="stretch", gap=None):
            st.markdown(f"**{FORMATS[name].name}**")
            st.caption(FORMATS[name].words)
        if name not in busy:
            with st.container(horizontal=True, width="content", gap="small"):
                _buttons(store, project, live, name, made, is_busy=bool(busy))
    if work.running(project.id, export_kind(name)):
        return
    if name in busy:
        st.rerun()  # it ended after the files were looked for
    _outcome(project, live, name, made)


def _buttons(store: Store, project: Project, live: Version, name: str, made: Export | None, *, is_busy: bool) -> None:
    if made is not None:
        st.download_button(
            f"Download · {megabytes(made.size)}",
            partial(store.exports.read, project.id, made.version, made.name),
            f"thimble-{made.name}-{made.version}.zip",
            "application/zip",
            icon=":material/download:",
            key=f"download-{name}",
            on_click="ignore",
        )
    is_older = made is not None and made.version != live.number
    label = "Make it" if made is None else f"Make version {live.number}" if is_older else "Make it again"
    why = "One at a time: another is being made." if is_busy else None
    if st.button(label, icon=":material/build:", key=f"make-{name}", disabled=is_busy, help=why):
        start_export(session.state(), project.id, [name])
        st.rerun()


def _outcome(project: Project, live: Version, name: str, made: Export | None) -> None:
    """How the last try ended, and what is known of the file that there is."""
    job = session.jobs().latest(project.id, export_kind(name))
    work.outcome(job)
    for refused in _result(job).get("refused", []):
        st.error(plain(refused["reason"]), icon=":material/block:")
    if made is None:
        return
    if made.version != live.number:
        st.caption(f":material/history: This file is version {made.version}; version {live.number} answers now.")
    proofs = (_proof(each, made) for each in (job, session.jobs().latest(project.id, EXPORT)))
    proof = next((proof for proof in proofs if proof), None)
    st.caption(f"{f'{in_words(proof)} ' if proof else ''}Version {made.version}, made {when(made.made_at)}.")


def _result(job: Job | None) -> dict[str, Any]:
    return job.result if job is not None and job.state == "done" else {}


def _proof(job: Job | None, made: Export) -> Mapping[str, float] | None:
    """What this work found out of this file, if it made it."""
    result = _result(job)
    proof: Mapping[str, float] | None = result.get("made", {}).get(made.name)
    return proof if result.get("version") == made.version else None


def in_words(proof: Mapping[str, float]) -> str:
    """How near its answers came to Thimble's own."""
    same = min(proof["same_category"], proof["same_none"])
    alike = "the same answer on all" if same == 1 else f"the same answer on {same:.0%}"
    largest = np.format_float_positional(100 * proof["probability"], precision=2, fractional=False, trim="-")
    return (
        f"Proven on {count(int(proof['photos']), 'photo')}: {alike}; the largest difference in a probability was "
        f"{largest} %."
    )
