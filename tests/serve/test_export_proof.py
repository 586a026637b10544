"""What is proven of an export before it is handed out, on which photos, and which of them go along."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.data.photo import decode
from core.data.store import Credit, Project, Store
from core.serve.export.formats import EXACT, ROUGH, Tolerance
from core.serve.export.photos import DRAWN, PROOF_PHOTOS, SHIPPED, proof_photos
from core.serve.export.proof import Expected, compare
from tests.serve.conftest import shape

TOLD = Expected(
    predictions=(),
    probabilities=np.array([[0.9, 0.1], [0.4, 0.6], [0.2, 0.8], [0.7, 0.3]]),
    strangeness=np.array([0.0, 1.0, 2.0, 4.0]),
    threshold=2.0005,
)


def complaint(probabilities: float = 0.0, strangeness: float = 0.0, at: int = 0, tolerance: Tolerance = EXACT) -> str:
    """Of answers of which one photo's differ by so much."""
    found, strange = TOLD.probabilities.copy(), TOLD.strangeness.copy()
    found[at] += [-probabilities, probabilities]
    strange[at] += strangeness
    return compare(TOLD, found, strange, tolerance).complaint(tolerance)


def test_the_same_answers_are_the_same() -> None:
    assert complaint() == ""
    assert complaint(probabilities=9e-4, strangeness=9e-3) == ""


def test_what_differs_is_said_with_how_much() -> None:
    assert complaint(probabilities=2e-3) == "a probability differs by 0.002; at most 0.001 is allowed"
    assert "strange" in complaint(strangeness=0.02)
    assert complaint(probabilities=0.5) == "it gives the same answer on 75.0% of 4 photos; 100% is asked"
    assert "no numbers" in complaint(probabilities=float("nan"))


def test_next_to_the_threshold_either_answer_will_do() -> None:
    assert complaint(strangeness=0.001, at=2) == ""
    far_off = replace(EXACT, strangeness=5.0)
    assert complaint(strangeness=1.5, at=3, tolerance=replace(far_off, strangeness=0.5)) != ""


def test_rough_exports_may_differ_in_numbers_but_not_in_answers() -> None:
    assert complaint(probabilities=0.1, strangeness=0.9, tolerance=ROUGH) == ""
    assert "same answer" in complaint(probabilities=0.5, tolerance=ROUGH)
    assert "same answer" in complaint(strangeness=3.0, tolerance=ROUGH), "a stranger where there is none"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


@pytest.fixture
def project(store: Store) -> Project:
    return store.create_project("Photos of others")


def add(store: Store, project: Project, count: int, credit: Credit | None = None, *, first: int = 0) -> None:
    names = {category.name: category.id for category in store.categories(project.id)}
    for kind in ("disc", "stripes"):
        category = names.get(kind) or store.add_category(project.id, kind).id
        for number in range(first, first + count):
            store.photos.add(category, shape(kind, number), f"{kind} {number}.jpg", credit or Credit())


def test_open_photos_go_along_with_their_credit(store: Store, project: Project) -> None:
    page = "https://example.org/a-disc"
    add(store, project, 3, Credit("openverse", page, "Ann", "CC BY-SA 4.0", "https://example.org/by-sa", "A disc"))
    shipped, others = proof_photos(store, project.id)
    assert [photo.credit for photo in shipped] == [
        f"A disc, by Ann, CC BY-SA 4.0, https://example.org/by-sa, {page}"
    ] * SHIPPED
    assert len(others) == 1
    assert not any(photo.is_own for photo in shipped)


@pytest.mark.parametrize(
    "credit",
    [
        Credit("duckduckgo", "https://example.org/"),
        Credit("openverse", "https://example.org/", licence="CC BY-NC 4.0"),
        Credit("commons", "https://example.org/", licence="CC BY-ND 4.0"),
        Credit("correction"),
    ],
    ids=lambda credit: credit.licence or credit.provider,
)
def test_photos_of_others_stay_here_and_drawn_ones_go(store: Store, project: Project, credit: Credit) -> None:
    add(store, project, 4, credit)
    add(store, project, 1, first=4)
    shipped, others = proof_photos(store, project.id)
    assert [photo.is_own for photo in shipped] == [True, True, False, False, False]
    assert [photo.credit for photo in shipped[2:]] == [DRAWN] * 3
    assert len(others) == 8
    assert all(decode(photo.data).size for photo in shipped)


def test_dropped_photos_do_not_count(store: Store, project: Project) -> None:
    add(store, project, 4)
    (first, *_) = store.photos.of(project.id)
    store.photos.set_kept([first.id], False, "dropped by you")
    shipped, others = proof_photos(store, project.id)
    assert len(shipped) + len(others) == 7


def test_a_hundred_at_most_of_every_category_as_many(store: Store, project: Project) -> None:
    for count, kind in ((70, "disc"), (30, "stripes"), (25, "square")):
        category = store.add_category(project.id, kind)
        for number in range(count):
            store.photos.add(category.id, shape(kind, number), f"{kind} {number}.jpg")
    shipped, others = proof_photos(store, project.id)
    assert len(shipped) == SHIPPED
    assert len(shipped) + len(others) == PROOF_PHOTOS
    known = {store.photos.read(photo.sha256): photo.category_id for photo in store.photos.of(project.id)}
    counts = np.unique([known[photo.data] for photo in (*shipped, *others)], return_counts=True)[1]
    assert sorted(counts) == [25, 30, 45]
