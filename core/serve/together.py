"""Work that several threads ask for at the same moment, done in one go."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Question = TypeVar("Question")
Answer = TypeVar("Answer")


class Together(Generic[Question, Answer]):
    """Calls `work` with questions that wait, `most` of them, in the thread of one who asks; `at_once` such calls.

    While these are under way others gather, and are taken in the order in which they came. Few at a time, since the
    answers of a call go out together: whoever asked first would wait for the last.
    """

    def __init__(self, work: Callable[[Sequence[Question]], Sequence[Answer]], *, most: int, at_once: int) -> None:
        self._work = work
        self._most = most
        self._guard = threading.Lock()  # of the next two
        self._waiting: list[_Asked[Question, Answer]] = []
        self._idle = at_once

    def ask(self, question: Question) -> Answer:
        """The answer to this question, one of those that `work` gives in order; raises what that raises."""
        asked: _Asked[Question, Answer] = _Asked(question)
        with self._guard:
            waits = self._idle == 0
            if waits:
                self._waiting.append(asked)
            else:
                self._idle -= 1
        if waits:
            asked.turn.wait()
        if not asked.is_done:
            self._do(asked)
        if asked.error is not None:
            raise asked.error
        (answer,) = asked.answer
        return answer

    def _do(self, first: "_Asked[Question, Answer]") -> None:
        with self._guard:
            together = [first, *self._waiting[: self._most - 1]]
            del self._waiting[: self._most - 1]
        try:
            answers = self._work([each.question for each in together])
            for each, answer in zip(together, answers, strict=True):
                each.answer = (answer,)
        except BaseException as error:
            for each in together:
                each.error = error
        finally:
            with self._guard:
                heir = self._waiting.pop(0) if self._waiting else None
                self._idle += heir is None
            if heir is not None:  # first, so that the work goes on while answers go out
                heir.turn.set()
            for each in together:
                each.is_done = True
                each.turn.set()


@dataclass
class _Asked(Generic[Question, Answer]):
    """What one thread asks. Its `turn` comes when that is done, or when it is to work for all that wait."""

    question: Question
    answer: tuple[Answer, ...] = ()
    error: BaseException | None = None
    is_done: bool = False
    turn: threading.Event = field(default_factory=threading.Event)
