"""`./dev screenshots [DIRECTORY]`: every page as a picture, phone or desk, in light and dark, to be looked at."""

import sys
from pathlib import Path

from playwright.sync_api import Browser, Page
from rich.progress import track

from tests import places
from tests.browser import chromium, views
from tests.browser.town import Town

SHADES = {"light": False, "dark": True}


def take(directory: Path) -> None:
    """Build a town and photograph it."""
    directory.mkdir(parents=True, exist_ok=True)
    with (
        places.a_postgres_server() as server,
        places.a_migrated_database(server) as url,
        places.a_system("embedded", database_url=url, amqp_url="") as system,
        chromium.started() as browser,
    ):
        town = Town(system).build()
        people = {
            (who, shade): _person(browser, town, who, is_dark=dark)
            for who in _who(town)
            for shade, dark in SHADES.items()
        }
        for view in track(views.of(town), description="pages"):
            for shade in SHADES:
                _shoot(people[view.who, shade], view, directory / f"{view.name}-{shade}.png")


def _who(town: Town) -> list[str]:
    return ["", "admin", *town.people]


def _person(browser: Browser, town: Town, who: str, *, is_dark: bool) -> Page:
    size = chromium.DESK if who == "admin" else chromium.PHONE
    page = chromium.profile(browser, town.url, size, is_dark=is_dark).new_page()
    if who:
        chromium.sign_in_as(page, town, who)
    return page


def _shoot(page: Page, view: views.View, path: Path) -> None:
    answer = page.goto(view.address)
    if not views.stands(view.address, answer):
        sys.exit(f"{view.address} answers {answer and answer.status}")
    page.screenshot(path=path, full_page=True)


if __name__ == "__main__":
    target = Path(sys.argv[1] if len(sys.argv) > 1 else "screenshots")
    take(target)
    print(f"The pictures are in {target}/")  # noqa: T201 - a command's answer
