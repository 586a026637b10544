"""What one process has open, shared by its pages and its API."""

import os
from dataclasses import dataclass
from functools import cache

from core.data.store import Store
from core.jobs import Jobs
from core.model.embedder import Embedders
from core.serve.answers import Answers


@dataclass(frozen=True)
class State:
    """The store, the runner of background work, the embedders that training uses, and what answers."""

    store: Store
    jobs: Jobs
    trainers: Embedders
    answers: Answers

    @property
    def predictors(self) -> Embedders:
        """The embedders of single predictions."""
        return self.answers.embedders


def open_state(store: Store) -> State:
    """Everything that works on this store; nothing is loaded before it is used."""
    return State(store, Jobs(store), Embedders(store.home, bulk=True), Answers(store, Embedders(store.home)))


def state() -> State:
    """The one of this process, on the store that the environment names. Raises BadInput as `Store` does."""
    names = ("THIMBLE_HOME", "THIMBLE_DATABASE_URL", "THIMBLE_FILES_URL")
    return _of(tuple(os.environ.get(name) for name in names))


@cache
def _of(environment: tuple[str | None, ...]) -> State:
    return open_state(Store.from_environment())
