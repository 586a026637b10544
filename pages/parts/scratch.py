"""A model beside a network trained from nothing on the same photos: whether transfer learning is needed."""

import plotly.graph_objects as go
import streamlit as st

from core.data.store import Project
from core.jobs import Job, Progress
from core.model.bundle import Bundle
from core.model.evaluate import outwards
from core.model.scratch import ScratchResult, Side, scratch_seconds, train_from_scratch
from core.serve.answers import mode_of
from pages.parts import session, work
from pages.parts.charts import NO_TOOLS
from pages.parts.words import count, plain

SCRATCH = "scratch"


def compare(project: Project, version: int, bundle: Bundle) -> None:
    """Draw the section for one version of the model."""
    st.subheader("What if it had learnt from nothing?")
    job = session.jobs().latest(project.id, SCRATCH)
    if work.running(project.id, SCRATCH):
        return
    _ended_early(job)
    result = None
    if job is not None and job.state == "done":
        of_version = job.result.get("version")
        result = ScratchResult.from_json(job.result)
        _both(result, f"version {of_version}", key=f"scratch-{job.id}")
        if of_version != version:
            st.caption(f"This was measured with version {of_version}; the model is at version {version} now.")
    photos = len(bundle.memory.labels)
    st.caption(
        "Thimble stands on a network that has seen a million pictures before yours. For comparison, a small one can be "
        f"trained on nothing but your {count(photos, 'photo')}: it takes {_time(scratch_seconds(photos))} of this "
        "computer's full attention, and your model stays as it is."
    )
    label = "Compare again" if result else "Train one from nothing, to compare"
    if st.button(label, icon=":material/science:", key="train-from-scratch"):
        _start(project, version, bundle)
        st.rerun()


def _start(project: Project, version: int, bundle: Bundle) -> None:
    store, mode = session.store(), mode_of(project, bundle)

    def work_(progress: Progress) -> dict[str, object]:
        result = train_from_scratch(store.dataset(project.id), bundle, mode=mode, on_progress=progress)
        return {**result, "version": version}

    session.jobs().start(project.id, SCRATCH, work_)


def _ended_early(job: Job | None) -> None:
    """Said here and not by `work.outcome`, because this work cannot go on from where it was."""
    if job is None:
        return
    if job.state == "failed":
        st.error(plain(job.message), icon=":material/error:")
    elif job.state == "cancelled":
        st.info("You stopped the comparison. It would begin again from the start.", icon=":material/info:")
    elif job.state == "interrupted":
        st.warning(
            "Thimble was closed in the middle of the comparison. It would begin again from the start.",
            icon=":material/power_off:",
        )


def _both(result: ScratchResult, version: str, key: str) -> None:
    with st.container(border=True):
        nothing, transfer = st.columns(2)
        with nothing:
            st.markdown("**From nothing**")
            _side(result.scratch, result.photos)
            st.caption(
                f"{result.scratch.parameters:,} numbers, all learnt from {count(result.learnt_from, 'photo')}, each "
                f"seen {count(result.epochs, 'time')}, in {_time(result.seconds)}."
            )
        with transfer:
            st.markdown(f"**Thimble, {version}**")
            _side(result.transfer, result.photos)
            st.caption(
                f"{result.transfer.parameters:,} numbers learnt from the same {count(result.learnt_from, 'photo')}, on "
                "top of what was learnt before from a million pictures."
            )
        st.markdown(plain(result.words))
        st.caption(
            f"Both were tested on the same {count(result.photos, 'photo')}, kept out of the learning; look-alikes of "
            f"them were kept out as well. Always answering the commonest category is right for {result.guessing:.0%}."
        )
    with st.expander("How learning from nothing went", icon=":material/show_chart:"):
        _curve(result, key)


def _side(side: Side, photos: int) -> None:
    least, most = outwards(side.accuracy_interval)
    st.metric("Right answers", f"{side.accuracy:.0%}")
    st.markdown(
        f"{round(side.accuracy * photos)} of {photos}; with new photos like these, between {least} and {most} %."
    )


def _curve(result: ScratchResult, key: str) -> None:
    rounds = list(range(1, result.epochs + 1))
    lines = {"the photos it learns from": 0, "photos kept out": 1}
    figure = go.Figure(
        [
            go.Scatter(x=rounds, y=[each[at] for each in result.curve], mode="lines", name=name)
            for name, at in lines.items()
        ]
    )
    figure.add_hline(y=result.transfer.accuracy, line_dash="dot", annotation_text="Thimble, photos kept out")
    figure.update_yaxes(range=[0, 1.05], tickformat=".0%", title="right", fixedrange=True)
    figure.update_xaxes(title="round", fixedrange=True)
    figure.update_layout(
        height=320,
        margin={"l": 0, "r": 0, "t": 8, "b": 0},
        font_size=14,
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.02},
    )
    learnt, kept_out = result.curve[-1]
    st.plotly_chart(
        figure,
        config=NO_TOOLS,
        key=key,
        alt=f"Right answers by round; at the end {learnt:.0%} of photos learnt from, {kept_out:.0%} of those kept out",
    )
    st.caption(
        "Knowing the photos that it learns from by heart, and failing on others, is called overfitting. The last round "
        "counts: picking the best one afterwards would flatter."
    )


def _time(seconds: float) -> str:
    if seconds < 50:
        return f"about {max(10, round(seconds, -1)):.0f} seconds"
    minutes = round(seconds / 60)
    return "about a minute" if minutes == 1 else f"about {minutes} minutes"
