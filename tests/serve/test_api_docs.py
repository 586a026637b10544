"""The documents: complete for programs, and readable without a network."""

import re

import httpx2
import pytest

from core.serve.problems import KINDS
from tests.serve.conftest import Shared


@pytest.fixture(scope="module")
def page(shared: Shared) -> str:
    return httpx2.get(f"{shared.address}/api/docs").text


def test_the_page_tells_of_every_operation_and_how_to_ask_it(shared: Shared, page: str) -> None:
    document = httpx2.get(f"{shared.address}/api/openapi.json").json()
    for path, methods in document["paths"].items():
        for operation in methods.values():
            assert f'id="{operation["operationId"]}"' in page
        assert f"{shared.address}/api{path}" in page
    assert page.count("YOUR_KEY") == sum(map(len, document["paths"].values()))


def test_the_page_loads_nothing_from_elsewhere_and_each_of_its_links_leads_somewhere(shared: Shared, page: str) -> None:
    loaded = re.findall(r'<(?:link|script|img)[^>]+(?:href|src)="([^"]+)"', page)
    assert loaded
    for address in loaded:
        assert address.startswith("/")
        assert httpx2.get(shared.address + address).status_code == 200
    anchors = set(re.findall(r'id="([^"]+)"', page))
    assert set(re.findall(r'href="#([^"]+)"', page)) <= anchors
    assert set(KINDS) <= anchors


def test_every_problem_names_a_type_that_the_page_explains(shared: Shared, page: str) -> None:
    problem = httpx2.get(f"{shared.address}/api/v1/projects").json()
    path, anchor = problem["type"].split("#")
    assert path == "/api/docs"
    assert f'id="{anchor}"' in page


def test_an_address_that_is_markup_stays_text(shared: Shared) -> None:
    page = httpx2.get(f"{shared.address}/api/docs", headers={"Host": '"><script>x</script>'})
    assert "<script>x" not in page.text
    assert "script-src 'self'" in page.headers["Content-Security-Policy"]


def test_every_operation_names_its_key_its_answers_and_its_problems(shared: Shared) -> None:
    document = httpx2.get(f"{shared.address}/api/openapi.json").json()
    assert document["components"]["securitySchemes"]["key"]["scheme"] == "bearer"
    for methods in document["paths"].values():
        for operation in methods.values():
            assert operation["security"][0]["key"][0] in ("predict", "manage", "owner")
            assert operation["description"]
            answers = operation["responses"]
            assert {"401", "403", "404", "429", "500"} <= set(answers)
            if "requestBody" in operation:
                assert {"400", "413", "415", "422"} <= set(answers)
            for status, answer in answers.items():
                if int(status) >= 400:
                    assert list(answer["content"]) == ["application/problem+json"]
    predict = document["paths"]["/v1/models/{project_id}/predict"]["post"]
    assert set(predict["requestBody"]["content"]) == {"multipart/form-data", "application/json"}


def test_without_the_pages_the_start_says_what_is_where(shared: Shared) -> None:
    start = httpx2.get(shared.address).text
    assert 'href="/api/docs"' in start
    assert httpx2.get(f"{shared.address}/elsewhere").status_code == 404
