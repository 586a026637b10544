"""Collecting from the stand-in internet: as many photos as wanted, each once, whatever fails on the way."""

import io
import threading
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.data.collect import Collected, collect
from core.data.download import Downloader, decode_thumbnail
from core.data.photo import Pixels, decode
from core.data.search.commons import Commons
from core.data.search.duckduckgo import DuckDuckGo
from core.data.search.hit import Hit, Pause, Provider
from core.data.search.openverse import Openverse
from core.data.store import Find, Plan, Store
from core.errors import BadInput, Cancelled, NotFound, SearchFailed
from tests.internet import Handler, Internet, Request, Response
from tests.services import COMMONS, DUCKDUCKGO, OPENVERSE, Picture, commons, duckduckgo, openverse

ANIMALS = ("fox", "wolf", "coyote")
HANG = 20.0  # seconds that a server would keep us, and far more than any test may take


def png(seed: str, width: int = 160, height: int = 120) -> bytes:
    """A picture that no other seed draws."""
    coarse = np.random.default_rng(zlib.crc32(seed.encode())).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(coarse).resize((width, height)).save(file, "PNG")
    return file.getvalue()


def pictures(name: str, count: int) -> list[Picture]:
    return [
        Picture(
            title=f"{name} {number}",
            image=f"https://photos{number % 3}.example/{name}/{number}.jpg",
            page=f"https://pages.example/{name}/{number}",
            creator=f"Ada {number}",
        )
        for number in range(count)
    ]


def photo_server(request: Request) -> Response:
    """A picture of its own at every address."""
    return Response(body=png(request.path))


def broken_fifth(request: Request) -> Response:
    """As `photo_server`, but every fifth, from the fourth on, is no photo, each in another way."""
    number = int(request.path.rpartition("/")[2].removesuffix(".jpg"))
    if number % 5 != 3:
        return photo_server(request)
    ways = [
        Response(status=404),
        Response(body=b"<!doctype html><p>Please log in"),
        Response(body=png(request.path)[:300]),
        Response(body=png(request.path, 20, 15)),
    ]
    return ways[number // 5 % len(ways)]


def is_broken(image: str) -> bool:
    return int(image.rpartition("/")[2].removesuffix(".jpg")) % 5 == 3


@dataclass
class Place:
    """A store with one project, and the stand-in internet around it."""

    store: Store
    project_id: str
    internet: Internet
    providers: dict[str, Provider]
    stored: list[tuple[int, str]] = field(default_factory=list)
    progress: list[tuple[float, str]] = field(default_factory=list)

    def category(self, name: str) -> int:
        return next(c.id for c in self.store.categories(self.project_id) if c.name == name)

    def want(self, wanted: int) -> None:
        self.store.web.set_plan(self.project_id, Plan(wanted=wanted))

    def run(
        self,
        *,
        on_photo: Callable[[int, str], None] = lambda category_id, sha256: None,
        on_progress: Callable[[float, str], None] = lambda fraction, words: None,
        should_stop: Callable[[], bool] = lambda: False,
        only: int | None = None,
    ) -> dict[int, tuple[int, int]]:
        """Collect; how many are stored in each category, and how many finds failed."""

        def noted_photo(category_id: int, sha256: str) -> None:
            self.stored.append((category_id, sha256))
            on_photo(category_id, sha256)

        def noted_progress(fraction: float, words: str) -> None:
            self.progress.append((fraction, words))
            on_progress(fraction, words)

        with Downloader(decode, read_fallback=decode_thumbnail) as downloader:
            collected = self.collect(downloader, noted_photo, noted_progress, should_stop, only)
        return {number: (part.stored, sum(part.failed.values())) for number, part in collected.categories.items()}

    def collect(
        self,
        downloader: Downloader[Pixels],
        on_photo: Callable[[int, str], None],
        on_progress: Callable[[float, str], None],
        should_stop: Callable[[], bool],
        only: int | None = None,
    ) -> Collected:
        return collect(
            self.store,
            self.project_id,
            downloader=downloader,
            only=only,
            providers=self.providers,
            on_photo=on_photo,
            on_progress=on_progress,
            should_stop=should_stop,
        )

    def rows(self) -> list[tuple[str, str, str, str]]:
        """Category, address, state and SHA-256 of all finds."""
        names = {category.id: category.name for category in self.store.categories(self.project_id)}
        finds = self.store.web.finds(self.project_id)
        return sorted((names[find.category_id], find.image, find.state, find.sha256) for find in finds)

    def failed(self) -> dict[str, str]:
        """Address and reason of each find that failed."""
        return {find.image: find.reason for find in self.store.web.finds(self.project_id, state="failed")}

    def fetched(self) -> Counter[str]:
        """How often each address of a photo was asked for."""
        with self.internet.lock:
            return Counter(f"https://{r.host}{r.path}" for r in self.internet.log if r.host.endswith(".example"))


MakePlace = Callable[..., Place]


@pytest.fixture(scope="module")
def one_internet() -> Iterator[Internet]:
    """One for all tests, since issuing certificates takes longer than most of them."""
    with Internet() as net:
        yield net


@pytest.fixture
def make_place(one_internet: Internet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MakePlace]:
    """A fresh project in which each category is found by DuckDuckGo, `count` photos of it."""
    monkeypatch.setenv("THIMBLE_PROXY", one_internet.proxy_url)
    monkeypatch.setenv("THIMBLE_CA_FILE", one_internet.ca_file)
    one_internet.faults.clear()
    stores: list[Store] = []

    def make(
        *names: str,
        count: int = 40,
        photos: Handler = photo_server,
        hosts: Mapping[str, Handler] | None = None,
    ) -> Place:
        with one_internet.lock:
            for kept in (one_internet.hosts, one_internet.log):
                kept.clear()
        catalogue = {name: pictures(name, count) for name in names}
        services = {DUCKDUCKGO: duckduckgo(catalogue), OPENVERSE: openverse({}), COMMONS: commons({})}
        one_internet.hosts.update({**services, "*.example": photos} if hosts is None else hosts)
        store = Store(tmp_path / f"home {len(stores)}")
        stores.append(store)
        project_id = store.create_project("Animals").id
        for name in names:
            store.add_category(project_id, name)
        providers: dict[str, Provider] = {p.name: p for p in (DuckDuckGo(), Openverse(), Commons())}
        return Place(store, project_id, one_internet, providers)

    yield make
    for store in stores:
        store.close()
    assert one_internet.faults == []


# What comes of it


def test_every_category_gets_its_photos_and_the_bad_ones_are_listed(make_place: MakePlace) -> None:
    place = make_place(*ANIMALS, photos=broken_fifth)
    place.want(12)
    # Of the ranks from 0 on, 3, 8 and 13 are broken: fifteen are tried until twelve are good.
    assert place.run() == {place.category(name): (12, 3) for name in ANIMALS}
    failed = place.failed()
    assert set(failed) == {
        picture.image for name in ANIMALS for picture in pictures(name, 15) if is_broken(picture.image)
    }
    assert all(failed.values())
    assert len(set(failed.values())) == 3
    tried = [image for _, image, state, _ in place.rows() if state != "found"]
    assert set(place.fetched()) == set(tried)
    assert set(place.fetched().values()) == {1}
    photos = place.store.photos.of(place.project_id, kept=True)
    assert sorted(place.stored) == sorted((photo.category_id, photo.sha256) for photo in photos)
    fractions = [fraction for fraction, _ in place.progress]
    assert fractions == sorted(fractions)
    assert place.progress[-1] == (1.0, "Collected: 36 photos")


def test_a_photo_keeps_where_it_came_from(make_place: MakePlace) -> None:
    found = Picture(
        title="Red fox",
        image="https://photos.example/wild%20fox.jpg?size=2",
        page="https://pages.example/fox",
        creator="Ada",
        licence="CC BY-SA 4.0",
        licence_url="https://creativecommons.org/licenses/by-sa/4.0/",
    )
    hosts = {OPENVERSE: openverse({"fox": [found]}), "*.example": photo_server}
    place = make_place("fox", hosts=hosts)
    place.store.web.set_plan(place.project_id, Plan(wanted=1, providers=("openverse",)))
    place.run()
    (photo,) = place.store.photos.of(place.project_id)
    assert (photo.name, photo.title, photo.creator) == ("wild fox.jpg", "Red fox", "Ada")
    assert (photo.provider, photo.page, photo.licence) == ("openverse", found.page, found.licence)
    assert photo.licence_url == found.licence_url
    assert (photo.width, photo.height) == (160, 120)
    assert place.store.photos.newest(photo.category_id) == [photo]


def test_the_thumbnail_serves_where_the_photo_is_gone(make_place: MakePlace) -> None:
    found = Picture("fox", "https://gone.example/1.jpg", thumbnail="https://small.example/1.jpg")
    place = make_place("fox", hosts={DUCKDUCKGO: duckduckgo({"fox": [found]}), "small.example": big_enough})
    place.store.web.set_plan(place.project_id, Plan(wanted=1, providers=("duckduckgo",)))
    place.run()
    assert [row[2] for row in place.rows()] == ["stored"]


def big_enough(request: Request) -> Response:
    return Response(body=png(request.path, 300, 250))


@pytest.mark.slow
def test_the_same_rows_come_of_it_in_whatever_order_photos_arrive(make_place: MakePlace) -> None:
    def twins(slow: int) -> Handler:
        def answer(request: Request) -> Response:
            # Numbers 2 and 5 are one picture, and so are 4 and 6; the remainder says which come late.
            number = int(request.path.rpartition("/")[2].removesuffix(".jpg"))
            same = {5: 2, 6: 4}.get(number, number)
            response = Response(body=png(request.path.replace(f"/{number}.", f"/{same}.")))
            response.delay = 0.15 if number % 3 == slow else 0.0
            return response if number % 7 else Response(status=500)

        return answer

    first, second, third = (make_and_run(make_place, twins(slow)) for slow in range(3))
    assert first == second == third
    states = {image.rpartition("/")[2]: state for _, image, state, _ in first}
    assert [states[f"{number}.jpg"] for number in (2, 5, 4, 6)] == ["stored", "failed", "stored", "failed"]


def make_and_run(make_place: MakePlace, photos: Handler) -> list[tuple[str, str, str, str]]:
    place = make_place("fox", photos=photos)
    place.want(10)
    assert place.run() == {place.category("fox"): (10, 4)}
    sources = {photo.sha256: photo.page for photo in place.store.photos.of(place.project_id)}
    pages = {find.sha256: find.page for find in place.store.web.finds(place.project_id, state="stored")}
    assert sources == pages
    assert any("same picture as '2.jpg'" in reason for reason in place.failed().values())
    return place.rows()


def test_the_next_search_helps_out_and_each_says_how_it_went(make_place: MakePlace) -> None:
    found = pictures("fox", 30)
    hosts = {OPENVERSE: openverse({"fox": found[:8]}), COMMONS: commons({"fox": found}), "*.example": photo_server}
    place = make_place("fox", hosts=hosts)
    place.want(10)
    assert place.run() == {place.category("fox"): (10, 0)}
    (state,) = place.store.web.collection(place.project_id)
    assert [(outcome.provider, outcome.state, outcome.found) for outcome in state.outcomes] == [
        ("duckduckgo", "failed", 0),
        ("openverse", "found", 8),
        ("commons", "found", 7),
    ]
    assert (state.name, state.wanted, state.stored, state.failed, state.pending) == ("fox", 10, 10, 0, 5)
    providers = Counter(photo.provider for photo in place.store.photos.of(place.project_id))
    assert providers == {"openverse": 8, "commons": 2}


def test_when_nothing_more_is_found_it_ends_with_what_there_is(make_place: MakePlace) -> None:
    place = make_place("fox", "wolf", count=7)
    place.want(9)
    assert place.run() == {place.category(name): (7, 0) for name in ("fox", "wolf")}
    assert place.progress[-1][0] == 1.0
    assert [len(state.rounds) for state in place.store.web.collection(place.project_id)] == [1, 1]
    place.run()  # the person asks again: perhaps there is more today
    assert [len(state.rounds) for state in place.store.web.collection(place.project_id)] == [2, 2]
    assert set(place.fetched().values()) == {1}


def test_it_searches_again_while_photos_are_missing_but_not_for_ever(make_place: MakePlace) -> None:
    place = make_place("fox", count=300, photos=lambda request: Response(status=404))
    place.want(8)
    assert place.run() == {place.category("fox"): (0, 36)}
    (state,) = place.store.web.collection(place.project_id)
    assert [(searched.asked, searched.found) for searched in state.rounds] == [(12, 12)] * 3


def test_every_phrase_is_searched_for(make_place: MakePlace) -> None:
    place = make_place("fox", "vixen", count=6)
    place.store.delete_category(place.category("vixen"))
    place.store.web.set_phrases(place.category("fox"), ["fox", " vixen ", ""])
    place.want(12)
    assert place.run() == {place.category("fox"): (12, 0)}


# Stopping and going on


@pytest.mark.parametrize("way", ["progress", "should_stop", "photo"])
def test_stopped_it_keeps_what_has_come_and_goes_on_from_there(way: str, make_place: MakePlace) -> None:
    is_slow = True

    def some_hang(request: Request) -> Response:
        number = int(request.path.rpartition("/")[2].removesuffix(".jpg"))
        return Response(delay=HANG) if is_slow and number > 5 else broken_fifth(request)

    place = make_place("fox", "wolf", photos=some_hang)
    place.want(12)

    def enough() -> bool:
        return len(place.stored) >= 10

    def stop(*_: object) -> None:
        if enough():
            raise Cancelled("Stopped.")

    options = {"progress": {"on_progress": stop}, "should_stop": {"should_stop": enough}, "photo": {"on_photo": stop}}
    with pytest.raises(Cancelled):
        place.run(**options[way])  # type: ignore[arg-type]
    settled = [row for row in place.rows() if row[2] != "found"]
    assert len(place.store.photos.of(place.project_id)) == 10
    is_slow = False
    before = len(place.internet.log)
    assert place.run() == {place.category(name): (12, 3) for name in ("fox", "wolf")}
    assert set(settled) <= set(place.rows())
    again = {f"https://{request.host}{request.path}" for request in place.internet.log[before:]}
    assert not again & {row[1] for row in settled}
    assert DUCKDUCKGO not in {request.host for request in place.internet.log[before:]}


def test_an_error_in_a_callback_ends_it_at_once(make_place: MakePlace) -> None:
    place = make_place("fox")

    def fail(category_id: int, sha256: str) -> None:
        raise ValueError("the embedder fell over")

    with pytest.raises(ValueError, match="fell over"):
        place.run(on_photo=fail)


def test_a_category_deleted_meanwhile_does_not_stop_the_others(make_place: MakePlace) -> None:
    place = make_place("fox", "wolf")
    place.want(12)
    fox, wolf = (place.category(name) for name in ("fox", "wolf"))

    def delete(category_id: int, sha256: str) -> None:
        if category_id == fox and len(place.store.categories(place.project_id)) == 2:
            place.store.delete_category(fox)

    assert place.run(on_photo=delete) == {wolf: (12, 0)}
    assert {find.category_id for find in place.store.web.finds(place.project_id)} == {wolf}
    assert_files_match(place.store, place.project_id)


def assert_files_match(store: Store, project_id: str) -> None:
    """Once the loose ones are swept, the files are those of the photos."""
    store.photos.delete_dropped(project_id)
    files = {path.parent.name + path.stem for path in (store.home / "files" / "photos").rglob("*.jpg")}
    assert files == {photo.sha256 for photo in store.photos.of(project_id)}


# More of it


@pytest.mark.parametrize("way", ["plan", "want_more"])
def test_more_repeats_nothing(way: str, make_place: MakePlace) -> None:
    place = make_place("fox", photos=broken_fifth)
    place.want(8)
    place.run()
    before = place.rows()
    if way == "plan":
        place.want(20)
    else:
        place.store.web.want_more(place.category("fox"), 12)
    assert place.run() == {place.category("fox"): (20, 5)}
    assert set(place.fetched().values()) == {1}
    assert {row for row in before if row[2] != "found"} <= set(place.rows())
    images = [row[1] for row in place.rows()]
    assert len(images) == len(set(images))


def test_more_of_one_category_leaves_the_others_alone(make_place: MakePlace) -> None:
    place = make_place("fox", "wolf")
    place.want(8)
    place.store.web.want_more(place.category("fox"), 5)
    got = place.run(only=place.category("fox"))
    assert got == {place.category("fox"): (8, 0), place.category("wolf"): (0, 0)}
    assert {row[0] for row in place.rows()} == {"fox"}


@pytest.mark.parametrize("is_emptied", [False, True])
def test_what_the_person_dropped_stays_away_under_any_address(is_emptied: bool, make_place: MakePlace) -> None:
    place = make_place("fox", photos=lambda request: Response(body=png(f"{int(request.path[5:-4]) % 12}")))
    place.want(8)
    place.run()
    dropped = place.store.photos.of(place.project_id)[:3]
    place.store.photos.set_kept([photo.id for photo in dropped], False)
    if is_emptied:
        place.store.photos.delete_dropped(place.project_id)
    # Twelve pictures are out there: after the drop there are five, four more to have, and then only repeats.
    assert place.run() == {place.category("fox"): (8, 0)}
    place.want(12)
    place.run()
    assert len(place.store.photos.of(place.project_id, kept=True)) == 9
    kept = {photo.sha256 for photo in place.store.photos.of(place.project_id, kept=True)}
    assert not kept & {photo.sha256 for photo in dropped}
    words = "was here before" if is_emptied else "set aside (dropped by you)"
    assert any(words in reason for reason in place.failed().values())
    assert_files_match(place.store, place.project_id)


def test_what_cleaning_set_aside_counts_and_what_the_person_dropped_does_not(make_place: MakePlace) -> None:
    place = make_place("fox")
    place.want(10)
    place.run()
    photos = place.store.photos.of(place.project_id)
    place.store.photos.set_kept([photo.id for photo in photos[:3]], False, "nearly the same as another")
    place.run()
    assert len(place.store.photos.of(place.project_id)) == 10
    place.store.photos.set_kept([photos[4].id], False)
    place.store.photos.set_kept([photos[5].id], False, "you dropped everything from pages.example")
    place.run()
    assert len(place.store.photos.of(place.project_id)) == 12


def test_a_photo_of_ones_own_is_not_collected_again(make_place: MakePlace) -> None:
    place = make_place("fox")
    own = place.store.photos.add(place.category("fox"), png("/fox/3.jpg"), "mine.png").photo
    place.want(5)
    assert place.run() == {place.category("fox"): (5, 1)}
    assert place.failed() == {pictures("fox", 4)[3].image: "It is the same picture as 'mine.png'."}
    assert place.store.photos.of(place.project_id)[0] == own


# Without a network


def test_without_a_network_it_says_so_and_nothing_is_lost(make_place: MakePlace) -> None:
    place = make_place("fox", "wolf")
    place.want(6)
    with pytest.raises(Cancelled):
        place.run(on_photo=stop_at_once)
    hosts = dict(place.internet.hosts)
    place.want(12)
    pending = len(place.store.web.finds(place.project_id, state="found"))
    assert pending > 6
    stored = {row for row in place.rows() if row[2] == "stored"}
    place.internet.hosts.clear()
    with pytest.raises(SearchFailed) as caught:
        place.run()
    assert caught.value.kind == "unreachable"
    assert "upload your own" in caught.value.hint
    assert len(place.store.web.finds(place.project_id, state="found")) == pending
    place.internet.hosts.update(hosts)
    assert place.run() == {place.category(name): (12, 0) for name in ("fox", "wolf")}
    assert stored <= set(place.rows())


def stop_at_once(*_: object) -> None:
    raise Cancelled("Stopped.")


class Unreliable:
    """DuckDuckGo, to which the way is lost when it is asked for wolves."""

    name = "duckduckgo"
    title = "DuckDuckGo"
    openly_licensed = False

    def __init__(self) -> None:
        self._found = threading.Event()
        self._real = DuckDuckGo()

    def search(
        self, query: str, limit: int, *, safe: bool = True, pause: Pause = lambda seconds: None
    ) -> Iterator[Hit]:
        if query == "wolf":
            assert self._found.wait(HANG)
            raise SearchFailed("DuckDuckGo could not be reached.", kind="unreachable")
        yield from self._real.search(query, limit, safe=safe, pause=pause)

    def found(self, category_id: int, sha256: str) -> None:
        self._found.set()


def test_a_search_that_fails_midway_leaves_the_other_categories_alone(make_place: MakePlace) -> None:
    place = make_place("fox", "wolf")
    place.store.web.set_plan(place.project_id, Plan(wanted=6, providers=("duckduckgo",)))
    unreliable = Unreliable()
    place.providers = {"duckduckgo": unreliable}
    with Downloader(decode) as downloader:
        collected = place.collect(downloader, unreliable.found, lambda fraction, words: None, lambda: False)
    fox, wolf = collected.categories.values()
    assert (fox.stored, fox.problem) == (6, "")
    assert wolf.stored == 0
    assert "could not be reached" in wolf.problem
    assert [outcome.state for outcome in wolf.rounds[-1].outcomes] == ["failed"]


def test_a_plan_that_names_no_search_is_said_in_words(make_place: MakePlace) -> None:
    place = make_place("fox")
    place.store.web.set_plan(place.project_id, Plan(openly_licensed=True, providers=("duckduckgo",)))
    with pytest.raises(BadInput, match="openly licensed"):
        place.run()


def test_a_project_without_categories_has_nothing_to_collect(make_place: MakePlace) -> None:
    assert make_place().run() == {}


# What is asked for


def test_the_plan_and_the_phrases_have_defaults_and_are_kept(make_place: MakePlace) -> None:
    place = make_place("fox", "wolf")
    store, fox = place.store, place.category("fox")
    assert store.web.plan(place.project_id) == Plan(60, False, True, ("duckduckgo", "openverse", "commons"))
    assert store.web.phrases(fox) == ("fox",)
    plan = Plan(20, True, False, ("commons", "openverse"))
    store.web.set_plan(place.project_id, plan)
    store.web.set_phrases(fox, ["  red   fox ", "", "red fox", "лиса", "fox'); --"])
    again = Store(store.home)
    assert again.web.plan(place.project_id) == plan
    assert again.web.phrases(fox) == ("red fox", "лиса", "fox'); --")
    assert again.web.phrases(place.category("wolf")) == ("wolf",)
    again.web.set_phrases(fox, [" "])
    assert again.web.phrases(fox) == ("fox",)
    again.close()


def test_a_plan_for_no_photo_or_too_many_is_refused(make_place: MakePlace) -> None:
    place = make_place("fox")
    for wanted in (0, -1, 100_000):
        with pytest.raises(BadInput, match=f"{wanted} photos"):
            place.want(wanted)


def test_what_is_gone_is_named(make_place: MakePlace) -> None:
    store = make_place().store
    asked: Sequence[Callable[[], object]] = (
        lambda: store.web.plan("none"),
        lambda: store.web.set_plan("none", Plan()),
        lambda: store.web.phrases(99),
        lambda: store.web.set_phrases(99, ["fox"]),
        lambda: store.web.want_more(99, 5),
        lambda: store.web.collection("none"),
        lambda: store.web.add_round(99, 10, [], []),
    )
    for ask in asked:
        with pytest.raises(NotFound):
            ask()


@pytest.mark.parametrize("change", ["licence", "phrases"])
def test_another_question_forgets_what_the_old_one_found_but_not_what_was_tried(
    change: str, make_place: MakePlace
) -> None:
    place = make_place("fox", photos=broken_fifth)
    place.want(5)
    place.run()
    assert place.store.web.finds(place.project_id, state="found")
    if change == "licence":
        place.store.web.set_plan(place.project_id, Plan(wanted=5, openly_licensed=True))
    else:
        place.store.web.set_phrases(place.category("fox"), ["red fox"])
    assert Counter(find.state for find in place.store.web.finds(place.project_id)) == {"stored": 5, "failed": 1}


def test_an_address_far_too_long_is_left_out(make_place: MakePlace) -> None:
    place = make_place("fox")
    hits = [a_hit("https://photos.example/" + "a" * 3000), a_hit("https://photos.example/1.jpg")]
    place.store.web.add_round(place.category("fox"), 10, hits, [])
    (find,) = place.store.web.finds(place.project_id)
    assert (find.image, find.rank, find.state) == ("https://photos.example/1.jpg", 2, "found")


def a_hit(image: str) -> Hit:
    return Hit("duckduckgo", image, "", "", "fo\0x", "", "", "", None, 4)


def test_deleting_takes_the_finds_along(make_place: MakePlace) -> None:
    place = make_place("fox", "wolf")
    place.want(5)
    place.run()
    place.store.web.set_phrases(place.category("fox"), ["red fox"])
    place.store.web.want_more(place.category("fox"), 5)
    place.store.delete_category(place.category("fox"))
    assert {find.category_id for find in place.store.web.finds(place.project_id)} == {place.category("wolf")}
    place.store.delete_project(place.project_id)
    assert place.store.web.finds(place.project_id) == []


def test_a_find_is_settled_once(make_place: MakePlace) -> None:
    place = make_place("fox")
    place.store.web.add_round(place.category("fox"), 10, [a_hit("https://photos.example/1.jpg")], [])
    (find,) = place.store.web.pending(place.category("fox"), 5)
    pixels = decode(png("one"))
    first = place.store.web.store(find.id, pixels)
    assert isinstance(first, Find)
    assert first.state == "stored"
    assert place.store.web.store(find.id, decode(png("two"))) is None
    assert place.store.web.pending(place.category("fox"), 5) == []
    assert_files_match(place.store, place.project_id)
