"""Photos in, a tested model out: what is learnt, what is left out, and that it comes out the same every time."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from core.data.dataset import Dataset, Photo, from_folder
from core.data.store import Store
from core.errors import BadInput, Cancelled, TooFewPhotos
from core.model.bundle import Bundle, Prediction
from core.model.compare import Comparison
from core.model.embedder import Embedders
from core.model.eyes import tell_repeats_apart
from core.model.select import Fixed
from core.model.train import Wishes, evaluate_model, train_model
from core.model.versions import train_project
from tests.conftest import draw_shape

MakeFolder = Callable[..., Path]


@pytest.fixture
def embedders(home: Path) -> Embedders:
    return Embedders(home, bulk=True)


def test_learns_what_it_is_shown_and_tells_new_photos_apart(photo_folder: MakeFolder, embedders: Embedders) -> None:
    trained = train_model(from_folder(photo_folder("seen")), embedders)
    report, left_out = evaluate_model(trained.bundle, from_folder(photo_folder("new", first=100)), embedders)
    assert trained.bundle.categories == ("disc", "stripes")
    assert trained.bundle.report.photos == 16
    assert report.accuracy >= 0.9
    assert not left_out
    assert set(trained.seconds) == {"look", "look_and_choose", "fit", "advise", "total"}


def test_same_photos_and_seed_give_the_same_files(photo_folder: MakeFolder, embedders: Embedders) -> None:
    dataset = from_folder(photo_folder())
    first, second = (train_model(dataset, embedders, seed=3).bundle.to_files() for _ in range(2))
    assert first == second


def test_bad_files_are_named_and_the_rest_is_learnt(photo_folder: MakeFolder, embedders: Embedders) -> None:
    folder = photo_folder()
    (folder / "disc" / "notes.jpg").write_text("no picture at all")
    (folder / "disc" / "empty.png").write_bytes(b"")
    trained = train_model(from_folder(folder), embedders)
    assert {item.name for item in trained.bundle.set_aside} == {"disc/notes.jpg", "disc/empty.png"}
    assert all(item.reason for item in trained.bundle.set_aside)
    assert trained.bundle.report.photos == 16


def test_a_picture_twice_in_a_category_counts_once_and_in_two_not_at_all(
    photo_folder: MakeFolder, embedders: Embedders
) -> None:
    folder = photo_folder()
    picture = (folder / "disc" / "disc 0.jpg").read_bytes()
    (folder / "disc" / "once more.jpg").write_bytes(picture)
    other = (folder / "disc" / "disc 1.jpg").read_bytes()
    (folder / "stripes" / "claimed twice.jpg").write_bytes(other)
    trained = train_model(from_folder(folder), embedders)
    reasons = {item.name: item.reason for item in trained.bundle.set_aside}
    assert set(reasons) == {"disc/once more.jpg", "disc/disc 1.jpg", "stripes/claimed twice.jpg"}
    assert "disc/disc 0.jpg" in reasons["disc/once more.jpg"]
    assert "'stripes'" in reasons["disc/disc 1.jpg"]
    assert "'disc'" in reasons["stripes/claimed twice.jpg"]
    assert trained.bundle.report.photos == 15


@pytest.mark.slow
def test_near_copies_are_never_tested_against_each_other(photo_folder: MakeFolder, embedders: Embedders) -> None:
    """Categories dealt by chance cannot be told apart; a split that let a copy through would seem to manage it."""
    folder = photo_folder("chance", kinds=())
    kinds = ("disc", "square", "stripes")
    for number, category in enumerate(np.random.default_rng(5).permutation(["one", "two"] * 15)):
        (folder / category).mkdir(parents=True, exist_ok=True)
        picture = draw_shape(kinds[number % 3], number)
        picture.save(folder / category / f"{number}.jpg", quality=95)
        picture.resize((200, 150)).save(folder / category / f"{number} again.jpg", quality=70)
    report = train_model(from_folder(folder), embedders).bundle.report
    assert report.photos == 60
    assert report.accuracy <= 0.7


def test_a_category_whose_photos_are_all_alike_is_named(photo_folder: MakeFolder, embedders: Embedders) -> None:
    folder = photo_folder()
    for path in (folder / "disc").iterdir():
        path.unlink()
    for number in range(5):
        draw_shape("disc", 1).resize((160 + number, 120 + number)).save(folder / "disc" / f"burst {number}.png")
    trained = train_model(from_folder(folder), embedders)
    assert trained.bundle.all_alike == ("disc",)
    assert trained.bundle.report.photos == 13


def test_too_little_is_said_in_words(photo_folder: MakeFolder, embedders: Embedders) -> None:
    with pytest.raises(BadInput, match="at least 2"):
        train_model(from_folder(photo_folder("lonely", kinds=("disc",))), embedders)
    folder = photo_folder("short")
    for photo in sorted((folder / "stripes").iterdir())[1:]:
        photo.write_bytes(b"ruined")
    with pytest.raises(TooFewPhotos, match="'stripes' has 1 usable photo"):
        train_model(from_folder(folder), embedders)


def test_a_stopped_training_raises_cancelled(photo_folder: MakeFolder, embedders: Embedders) -> None:
    def stop(fraction: float, words: str) -> None:
        raise Cancelled("Stopped.")

    with pytest.raises(Cancelled):
        train_model(from_folder(photo_folder()), embedders, on_progress=stop)


def test_progress_goes_up_to_one(photo_folder: MakeFolder, embedders: Embedders) -> None:
    seen: list[float] = []
    train_model(from_folder(photo_folder()), embedders, on_progress=lambda fraction, words: seen.append(fraction))
    assert seen == sorted(seen)
    assert seen[-1] == 1.0


def test_repeats_of_one_picture_in_three_places_are_all_named() -> None:
    photos = [Photo(str(at), f"{at}.jpg", category) for at, category in enumerate("aab")]
    kept, left_out = tell_repeats_apart(photos, ["x", "x", "x"])
    assert kept.tolist() == []
    assert [item.name for item in left_out] == ["0.jpg", "1.jpg", "2.jpg"]


def test_evaluating_names_the_photos_of_unknown_categories(photo_folder: MakeFolder, embedders: Embedders) -> None:
    bundle = train_model(from_folder(photo_folder("seen")), embedders).bundle
    others = from_folder(photo_folder("new", kinds=("disc", "square"), count=3, first=50))
    report, left_out = evaluate_model(bundle, others, embedders)
    assert report.photos == 3
    assert {item.name for item in left_out} == {f"square/square {number}.jpg" for number in (50, 51, 52)}
    strangers = Dataset(("square",), tuple(photo for photo in others.photos if photo.category == "square"), others.read)
    with pytest.raises(BadInput):
        evaluate_model(bundle, strangers, embedders)


def test_what_the_person_fixed_is_what_is_used(photo_folder: MakeFolder, embedders: Embedders) -> None:
    wishes = Wishes(fixed=Fixed(backbone="lite0", view="squash", cuts="last", head="linear"), mode="fast", refuse=0.2)
    bundle = train_model(from_folder(photo_folder()), embedders, wishes=wishes).bundle
    assert bundle.mode == "fast"
    assert [row.words for row in bundle.table] == ["EfficientNet-Lite0, squash, last features: logistic regression"]
    assert bundle.looks("best") == bundle.looks("fast") == (("lite0", "squash"),)
    assert bundle.novelty["fast"].refuse == 0.2


def test_photos_of_none_of_these_are_no_answer_and_are_learnt_to_be_refused(
    photo_folder: MakeFolder, embedders: Embedders
) -> None:
    folder = photo_folder()
    (photo_folder("others", kinds=("square",)) / "square").rename(folder / "None of these")
    dataset = from_folder(folder)
    assert dataset.categories == ("disc", "stripes")
    assert len(dataset.strangers) == 8
    bundle = train_model(dataset, embedders).bundle
    assert bundle.categories == ("disc", "stripes")
    squares = [dataset.read(photo) for photo in from_folder(photo_folder("new", kinds=("square",), first=60)).photos]
    refused = [answer.is_none for answer in bundle.predict_with(embedders, squares) if isinstance(answer, Prediction)]
    assert sum(refused) >= 6
    discs = from_folder(photo_folder("known", first=80))
    known = bundle.predict_with(embedders, [discs.read(photo) for photo in discs.photos])
    assert sum(answer.is_none for answer in known if isinstance(answer, Prediction)) <= 4


@pytest.fixture
def shapes(photo_folder: MakeFolder, home: Path) -> tuple[Store, str, Path]:
    """A project of drawn discs and stripes, its store, and the folder that they come from."""
    store = Store(home)
    project = store.create_project("Shapes")
    folder = photo_folder()
    for kind in ("disc", "stripes"):
        category = store.add_category(project.id, kind)
        for path in sorted((folder / kind).iterdir()):
            store.photos.add(category.id, path.read_bytes(), path.name)
    return store, project.id, folder


def test_a_project_is_trained_into_its_next_version(shapes: tuple[Store, str, Path], embedders: Embedders) -> None:
    store, project_id, folder = shapes
    result = train_project(store, project_id, embedders)
    bundle = Bundle.from_files(store.models.files(project_id, 1))
    summary = store.summary(project_id)
    assert result["version"] == summary.version == 1
    assert result["live"]
    assert summary.accuracy == bundle.report.accuracy
    assert not summary.changed
    answer = bundle.predict_with(embedders, [(folder / "disc" / "disc 0.jpg").read_bytes()])[0]
    assert isinstance(answer, Prediction)
    assert answer.label == "disc"

    store.photos.set_kept([store.photos.of(project_id)[0].id], False)
    assert store.summary(project_id).changed
    assert train_project(store, project_id, embedders)["version"] == 2
    assert store.models.files(project_id, 1) == bundle.to_files()


def test_a_worse_version_waits_and_a_better_one_goes_live(
    shapes: tuple[Store, str, Path], embedders: Embedders
) -> None:
    store, project_id, _ = shapes
    train_project(store, project_id, embedders)
    disc, stripes = store.categories(project_id)
    swapped = [photo.id for photo in store.photos.of(project_id, category_id=disc.id)[:3]]
    swapped += [photo.id for photo in store.photos.of(project_id, category_id=stripes.id)[:3]]
    store.set_fixed(project_id, {"backbone": "lite0", "cuts": "last"})
    back = store.photos.of(project_id)
    store.photos.move_each([(swapped[0], stripes.id), (swapped[3], disc.id)], "two swapped")
    result = train_project(store, project_id, embedders)
    newest = store.models.versions(project_id)[0]
    compared = Comparison.from_json(newest.comparison)
    assert compared.photos == len(back)
    assert result["live"] == newest.is_live == (not compared.is_worse)
    assert compared.words in newest.note
    store.models.set_live(project_id, 1)
    assert store.summary(project_id).version == 1
