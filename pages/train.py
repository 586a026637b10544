"""Train with one click, and hear how good the result is: in words, in figures, in pictures."""

import streamlit as st

from core.data.store import Project, Store, Summary
from core.jobs import Job, Progress
from core.model.bundle import Bundle
from core.model.evaluate import Report, in_words, most_confused, outwards
from core.model.train import train_project
from pages.parts import charts, session, steps, work
from pages.parts.words import count, plain

TRAIN = "train"
IN_TWO = "the same picture is in two categories"


def page() -> None:
    """Draw the page of training."""
    project = session.need_project()
    store = session.store()
    summary = store.summary(project.id)
    st.title("Train")
    job = session.jobs().latest(project.id, TRAIN)
    if not work.running(project.id, TRAIN):
        work.outcome(job)
        _start(project, summary, job)
    if summary.version is not None:
        _result(project, store, summary.version)


def _start(project: Project, summary: Summary, job: Job | None) -> None:
    missing = steps.why_not_train(project.id)
    trained = summary.version is not None
    if not trained:
        st.markdown(
            f"{count(summary.photos, 'photo')} of {count(summary.categories, 'category', 'categories')}. "
            "Thimble learns from them, and keeps some out at a time to find out how well it does."
        )
    elif summary.changed:
        st.info(
            "The photos have changed since this model was trained. Train again to use them.",
            icon=":material/sync:",
        )
    label = "Train again" if trained else "Train my model"
    if job is not None and job.state == "interrupted":
        label = "Continue training"
    again = trained and not summary.changed and label == "Train again"
    with st.container(horizontal=True, vertical_alignment="center"):
        if (
            trained
            and not summary.changed
            and st.button("Next: try it", type="primary", icon=":material/arrow_forward:")
        ):
            steps.go("try", project.id)
        if st.button(
            label,
            type="secondary" if again else "primary",
            icon=":material/model_training:",
            disabled=bool(missing),
        ):
            _train(project)
            st.rerun()
        if missing:
            st.caption(plain(missing))


def _train(project: Project) -> None:
    store, embedder = session.store(), session.trainer()

    def work_(progress: Progress) -> dict[str, object]:
        return train_project(store, project.id, embedder, on_progress=progress)

    session.jobs().start(project.id, TRAIN, work_)


def _result(project: Project, store: Store, version: int) -> None:
    bundle = session.bundle(project.id, version)
    report = bundle.report
    least, most = outwards(report.accuracy_interval)
    with st.container(border=True):
        st.subheader(plain(in_words(report)).capitalize() + ".")
        st.caption(
            f"Measured on your own {count(report.photos, 'photo')}, each while it was kept out of the learning. "
            "Photos that look nearly the same were kept out together."
        )
        worst = most_confused(report)
        if worst:
            truth, answer, times = worst
            st.markdown(
                f"Most often mixed up: **{plain(truth)}** taken for **{plain(answer)}**, {count(times, 'time')}."
            )
        with st.container(horizontal=True):
            st.metric("Right answers", f"{report.accuracy:.0%}", border=True)
            st.metric("Likely between", f"{least} and {most} %", border=True, help="The 95 % interval.")
            st.metric("Photos", f"{report.photos:,}", border=True)
            st.metric("Version", str(version), border=True)

    st.subheader("How well each category is recognised")
    charts.found_again(report, key=f"recall-{version}")
    for name in bundle.all_alike:
        st.warning(
            f"All photos of {plain(name)} look nearly the same. With other photos of it the model may do worse than "
            "measured here: add some taken elsewhere, in other light.",
            icon=":material/filter_none:",
        )
    with st.expander("Which was taken for which", icon=":material/grid_on:"):
        charts.confusion(report, key=f"confusion-{version}")
    with st.expander("The figures", icon=":material/table_chart:"):
        _figures(report)
    _left_out(bundle, store, project)


def _figures(report: Report) -> None:
    st.dataframe(
        [
            {
                "Category": score.name,
                "Photos": score.photos,
                "Found (recall)": _percent(score.recall),
                "Right when said (precision)": _percent(score.precision),
            }
            for score in report.categories
        ],
        hide_index=True,
    )
    st.caption(
        f"Balanced accuracy {report.balanced_accuracy:.1%} · log loss {report.log_loss:.3f} · "
        f"expected calibration error {report.expected_calibration_error:.3f}"
    )


def _left_out(bundle: Bundle, store: Store, project: Project) -> None:
    rows = [{"File": item.name, "Why": item.reason} for item in bundle.set_aside]
    rows += [{"File": photo.name, "Why": IN_TWO} for photo in store.conflicts(project.id)]
    if rows:
        with st.expander(f"{count(len(rows), 'photo')} left out of training", icon=":material/block:"):
            st.dataframe(rows, hide_index=True)


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{share:.0%}"
