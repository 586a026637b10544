"""What few people need, folded away: the figures, what was tried, choosing by hand, what was left out."""

import streamlit as st

from core.data.store import Project, Store
from core.model.availability import offers, to_download
from core.model.backbones import BACKBONES
from core.model.bundle import Bundle
from core.model.candidates import KINDS
from core.model.evaluate import Report
from pages.parts import charts, start
from pages.parts.live import Live
from pages.parts.words import count, plain

IN_TWO = "the same picture is in two categories"
OPEN = "Let Thimble choose"
PARTS: dict[str, tuple[str, dict[str, str]]] = {
    "view": (
        "What it sees of a photo",
        {"crop": "the middle, cropped", "squash": "all of it, squashed", "mirror": "the middle, mirrored"},
    ),
    "cuts": ("Where it is cut", {"last": "the last features", "late": "the cut before the last", "all": "all cuts"}),
    "head": ("Head", dict(KINDS.items())),
}


def draw(store: Store, live: Live) -> None:
    """The expanders, the likeliest to be wanted first."""
    report, key = live.report, f"{live.version.number}-{live.mode}"
    with st.expander("The figures", icon=":material/table_chart:"):
        _figures(report)
    with st.expander("Which was taken for which", icon=":material/grid_on:"):
        charts.confusion(report, key=f"confusion-{key}")
    with st.expander("What was tried", icon=":material/science:"):
        _tried(live.bundle)
    fixed = f" · {len(live.project.fixed)} fixed" if live.project.fixed else ""
    with st.expander(f"Choose by hand{fixed}", icon=":material/tune:", key="choose-by-hand"):
        _by_hand(store, live.project)
    _others(store, live)
    _left_out(store, live)
    if live.bundle.notes:
        with st.expander(count(len(live.bundle.notes), "note"), icon=":material/sticky_note_2:"):
            st.markdown("\n".join(f"- {plain(note)}" for note in live.bundle.notes))


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
        f"Accuracy {report.accuracy:.1%} · balanced accuracy {report.balanced_accuracy:.1%} · "
        f"log loss {report.log_loss:.3f} · expected calibration error {report.expected_calibration_error:.3f} · "
        f"separation {report.separation:.1f}"
    )


def _tried(bundle: Bundle) -> None:
    st.caption(
        "Each line is a recipe, judged on photos that it never saw, the best first. Log loss is the measure: it counts "
        "also how sure the answers are; less is better. The last two columns are the shares in the answers."
    )
    st.dataframe(
        [
            {
                "Recipe": row.words,
                "Right, %": round(100 * row.accuracy),
                "Log loss": round(row.log_loss, 3),
                "Numbers learnt": row.parameters,
                "Looks": row.passes,
                "In fast, %": round(100 * row.fast),
                "In best, %": round(100 * row.best),
            }
            for row in bundle.table
        ],
        hide_index=True,
    )


def _by_hand(store: Store, project: Project) -> None:
    """Each part of the choice, open or fixed; it holds from the next training on."""
    st.caption("Thimble chooses what does best on your photos. What you fix here holds from the next training on.")
    chosen: dict[str, str] = {}
    for part, (label, words) in ({"backbone": ("Backbone", _backbones(store))} | PARTS).items():
        now = project.fixed.get(part, "")
        options = ["", *words]
        chosen[part] = st.selectbox(
            label,
            options,
            index=options.index(now) if now in options else 0,
            format_func=({"": OPEN} | words).__getitem__,
            key=f"fixed-{project.id}-{part}-{now}",
        )
    wanted = {part: option for part, option in chosen.items() if option}
    if wanted != project.fixed:
        store.set_fixed(project.id, wanted)
        st.rerun()
    if wanted and not start.is_busy(project) and st.button("Train with this", icon=":material/model_training:"):
        start.train(project)
        st.rerun()


def _backbones(store: Store) -> dict[str, str]:
    sizes = {name: to_download(backbone, store.home) for name, backbone in BACKBONES.items()}
    return {
        name: BACKBONES[name].name + (f" ({size:.0f} MB to download)" if size else "") for name, size in sizes.items()
    }


def _others(store: Store, live: Live) -> None:
    """Backbones that were not tried yet; the comparison after the training shows what one brings."""
    found = offers(live.bundle.tried, store.home)
    if not found or start.is_busy(live.project):
        return
    with st.expander("Try another backbone", icon=":material/extension:"):
        st.caption("It is tried beside the others. You see the difference, and it is used only where it helps.")
        for backbone in found:
            size = to_download(backbone, store.home)
            with st.container(horizontal=True, vertical_alignment="center", key=f"offer-{backbone.id}"):
                st.markdown(
                    f"**{backbone.name}**  \n{backbone.top1:.0f} % right on ImageNet"
                    + (f" · {size:.0f} MB to download" if size else ""),
                    width="stretch",
                )
                if st.button("Try it too", key=f"try-{backbone.id}", help=f"Try {backbone.name} too"):
                    start.train(live.project, also=(backbone.id,))
                    st.rerun()


def _left_out(store: Store, live: Live) -> None:
    rows = [{"File": item.name, "Why": item.reason} for item in live.bundle.set_aside]
    rows += [{"File": photo.name, "Why": IN_TWO} for photo in store.photos.conflicts(live.project.id)]
    if rows:
        with st.expander(f"{count(len(rows), 'photo')} left out of training", icon=":material/block:"):
            st.dataframe(rows, hide_index=True)


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{share:.0%}"
