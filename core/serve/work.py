"""Work in the background that pages and API start alike, so that either shows what the other began."""

from collections import Counter
from collections.abc import Mapping, Sequence

from core.data.download import Downloader, decode_thumbnail
from core.data.network import user_agent
from core.data.photo import decode
from core.data.store import Category, Counts
from core.jobs import Progress
from core.model.build import build_model
from core.model.train import check_enough
from core.model.versions import train_project
from core.serve.export import export_model
from core.serve.state import State

TRAIN, BUILD, EXPORT = "train", "build", "export"  # kinds of jobs


def check_trainable(categories: Sequence[Category], counts: Mapping[int, Counts]) -> None:
    """Raise as `check_enough` when a project with these categories and photos cannot be trained."""
    usable = {
        category.name: counts[category.id].kept - counts[category.id].conflicts
        for category in categories
        if not category.is_none and category.id in counts  # one may have been made or deleted just now
    }
    check_enough(tuple(usable), Counter(usable))


def start_training(state: State, project_id: str, *, also: tuple[str, ...] = ()) -> str:
    """Train the next version, with these backbones tried as well; the job's id."""

    def work(progress: Progress) -> dict[str, object]:
        return train_project(state.store, project_id, state.trainers, also=also, on_progress=progress)

    return state.jobs.start(project_id, TRAIN, work)


def start_building(state: State, project_id: str, *, only: int | None = None) -> str:
    """Collect, clean and train; with `only`, a category's id, photos of that one alone; the job's id."""

    def work(progress: Progress) -> dict[str, object]:
        with Downloader(decode, read_fallback=decode_thumbnail, user_agent=user_agent()) as downloader:
            return build_model(state.store, project_id, state.trainers, downloader, only=only, on_progress=progress)

    return state.jobs.start(project_id, BUILD, work)


def export_kind(name: str) -> str:
    """The kind of job that makes the one format of this id, whoever asked for it."""
    return f"{EXPORT}-{name}"


def start_export(state: State, project_id: str, formats: Sequence[str], *, version: int | None = None) -> str:
    """Export a version (the live one, if None) in these formats, ids of FORMATS; the job's id."""

    def work(progress: Progress) -> dict[str, object]:
        store = state.store
        return export_model(store, project_id, formats, version=version, home=store.home, on_progress=progress)

    # One format is made once however often it is asked for; several together are no other request's.
    if len(formats) == 1:
        return state.jobs.start(project_id, export_kind(formats[0]), work)
    return state.jobs.start(project_id, EXPORT, work, alone=False)
