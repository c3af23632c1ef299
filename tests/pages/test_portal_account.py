"""The account page: who I am, tokens shown once and revoked, the way out."""

import pytest

from tests.gateway.house import House
from tests.pages.portal import Portal


@pytest.fixture
def portal(house: House) -> Portal:
    return Portal(house)


def test_the_account_shows_who_reads_and_how(portal: Portal) -> None:
    portal.speak("hi", time_zone="Asia/Kolkata")

    page = portal.open("/portal/account")

    assert "pia" in page.text
    assert "weaver" in page.text
    assert "हिन्दी" in page.text
    assert "Asia/Kolkata" in page.text


def test_a_tokens_secret_is_shown_this_once_and_works_until_it_is_revoked(portal: Portal) -> None:
    page = portal.open("/portal/account")

    made = portal.browser.send(page, "/tokens", name="My loom")
    again = portal.browser.send(page, "/tokens", name="My loom")
    secret = str(made.soup.find("input", class_="secret")["value"])
    works = portal.house.get("/auth/me", by=secret).status_code
    revoked = portal.browser.send(portal.open("/portal/account"), "/revoke")

    assert works == 200
    assert "its secret was shown then" in again.text
    assert secret not in again.html
    assert portal.bench.value("SELECT count(*) FROM api_token") == 1
    assert "There are none." in revoked.text
    assert portal.house.get("/auth/me", by=secret).status_code == 401


def test_a_token_without_a_name_is_told_beside_its_field(portal: Portal) -> None:
    page = portal.browser.send(portal.open("/portal/account"), "/tokens", name=" ")

    assert page.status == 422
    assert page.soup.find("p", id="token-name-error").get_text() == "Name is missing."


def test_signing_out_ends_the_session(portal: Portal) -> None:
    portal.browser.send(portal.open("/portal/account"), "/sign-out")

    assert portal.open("/portal").address.startswith("/sign-in")
