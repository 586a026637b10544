"""Picture searches: the real clients, asking the stand-in internet."""

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.data.network import user_agent
from core.data.search import PROVIDERS, Hit, Provider, ProviderOutcome, phrases, search_all
from core.data.search.commons import Commons, plain_text
from core.data.search.duckduckgo import DuckDuckGo
from core.data.search.hit import address_of, size_of
from core.data.search.openverse import Openverse
from core.data.search.pace import Pace
from core.errors import BadInput, Cancelled, SearchFailed
from tests.internet import Handler, Internet, Request, Response
from tests.services import (
    COMMONS,
    DUCKDUCKGO,
    OPENVERSE,
    Catalogue,
    Picture,
    always,
    broken,
    commons,
    duckduckgo,
    first,
    malformed,
    openverse,
    throttled,
)


@dataclass
class Clock:
    """Stands in for waiting: notes the seconds and goes on at once."""

    waits: list[float] = field(default_factory=list)

    def __call__(self, seconds: float) -> None:
        self.waits.append(seconds)


@pytest.fixture(scope="module")
def one_internet() -> Iterator[Internet]:
    """One for all tests, since reading and issuing certificates takes longer than most of them."""
    with Internet() as net:
        yield net


def lead_to(net: Internet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THIMBLE_PROXY", net.proxy_url)
    monkeypatch.setenv("THIMBLE_CA_FILE", net.ca_file)


@pytest.fixture
def internet(one_internet: Internet, monkeypatch: pytest.MonkeyPatch) -> Iterator[Internet]:
    """The stand-in internet that every client is sent to, with no hosts and nothing asked yet."""
    lead_to(one_internet, monkeypatch)
    with one_internet.lock:
        for kept in (one_internet.hosts, one_internet.log, one_internet.connections):
            kept.clear()
    yield one_internet
    assert one_internet.faults == []


@pytest.fixture
def own_internet(monkeypatch: pytest.MonkeyPatch) -> Iterator[Internet]:
    """One for this test alone, where more than hosts and questions matters."""
    with Internet() as net:
        lead_to(net, monkeypatch)
        yield net


@pytest.fixture
def clock() -> Clock:
    return Clock()


def pictures(count: int, name: str = "fox", start: int = 0) -> list[Picture]:
    return [
        Picture(
            title=f"{name} {number}",
            image=f"https://photos.example/{name}/{number}.jpg",
            thumbnail=f"https://small.example/{name}/{number}",
            page=f"https://pages.example/{name}/{number}",
            creator=f"Ada & {number}",
        )
        for number in range(start, start + count)
    ]


@dataclass(frozen=True)
class Case:
    """One service: its host, what answers for it, its client, and an answer without pictures."""

    host: str
    handler: Callable[[Catalogue], Handler]
    make: Callable[[], Provider]
    path: str = ""


ALL = {
    "duckduckgo": Case(DUCKDUCKGO, duckduckgo, DuckDuckGo, "/i.js"),
    "openverse": Case(OPENVERSE, openverse, Openverse),
    "commons": Case(COMMONS, commons, Commons),
}
JSON_ONES = [ALL["openverse"], ALL["commons"]]
each = pytest.mark.parametrize("case", ALL.values(), ids=ALL)
each_json = pytest.mark.parametrize("case", JSON_ONES, ids=["openverse", "commons"])


def found(case: Case, clock: Clock, limit: int = 1_000, *, query: str = "fox", safe: bool = True) -> list[Hit]:
    return list(case.make().search(query, limit, safe=safe, pause=clock))


def failure(case: Case, clock: Clock) -> SearchFailed:
    with pytest.raises(SearchFailed) as caught:
        found(case, clock)
    assert caught.value.message
    return caught.value


def searches(internet: Internet, host: str) -> list[Request]:
    """The questions that a service had, without the page that DuckDuckGo's key stands in."""
    return [request for request in internet.asked(host) if request.path != "/"]


# What comes back


def test_the_registry_names_each_provider_in_the_order_of_fallback() -> None:
    assert [(name, p.name, p.openly_licensed) for name, p in PROVIDERS.items()] == [
        ("duckduckgo", "duckduckgo", False),
        ("openverse", "openverse", True),
        ("commons", "commons", True),
    ]


def test_a_hit_of_duckduckgo(internet: Internet, clock: Clock) -> None:
    internet.hosts[DUCKDUCKGO] = duckduckgo({"fox": pictures(1)})
    assert found(ALL["duckduckgo"], clock) == [
        Hit(
            provider="duckduckgo",
            image="https://photos.example/fox/0.jpg",
            thumbnail="https://small.example/fox/0",
            page="https://pages.example/fox/0",
            title="fox 0",
            creator="",
            licence="",
            licence_url="",
            width=800,
            height=600,
        )
    ]


def test_a_hit_of_openverse(internet: Internet, clock: Clock) -> None:
    internet.hosts[OPENVERSE] = openverse({"fox": pictures(1)})
    assert found(ALL["openverse"], clock) == [
        Hit(
            provider="openverse",
            image="https://photos.example/fox/0.jpg",
            thumbnail="https://small.example/fox/0",
            page="https://pages.example/fox/0",
            title="fox 0",
            creator="Ada & 0",
            licence="CC BY-SA 4.0",
            licence_url="https://creativecommons.org/licenses/by-sa/4.0/",
            width=800,
            height=600,
        )
    ]


def test_a_hit_of_commons_is_the_small_picture_exactly_as_given(internet: Internet, clock: Clock) -> None:
    small = (
        "https://upload.wikimedia.org/wikipedia/commons/thumb/a/a2/%27Fox%27%2C_(red).jpg/500px-%27Fox%27%2C_(red).jpg"
    )
    internet.hosts[COMMONS] = commons({"fox": [replace(pictures(1)[0], thumbnail=small)]})
    assert found(ALL["commons"], clock) == [
        Hit(
            provider="commons",
            image=small,
            thumbnail="",
            page="https://pages.example/fox/0",
            title="fox 0",
            creator="Ada & 0",
            licence="CC BY-SA 4.0",
            licence_url="https://creativecommons.org/licenses/by-sa/4.0/",
            width=800,
            height=600,
        )
    ]


@pytest.mark.parametrize(
    "licence", ["CC BY 2.0", "CC BY-NC-ND 3.0", "CC0 1.0", "Public Domain Mark 1.0", "CC BY-SA 4.0"]
)
@each_json
def test_a_licence_is_written_as_people_write_it(case: Case, licence: str, internet: Internet, clock: Clock) -> None:
    internet.hosts[case.host] = case.handler({"fox": [replace(pictures(1)[0], licence=licence)]})
    assert [hit.licence for hit in found(case, clock)] == [licence]


def test_commons_answers_in_the_order_of_rank(internet: Internet, clock: Clock) -> None:
    internet.hosts[COMMONS] = commons({"fox": pictures(120)})
    assert [hit.title for hit in found(ALL["commons"], clock)] == [f"fox {n}" for n in range(120)]


def test_duckduckgo_rows_with_odd_fields_are_used_as_far_as_they_go(internet: Internet, clock: Clock) -> None:
    row = {"title": "fox", "thumbnail": "https://t.example/9", "url": "", "height": "tall", "width": None}
    rows = [
        row | {"image": ""},
        row | {"image": None, "thumbnail": "https://t.example/8"},
        row | {"image": "data:image/png;base64,AAAA", "thumbnail": "https://t.example/7"},
        row | {"image": "https://p.example:port/x.jpg", "thumbnail": "https://t.example/6"},
        row | {"image": "https://p.example/100%25.jpg", "height": "480", "width": 640},
        row | {"image": "https://p.example/größe.jpg"},
        row | {"image": "nonsense", "thumbnail": None},
    ]
    answer = malformed(json.dumps({"results": rows}).encode())
    internet.hosts[DUCKDUCKGO] = first([answer], then=duckduckgo({}), path="/i.js")
    hits = {hit.image: hit for hit in found(ALL["duckduckgo"], clock)}
    assert set(hits) == {
        *(f"https://t.example/{n}" for n in (6, 7, 8, 9)),
        "https://p.example/100%25.jpg",
        "https://p.example/gr%C3%B6%C3%9Fe.jpg",
    }
    sized = hits.pop("https://p.example/100%25.jpg")
    assert (sized.width, sized.height, sized.thumbnail) == (640, 480, "https://t.example/9")
    assert {(hit.width, hit.height, hit.page) for hit in hits.values()} == {(None, None, "")}


def test_openverse_rows_that_are_no_photos_are_left_out(internet: Internet, clock: Clock) -> None:
    row: dict[str, Any] = {"url": "https://p.example/1.jpg", "title": None, "creator": 5, "license": "by"}
    rows = [row, row | {"url": None}, row | {"filetype": "svg"}, "text", None]
    internet.hosts[OPENVERSE] = always(malformed(json.dumps({"results": rows, "page_count": 1}).encode()))
    (hit,) = found(ALL["openverse"], clock)
    assert (hit.image, hit.title, hit.creator, hit.licence) == ("https://p.example/1.jpg", "", "", "CC BY")


def test_commons_pages_that_are_no_photos_are_left_out(internet: Internet, clock: Clock) -> None:
    info: dict[str, Any] = {"url": "https://p.example/1.jpg", "mime": "image/jpeg", "extmetadata": []}
    pages = [
        {"title": "File:One.jpg", "imageinfo": [info]},
        {"title": "File:Drawing.svg", "imageinfo": [info | {"mime": "image/svg+xml"}]},
        {"title": "File:Later.jpg"},
        {"title": "File:Empty.jpg", "imageinfo": []},
        {"title": "File:None.jpg", "imageinfo": [{"mime": "image/jpeg"}]},
        "text",
    ]
    internet.hosts[COMMONS] = always(malformed(json.dumps({"query": {"pages": pages}}).encode()))
    assert [(hit.title, hit.image) for hit in found(ALL["commons"], clock)] == [("One", "https://p.example/1.jpg")]


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ('<a href="//x" title="User:A">Ada &amp; Grace</a>', "Ada & Grace"),
        ("<style>.a{color:red}</style><div>Ada</div><div>Grace</div>", "Ada Grace"),
        ("<b>Ada", "Ada"),
        ("plain", "plain"),
        ("<script>alert(1)</script>", ""),
    ],
)
def test_a_creator_in_html_is_read_as_text(html: str, text: str) -> None:
    assert plain_text(html) == text


@given(st.text() | st.from_regex(r"https?://\S*", fullmatch=True))
def test_an_address_is_usable_or_empty_and_settled(text: str) -> None:
    once = address_of(text)
    assert once == "" or (once.startswith(("http://", "https://")) and " " not in once)
    assert address_of(once) == once


def test_a_fragment_is_no_part_of_an_address() -> None:
    assert address_of(" //a.example/x.jpg#top ") == "https://a.example/x.jpg"


@pytest.mark.parametrize("value", ["https://a.example/%27x%27,(1)?w=1&h=[2]", "http://a.example:8080/~b;c=d@e"])
def test_a_well_quoted_address_stays_letter_for_letter(value: str) -> None:
    assert address_of(value) == value


@pytest.mark.parametrize(
    "value",
    ["", "/x.jpg", "ftp://a.example/x", "javascript:alert(1)", "https://", "https://[::1", None, 5, "https://a b/"],
)
def test_what_is_no_web_address_is_none(value: object) -> None:
    assert address_of(value) == ""


@pytest.mark.parametrize(
    ("value", "size"),
    [(5, 5), ("640", 640), ("", None), ("-3", None), (0, None), (True, None), (2.5, None), ("²", None)],
)
def test_a_size_is_read_from_numbers_and_digits(value: object, size: int | None) -> None:
    assert size_of(value) == size


# Pages and limits


@each
def test_pages_follow_until_nothing_is_left(case: Case, internet: Internet, clock: Clock) -> None:
    internet.hosts[case.host] = case.handler({"fox": pictures(150)})
    assert sorted(hit.title for hit in found(case, clock)) == sorted(f"fox {n}" for n in range(150))


@each
def test_a_limit_holds_and_no_page_is_asked_for_beyond_it(case: Case, internet: Internet, clock: Clock) -> None:
    internet.hosts[case.host] = case.handler({"fox": pictures(400)})
    per_page = {DUCKDUCKGO: 100, OPENVERSE: 20, COMMONS: 50}[case.host]
    assert len(found(case, clock, limit=per_page)) == per_page
    assert len(searches(internet, case.host)) == 1
    assert len(found(case, clock, limit=per_page + 1)) == per_page + 1
    assert len(searches(internet, case.host)) == 3


@each
def test_a_caller_who_has_enough_stops_the_asking(case: Case, internet: Internet, clock: Clock) -> None:
    internet.hosts[case.host] = case.handler({"fox": pictures(400)})
    hits = case.make().search("fox", 400, pause=clock)
    assert internet.log == []
    next(hits)
    assert len(searches(internet, case.host)) == 1


def test_openverse_is_asked_only_for_what_it_grants_without_a_key(internet: Internet, clock: Clock) -> None:
    internet.hosts[OPENVERSE] = openverse({"fox": pictures(500)})
    assert len(found(ALL["openverse"], clock)) == 240
    asked = searches(internet, OPENVERSE)
    assert len(asked) == 12
    assert {request.query["page_size"] for request in asked} == {"20"}
    assert [request.query["page"] for request in asked] == [str(page) for page in range(1, 13)]


def test_duckduckgo_repeating_its_last_page_ends_the_search(internet: Internet, clock: Clock) -> None:
    def repeat(request: Request) -> Response:
        query = {name: value for name, value in request.query.items() if name != "s"}
        return duckduckgo({"fox": pictures(100)})(replace(request, query=query))

    internet.hosts[DUCKDUCKGO] = repeat
    assert len(found(ALL["duckduckgo"], clock)) == 100
    assert len(searches(internet, DUCKDUCKGO)) == 2


# What is sent


@each
@pytest.mark.parametrize("safe", [True, False])
def test_safe_search_is_on_unless_turned_off(case: Case, safe: bool, internet: Internet, clock: Clock) -> None:
    adult = replace(pictures(1)[0], mature=True)
    internet.hosts[case.host] = case.handler({"fox": [adult, *pictures(2, start=1)]})
    assert len(found(case, clock, safe=safe)) == (2 if safe else 3)


@pytest.mark.parametrize(("safe", "sent"), [(True, ("1", "false", True)), (False, ("-1", "true", False))])
def test_each_service_is_told_of_safe_search(
    safe: bool, sent: tuple[str, str, bool], internet: Internet, clock: Clock
) -> None:
    for case in ALL.values():
        internet.hosts[case.host] = case.handler({"fox": pictures(1)})
        found(case, clock, limit=1, safe=safe)
    (ddg,), (ov,), (wm,) = (searches(internet, case.host) for case in ALL.values())
    assert (ddg.query["p"], ov.query["mature"], "-nude" in wm.query["gsrsearch"].split()) == sent


def test_each_service_is_asked_for_photos(internet: Internet, clock: Clock) -> None:
    for case in ALL.values():
        internet.hosts[case.host] = case.handler({"red fox": pictures(1)})
        found(case, clock, limit=1, query="red fox")
    (ddg,), (ov,), (wm,) = (searches(internet, case.host) for case in ALL.values())
    assert (ddg.query["q"], ddg.query["f"].strip(","), ddg.query["l"]) == ("red fox", "type:photo", "wt-wt")
    assert (ov.query["q"], ov.query["category"]) == ("red fox", "photograph")
    assert wm.query["gsrsearch"].startswith("filetype:bitmap red fox")
    assert (wm.query["iiurlwidth"], wm.query["gsrnamespace"], wm.query["formatversion"]) == ("500", "6", "2")


def test_only_the_service_itself_is_asked(internet: Internet, clock: Clock) -> None:
    for case in ALL.values():
        internet.hosts[case.host] = case.handler({"fox": pictures(1)})
        found(case, clock, limit=1)
    assert set(internet.connections) == {f"{case.host}:443" for case in ALL.values()}


@each_json
def test_thimble_names_itself_and_whom_to_write_to(
    case: Case, internet: Internet, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THIMBLE_CONTACT", "ada@school.example")
    internet.hosts[case.host] = case.handler({"fox": pictures(1)})
    found(case, clock, limit=1)
    agent = internet.asked(case.host)[0].headers["user-agent"]
    assert agent.startswith("Thimble/")
    assert "ada@school.example" in agent


@pytest.mark.parametrize("contact", ["", "Zoë\r\nX-Evil: 1", "ada (school)"])
def test_whatever_the_contact_the_name_fits_a_header(contact: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THIMBLE_CONTACT", contact)
    agent = user_agent()
    assert agent.isascii()
    assert agent.isprintable()
    assert agent.count("(") == agent.count(")") == 1
    assert "contact: " in agent


# When a service is unwell


@pytest.mark.parametrize("answer", [broken(500), broken(503), malformed(), malformed(b"<html>"), malformed(b"[1]")])
@each
def test_a_fault_that_passes_is_got_over(case: Case, answer: Response, internet: Internet, clock: Clock) -> None:
    internet.hosts[case.host] = first([answer], then=case.handler({"fox": pictures(3)}), path=case.path)
    assert len(found(case, clock)) == 3
    assert clock.waits[0] >= 1


@each_json
def test_a_fault_that_stays_is_told_after_three_tries_ever_further_apart(
    case: Case, internet: Internet, clock: Clock
) -> None:
    internet.hosts[case.host] = always(broken(502))
    error = failure(case, clock)
    assert error.kind == "failed"
    assert "502" in error.message
    assert len(internet.asked(case.host)) == 3
    assert clock.waits == [1.0, 3.0]


@each
@pytest.mark.parametrize(
    "body", [b'{"results": [', b"<html>", b"[]", b'{"results": 5, "query": 5}', b"\xff", b"[" * 200_000]
)
def test_nonsense_that_stays_is_told(case: Case, body: bytes, internet: Internet, clock: Clock) -> None:
    internet.hosts[case.host] = always(malformed(body), but=case.handler({}), path=case.path or "none")
    if not case.path:
        internet.hosts[case.host] = always(malformed(body))
    error = failure(case, clock)
    assert error.kind == "failed"
    assert "no search result" in error.message


def test_a_null_title_that_trips_the_library_is_told(internet: Internet, clock: Clock) -> None:
    body = json.dumps({"results": [{"title": None, "image": "https://p.example/1.jpg"}]}).encode()
    internet.hosts[DUCKDUCKGO] = always(malformed(body), but=duckduckgo({}), path="/i.js")
    assert failure(ALL["duckduckgo"], clock).kind == "failed"


@pytest.mark.parametrize("status", [202, 403, 429])
@pytest.mark.parametrize("path", ["/", "/i.js"])
def test_duckduckgo_throttling_is_named_as_such(status: int, path: str, internet: Internet, clock: Clock) -> None:
    internet.hosts[DUCKDUCKGO] = always(throttled(status), but=duckduckgo({"fox": pictures(3)}), path=path)
    error = failure(ALL["duckduckgo"], clock)
    assert error.kind == "throttled"
    assert error.hint
    assert clock.waits == [2.0]


def test_duckduckgo_throttling_that_passes_is_got_over(internet: Internet, clock: Clock) -> None:
    internet.hosts[DUCKDUCKGO] = first([throttled(202)], then=duckduckgo({"fox": pictures(3)}), path="/i.js")
    assert len(found(ALL["duckduckgo"], clock)) == 3


def test_duckduckgo_finding_nothing_says_that_it_may_be_throttling(internet: Internet, clock: Clock) -> None:
    internet.hosts[DUCKDUCKGO] = duckduckgo({})
    error = failure(ALL["duckduckgo"], clock)
    assert error.kind == "throttled"
    assert "nothing, perhaps throttled" in error.message


@each_json
def test_a_service_that_finds_nothing_gives_nothing(case: Case, internet: Internet, clock: Clock) -> None:
    internet.hosts[case.host] = case.handler({})
    assert found(case, clock) == []
    assert len(internet.asked(case.host)) == 1


@each_json
@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_obeyed(case: Case, status: int, internet: Internet, clock: Clock) -> None:
    internet.hosts[case.host] = first([throttled(status, "17")], then=case.handler({"fox": pictures(3)}))
    assert len(found(case, clock)) == 3
    assert clock.waits == [17.0]


@each_json
@pytest.mark.parametrize("zone", ["GMT", "-0000"])
def test_retry_after_may_be_a_date(case: Case, zone: str, internet: Internet, clock: Clock) -> None:
    date = f"{datetime.now(UTC) + timedelta(seconds=20):%a, %d %b %Y %H:%M:%S} {zone}"
    internet.hosts[case.host] = first([throttled(429, date)], then=case.handler({"fox": pictures(3)}))
    assert len(found(case, clock)) == 3
    assert len(clock.waits) == 1
    assert 15 < clock.waits[0] <= 20


@each_json
@pytest.mark.parametrize(("asked", "told"), [("31", "31 seconds"), ("7200", "2 hours"), ("9" * 40, "hours")])
def test_retry_after_beyond_patience_is_told_and_not_waited_for(
    case: Case, asked: str, told: str, internet: Internet, clock: Clock
) -> None:
    internet.hosts[case.host] = always(throttled(429, asked))
    error = failure(case, clock)
    assert error.kind == "throttled"
    assert told in error.hint
    assert clock.waits == []
    assert len(internet.asked(case.host)) == 1


@each_json
@pytest.mark.parametrize("retry_after", [None, "0", "soon", ""])
def test_throttling_without_end_is_told(case: Case, retry_after: str | None, internet: Internet, clock: Clock) -> None:
    internet.hosts[case.host] = always(throttled(429, retry_after))
    assert failure(case, clock).kind == "throttled"
    assert clock.waits == [1.0, 3.0]


@each_json
def test_a_refusal_is_told_at_once(case: Case, internet: Internet, clock: Clock) -> None:
    internet.hosts[case.host] = always(Response(status=401))
    error = failure(case, clock)
    assert error.kind == "failed"
    assert "401" in error.message
    assert clock.waits == []


@pytest.mark.parametrize(
    ("code", "kind"), [("ratelimited", "throttled"), ("maxlag", "throttled"), ("badvalue", "failed")]
)
def test_an_error_that_commons_reports_with_http_200_is_told(
    code: str, kind: str, internet: Internet, clock: Clock
) -> None:
    internet.hosts[COMMONS] = always(malformed(json.dumps({"error": {"code": code, "info": "why"}}).encode()))
    assert failure(ALL["commons"], clock).kind == kind


@each_json
def test_an_answer_without_end_is_cut(case: Case, internet: Internet, clock: Clock) -> None:
    def endless(request: Request) -> Response:
        return Response(body=iter(lambda: b" " * 1_000_000, b""))

    internet.hosts[case.host] = endless
    assert "no search result" in failure(case, clock).message


@each
def test_a_service_that_cannot_be_reached_is_told_at_once(case: Case, internet: Internet, clock: Clock) -> None:
    error = failure(case, clock)
    assert error.kind == "unreachable"
    assert "upload" in error.hint
    assert clock.waits == []
    assert internet.connections == {f"{case.host}:443": 1}


@each
def test_a_dead_proxy_is_told_at_once(case: Case, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    with Internet() as gone:
        pass
    monkeypatch.setenv("THIMBLE_PROXY", gone.proxy_url)
    assert failure(case, clock).kind == "unreachable"
    assert clock.waits == []


@each
def test_a_certificate_that_is_not_trusted_is_no_missing_network(
    case: Case, own_internet: Internet, clock: Clock
) -> None:
    own_internet.hosts[case.host] = case.handler({"fox": pictures(1)})
    own_internet.untrusted.add(case.host)
    error = failure(case, clock)
    assert error.kind == "failed"
    assert "THIMBLE_CA_FILE" in error.hint


@each
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("THIMBLE_PROXY", "nonsense"),
        ("THIMBLE_PROXY", "ftp://127.0.0.1:1"),
        ("THIMBLE_PROXY", "http://[::1"),
        ("THIMBLE_CA_FILE", "/no/such/file"),
        ("THIMBLE_CA_FILE", __file__),
    ],
)
def test_settings_that_cannot_be_used_are_named(
    case: Case, name: str, value: str, internet: Internet, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    internet.hosts[case.host] = case.handler({"fox": pictures(1)})
    monkeypatch.setenv(name, value)
    with pytest.raises(BadInput) as caught:
        found(case, clock)
    assert name in str(caught.value) or value in str(caught.value)
    assert internet.log == []


# Polite rates


def test_openverse_is_asked_twenty_times_a_minute_at_most(internet: Internet, clock: Clock) -> None:
    internet.hosts[OPENVERSE] = openverse({"fox": pictures(240)})
    provider = Openverse()
    for _ in range(2):
        assert len(list(provider.search("fox", 240, pause=clock))) == 240
    assert len(internet.asked(OPENVERSE)) == 24
    assert len(clock.waits) == 4
    assert all(50 < wait <= 60 for wait in clock.waits)


def test_a_daily_limit_is_told_and_not_waited_for(clock: Clock) -> None:
    pace = Pace((2, 86_400.0))
    for _ in range(2):
        with pace.turn("Openverse", clock):
            pass
    with pytest.raises(SearchFailed) as caught, pace.turn("Openverse", clock):
        pass
    assert caught.value.kind == "throttled"
    assert "24 hours" in caught.value.hint
    assert clock.waits == []


def test_commons_is_asked_three_at_once_and_never_four(own_internet: Internet, clock: Clock) -> None:
    three_came, four_came = threading.Event(), threading.Event()

    def hold(request: Request) -> Response:
        came = own_internet.peak[COMMONS]
        if came >= 3:
            three_came.set()
        if came >= 4:
            four_came.set()
        three_came.wait(10)
        four_came.wait(0.3)  # leaves a fourth the time to come while three are held
        return commons({"fox": pictures(3)})(request)

    own_internet.hosts[COMMONS] = hold
    provider = Commons()
    hits: list[Hit] = []
    threads = [threading.Thread(target=lambda: hits.extend(provider.search("fox", 3, pause=clock))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert len(hits) == 12
    assert own_internet.peak[COMMONS] == 3


@each
def test_a_search_is_left_by_raising_from_the_pause(case: Case, internet: Internet) -> None:
    def stop(seconds: float) -> None:
        raise Cancelled("Stopped.")

    internet.hosts[case.host] = always(throttled(429))
    with pytest.raises(Cancelled):
        list(case.make().search("fox", 5, pause=stop))
    assert len(internet.asked(case.host)) <= 2


# One after another


def run(clock: Clock, wanted: int, *queries: str, **options: Any) -> tuple[list[Hit], dict[str, ProviderOutcome]]:
    """The hits, and the outcomes by provider in the order in which they came."""
    providers = [case.make() for case in ALL.values()]
    came = list(search_all(queries or ("fox",), wanted, providers=providers, pause=clock, **options))
    hits = [item for item in came if isinstance(item, Hit)]
    return hits, {item.provider: item for item in came if isinstance(item, ProviderOutcome)}


def serve(internet: Internet, **catalogues: Catalogue) -> None:
    internet.hosts.update({ALL[name].host: ALL[name].handler(catalogue) for name, catalogue in catalogues.items()})


def test_the_first_that_has_enough_is_the_only_one_asked(internet: Internet, clock: Clock) -> None:
    serve(internet, duckduckgo={"fox": pictures(80)}, openverse={"fox": pictures(80, "ov")})
    hits, outcomes = run(clock, 60)
    assert [hit.title for hit in hits] == [f"fox {n}" for n in range(60)]
    assert outcomes == {"duckduckgo": ProviderOutcome("duckduckgo", 60, "found", "DuckDuckGo: 60 found.")}
    assert set(internet.connections) == {f"{DUCKDUCKGO}:443"}
    assert len(searches(internet, DUCKDUCKGO)) == 1


def test_the_next_fills_up_what_is_missing(internet: Internet, clock: Clock) -> None:
    serve(
        internet,
        duckduckgo={"fox": pictures(30)},
        openverse={"fox": pictures(25, "ov")},
        commons={"fox": pictures(60, "wm")},
    )
    hits, outcomes = run(clock, 60)
    assert [hit.provider for hit in hits] == ["duckduckgo"] * 30 + ["openverse"] * 25 + ["commons"] * 5
    assert [(o.provider, o.found, o.state) for o in outcomes.values()] == [
        ("duckduckgo", 30, "found"),
        ("openverse", 25, "found"),
        ("commons", 5, "found"),
    ]


def test_each_outcome_is_told_apart(internet: Internet, clock: Clock) -> None:
    serve(internet, duckduckgo={}, openverse={}, commons={})
    internet.hosts[COMMONS] = always(broken())
    hits, outcomes = run(clock, 5)
    assert hits == []
    assert [(o.state, o.found) for o in outcomes.values()] == [("throttled", 0), ("nothing", 0), ("failed", 0)]
    assert [o.words for o in outcomes.values()] == [
        "DuckDuckGo: nothing, perhaps throttled.",
        "Openverse: nothing.",
        "Wikimedia Commons has a fault of its own (HTTP 500).",
    ]


def test_what_was_found_before_a_failure_is_kept(internet: Internet, clock: Clock) -> None:
    serve(internet, duckduckgo={"fox": pictures(5)}, commons={"fox": pictures(60, "wm")})
    internet.hosts[OPENVERSE] = lambda request: (
        openverse({"fox": pictures(60, "ov")})(request) if request.query["page"] == "1" else throttled(429, "600")
    )
    hits, outcomes = run(clock, 40)
    assert len(hits) == 40
    outcome = outcomes["openverse"]
    assert (outcome.found, outcome.state) == (20, "throttled")
    assert "20 found" in outcome.words
    assert "fewer searches" in outcome.words
    assert outcomes["commons"].found == 15


def test_a_dead_service_is_passed_over(internet: Internet, clock: Clock) -> None:
    serve(internet, openverse={"fox": pictures(10, "ov")})
    hits, outcomes = run(clock, 10)
    assert len(hits) == 10
    assert outcomes["duckduckgo"].state == "failed"
    assert "could not be reached" in outcomes["duckduckgo"].words
    assert clock.waits == []


def test_no_network_is_said_at_once(internet: Internet, clock: Clock) -> None:
    providers = [case.make() for case in ALL.values()]
    came: list[Hit | ProviderOutcome] = []
    with pytest.raises(SearchFailed) as caught:
        came.extend(search_all(["fox", "vixen", "red fox"], 60, providers=providers, pause=clock))
    assert caught.value.message == (
        "No network, it seems: DuckDuckGo, Openverse and Wikimedia Commons could not be reached."
    )
    assert "upload" in caught.value.hint
    assert clock.waits == []
    assert internet.connections == {f"{case.host}:443": 1 for case in ALL.values()}


def test_a_network_lost_on_the_way_keeps_what_was_found(internet: Internet, clock: Clock) -> None:
    def leave(request: Request) -> Response:
        del internet.hosts[OPENVERSE]
        return replace(openverse({"fox": pictures(60)})(request), headers={"Connection": "close"})

    internet.hosts[OPENVERSE] = leave
    *hits, outcome = search_all(["fox"], 60, providers=[Openverse()], pause=clock)
    assert len(hits) == 20
    assert isinstance(outcome, ProviderOutcome)
    assert (outcome.found, outcome.state) == (20, "failed")


def test_openly_licensed_only_leaves_duckduckgo_alone(internet: Internet, clock: Clock) -> None:
    serve(
        internet,
        duckduckgo={"fox": pictures(80)},
        openverse={"fox": pictures(5, "ov")},
        commons={"fox": pictures(5, "wm")},
    )
    hits, outcomes = run(clock, 60, openly_licensed=True)
    assert all(hit.licence == "CC BY-SA 4.0" for hit in hits)
    assert list(outcomes) == ["openverse", "commons"]
    assert internet.asked(DUCKDUCKGO) == []


def test_nobody_left_to_ask_is_an_error(clock: Clock) -> None:
    with pytest.raises(BadInput, match="openly licensed"):
        next(search_all(["fox"], 5, providers=[DuckDuckGo()], openly_licensed=True, pause=clock))


@pytest.mark.parametrize("queries", [[], ["", "  "]])
def test_no_phrase_is_an_error(queries: list[str], clock: Clock) -> None:
    with pytest.raises(BadInput, match="phrase"):
        next(search_all(queries, 5, providers=[Openverse()], pause=clock))


def test_several_phrases_take_turns_and_none_is_asked_twice(internet: Internet, clock: Clock) -> None:
    serve(internet, duckduckgo={"fox": pictures(50), "red fox": pictures(50, "red")})
    hits, _ = run(clock, 20, "fox", " red  fox ", "fox")
    assert sorted(hit.title for hit in hits) == sorted(
        f"{name} {number}" for name in ("fox", "red") for number in range(10)
    )
    assert [request.query["q"] for request in searches(internet, DUCKDUCKGO)] == ["fox", "red fox"]


def test_a_failing_phrase_leaves_those_begun_going_and_begins_no_other(internet: Internet, clock: Clock) -> None:
    ask = openverse({"fox": pictures(5), "red": pictures(5, "red"), "kit": pictures(5, "kit")})
    internet.hosts[OPENVERSE] = lambda request: throttled(429, "600") if request.query["q"] == "red" else ask(request)
    came = list(search_all(["fox", "red", "kit"], 60, providers=[Openverse()], pause=clock))
    assert [hit.title for hit in came if isinstance(hit, Hit)] == [f"fox {n}" for n in range(5)]
    assert [request.query["q"] for request in internet.asked(OPENVERSE)] == ["fox", "red"]


def test_a_picture_that_two_searches_have_comes_once(internet: Internet, clock: Clock) -> None:
    serve(
        internet,
        duckduckgo={"fox": pictures(10), "vixen": pictures(12)},
        openverse={"fox": pictures(15), "vixen": pictures(3)},
        commons={},
    )
    hits, outcomes = run(clock, 60, "fox", "vixen")
    assert sorted(hit.image for hit in hits) == sorted(picture.image for picture in pictures(15))
    assert [outcome.found for outcome in outcomes.values()] == [12, 3, 0]


def test_what_was_seen_before_is_not_repeated(internet: Internet, clock: Clock) -> None:
    serve(internet, duckduckgo={"fox": pictures(150)}, openverse={"fox": pictures(10)}, commons={})
    seen = {picture.image for picture in pictures(120)}
    hits, outcomes = run(clock, 60, seen=seen)
    assert sorted(hit.image for hit in hits) == sorted(picture.image for picture in pictures(30, start=120))
    assert [(o.found, o.state, o.words) for o in outcomes.values()] == [
        (30, "found", "DuckDuckGo: 30 found."),
        (0, "nothing", "Openverse: nothing new."),
        (0, "nothing", "Wikimedia Commons: nothing."),
    ]


def test_pages_are_asked_for_only_as_the_caller_pulls(internet: Internet, clock: Clock) -> None:
    serve(internet, duckduckgo={"fox": pictures(300)})
    came = search_all(["fox"], 300, providers=[DuckDuckGo()], pause=clock)
    assert len(list(islice(came, 100))) == 100
    assert len(searches(internet, DUCKDUCKGO)) == 1
    next(came)
    assert len(searches(internet, DUCKDUCKGO)) == 2


# Other phrases


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("fox", "foxes"),
        ("Wolves", "Wolf"),
        ("coyote", "coyotes"),
        ("cherries", "cherry"),
        ("berry", "berries"),
        ("donkey", "donkeys"),
        ("glasses", "glass"),
        ("bus", "buses"),
        ("coffee mug", "coffee mugs"),
        ("people", "person"),
        ("houses", "house"),
    ],
)
def test_the_other_number_is_suggested_first(name: str, other: str) -> None:
    assert phrases(name)[0] == other


@pytest.mark.parametrize("name", ["sheep", "BMW", "Füchse", "狐", "T-34", "ox"])
def test_a_word_without_a_rule_gets_no_made_up_number(name: str) -> None:
    assert phrases(name)[0] == f"photo of {name}"


@given(st.text(max_size=60))
def test_suggestions_are_tidy_and_differ_from_the_name_and_each_other(name: str) -> None:
    offered = phrases(name)
    assert bool(offered) == bool(name.split())
    assert len({*offered, " ".join(name.split())}) == len(offered) + 1
    assert all(phrase == " ".join(phrase.split()) for phrase in offered)
