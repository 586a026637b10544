"""Photos in, a tested model out: what is learnt, what is left out, and that it comes out the same every time."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from core.data.dataset import Dataset, Photo, from_folder
from core.data.store import Store
from core.errors import BadInput, Cancelled, TooFewPhotos
from core.model.backbones import BACKBONES, DEFAULT
from core.model.bundle import Bundle, Prediction
from core.model.embed import Embedder
from core.model.head import STRENGTHS
from core.model.train import (
    evaluate_model,
    tell_repeats_apart,
    train_model,
    train_project,
    untouched_by_choice,
)
from tests.conftest import draw_shape

MakeFolder = Callable[..., Path]


@pytest.fixture
def embedder(home: Path) -> Embedder:
    return Embedder(BACKBONES[DEFAULT], home, bulk=True)


def test_learns_what_it_is_shown_and_tells_new_photos_apart(photo_folder: MakeFolder, embedder: Embedder) -> None:
    trained = train_model(from_folder(photo_folder("seen")), embedder)
    report, left_out = evaluate_model(trained.bundle, from_folder(photo_folder("new", first=100)), embedder)
    assert trained.bundle.categories == ("disc", "stripes")
    assert trained.bundle.report.photos == 16
    assert report.accuracy >= 0.9
    assert not left_out
    assert set(trained.seconds) == {"decode_embed", "choose", "fit", "evaluate", "total"}


def test_same_photos_and_seed_give_the_same_files(photo_folder: MakeFolder, embedder: Embedder) -> None:
    dataset = from_folder(photo_folder())
    first, second = (train_model(dataset, embedder, seed=3).bundle.to_files() for _ in range(2))
    assert first == second


def test_bad_files_are_named_and_the_rest_is_learnt(photo_folder: MakeFolder, embedder: Embedder) -> None:
    folder = photo_folder()
    (folder / "disc" / "notes.jpg").write_text("no picture at all")
    (folder / "disc" / "empty.png").write_bytes(b"")
    trained = train_model(from_folder(folder), embedder)
    assert {item.name for item in trained.bundle.set_aside} == {"disc/notes.jpg", "disc/empty.png"}
    assert all(item.reason for item in trained.bundle.set_aside)
    assert trained.bundle.report.photos == 16


def test_a_picture_twice_in_a_category_counts_once_and_in_two_not_at_all(
    photo_folder: MakeFolder, embedder: Embedder
) -> None:
    folder = photo_folder()
    picture = (folder / "disc" / "disc 0.jpg").read_bytes()
    (folder / "disc" / "once more.jpg").write_bytes(picture)
    other = (folder / "disc" / "disc 1.jpg").read_bytes()
    (folder / "stripes" / "claimed twice.jpg").write_bytes(other)
    trained = train_model(from_folder(folder), embedder)
    reasons = {item.name: item.reason for item in trained.bundle.set_aside}
    assert set(reasons) == {"disc/once more.jpg", "disc/disc 1.jpg", "stripes/claimed twice.jpg"}
    assert "disc/disc 0.jpg" in reasons["disc/once more.jpg"]
    assert "'stripes'" in reasons["disc/disc 1.jpg"]
    assert "'disc'" in reasons["stripes/claimed twice.jpg"]
    assert trained.bundle.report.photos == 15


def test_near_copies_are_never_tested_against_each_other(photo_folder: MakeFolder, embedder: Embedder) -> None:
    """Categories dealt by chance cannot be told apart; a split that let a copy through would seem to manage it."""
    folder = photo_folder("chance", kinds=())
    kinds = ("disc", "square", "stripes")
    for number, category in enumerate(np.random.default_rng(5).permutation(["one", "two"] * 15)):
        (folder / category).mkdir(parents=True, exist_ok=True)
        picture = draw_shape(kinds[number % 3], number)
        picture.save(folder / category / f"{number}.jpg", quality=95)
        picture.resize((200, 150)).save(folder / category / f"{number} again.jpg", quality=70)
    report = train_model(from_folder(folder), embedder).bundle.report
    assert report.photos == 60
    assert report.accuracy <= 0.7


def test_a_category_whose_photos_are_all_alike_is_named(photo_folder: MakeFolder, embedder: Embedder) -> None:
    folder = photo_folder()
    for path in (folder / "disc").iterdir():
        path.unlink()
    for number in range(5):
        draw_shape("disc", 1).resize((160 + number, 120 + number)).save(folder / "disc" / f"burst {number}.png")
    trained = train_model(from_folder(folder), embedder)
    assert trained.bundle.all_alike == ("disc",)
    assert trained.bundle.report.photos == 13


def test_too_little_is_said_in_words(photo_folder: MakeFolder, embedder: Embedder) -> None:
    with pytest.raises(BadInput, match="at least 2"):
        train_model(from_folder(photo_folder("lonely", kinds=("disc",))), embedder)
    folder = photo_folder("short")
    for photo in sorted((folder / "stripes").iterdir())[1:]:
        photo.write_bytes(b"ruined")
    with pytest.raises(TooFewPhotos, match="'stripes' has 1 usable photo"):
        train_model(from_folder(folder), embedder)


def test_a_stopped_training_raises_cancelled(photo_folder: MakeFolder, embedder: Embedder) -> None:
    def stop(fraction: float, words: str) -> None:
        raise Cancelled("Stopped.")

    with pytest.raises(Cancelled):
        train_model(from_folder(photo_folder()), embedder, on_progress=stop)


def test_progress_goes_up_to_one(photo_folder: MakeFolder, embedder: Embedder) -> None:
    seen: list[float] = []
    train_model(from_folder(photo_folder()), embedder, on_progress=lambda fraction, words: seen.append(fraction))
    assert seen == sorted(seen)
    assert seen[-1] == 1.0


def test_the_score_of_a_fold_owes_nothing_to_its_own_photos() -> None:
    """With the labels of one fold swapped, the strength it is scored with stays as it was."""
    random = np.random.default_rng(0)
    labels = np.tile([0, 1], 20).astype(np.int64)
    fold = np.repeat(np.arange(4), 10)
    chances = random.random((len(STRENGTHS), 40))
    kept_out = np.stack([chances, 1 - chances], axis=2)
    before = untouched_by_choice(kept_out, labels, fold)
    swapped = np.where(fold == 2, 1 - labels, labels)
    after = untouched_by_choice(kept_out, swapped, fold)
    assert np.array_equal(before[fold == 2], after[fold == 2])


def test_repeats_of_one_picture_in_three_places_are_all_named() -> None:
    photos = [Photo(str(at), f"{at}.jpg", category) for at, category in enumerate("aab")]
    kept, left_out = tell_repeats_apart(photos, ["x", "x", "x"])
    assert kept.tolist() == []
    assert [item.name for item in left_out] == ["0.jpg", "1.jpg", "2.jpg"]


def test_evaluating_names_the_photos_of_unknown_categories(photo_folder: MakeFolder, embedder: Embedder) -> None:
    bundle = train_model(from_folder(photo_folder("seen")), embedder).bundle
    others = from_folder(photo_folder("new", kinds=("disc", "square"), count=3, first=50))
    report, left_out = evaluate_model(bundle, others, embedder)
    assert report.photos == 3
    assert {item.name for item in left_out} == {f"square/square {number}.jpg" for number in (50, 51, 52)}
    strangers = Dataset(("square",), tuple(photo for photo in others.photos if photo.category == "square"), others.read)
    with pytest.raises(BadInput):
        evaluate_model(bundle, strangers, embedder)


def test_a_project_is_trained_into_its_next_version(photo_folder: MakeFolder, home: Path, embedder: Embedder) -> None:
    store = Store(home)
    project = store.create_project("Shapes")
    folder = photo_folder()
    for kind in ("disc", "stripes"):
        category = store.add_category(project.id, kind)
        for path in sorted((folder / kind).iterdir()):
            store.add_photo(category.id, path.read_bytes(), path.name)
    result = train_project(store, project.id, embedder)
    bundle = Bundle.from_files(store.version_files(project.id, 1))
    summary = store.summary(project.id)
    assert result["version"] == summary.version == 1
    assert summary.accuracy == bundle.report.accuracy
    assert not summary.changed
    answer = bundle.predict_with(embedder, [(folder / "disc" / "disc 0.jpg").read_bytes()])[0]
    assert isinstance(answer, Prediction)
    assert answer.label == "disc"

    store.set_kept([store.photos(project.id)[0].id], False)
    assert store.summary(project.id).changed
    assert train_project(store, project.id, embedder)["version"] == 2
    assert store.version_files(project.id, 1) == bundle.to_files()
