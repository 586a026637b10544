"""Answers of the version in use: together or alone the same, at once those of whatever the owner picked."""

import threading
from collections.abc import Sequence

import pytest

from core.data import example
from core.data.photo import Refused
from core.data.store import Project
from core.errors import NotFound
from core.model.bundle import Prediction
from core.serve.state import State
from core.serve.together import Together


def test_what_is_asked_together_is_worked_on_together_and_answered_one_by_one() -> None:
    begun, go = threading.Event(), threading.Event()
    worked: list[list[int]] = []

    def work(questions: Sequence[int]) -> list[int]:
        worked.append(list(questions))
        begun.set()
        go.wait(10)
        return [10 * question for question in questions]

    together = Together(work)
    answers: dict[int, int] = {}

    def ask(question: int) -> None:
        answers[question] = together.ask(question)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(9)]
    threads[0].start()
    assert begun.wait(10)
    for thread in threads[1:]:
        thread.start()
    while len(together._waiting) < 8:
        pass
    go.set()
    for thread in threads:
        thread.join(10)
    assert answers == {number: 10 * number for number in range(9)}
    assert worked[0] == [0]
    assert sorted(worked[1]) == list(range(1, 9))
    assert together.ask(9) == 90


def test_what_fails_fails_for_those_who_asked_then_and_for_nobody_after() -> None:
    def work(questions: Sequence[int]) -> list[int]:
        return [1 // question for question in questions]

    together = Together(work)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            together.ask(0)
    assert together.ask(1) == 1


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
