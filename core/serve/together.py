"""Work that several threads ask for at the same moment, done in one go."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Question = TypeVar("Question")
Answer = TypeVar("Answer")


class Together(Generic[Question, Answer]):
    """Calls `work` with all questions that wait, in the thread of one of those who ask; never twice at once.

    While it works others gather. Then the first of them works for all of these, so that nobody waits for more than the
    work under way and the next.
    """

    def __init__(self, work: Callable[[Sequence[Question]], Sequence[Answer]]) -> None:
        self._work = work
        self._guard = threading.Lock()  # of the next two
        self._waiting: list[_Asked[Question, Answer]] = []
        self._is_busy = False

    def ask(self, question: Question) -> Answer:
        """The answer to this question, one of those that `work` gives in order; raises what that raises."""
        asked: _Asked[Question, Answer] = _Asked(question)
        with self._guard:
            self._waiting.append(asked)
            works, self._is_busy = not self._is_busy, True
        if not works:
            asked.turn.wait()
        if not asked.is_done:
            self._do()
        if asked.error is not None:
            raise asked.error
        (answer,) = asked.answer
        return answer

    def _do(self) -> None:
        with self._guard:
            together, self._waiting = self._waiting, []
        try:
            answers = self._work([each.question for each in together])
            for each, answer in zip(together, answers, strict=True):
                each.answer = (answer,)
        except BaseException as error:
            for each in together:
                each.error = error
        finally:
            for each in together:
                each.is_done = True
                each.turn.set()
            with self._guard:
                self._is_busy = bool(self._waiting)
                if self._waiting:
                    self._waiting[0].turn.set()


@dataclass
class _Asked(Generic[Question, Answer]):
    """What one thread asks. Its `turn` comes when that is done, or when it is to work for all that wait."""

    question: Question
    answer: tuple[Answer, ...] = ()
    error: BaseException | None = None
    is_done: bool = False
    turn: threading.Event = field(default_factory=threading.Event)
