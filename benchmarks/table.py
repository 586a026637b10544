"""The results as text: what a person reads, with what is counted said beside the figures."""

from collections.abc import Callable, Iterator
from typing import Any

from benchmarks.table_draws import OVERALL, ROWS_OF_DRAWS, Row


def lines(results: dict[str, Any]) -> Iterator[str]:
    """The whole table, line by line."""
    machine, versions = results["machine"], results["versions"]
    yield f"{machine['processor']}, {machine['cores']} cores, {machine['memory_gb']} GB, {machine['system']}"
    yield ", ".join(f"{name} {number}" for name, number in versions.items())
    yield f"load when started: {machine['load']} (best below 0.5)"
    for photos in results["sets"]:
        yield ""
        yield f"== {photos['name']} =="
        for part, rows in ROWS.items():
            if part in photos:
                yield from (f"  {name:<50}{value}" for name, value in rows(photos[part]))
    overall = {part: told for part, told in results.get("overall", {}).items() if part in OVERALL}
    if overall and len(results["sets"]) > 1:
        yield ""
        yield f"== {len(results['sets'])} sets together =="
        for part, told in overall.items():
            yield from (f"  {name:<50}{value}" for name, value in OVERALL[part](told))


def _photos_to_model(told: dict[str, Any]) -> Iterator[Row]:
    seconds, prepared = told["seconds"], told["prepare"]
    yield "photos to model", f"{told['photos']} photos, {told['categories']} categories"
    for part, value in seconds.items():
        yield f"  {part.replace('_', ' ')}", f"{value:8.3f} s"
    yield "  photos a second", f"{told['photos_per_second']:6.0f}"
    yield "  not counted: converting, loading", f"{prepared['convert']:8.3f} s, {prepared['load']:.3f} s"
    yield "  peak memory", _memory(told["peak_memory_mb"])


def _embedding(told: dict[str, Any]) -> Iterator[Row]:
    rates, times, memory = told["images_per_second"], told["times_keras"], told["peak_memory_mb"]
    yield "images a second embedded", f"{told['photos']} ready-made views, the sides in turn"
    yield "  Keras predict, batches of 32", f"{rates['keras']:6.0f}"
    for precision, name in (("f32", "32-bit"), ("bf16", "bf16")):
        if rates[precision] is None:
            yield f"  Thimble, {name}", "not on this processor"
        else:
            yield f"  Thimble, {name}", f"{rates[precision]:6.0f}     {times[precision]:.2f} × Keras"
    yield "  peak memory", f"{_memory(memory['thimble'])}; Keras {_memory(memory['keras'])}"


def _single_prediction(told: dict[str, Any]) -> Iterator[Row]:
    yield "a single prediction, from a file's bytes", f"{told['predictions']} one after another"
    for mode, each in told["modes"].items():
        yield f"  {mode}", f"p50 {each['p50_ms']:8.2f} ms   p99 {each['p99_ms']:8.2f} ms"
    yield "  peak memory", _memory(told["peak_memory_mb"])


def _serving(told: dict[str, Any]) -> Iterator[Row]:
    yield (
        "predictions over HTTP",
        f"{told['clients']} clients for {told['seconds']:.0f} s, photos of {told['longest_side']} pixels",
    )
    for name, each in (*told["modes"].items(), ("FastAPI and Keras predict", told["plain"])):
        yield f"  {name}", f"{_load(each)}   one client p50 {each['single_p50_ms']:.1f} ms"
        if "with_pages" in each:
            yield "    and a browser", _load(each["with_pages"])
            if each["with_pages"]["pages_s"]:
                first, *others = each["with_pages"]["pages_s"]
                yield "    a page there", f"{first:.1f} s at first, then {max(others, default=first):.1f} s at most"
    yield "  times the plain way", ", ".join(f"{mode} {times:.1f}" for mode, times in told["times_plain"].items())


def _load(told: dict[str, Any]) -> str:
    wrong = sum(number for status, number in told["statuses"].items() if status != "200")
    before, after = told["memory_mb"]
    return (
        f"{told['per_second']:6.0f} a second   p50 {told['p50_ms']:6.1f} ms   p99 {told['p99_ms']:6.1f} ms   "
        f"{wrong} errors   {before:.0f} MB after a quarter, {after:.0f} at the end"
    )


def _against_the_guide(told: dict[str, Any]) -> Iterator[Row]:
    ours, guide, count = told["thimble"], told["guide"], len(told["splits"])
    yield (
        "Keras transfer-learning guide on the same photos",
        f"{told['training_photos']} to learn from, {ours['photos'] / count:.0f} kept out, "
        f"{count} split{'' if count == 1 else 's'}",
    )
    for name, side in (("Thimble", ours), ("the guide's recipe", guide)):
        yield (
            f"  {name}",
            f"{side['seconds']['total']:8.2f} s   right {side['accuracy']:6.1%}   {_memory(side['peak_memory_mb'])}",
        )
    yield "  Thimble is", f"{told['times_faster']:8.1f} × faster, {told['points_higher']:+.1f} points"
    for each in told["splits"]:
        yield (
            f"    split {each['split'] + 1}",
            f"{each['times_faster']:8.1f} × faster, {each['points_higher']:+.1f} points "
            f"({each['thimble']['accuracy']:.1%} and {each['guide']['accuracy']:.1%})",
        )
    yield "  counted, both", "files on disk → trained model → scored on the photos kept out"
    yield "    Thimble besides", "chooses and tests itself by cross-validation in that time"
    yield "    not counted, both", "importing libraries, building and compiling the network"


def _what_cleaning_finds(told: dict[str, Any]) -> Iterator[Row]:
    count = len(told["runs"])
    yield "cleaning", f"{told['photos']} photos, spoilt in {count} way{'' if count == 1 else 's'}"
    for kind, each in told["kinds"].items():
        yield f"  {kind}", _precision_and_recall(each)
    for number, run in enumerate(told["runs"], start=1):
        yield f"    way {number}, strangers: {run['strangers_from']}", ""
        for kind in ("near duplicate", "off-topic", "other category", "suspects of a training"):
            yield f"      {kind}", _precision_and_recall(run["kinds"][kind])
    alone = ", ".join(f"{kind} {found}" for kind, found in told["untouched"].items() if found)
    yield "  found in the set as it is", alone or "nothing"
    yield "  peak memory", _memory(told["peak_memory_mb"])


def _precision_and_recall(each: dict[str, Any]) -> str:
    precision, recall = ("     –" if each[name] is None else f"{each[name]:6.1%}" for name in ("precision", "recall"))
    return (
        f"precision {precision}  recall {recall}  ({each['right']} right of {each['found']}; {each['there']} planted)"
    )


def _memory(megabytes: float | None) -> str:
    return "memory not known" if megabytes is None else f"{megabytes:5.0f} MB"


ROWS: dict[str, Callable[[dict[str, Any]], Iterator[Row]]] = {
    "photos_to_model": _photos_to_model,
    "embedding": _embedding,
    "single_prediction": _single_prediction,
    "against_the_guide": _against_the_guide,
    "what_cleaning_finds": _what_cleaning_finds,
    "serving": _serving,
    **ROWS_OF_DRAWS,
}
