"""Debian's Chromium under Playwright: installed when it is missing, kept from talking to anybody but us."""

import contextlib
import platform
from collections.abc import Iterator
from pathlib import Path

from playwright._impl._driver import compute_driver_executable
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from services.operator import packages
from tests.browser.town import PASSWORD, Town
from tests.places import ADMIN_EMAIL, ADMIN_PASSWORD

PHONE = (360, 740)
DESK = (1280, 800)
PROGRAM = Path("/usr/bin/chromium")
_QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@contextlib.contextmanager
def started() -> Iterator[Browser]:
    """A running Chromium. The fonts are for Hindi."""
    packages.ensure_installed("chromium", "fonts-noto-core", provides=PROGRAM)
    ensure_node()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(PROGRAM), args=list(_QUIET))
        yield browser
        browser.close()


def ensure_node() -> str:
    """Playwright's own Node.js, with the library that it wants; returns its path."""
    packages.ensure_installed("libatomic1", provides=Path(f"/usr/lib/{platform.machine()}-linux-gnu/libatomic.so.1"))
    return str(compute_driver_executable()[0])


def profile(
    browser: Browser, url: str, size: tuple[int, int], *, has_javascript: bool = True, is_dark: bool = False
) -> BrowserContext:
    """Somebody's browser: of a size, in light or dark."""
    width, height = size
    return browser.new_context(
        base_url=url,
        viewport={"width": width, "height": height},
        java_script_enabled=has_javascript,
        color_scheme="dark" if is_dark else "light",
        has_touch=size == PHONE,
        is_mobile=size == PHONE,
    )


def sign_in(page: Page, email: str, password: str = PASSWORD) -> None:
    """Through the sign-in page, as people do."""
    page.goto("/sign-in")
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(lambda address: "/sign-in" not in address)


def sign_in_as(page: Page, town: Town, who: str) -> None:
    """Somebody of a partner, or the admin."""
    if who == "admin":
        sign_in(page, ADMIN_EMAIL, ADMIN_PASSWORD)
    else:
        sign_in(page, town.people[who])
