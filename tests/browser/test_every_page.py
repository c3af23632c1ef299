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


AREAS = ("portal", "runs", "designs", "partners", "products", "templates", "inventory", "policy", "operations", "rest")


class People:
    """A signed-in browser for everybody of the town."""

    def __init__(self, browser: Browser, town: Town) -> None:
        self._browser = browser
        self._town = town
        self._pages: dict[tuple[str, tuple[int, int]], Page] = {}

    def page_of(self, view: views.View) -> Page:
        key = view.who, view.size
        if key not in self._pages:
            self._pages[key] = chromium.profile(self._browser, self._town.url, view.size).new_page()
            if view.who:
                chromium.sign_in_as(self._pages[key], self._town, view.who)
        return self._pages[key]


@pytest.fixture(scope="module")
def people(browser: Browser, town: Town) -> People:
    return People(browser, town)


@pytest.fixture(scope="module")
def all_views(town: Town) -> list[views.View]:
    return views.of(town)


def area_of(view: views.View) -> str:
    words = view.address.strip("/").partition("?")[0].split("/")
    named = words[0] if words[0] == "portal" else words[min(1, len(words) - 1)]
    return named if named in AREAS else "rest"


@pytest.mark.parametrize("area", AREAS)
def test_everybody_can_read_and_reach_everything_on_every_page(
    people: People, all_views: list[views.View], area: str
) -> None:
    found: dict[str, list[str]] = {}
    for view in all_views:
        if area_of(view) == area:
            page = people.page_of(view)
            answer = page.goto(view.address)
            assert answer is not None
            assert views.stands(view.address, answer), view.address
            wrong = [*_faults(page, html=len(answer.body())), *_barriers(page)]
            if wrong:
                found[view.name] = wrong

    assert found == {}


def _barriers(page: Page) -> Iterator[str]:
    """What axe finds, with everything unfolded; in the dark only the colours are other ones."""
    page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    yield from _violations(page, None)
    page.emulate_media(color_scheme="dark")
    yield from _violations(page, {"runOnly": ["color-contrast"]})
    page.emulate_media(color_scheme="light")


def _violations(page: Page, options: dict[str, list[str]] | None) -> Iterator[str]:
    for each in Axe().run(page, options=options).response["violations"]:
        if each["impact"] in SERIOUS:
            yield f"{each['id']}: {each['nodes'][0]['html'][:200]}"


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
