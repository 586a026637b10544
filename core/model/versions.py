"""A project's photos to its next version, which goes live unless it is worse than the one before."""

from collections.abc import Mapping, Sequence

from core.data.store import Project, Store, Version, training_fingerprint
from core.errors import BadInput
from core.model.backbones import BUNDLED
from core.model.bundle import Bundle
from core.model.candidates import KINDS, Kind
from core.model.compare import Comparison, compare
from core.model.embedder import Embedders
from core.model.eyes import Progress
from core.model.select import Fixed, Mode
from core.model.train import Wishes, train_model


def train_project(
    store: Store,
    project_id: str,
    embedders: Embedders,
    *,
    also: Sequence[str] = (),
    on_progress: Progress = lambda fraction, words: None,
) -> dict[str, object]:
    """Train on a project's kept photos and store the result as its next version.

    Beside the bundled backbones those are tried that the live version tried, and `also` these. Returns the version's
    number, whether it went live, and the seconds, ready for JSON. Raises as `train_model` does.
    """
    project = store.project(project_id)
    dataset = store.dataset(project_id)
    live = live_model(store, project_id)
    trained = train_model(
        dataset,
        embedders,
        wishes=wishes_of(project, live, also),
        cache=store.embeddings,
        on_progress=on_progress,
    )
    bundle = trained.bundle
    compared = None if live is None else compare(live[1], bundle, against=live[0].number)
    version = store.models.add(
        project_id,
        bundle.to_files(),
        accuracy=bundle.report.accuracy,
        photos=bundle.report.photos,
        fingerprint=training_fingerprint(dataset),
        live=compared is None or not compared.is_worse,
        note=_note(compared),
        mode=bundle.mode,
        comparison={} if compared is None else compared.to_json(),
    )
    return {"version": version.number, "live": version.is_live, "seconds": trained.seconds}


def wishes_of(project: Project, live: tuple[Version, Bundle] | None, also: Sequence[str] = ()) -> Wishes:
    """What the person decided for this project; backbones tried before are tried again, early."""
    first, *others = BUNDLED
    extra = [name for name in (*also, *(live[1].tried if live else ())) if name not in BUNDLED]
    return Wishes(
        fixed=_fixed(project.fixed),
        mode=_mode(project.mode),
        refuse=project.share_refused,
        backbones=(first, *dict.fromkeys(extra), *others),
    )


def live_model(store: Store, project_id: str) -> tuple[Version, Bundle] | None:
    """The live version with its bundle; None where there is none, or one of an older Thimble that cannot be read."""
    live = store.models.live(project_id)
    if live is None:
        return None
    try:
        return live, Bundle.from_files(store.models.files(project_id, live.number))
    except BadInput:
        return None


def _note(compared: Comparison | None) -> str:
    if compared is None:
        return "the first version"
    return f"{compared.words} {'It waits for you to decide.' if compared.is_worse else 'It went live.'}"


def _fixed(chosen: Mapping[str, str]) -> Fixed:
    kinds: dict[str, Kind] = {kind: kind for kind in KINDS}
    return Fixed(
        backbone=chosen.get("backbone", ""),
        view=chosen.get("view", ""),
        cuts=chosen.get("cuts", ""),
        head=kinds.get(chosen.get("head", ""), ""),
    )


def _mode(mode: str) -> Mode | None:
    return "fast" if mode == "fast" else "best" if mode == "best" else None
