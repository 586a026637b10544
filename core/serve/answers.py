"""Answers of the versions in use, for whatever door a photo comes through."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice

from core.data.photo import Refused, decode
from core.data.store import Project, Store, Version
from core.errors import AppError, NotFound
from core.model.bundle import Bundle, Prediction, Shown
from core.model.embedder import Embedders, usable_cores
from core.model.explain import Explanation, explain
from core.model.select import Mode
from core.serve.together import Together

BUNDLES = 8  # kept in memory; one takes some megabytes
AT_ONCE = 2  # batches: while one begins or ends, the other keeps the processor busy; a third made the slowest wait


@dataclass(frozen=True)
class Live:
    """A version that answers, in the mode and with the share of refused photos that its owner picked."""

    project: Project
    version: Version
    bundle: Bundle
    mode: Mode


Asked = tuple[Live, Sequence[Shown | Refused]]


class Answers:
    """Answers for every project of a store; safe to share, and what is asked at the same moment is embedded together.

    Which version is live, and what its owner picked, is looked up each time, so that a change counts at once.
    """

    def __init__(self, store: Store, embedders: Embedders) -> None:
        self.embedders = embedders
        self._store = store
        self._bundle = lru_cache(maxsize=BUNDLES)(self._read)
        self._with_share = lru_cache(maxsize=BUNDLES)(self._refusing)
        self._together = Together(self._answer, most=usable_cores(), at_once=AT_ONCE)

    def bundle(self, project_id: str, number: int) -> Bundle:
        """A trained version, read once: versions never change. Raises BadInput for one that cannot be read."""
        return self._bundle(project_id, number)

    def live(self, project_id: str, version: int | None = None) -> Live:
        """The live version, or another one by its number.

        Raises NotFound when there is none, BadInput for one that this Thimble cannot read.
        """
        project = self._store.project(project_id)
        found = (
            self._store.models.live(project_id) if version is None else self._store.models.version(project_id, version)
        )
        if found is None:
            raise NotFound(f"'{project.name}' has no trained model yet.", hint="Train it first.")
        bundle = self._with_share(project_id, found.number, project.share_refused)
        return Live(project, found, bundle, mode_of(project, bundle))

    def predict(self, live: Live, photos: Sequence[bytes]) -> list[Prediction | Refused]:
        """One answer for each photo, in order; one that cannot be used gives Refused instead.

        Raises AppError when a backbone cannot be prepared.
        """
        answers: list[Prediction | Refused] = []
        for shown in live.bundle.batches(photos, live.mode):
            answer = self._together.ask((live, shown))
            if isinstance(answer, AppError):
                raise answer
            answers += answer
        return answers

    def explain(self, live: Live, photo: bytes) -> Explanation:
        """Where the model looked, and which training photos it finds most alike. Raises BadPhoto."""
        return explain(live.bundle, self.embedders, decode(photo), mode=live.mode)

    def _answer(self, asked: Sequence[Asked]) -> list[list[Prediction | Refused] | AppError]:
        """What each of those who ask together is answered, or why one cannot be, which does not stop the others.

        The photos of one model are embedded in one batch.
        """
        answers: list[list[Prediction | Refused] | AppError] = [[] for _ in asked]
        models = {(id(live.bundle), live.mode): live for live, _ in asked}
        for key, live in models.items():
            here = [at for at, (other, _) in enumerate(asked) if (id(other.bundle), other.mode) == key]
            photos = [photo for at in here for photo in asked[at][1]]
            try:
                given = iter(live.bundle.answer_shown(self.embedders, photos, live.mode))
            except AppError as error:
                for at in here:
                    answers[at] = error
                continue
            for at in here:
                answers[at] = list(islice(given, len(asked[at][1])))
        return answers

    def _read(self, project_id: str, number: int) -> Bundle:
        return Bundle.from_files(self._store.models.files(project_id, number))

    def _refusing(self, project_id: str, number: int, refuse: float) -> Bundle:
        return self._bundle(project_id, number).with_share(refuse)


def mode_of(project: Project, bundle: Bundle) -> Mode:
    """The mode that answers: the one that the person picked, else the one that is advised."""
    return "fast" if project.mode == "fast" else "best" if project.mode == "best" else bundle.mode
