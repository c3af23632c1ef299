"""What holds for every page of the house: people can read and reach everything on it, it is light, and it speaks their language."""

import re
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from tests.browser import chromium, views
from tests.browser.town import Town

pytestmark = pytest.mark.slow

MOST_BYTES = 100_000
"""Of a page with its stylesheet and script, without pictures, uncompressed."""

RAW_ID = re.compile(r"\b(run|task|dsgn|ptnr|acct|msg|item|tmpl|wo|oline|clog|media|tok)_[0-9a-z]{10,}\b")
SERIOUS = {"serious", "critical"}


class People:
    """A signed-in browser for everybody of the town, in light or dark."""

    def __init__(self, browser: Browser, town: Town, *, is_dark: bool) -> None:
        self._browser = browser
        self._town = town
        self._is_dark = is_dark
        self._pages: dict[str, Page] = {}

    def page_of(self, view: views.View) -> Page:
        if view.who not in self._pages:
            context = chromium.profile(self._browser, self._town.url, view.size, is_dark=self._is_dark)
            self._pages[view.who] = context.new_page()
            if view.who:
                chromium.sign_in_as(self._pages[view.who], self._town, view.who)
        return self._pages[view.who]

    def close(self) -> None:
        for page in self._pages.values():
            page.context.close()


@pytest.fixture(params=[False, True], ids=["light", "dark"])
def people(request: pytest.FixtureRequest, browser: Browser, town: Town) -> Iterator[People]:
    opened = People(browser, town, is_dark=bool(request.param))
    yield opened
    opened.close()


def test_nobody_is_kept_out_of_any_page(people: People, town: Town, request: pytest.FixtureRequest) -> None:
    # In the dark only the colours are other ones.
    options = {"runOnly": ["color-contrast"]} if request.node.callspec.id == "dark" else None
    found: dict[str, list[str]] = {}
    for view in views.of(town):
        page = people.page_of(view)
        assert views.stands(view.address, page.goto(view.address)), view.address
        page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
        told = Axe().run(page, options=options).response["violations"]
        wrong = [f"{each['id']}: {each['nodes'][0]['html'][:200]}" for each in told if each["impact"] in SERIOUS]
        if wrong:
            found[view.name] = wrong

    assert found == {}


@pytest.mark.parametrize("people", [False], ids=["light"], indirect=True)
def test_every_page_is_light_fits_the_screen_has_one_heading_and_no_raw_ids(people: People, town: Town) -> None:
    found: dict[str, list[str]] = {}
    for view in views.of(town):
        page = people.page_of(view)
        answer = page.goto(view.address)
        assert answer is not None
        wrong = list(_faults(page, html=len(answer.body())))
        if wrong:
            found[view.name] = wrong

    assert found == {}


def _faults(page: Page, *, html: int) -> Iterator[str]:
    weight = html + int(page.evaluate(_BYTES_OF_ASSETS))
    if weight > MOST_BYTES:
        yield f"it weighs {weight:,} bytes"
    if page.evaluate("document.scrollingElement.scrollWidth > innerWidth + 1"):
        yield "it is wider than its screen"
    headings = page.locator("h1").count()
    if headings != 1:
        yield f"it has {headings} first headings"
    if page.evaluate("[...document.scripts].some((each) => !each.defer && !each.async)"):
        yield "a script holds up its first paint"
    words = page.locator("body").inner_text()
    raw = RAW_ID.search(words)
    if raw:
        yield f"it shows the raw id {raw[0]}"
    if re.search(r'\{"\w+":|\[\{', words):
        yield "it shows raw JSON"


_BYTES_OF_ASSETS = """async () => {
    const addresses = [...document.querySelectorAll("link[rel=stylesheet], script[src]")].map((each) => each.href || each.src);
    const bodies = await Promise.all(addresses.map((each) => fetch(each).then((answer) => answer.arrayBuffer())));
    return bodies.reduce((sum, each) => sum + each.byteLength, 0);
}"""
