"""The parts by their letters: what measures each on one photo set, and what puts several sets together."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import few_photos, forecasts, honesty, strangers
from benchmarks.choosing import choosing_time
from benchmarks.cleaning import what_cleaning_finds
from benchmarks.effort import Effort, Say
from benchmarks.guide import against_the_guide
from benchmarks.photo_sets import PhotoSet
from benchmarks.serving import serving
from benchmarks.speed import embedding, photos_to_model, single_prediction

Measured = dict[str, Any]  # ready for JSON


@dataclass(frozen=True)
class Part:
    """`measure` gives the figures of one set; `together`, where it means something, those of all of them."""

    name: str
    measure: Callable[[PhotoSet, Path, Effort, Say], Measured]
    together: Callable[[Sequence[Measured]], Measured] | None = None


PARTS = {
    "a": Part("photos_to_model", photos_to_model),
    "b": Part("embedding", embedding),
    "c": Part("single_prediction", single_prediction),
    "d": Part("against_the_guide", against_the_guide),
    "e": Part("what_cleaning_finds", what_cleaning_finds),
    "f": Part("few_photos", few_photos.few_photos, few_photos.together),
    "g": Part("forecasts", forecasts.forecasts, forecasts.together),
    "h": Part("honesty", honesty.honesty, honesty.together),
    "i": Part("none_of_these", strangers.strangers, strangers.together),
    "j": Part("choosing_time", choosing_time),
    "k": Part("serving", serving),
}
