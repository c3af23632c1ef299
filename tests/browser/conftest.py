"""A real Chromium in front of a running Loomline, with and without JavaScript, on a phone and at a desk."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests import places
from tests.browser import chromium
from tests.browser.town import Town

NewPage = Callable[..., Page]


@pytest.fixture(scope="session")
def town(scratchpads: places.Scratchpads) -> Iterator[Town]:
    """A town that many tests walk through: change what is yours, look at the rest."""
    with scratchpads.lend() as url, places.a_system("embedded", database_url=url, amqp_url="") as system:
        yield Town(system).build()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with chromium.started() as running:
        yield running


@pytest.fixture(params=[True, False], ids=["with-javascript", "without-javascript"])
def has_javascript(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture
def new_page(browser: Browser, town: Town) -> Iterator[NewPage]:
    """Opens a page of its own browser profile; a fault of the page's script, or a refused resource, fails the test."""
    opened = []
    faults: list[str] = []

    def open_page(size: tuple[int, int] = chromium.DESK, *, has_javascript: bool = True, is_dark: bool = False) -> Page:
        context = chromium.profile(browser, town.url, size, has_javascript=has_javascript, is_dark=is_dark)
        opened.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda told: faults.append(told.text) if "Content Security Policy" in told.text else None)
        return page

    yield open_page
    for context in opened:
        context.close()
    assert faults == []
