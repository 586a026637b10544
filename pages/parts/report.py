"""How good the model is: in words, in figures, in pictures; and the choice between fast and best."""

import streamlit as st

from core.data.store import Store
from core.model.evaluate import Report, in_words, outwards
from core.model.select import Mode
from pages.parts import charts
from pages.parts.live import Live
from pages.parts.words import count, plain

FIGURE = 154  # pixels; two side by side on a phone
ENOUGH = 50  # photos; of fewer a share in 100 would say more than is known
MODES: tuple[Mode, ...] = ("fast", "best")


def draw(store: Store, live: Live) -> None:
    """The report on the mode in use."""
    report = live.report
    least, most = outwards(report.accuracy_interval)
    with st.container(border=True, key="report"):
        st.subheader(plain(in_words(report)).capitalize() + ".")
        st.caption(
            f"Measured on your own {count(report.photos, 'photo')}, each while it was kept out of the learning. "
            "Photos that look nearly the same were kept out together."
        )
        with st.container(horizontal=True):
            st.metric("Right answers", f"{report.accuracy:.0%}", border=True, width=FIGURE)
            st.metric(
                "In every 100",
                f"{least}–{most}",
                border=True,
                width=FIGURE,
                help="How many answers should be right with new photos like these: the 95 % interval.",
            )
            st.metric(
                "Separation",
                f"{report.separation:.0f}",
                border=True,
                width=FIGURE,
                help="From 0 to 100: how much of the doubt about a photo's category a look at it takes away. "
                "At 100 the answers leave none; at 0 they are guesses.",
            )
            _mode(store, live)
    _origins(live)
    for name in live.bundle.all_alike:
        st.warning(
            f"All photos of {plain(name)} look nearly the same. With other photos of it the model may do worse than "
            "measured here: add some taken elsewhere, in other light.",
            icon=":material/filter_none:",
        )
    left, right = st.columns(2, gap="large")
    key = f"{live.version.number}-{live.mode}"
    with left:
        st.markdown("**How well each category is recognised**")
        charts.found_again(report, key=f"recall-{key}")
    with right:
        st.markdown("**Is it as sure as it should be?**")
        st.caption(sureness(report))
        charts.reliability(report, key=f"reliability-{key}")


def sureness(report: Report) -> str:
    """What its probabilities are worth, by the commonest of them: as in "When it says about 80 % sure, …"."""
    usual = max(report.reliability, key=lambda each: each.photos)
    apart = count(round(100 * report.expected_calibration_error), "point")
    how_often = f"it is right {round(100 * usual.right)} times in 100"
    if usual.photos < ENOUGH:
        how_often = f"it was right for {round(usual.right * usual.photos)} of {count(usual.photos, 'photo')}"
    return (
        f"When it says that it is about {usual.sure:.0%} sure, {how_often}. "
        f"Over all, what it says and how often it is right lie {apart} apart, or less: with few photos, chance alone "
        "gives some."
    )


def _mode(store: Store, live: Live) -> None:
    """Both modes with their accuracy and looks; a click changes which one answers."""
    with st.container(width=330, gap="xxsmall"):
        if all(row.fast == row.best for row in live.bundle.table):
            st.markdown(":material/bolt: **Fast, and best**")
            st.caption(
                "Several recipes together would do no better here than one alone, so there is nothing to choose."
            )
            return
        looks = {mode: len(live.bundle.looks(mode)) for mode in MODES}
        chosen = st.segmented_control(
            "Which answers",
            MODES,
            default=live.mode,
            required=True,
            format_func=lambda mode: f"{mode.capitalize()} · {live.bundle.reports[mode].accuracy:.0%}",
            key=f"mode-{live.version.number}-{live.mode}",
        )
        st.caption(_pace(looks["fast"], looks["best"]))
    if chosen and chosen != live.mode:
        store.set_mode(live.project.id, chosen)
        st.rerun()


def _pace(fast: int, best: int) -> str:
    if fast == best:
        return f"Both look {_times(fast)} at each photo, so both are as fast; best weighs several recipes."
    return f"Fast looks {_times(fast)} at each photo, best {_times(best)}: about {best / fast:.0f} times as slow."


def _times(number: int) -> str:
    return {1: "once", 2: "twice"}.get(number, f"{number} times")


def _origins(live: Live) -> None:
    parts = [
        f"{share:.0%} right on {count(photos, 'photo')} {'of your own' if origin == 'own' else 'from the web'} "
        f"({outwards(interval)[0]} to {outwards(interval)[1]} %)"
        for origin, (photos, share, interval) in live.bundle.advice.origins.items()
    ]
    if parts:
        st.markdown(":material/compare_arrows: " + "; ".join(parts) + ".")
