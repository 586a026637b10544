"""Where the web photos come from, for the people who made them."""

import csv
import io
from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

from core.data.store import StoredPhoto

COLUMNS = ("category", "file", "title", "creator", "licence", "licence_url", "page", "site", "provider")


def site_of(photo: StoredPhoto) -> str:
    """The host of the page that shows the photo, without "www."; "" for a person's own photo."""
    return (urlsplit(photo.page).hostname or "").removeprefix("www.")


def credit_rows(photos: Iterable[StoredPhoto], categories: Mapping[int, str]) -> list[dict[str, str]]:
    """One row of COLUMNS for each photo that came from the web, in their order."""
    return [
        {
            "category": categories[photo.category_id],
            "file": photo.name,
            "title": photo.title,
            "creator": photo.creator,
            "licence": photo.licence,
            "licence_url": photo.licence_url,
            "page": photo.page,
            "site": site_of(photo),
            "provider": photo.provider,
        }
        for photo in photos
        if photo.page
    ]


def credits_csv(rows: Iterable[Mapping[str, str]]) -> bytes:
    """The rows as `credits.csv`: UTF-8 with a byte order mark, so that spreadsheets read every alphabet.

    A cell that a spreadsheet would take for a formula gets an apostrophe before it (CWE-1236).
    """
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, COLUMNS, extrasaction="ignore")
    writer.writeheader()
    writer.writerows({name: _harmless(cell) for name, cell in row.items()} for row in rows)
    return b"\xef\xbb\xbf" + text.getvalue().encode()


def _harmless(cell: str) -> str:
    return f"'{cell}" if cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell
