"""The results of the parts that deal photos at random, f to j, as text."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

Row = tuple[str, str]
Told = dict[str, Any]

NAMES = {
    "thimble": "Thimble",
    "guide": "the Keras guide's head",
    "teachable": "Teachable Machine's head",
    "tuned": "fine-tuning all layers",
}


def _few_photos(told: Told) -> Iterator[Row]:
    for size, each in told["sizes"].items():
        yield f"{size} photos a category", f"{each['photos']} to learn from, {each['kept_out']} kept out"
        yield from _sides(each)


def _few_photos_together(told: Told) -> Iterator[Row]:
    for size, each in told["sizes"].items():
        yield f"{size} photos a category", f"means of {each['cells']} sets"
        yield from _sides(each)
    if told["over"]:
        sizes = " and ".join(str(size) for size in told["over"]["sizes"])
        yield f"{sizes} photos a category together", f"means of {told['over']['cells']} sets and sizes"
        yield from _sides(told["over"])


def _sides(told: Told) -> Iterator[Row]:
    for name, side in told["sides"].items():
        beside = told["against"].get(name)
        compared = (
            f"   Thimble {beside['points_higher']:+5.1f} points, {beside['times_faster']:6.1f} × faster{_least(beside)}"
            if beside
            else "".join(f"   {mode} {accuracy:.1%}" for mode, accuracy in told["modes"].items())
        )
        yield f"  {NAMES[name]}", f"right {side['accuracy']:6.1%}   {side['seconds']:8.2f} s{compared}"


def _least(beside: Told) -> str:
    return f" (at least {beside['least_times_faster']:.1f})" if "least_times_faster" in beside else ""


def _forecasts(told: Told) -> Iterator[Row]:
    yield "forecasts of what more photos bring", ""
    yield "  all", _errors(told["errors"])
    for each in told.get("pairs", ()):
        yield f"  {each['have']} photos a category and {each['more']} more", _errors(each)


def _errors(told: Told) -> str:
    if not told["runs"]:
        return "no category has photos enough"
    return (
        f"off by {told['median_error']:.1f} points in the median (no change foretold: {told['no_change_error']:.1f}), "
        f"bias {told['bias']:+.1f}, {told['inside']:.0%} inside the interval of {told['stated']:.0%}; "
        f"{told['runs']} runs"
    )


def _honesty(told: Told) -> Iterator[Row]:
    yield "does the report hold?", "on photos kept out of everything"
    for size, modes in told["sizes"].items():
        for mode, each in modes.items():
            yield (
                f"  {size} photos a category, {mode}",
                f"interval holds in {each['covered']} of {each['draws']} draws ({each['likely']} but for chance), "
                f"said {each['said']:.1%}, reached {each['accuracy']:.1%}; "
                f"calibration error {each['calibration_error']:.3f}",
            )


def _honesty_together(told: Told) -> Iterator[Row]:
    yield "does the report hold?", "on photos kept out of everything"
    cells = {f"{size} photos a category": modes for size, modes in told["sizes"].items()} | {"all": told["all"]}
    for name, modes in cells.items():
        for mode, each in modes.items():
            yield (
                f"  {name}, {mode}",
                f"interval holds in {each['coverage']:.1%} of {each['draws']} draws ({each['likely']:.1%} but for "
                f"chance in the part kept out), said {each['bias']:+.1f} points; "
                f"calibration error {each['calibration_error']:.3f}, at worst {each['worst_calibration_error']:.3f}",
            )


def _none_of_these(told: Told) -> Iterator[Row]:
    yield "none of these", f"{told['photos_a_category']} photos a category"
    if "kept" not in told:
        yield "  not measured", "too few photos"
        return
    yield "  true photos kept", f"{told['kept']:6.1%} (stated: {told['stated']:.0%})"
    yield "  strangers accepted", f"{told['accepted']:6.1%}"
    for name, share in told["accepted_from"].items():
        yield f"    from {name}", f"{share:6.1%}"
    yield from _areas(told)


def _none_of_these_together(told: Told) -> Iterator[Row]:
    if told["sets"]:
        yield "none of these", f"means of {told['sets']} sets"
        yield "  true photos kept", f"{told['kept']:6.1%}"
        yield "  strangers accepted", f"{told['accepted']:6.1%}, at worst {told['worst_accepted']:.1%}"
        yield from _areas(told)


def _areas(told: Told) -> Iterator[Row]:
    if told["areas"]:
        yield (
            "  a category left out, area under the ROC curve",
            f"{told['areas']['shipped']:.3f}; by the largest probability {told['areas']['softmax']:.3f}",
        )


def _choosing_time(told: Told) -> Iterator[Row]:
    about = f"{told['photos']} photos, {told['categories']} categories, {len(told['backbones'])} backbones"
    yield "click to report", about
    for name, seconds in told["seconds"].items():
        parts = ", ".join(f"{part.replace('_', ' ')} {value:.2f}" for part, value in seconds.items() if part != "total")
        yield f"  {name}", f"{seconds['total']:8.2f} s ({parts})"
    yield "  the choice alone", f"{told['choice']:8.2f} s, {told['candidates']} candidates, {told['mode']} advised"


ROWS_OF_DRAWS: Mapping[str, Callable[[Told], Iterator[Row]]] = {
    "few_photos": _few_photos,
    "forecasts": _forecasts,
    "honesty": _honesty,
    "none_of_these": _none_of_these,
    "choosing_time": _choosing_time,
}
OVERALL: Mapping[str, Callable[[Told], Iterator[Row]]] = {
    "few_photos": _few_photos_together,
    "forecasts": _forecasts,
    "honesty": _honesty_together,
    "none_of_these": _none_of_these_together,
}
