"""Several heads answer as one: averaged, set right in how sure they are, stored, and the same in Keras."""

import os
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from core.model.backbones import BACKBONES
from core.model.calibrate import fit_sharpness
from core.model.classifier import Classifier, Member, sharpen
from core.model.evaluate import log_loss
from core.model.features import Features, Key
from core.model.head import Head
from core.model.hidden import HiddenHead
from core.model.keras_head import input_name, keras_classifier

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

ONE = Features(("lite0", "lite2"), ("crop",), "all")
TWO = Features(("lite0",), ("crop", "mirror"), "last")


@pytest.fixture
def classifier() -> Classifier:
    random = np.random.default_rng(0)

    def some(*shape: int) -> NDArray[np.float32]:
        return (2 * random.normal(size=shape)).astype(np.float32)

    return Classifier(
        (
            Member(ONE, Head(some(ONE.width, 3), some(3)), 0.5),
            Member(TWO, Head(some(TWO.width, 3), some(3)), 0.3),
            Member(TWO, HiddenHead(some(TWO.width, 8), some(8), some(8, 3), some(3)), 0.2),
        ),
        1.4,
    )


@pytest.fixture
def rows(classifier: Classifier) -> dict[Key, NDArray[np.float32]]:
    random = np.random.default_rng(1)
    return {look: random.exponential(size=(5, BACKBONES[look[0]].row)).astype(np.float32) for look in classifier.looks}


def test_the_answer_is_the_weighted_mean_sharpened(
    classifier: Classifier, rows: dict[Key, NDArray[np.float32]]
) -> None:
    mean = sum(member.weight * member.head.probabilities(member.features.matrix(rows)) for member in classifier.members)
    powers = np.asarray(mean) ** 1.4
    expected = powers / powers.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(classifier.probabilities(rows), expected, atol=1e-6)
    assert classifier.looks == (("lite0", "crop"), ("lite0", "mirror"), ("lite2", "crop"))
    assert classifier.parameters == sum(member.head.parameters for member in classifier.members)


def test_it_reads_back_and_refuses_parts_that_do_not_fit(
    classifier: Classifier, rows: dict[Key, NDArray[np.float32]]
) -> None:
    about, arrays = classifier.to_arrays()
    again = Classifier.from_arrays(about, arrays)
    np.testing.assert_array_equal(again.probabilities(rows), classifier.probabilities(rows))
    about["members"][1]["cuts"] = "all"
    with pytest.raises(ValueError, match="features"):
        Classifier.from_arrays(about, arrays)
    with pytest.raises(ValueError, match=r"head|shape|layers|unpack"):
        Classifier.from_arrays({"sharpness": 1.0, "members": []}, {})


def test_sharpening_keeps_the_order_and_the_sum() -> None:
    given = np.array([[0.5, 0.3, 0.2], [1.0, 0.0, 0.0]])
    for power in (0.5, 1.0, 3.0):
        found = sharpen(given, power)
        np.testing.assert_allclose(found.sum(axis=1), 1)
        assert (found.argsort(axis=1) == given.argsort(axis=1)).all()
    assert sharpen(given, 3.0)[0, 0] > 0.5 > sharpen(given, 0.5)[0, 0]


def test_overdone_sureness_is_brought_down_and_few_photos_change_little() -> None:
    random = np.random.default_rng(0)
    honest = random.dirichlet(np.full(4, 0.4), 2000)
    labels = np.array([random.choice(4, p=each) for each in honest])
    for power in (0.5, 2.0):
        shown = sharpen(honest, power)
        found = fit_sharpness(labels, shown)
        assert found == pytest.approx(1 / power, rel=0.15)
        assert log_loss(labels, sharpen(shown, found)) < log_loss(labels, shown)
    three = fit_sharpness(np.array([0, 1, 2]), np.eye(3)[[1, 1, 2]] * 0.9 + 0.1 / 3)
    assert 0.4 < three < 1.5


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_the_keras_model_agrees_also_after_a_safe_load(
    classifier: Classifier, rows: dict[Key, NDArray[np.float32]], tmp_path: Path
) -> None:
    import keras

    model = keras_classifier(classifier)
    model.save(tmp_path / "classifier.keras")
    loaded = keras.models.load_model(tmp_path / "classifier.keras", safe_mode=True)
    given = {input_name(look): each for look, each in rows.items()}
    for each in (model, loaded):
        np.testing.assert_allclose(each.predict(given, verbose=0), classifier.probabilities(rows), atol=1e-5)
    np.testing.assert_array_equal(
        model.get_layer("member0").get_weights()[0], classifier.members[0].head.to_arrays()["kernel"]
    )
