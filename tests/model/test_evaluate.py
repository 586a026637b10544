import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import BadInput
from core.model.evaluate import (
    CategoryReport,
    Report,
    calibration_error,
    evaluate,
    in_words,
    log_loss,
    most_confused,
    of_the_model_in_use,
    reliability,
    separation,
    wilson,
)

LABELS = np.array([0, 0, 0, 1, 1, 2])
PROBABILITIES = np.array(
    [
        [0.90, 0.06, 0.04, 0.00],
        [0.60, 0.30, 0.10, 0.00],
        [0.20, 0.70, 0.10, 0.00],
        [0.10, 0.80, 0.10, 0.00],
        [0.50, 0.40, 0.10, 0.00],
        [0.30, 0.50, 0.20, 0.00],
    ]
)
CATEGORIES = ("cats", "dogs", "fish", "birds")


def of_accuracy(right: int, photos: int) -> Report:
    """The report of a test in which so many of the photos were right."""
    labels = np.zeros(photos, dtype=np.int64)
    sure = np.where(np.arange(photos) < right, 0.8, 0.2)
    return evaluate(labels, np.stack([sure, 1 - sure], axis=1), ("cats", "dogs"))


def test_the_figures_worked_out_by_hand() -> None:
    report = evaluate(LABELS, PROBABILITIES, CATEGORIES)
    assert report.photos == 6
    assert report.confusion == ((2, 1, 0, 0), (1, 1, 0, 0), (0, 1, 0, 0), (0, 0, 0, 0))
    assert report.accuracy == pytest.approx(3 / 6)
    assert report.balanced_accuracy == pytest.approx((2 / 3 + 1 / 2 + 0) / 3)
    assert report.categories == (
        CategoryReport("cats", 3, pytest.approx(2 / 3), pytest.approx(2 / 3)),
        CategoryReport("dogs", 2, 0.5, pytest.approx(1 / 3)),
        CategoryReport("fish", 1, 0.0, None),
        CategoryReport("birds", 0, None, None),
    )
    assert report.log_loss == pytest.approx(-math.log(0.9 * 0.6 * 0.2 * 0.8 * 0.4 * 0.2) / 6)
    assert report.accuracy_interval == wilson(3, 6)


def test_the_commonest_mistake() -> None:
    labels = np.array([0, 0, 0, 1, 1])
    answers = np.eye(2)[[1, 1, 0, 0, 1]]
    assert most_confused(evaluate(labels, answers, ("cats", "dogs"))) == ("cats", "dogs", 2)
    assert most_confused(evaluate(labels, np.eye(2)[labels], ("cats", "dogs"))) is None


def test_calibration_error_worked_out_by_hand() -> None:
    # 0.7 and 0.72 share a bin: sure 0.71, right half the time; 1.0 has the last one: sure 1, wrong.
    sure = np.array([0.70, 0.72, 1.00])
    right = np.array([True, False, False])
    assert calibration_error(sure, right) == pytest.approx((2 * abs(0.71 - 0.5) + 1 * 1.0) / 3)


def test_calibration_error_is_near_zero_when_sureness_is_honest_and_large_when_it_is_not() -> None:
    random = np.random.default_rng(0)
    sure = random.uniform(0.5, 1, 100_000)
    honest = random.uniform(size=len(sure)) < sure
    assert calibration_error(sure, honest) < 0.01
    assert calibration_error(np.full(len(sure), 0.99), honest) == pytest.approx(0.24, abs=0.01)


def test_one_sure_mistake_keeps_the_log_loss_finite() -> None:
    assert log_loss(np.array([1]), np.array([[1.0, 0.0]])) == pytest.approx(15 * math.log(10))


@pytest.mark.parametrize(
    ("right", "photos", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),  # Newcombe 1998, table I, method 3
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_the_interval_of_published_examples(right: int, photos: int, low: float, high: float) -> None:
    assert wilson(right, photos) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))


@pytest.mark.parametrize("photos", [15, 40, 1500])
def test_the_interval_covers_the_truth_95_times_in_100(photos: int) -> None:
    # The chance of every outcome, counted rather than drawn. At single accuracies the coverage may dip.
    outcomes = np.arange(photos + 1)
    low, high = np.array([wilson(right, photos) for right in outcomes.tolist()]).T
    ways = np.cumsum(np.log(np.maximum(outcomes, 1)))
    covered = []
    for true in np.linspace(0.5, 0.99, 50):
        chances = ways[-1] - ways - ways[::-1] + outcomes * np.log(true) + outcomes[::-1] * np.log(1 - true)
        covered.append(np.exp(chances)[(low <= true) & (true <= high)].sum())
    assert np.mean(covered) == pytest.approx(0.95, abs=0.01)
    assert min(covered) > 0.83


@given(st.integers(1, 3000), st.data())
def test_the_interval_holds_the_accuracy_and_stays_within_0_and_1(photos: int, data: st.DataObject) -> None:
    right = data.draw(st.integers(0, photos))
    low, high = wilson(right, photos)
    assert 0 <= low <= right / photos <= high <= 1


def test_a_report_survives_json() -> None:
    report = evaluate(LABELS, PROBABILITIES.astype(np.float32), CATEGORIES)
    text = json.dumps(report.to_json(), allow_nan=False)
    assert Report.from_json(json.loads(text)) == report


@pytest.mark.parametrize("wrong", [{}, {"photos": 3}, {"accuracy_interval": [0.1, 0.2, 0.3]}])
def test_json_that_is_no_report_is_told(wrong: dict[str, object]) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        Report.from_json(wrong)


def test_nothing_to_test_on_is_said() -> None:
    with pytest.raises(BadInput, match="no photo"):
        evaluate(np.empty(0, dtype=np.int64), np.empty((0, 2)), ("cats", "dogs"))


@pytest.mark.parametrize(
    ("right", "photos", "words"),
    [
        (54, 60, "right about 9 times in 10; with new photos like these, between 79 and 96 of 100"),
        (288, 300, "right about 19 times in 20; with new photos like these, between 93 and 98 of 100"),
        (6, 60, "right about once in 10; with new photos like these, between 4 and 21 of 100"),
        (1494, 1500, "right 1,494 times in 1,500; with new photos like these, between 99 and 100 of 100"),
        (2, 3, "right 2 times in 3; with new photos like these, between 20 and 94 of 100"),
        (
            15,
            15,
            "right every time in this test of 15 photos; with new photos like these, between 79 and 100",
        ),
        (0, 15, "wrong every time in this test of 15 photos; with new photos like these, between 0 and 21"),
        (1, 1, "right every time in this test of 1 photo; with new photos like these, between 20 and 100"),
    ],
)
def test_in_words(right: int, photos: int, words: str) -> None:
    assert in_words(of_accuracy(right, photos)).startswith(words)


@given(st.integers(1, 2000), st.data())
def test_words_never_claim_more_than_was_seen(photos: int, data: st.DataObject) -> None:
    right = data.draw(st.integers(0, photos))
    report = of_accuracy(right, photos)
    claim = in_words(report).split(";")[0].replace(",", "").replace("once", "1 times").split()
    if "every" in claim:
        assert right == (photos if claim[0] == "right" else 0)
    else:
        share = int(claim[-4]) / int(claim[-1])
        assert report.accuracy_interval[0] <= share <= report.accuracy_interval[1]
        assert 0 < share < 1


def test_separation_is_100_without_doubt_and_0_when_the_photo_says_nothing() -> None:
    labels = np.array([0, 0, 0, 1])
    assert separation(labels, np.eye(2)[labels]) == pytest.approx(100)
    assert separation(labels, np.full((4, 2), [0.75, 0.25])) == pytest.approx(0)
    half = separation(labels, np.array([[0.9, 0.1]] * 3 + [[0.2, 0.8]]))
    assert 0 < half < 100
    assert separation(np.zeros(3, np.int64), np.ones((3, 1))) == 0


def test_reliability_says_how_often_sure_answers_were_right() -> None:
    sure = np.array([0.95, 0.9, 0.85, 0.45, 0.5])
    right = np.array([True, True, False, False, True])
    low, high = reliability(sure, right)
    assert (low.photos, low.right, low.sure) == (2, 0.5, pytest.approx(0.475))
    assert (high.photos, high.right, high.sure) == (3, pytest.approx(2 / 3), pytest.approx(0.9))
    assert reliability(np.array([1.0]), np.array([True]))[0].photos == 1


def test_the_interval_of_the_model_in_use_is_wider_and_reaches_higher_with_a_head_start() -> None:
    labels = np.arange(40) % 2
    answers = np.where(np.arange(40) < 30, labels, 1 - labels)
    report = evaluate(labels, np.eye(2)[answers] * 0.8 + 0.1, ["cats", "dogs"])
    plain = of_the_model_in_use(report, 0.0)
    ahead = of_the_model_in_use(report, 0.1)
    low, high = report.accuracy_interval
    assert plain.accuracy_interval[0] < low < high < plain.accuracy_interval[1] < ahead.accuracy_interval[1] <= 1
    assert plain.accuracy_interval[0] == ahead.accuracy_interval[0]
    assert plain.accuracy == report.accuracy
    assert of_the_model_in_use(report, -0.5) == plain
    perfect = evaluate(labels, np.eye(2)[labels], ["cats", "dogs"])
    assert of_the_model_in_use(perfect, 0.2).accuracy_interval[1] == 1.0
