"""Rows of what is to be collected, what searches found and what became of it: what the store does in a transaction."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from sqlalchemy import ColumnElement, Connection, Row, delete, exists, func, insert, or_, select, update

from core.data.search.hit import Hit, ProviderOutcome
from core.data.store.photo_rows import insert_photo, read_photo
from core.data.store.project_rows import read_categories, read_category, read_project
from core.data.store.records import PERSONAL, Collection, Credit, Find, FindState, Plan, SearchRound, StoredPhoto
from core.data.store.tables import TEXT_LIMIT, categories, chunks, finds, goals, photos, phrases, plain, plans, rounds

_FIND = select(*(column for column in finds.columns if column.name != "project_id"))


def read_plan(connection: Connection, project_id: str) -> Plan:
    """The defaults where nothing was chosen."""
    row = connection.execute(select(plans).where(plans.c.project_id == project_id)).one_or_none()
    if row is None:
        return Plan()
    return Plan(row.wanted, row.openly_licensed, row.safe, tuple(json.loads(row.providers)))


def write_plan(connection: Connection, project_id: str, plan: Plan) -> None:
    """Finds not yet tried are forgotten when another search is wanted than the one that found them."""
    read_project(connection, project_id)
    before = read_plan(connection, project_id)
    connection.execute(delete(plans).where(plans.c.project_id == project_id))
    row = {**vars(plan), "project_id": project_id, "providers": json.dumps(plan.providers)}
    connection.execute(insert(plans).values(row))
    if (before.openly_licensed, before.safe, before.providers) != (plan.openly_licensed, plan.safe, plan.providers):
        _forget_pending(connection, finds.c.project_id == project_id)
    if before != plan:
        end_rounds(connection, project_id)


def read_phrases(connection: Connection, category_id: int) -> tuple[str, ...]:
    """What to search for: the category's name where nothing was chosen. Raises NotFound."""
    category = read_category(connection, category_id)
    chosen = select(phrases.c.text).where(phrases.c.category_id == category_id).order_by(phrases.c.position)
    return tuple(connection.scalars(chosen)) or (category.name,)


def write_phrases(connection: Connection, category_id: int, texts: Sequence[str]) -> None:
    """Blank ones are left out; finds not yet tried are forgotten when the phrases change. Raises NotFound."""
    before = read_phrases(connection, category_id)
    tidy = dict.fromkeys(text for given in texts if (text := plain(" ".join(given.split()))))
    connection.execute(delete(phrases).where(phrases.c.category_id == category_id))
    if tidy:
        rows = [{"category_id": category_id, "position": place, "text": text} for place, text in enumerate(tidy)]
        connection.execute(insert(phrases), rows)
    if read_phrases(connection, category_id) != before:
        _forget_pending(connection, finds.c.category_id == category_id)
        connection.execute(update(rounds).where(rounds.c.category_id == category_id).values(over=True))


def read_finds(
    connection: Connection, project_id: str, category_id: int | None = None, state: FindState | None = None
) -> list[Find]:
    """By category, in the order in which they were found."""
    here = _FIND.where(finds.c.project_id == project_id)
    if category_id is not None:
        here = here.where(finds.c.category_id == category_id)
    if state is not None:
        here = here.where(finds.c.state == state)
    rows = connection.execute(here.order_by(finds.c.category_id, finds.c.round, finds.c.rank))
    return [_find(row) for row in rows]


def read_pending(connection: Connection, category_id: int, limit: int) -> list[Find]:
    """The next ones to try, best first."""
    here = _FIND.where(finds.c.category_id == category_id, finds.c.state == "found")
    return [_find(row) for row in connection.execute(here.order_by(finds.c.round, finds.c.rank).limit(limit))]


def read_seen(connection: Connection, category_id: int) -> set[str]:
    """The image addresses of all that was ever found for the category."""
    return set(connection.scalars(select(finds.c.image).where(finds.c.category_id == category_id)))


def insert_round(
    connection: Connection, category_id: int, asked: int, hits: Sequence[Hit], outcomes: Sequence[ProviderOutcome]
) -> None:
    """Raises NotFound."""
    category = read_category(connection, category_id)
    last = connection.scalar(select(func.max(rounds.c.number)).where(rounds.c.category_id == category_id))
    number = (last or 0) + 1
    row = {"category_id": category_id, "number": number, "asked": asked, "found": len(hits), "over": False}
    connection.execute(insert(rounds).values({**row, "outcomes": json.dumps([vars(outcome) for outcome in outcomes])}))
    rows = [
        {
            **{name: _address(value) if name in _ADDRESSES else _text(value) for name, value in vars(hit).items()},
            "project_id": category.project_id,
            "category_id": category_id,
            "round": number,
            "rank": rank,
            "state": "found",
            "reason": "",
            "sha256": "",
        }
        for rank, hit in enumerate(hits, start=1)
        if _address(hit.image)
    ]
    if rows:
        connection.execute(insert(finds), rows)


def end_rounds(connection: Connection, project_id: str) -> None:
    """The collection has come to its end: the next one may search again."""
    here = select(categories.c.id).where(categories.c.project_id == project_id)
    connection.execute(update(rounds).where(rounds.c.category_id.in_(here)).values(over=True))


def settle_stored(connection: Connection, find_id: int, sha256: str, values: Mapping[str, object]) -> Find | None:
    """The find as it is now that its picture is had; None when nobody waits for it any more.

    The picture becomes a photo of the category, unless it is or was one. Of two finds with the same picture the
    one of the better rank has it, in whatever order they arrive.
    """
    find = _one(connection, finds.c.id == find_id, finds.c.state == "found")
    if find is None:
        return None
    category = read_category(connection, find.category_id)
    photo = read_photo(connection, category.id, sha256)
    twin = _one(connection, finds.c.category_id == category.id, finds.c.sha256 == sha256, finds.c.state == "stored")
    source = {"name": _file_name(find), **{each.name: getattr(find, each.name) for each in fields(Credit)}}
    if photo is None and twin is None:
        insert_photo(connection, category, sha256, {**values, **source})
    elif photo and twin and (find.round, find.rank) < (twin.round, twin.rank):
        settle_failed(connection, twin.id, f"It is the same picture as '{source['name']}'.")
        connection.execute(update(photos).where(photos.c.id == photo.id).values(source))
    else:
        settle_failed(connection, find_id, _same(photo))
        return _one(connection, finds.c.id == find_id)
    connection.execute(update(finds).where(finds.c.id == find_id).values(state="stored", reason="", sha256=sha256))
    return _one(connection, finds.c.id == find_id)


def settle_failed(connection: Connection, find_id: int, reason: str) -> None:
    change = update(finds).where(finds.c.id == find_id)
    connection.execute(change.values(state="failed", reason=plain(reason), sha256=""))


def reopen(connection: Connection, find_ids: Sequence[int]) -> None:
    """Have those of them that failed tried again."""
    for some in chunks(find_ids):
        failed = update(finds).where(finds.c.id.in_(some), finds.c.state == "failed")
        connection.execute(failed.values(state="found", reason=""))


def want_more(connection: Connection, category_id: int, count: int) -> None:
    """Than the category has now. Raises NotFound."""
    category = read_category(connection, category_id)
    stored = _count_web_photos(connection, category.project_id).get(category_id, 0)
    connection.execute(delete(goals).where(goals.c.category_id == category_id))
    connection.execute(insert(goals).values(category_id=category_id, wanted=stored + count))
    connection.execute(update(rounds).where(rounds.c.category_id == category_id).values(over=True))


def read_collection(connection: Connection, project_id: str) -> list[Collection]:
    """Of each category that is searched for, in their order."""
    wanted = read_plan(connection, project_id).wanted
    higher = select(goals).join(categories, categories.c.id == goals.c.category_id)
    more = {
        row.category_id: row.wanted for row in connection.execute(higher.where(categories.c.project_id == project_id))
    }
    by_state: dict[int, dict[str, int]] = defaultdict(dict)
    states = select(finds.c.category_id, finds.c.state, func.count()).where(finds.c.project_id == project_id)
    for category_id, state, count in connection.execute(states.group_by(finds.c.category_id, finds.c.state)):
        by_state[category_id][state] = count
    searched: dict[int, list[SearchRound]] = defaultdict(list)
    here = select(rounds).join(categories, categories.c.id == rounds.c.category_id)
    for row in connection.execute(here.where(categories.c.project_id == project_id).order_by(rounds.c.number)):
        outcomes = tuple(ProviderOutcome(**outcome) for outcome in json.loads(row.outcomes))
        searched[row.category_id].append(SearchRound(row.number, row.asked, row.found, outcomes, row.over))
    stored = _count_web_photos(connection, project_id)
    return [
        Collection(
            category.id,
            category.name,
            wanted=max(wanted, more.get(category.id, 0)),
            stored=stored.get(category.id, 0),
            failed=by_state[category.id].get("failed", 0),
            pending=by_state[category.id].get("found", 0),
            rounds=tuple(searched[category.id]),
        )
        for category in read_categories(connection, project_id)
        if not category.is_none
    ]


def _count_web_photos(connection: Connection, project_id: str) -> dict[int, int]:
    """By the category in which they lie now; those that the person dropped do not count."""
    from_web = exists().where(
        finds.c.project_id == photos.c.project_id,
        finds.c.sha256 == photos.c.sha256,
        finds.c.provider == photos.c.provider,
        finds.c.state == "stored",
    )
    personal = or_(*(photos.c.reason.startswith(words, autoescape=True) for words in PERSONAL))
    counts = or_(photos.c.kept, ~personal)
    here = select(photos.c.category_id, func.count()).where(photos.c.project_id == project_id, counts, from_web)
    return dict(connection.execute(here.group_by(photos.c.category_id)).all())


_ADDRESSES = {"image", "thumbnail", "page", "licence_url"}


def _address(value: str) -> str:
    """Cut short it would lead elsewhere, so that one too long is none."""
    return value if value == plain(value) and len(value) < TEXT_LIMIT else ""


def _text(value: str | int | None) -> str | int | None:
    return plain(value) if isinstance(value, str) else value


def _file_name(find: Find) -> str:
    address = urlsplit(find.image)
    return plain(unquote(PurePosixPath(address.path).name)) or find.title or address.netloc


def _same(photo: StoredPhoto | None) -> str:
    if photo is None:
        return "It is the same picture as one that was here before."
    aside = "" if photo.kept else f", which is set aside ({photo.reason})"
    return f"It is the same picture as '{photo.name}'{aside}."


def _forget_pending(connection: Connection, condition: ColumnElement[bool]) -> None:
    connection.execute(delete(finds).where(condition, finds.c.state == "found"))


def _one(connection: Connection, *conditions: ColumnElement[bool]) -> Find | None:
    row = connection.execute(_FIND.where(*conditions)).one_or_none()
    return None if row is None else _find(row)


def _find(row: Row[*tuple[Any, ...]]) -> Find:
    return Find(*row)
