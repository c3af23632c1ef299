"""The contract for people: every operation is on one of its pages, none is large, and nothing on them needs a network or a script."""

import re

import pytest

from services.api import app, asyncapi, openapi
from services.api.pages import docs
from tests.gateway.house import House

PAGES = [each["slug"] for each in docs._pages()]


def read(house: House, path: str) -> str:
    answer = house.http.simulate_get(path)
    assert answer.status_code == 200, answer.text
    return answer.text


def test_every_operation_is_on_a_page(house: House) -> None:
    told = "".join(read(house, f"/docs/{page}") for page in PAGES)

    for path, methods in openapi.document(app.routes())["paths"].items():
        for method in methods:
            assert f"{method.upper()} {path}</code>" in told
    for message in asyncapi.document()["components"]["messages"].values():
        assert f"<code>{message['name']}</code>" in told


@pytest.mark.parametrize("path", ["/docs", *(f"/docs/{page}" for page in PAGES)])
def test_a_page_is_small_and_needs_nothing_from_elsewhere(house: House, path: str) -> None:
    text = read(house, path)

    assert len(text.encode()) < 100_000
    assert text.count("<h1>") == 1
    assert not re.search(r"<script(?! src=\"/static/)|style=|(src|href)=\"(https?:)?//", text)


def test_the_overview_leads_to_every_page(house: House) -> None:
    text = read(house, "/docs")

    assert all(f'href="/docs/{page}"' in text for page in PAGES)


def test_a_page_that_is_not_there_is_a_problem(house: House) -> None:
    assert house.http.simulate_get("/docs/nothing").status_code == 404


def test_a_command_to_try_can_be_pasted(house: House) -> None:
    text = read(house, "/docs/partner-production-runs")

    assert "curl \\\n  --request POST \\\n  &#34;$LOOMLINE/partners/production-runs/{id}/accept&#34;" in text
