"""The score for none of these in Keras: the same as in NumPy, whatever it was fitted on."""

import os
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from core.model.backbones import BACKBONES
from core.model.features import Features
from core.model.keras_head import input_name
from core.model.keras_novelty import keras_novelty
from core.model.novelty import fit

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

SEEN = Features(("lite0",), ("crop",), "all")
LOOK = SEEN.looks[0]


def drawn_rows(count: int, seed: int) -> dict[tuple[str, str], NDArray[np.float32]]:
    random = np.random.default_rng(seed)
    return {LOOK: random.exponential(size=(count, BACKBONES["lite0"].row)).astype(np.float32)}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.parametrize(
    ("categories", "strangers"),
    [(1, 0), (2, 0), (5, 0), (5, 4)],  # no axis, one, several, and with photos marked as none of these
)
def test_the_keras_model_agrees_also_after_a_safe_load(categories: int, strangers: int, tmp_path: Path) -> None:
    import keras

    features = SEEN.matrix(drawn_rows(40, 0))
    labels, folds = np.arange(40) % categories, np.arange(40) // categories % 4
    marked = SEEN.matrix(drawn_rows(strangers, 2)) if strangers else None
    novelty = fit(features, labels, folds, strangers=marked)
    rows = drawn_rows(7, 1)
    model = keras_novelty(novelty, SEEN)
    model.save(tmp_path / "novelty.keras")
    loaded = keras.models.load_model(tmp_path / "novelty.keras", safe_mode=True)
    for each in (model, loaded):
        found = each.predict({input_name(LOOK): rows[LOOK]}, verbose=0)
        np.testing.assert_allclose(found, novelty.scores(SEEN.matrix(rows)), atol=2e-3)
