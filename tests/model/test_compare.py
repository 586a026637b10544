"""Two versions side by side: on the photos that both know, by what the person now says they show."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from core.data.dataset import from_folder
from core.model.bundle import Bundle, Memory
from core.model.compare import Comparison, compare
from core.model.embedder import Embedders
from core.model.train import train_model


@pytest.fixture
def bundle(photo_folder: Callable[..., Path], home: Path) -> Bundle:
    return train_model(from_folder(photo_folder()), Embedders(home)).bundle


def knowing(bundle: Bundle, photos: dict[str, tuple[int, int]]) -> Bundle:
    """The bundle as if it had learnt these photos: SHA-256 to label and the answer given while kept out."""
    labels = np.array([label for label, _ in photos.values()], dtype=np.int64)
    given = np.eye(len(bundle.categories), dtype=np.float32)[[answer for _, answer in photos.values()]]
    memory = Memory(tuple(photos), labels, np.zeros((len(photos), 2), np.float16), {"fast": given, "best": given})
    return dataclasses.replace(bundle, memory=memory)


def test_photos_are_judged_by_the_category_they_are_in_now(bundle: Bundle) -> None:
    older = knowing(bundle, {"a": (0, 0), "b": (0, 1), "c": (1, 1), "gone": (1, 0)})
    newer = knowing(bundle, {"b": (1, 1), "a": (0, 0), "c": (1, 0), "new": (0, 1)})
    found = compare(older, newer, against=4)
    assert (found.photos, found.right_before, found.right_now) == (3, 3, 2)
    assert found.mended == ()
    assert found.spoilt == ("c",)
    assert found.words == "On the same 3 photos: right for 3 before (version 4), for 2 now."
    assert Comparison.from_json(found.to_json()) == found


def test_one_more_mistake_may_be_chance_and_five_are_not(bundle: Bundle) -> None:
    names = [str(number) for number in range(20)]

    def with_mistakes(count: int) -> Bundle:
        return knowing(bundle, {name: (0, int(at < count)) for at, name in enumerate(names)})

    assert not compare(with_mistakes(0), with_mistakes(1), against=1).is_worse
    assert compare(with_mistakes(0), with_mistakes(5), against=1).is_worse
    assert not compare(with_mistakes(5), with_mistakes(0), against=1).is_worse


def test_a_category_that_the_older_one_did_not_know_counts_as_its_mistake(bundle: Bundle) -> None:
    older = knowing(bundle, {"a": (0, 0), "b": (1, 1)})
    renamed = dataclasses.replace(older, categories=("disc", "square"))
    found = compare(older, renamed, against=1)
    assert found.right_before == 1
    assert found.mended == ("b",)


def test_nothing_in_common_is_said(bundle: Bundle) -> None:
    found = compare(knowing(bundle, {"a": (0, 0)}), knowing(bundle, {"b": (0, 0)}), against=2)
    assert found.photos == 0
    assert not found.is_worse
    assert "no photo in common" in found.words
