"""Answers of the version in use: together or alone the same, at once those of whatever the owner picked."""

import threading
from dataclasses import replace
from typing import cast

import numpy as np
import pytest
from numpy.typing import NDArray

from core.data import example
from core.data.photo import Refused
from core.data.store import Project
from core.errors import AppError, NotFound
from core.model.bundle import Prediction
from core.model.embedder import Embedder
from core.serve.state import State


def test_many_at_once_are_answered_as_each_alone(state: State, trained_project: Project) -> None:
    live = state.answers.live(trained_project.id)
    photos = [dress.data for dress in example.held_back(seed=3)]
    alone = [state.answers.predict(live, [photo])[0] for photo in photos]
    found: dict[int, list[Prediction | Refused]] = {}

    def ask(number: int) -> None:
        found[number] = state.answers.predict(live, [photos[number], b"no photo", photos[-1 - number]])

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(len(photos))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number, (first, refused, last) in found.items():
        assert isinstance(refused, Refused)
        for given, told in ((first, alone[number]), (last, alone[-1 - number])):
            assert isinstance(given, Prediction)
            assert isinstance(told, Prediction)
            assert (given.label, given.is_none) == (told.label, told.is_none)
            assert given.scores == pytest.approx(told.scores, abs=1e-6)


class Broken:
    """A backbone whose weights cannot be had."""

    def embed(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        raise AppError("Lite1 could not be prepared.", hint="Try again.")


def test_a_model_that_cannot_answer_stops_no_other_that_is_asked_with_it(
    state: State, trained_project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    live = state.answers.live(trained_project.id)
    broken = replace(live, bundle=replace(live.bundle, reference=("lite1", "crop")))
    monkeypatch.setitem(state.answers.embedders._made, "lite1", cast(Embedder, Broken()))
    photo = next(iter(example.held_back(seed=3))).data
    asked = [(each, next(each.bundle.batches([photo], each.mode))) for each in (broken, live)]
    (alone,) = state.answers.predict(live, [photo])
    refused, answered = state.answers._answer(asked)
    assert isinstance(refused, AppError)
    assert answered == [alone]
    with pytest.raises(AppError, match="Lite1"):
        state.answers.predict(broken, [photo])


def test_what_the_owner_picks_counts_at_once(state: State, trained_project: Project) -> None:
    before = state.answers.live(trained_project.id)
    try:
        state.store.set_mode(trained_project.id, "best" if before.mode == "fast" else "fast")
        state.store.set_share_refused(trained_project.id, 0.2)
        after = state.answers.live(trained_project.id)
        assert after.mode != before.mode
        assert after.bundle.novelty[after.mode].refuse == 0.2
    finally:
        state.store.set_mode(trained_project.id, "")
        state.store.set_share_refused(trained_project.id, 0.05)
    with pytest.raises(NotFound, match="99"):
        state.answers.live(trained_project.id, 99)
