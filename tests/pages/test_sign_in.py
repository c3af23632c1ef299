"""Signing in and out in a browser: cookies, the way back, forms that are not ours."""

import pytest

from tests.gateway.house import House
from tests.pages.browser import Browser, csrf_of


@pytest.fixture
def browser(house: House) -> Browser:
    return Browser(house)


def test_who_is_not_signed_in_is_sent_to_sign_in_and_comes_back_to_where_they_wanted_to_go(
    house: House, browser: Browser
) -> None:
    email = house.an_account("pia", partner_id=house.bench.a_partner("weaver"))
    page = browser.open("/pictures/media_1?said=saved")
    assert (page.address.partition("?")[0], page.status) == ("/sign-in", 200)

    back = browser.send(page, "/sign-in", email=email, password="right horse")

    assert back.address == "/pictures/media_1?said=saved"
    assert back.status == 404


def test_a_wrong_password_says_so_and_keeps_the_address(browser: Browser) -> None:
    page = browser.send(browser.open("/sign-in"), "/sign-in", email="nobody@mill.test", password="wrong")

    assert page.status == 401
    assert "do not belong together" in page.text
    assert page.form("/sign-in").find("input", {"name": "email"})["value"] == "nobody@mill.test"


@pytest.mark.parametrize(
    "onward", ["https://evil.test/", "//evil.test", "/\\evil.test", "javascript:alert(1)", "/\tevil"]
)
def test_nobody_is_sent_on_to_another_server(house: House, browser: Browser, onward: str) -> None:
    email = house.an_account("pia", partner_id=house.bench.a_partner("weaver"))
    page = browser.open("/sign-in")
    fields = [("csrf", page.form("/sign-in").find("input", {"name": "csrf"})["value"]), ("next", onward)]

    answer = house.http.simulate_post(
        "/sign-in",
        params={},
        body="&".join(f"{name}={value}" for name, value in [*fields, ("email", email), ("password", "right horse")]),
        headers={
            "Content-Type": "application/x-www-form-urlencoded",
            "Cookie": "; ".join(f"{name}={value}" for name, value in browser.cookies.items()),
        },
    )

    assert (answer.status_code, answer.headers["location"]) == (303, "/portal")


def test_the_cookie_is_kept_from_scripts_and_other_sites_and_ends_with_the_session(
    house: House, browser: Browser
) -> None:
    email = house.an_account("asha")
    page = browser.open("/sign-in")
    browser.send(page, "/sign-in", email=email, password="right horse")
    token = browser.cookies["loomline"]

    answer = house.http.simulate_get("/sign-in")
    browser.post("/sign-out", [("csrf", csrf_of(token))])

    assert "HttpOnly" in answer.headers["set-cookie"]
    assert "SameSite=Lax" in answer.headers["set-cookie"]
    assert house.get("/auth/me", by=token).status_code == 401


def test_over_tls_the_cookie_is_bound_to_this_host_and_the_browser_stays_on_tls(house: House) -> None:
    answer = house.http.simulate_get("/sign-in", headers={"X-Forwarded-Proto": "https"})

    assert answer.headers["set-cookie"].startswith("__Host-")
    assert "Secure" in answer.headers["set-cookie"]
    assert "max-age" in answer.headers["strict-transport-security"]


def test_a_form_without_its_token_or_from_another_site_changes_nothing(house: House, browser: Browser) -> None:
    browser.sign_in(house.an_account("asha"))
    token = browser.cookies["loomline"]

    without = browser.post("/sign-out", [])
    foreign = browser.post("/sign-out", [("csrf", csrf_of(token))], **{"Sec-Fetch-Site": "cross-site"})
    other_origin = browser.post("/sign-out", [("csrf", csrf_of(token))], Origin="https://evil.test")

    assert [page.status for page in (without, foreign, other_origin)] == [403, 403, 403]
    assert house.get("/auth/me", by=token).status_code == 200


def test_the_json_api_takes_no_cookie(house: House, browser: Browser) -> None:
    browser.sign_in(house.an_account("asha"))

    answer = house.http.simulate_get("/auth/me", headers={"Cookie": f"loomline={browser.cookies['loomline']}"})

    assert answer.status_code == 401


def test_pages_forbid_frames_inline_scripts_and_foreign_content(browser: Browser) -> None:
    policy = browser.open("/sign-in").headers["content-security-policy"]

    assert "frame-ancestors 'none'" in policy
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy


def test_stylesheet_and_script_are_served_for_good_under_their_own_addresses(browser: Browser) -> None:
    page = browser.open("/sign-in")
    sheet = page.soup.find("link", rel="stylesheet")["href"]
    script = page.soup.find("script")["src"]

    for address, kind in ((sheet, "text/css"), (script, "text/javascript")):
        answer = browser.open(str(address))

        assert answer.status == 200
        assert answer.headers["content-type"].startswith(kind)
        assert "immutable" in answer.headers["cache-control"]
    assert browser.open("/static/0/passwd").status == 404


def test_an_address_that_leads_nowhere_is_a_page_for_people_and_a_problem_for_programs(browser: Browser) -> None:
    page, told = browser.open("/nowhere", Accept="text/html,*/*"), browser.open("/nowhere", Accept="*/*")

    assert (page.status, told.status) == (404, 404)
    assert "There is nothing at this address" in page.text
    assert told.headers["content-type"] == "application/problem+json"
