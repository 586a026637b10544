"""Credits name every web photo, and a spreadsheet that opens them runs nothing."""

import csv
from pathlib import Path

import numpy as np

from core.data.credits import COLUMNS, credit_rows, credits_csv, site_of
from core.data.store import Credit, Store


def test_every_web_photo_is_credited_and_nobody_elses(tmp_path: Path) -> None:
    store = Store(tmp_path)
    project = store.create_project("Shapes")
    category = store.add_category(project.id, "disc")
    random = np.random.default_rng(0)
    for name, page in (("own.jpg", ""), ("web.jpg", "https://www.example.org/a?b=c")):
        pixels = random.integers(0, 255, (64, 64, 3), dtype=np.uint8)
        store.photos.add_pixels(
            category.id,
            pixels,
            name,
            Credit("openverse", page, creator="=1+1", licence="CC BY 4.0", title="Wörk, “1”"),
        )
    rows = credit_rows(store.photos.of(project.id), {category.id: "disc"})
    (row,) = csv.DictReader(credits_csv(rows).decode("utf-8-sig").splitlines())
    assert tuple(row) == COLUMNS
    assert row["file"] == "web.jpg"
    assert row["title"] == "Wörk, “1”"
    assert row["creator"] == "'=1+1"
    assert row["site"] == "example.org"
    assert [site_of(photo) for photo in store.photos.of(project.id)] == ["", "example.org"]
    assert store.photos.licences(category.id, kept=True) == {"CC BY 4.0": 2}
    assert store.photos.of(project.id, licence="CC BY 4.0") == store.photos.of(project.id)
    assert store.photos.of(project.id, licence="") == []
