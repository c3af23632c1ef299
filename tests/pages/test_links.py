"""Links in messages: straight to one run, and to nothing else."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from shared.domain import commands
from shared.runtime import clock, links
from tests.gateway.house import House
from tests.pages.browser import Browser
from tests.workshop import TestBench

SECRET = "a secret of more than thirty-two characters"


@pytest.fixture
def linked(database: str) -> Iterator[House]:
    """A gateway that knows the secret of links."""
    bench = TestBench(database)
    opened = House(bench, link_secret=SECRET)
    yield opened
    opened.close()
    bench.close()


def a_link(run_id: str, *, partner_id: str = "ptnr_weaver", secret: str = SECRET, old: timedelta = timedelta()) -> str:
    return f"/l/{links.token(run_id, partner_id=partner_id, at=clock.now() - old, secret=secret)}"


def a_run(house: House) -> str:
    run = house.bench.a_sent_run(partner="weaver")
    house.an_account("pia", partner_id="ptnr_weaver")
    return run


def test_a_link_leads_with_one_tap_to_its_run_and_to_nothing_else(linked: House) -> None:
    run = a_run(linked)
    other = linked.bench.a_run(linked.bench.a_design("other"), partner_id="ptnr_weaver")
    (other,) = linked.bench.done(commands.ApproveRun(), run_id=other)["children"]
    browser = Browser(linked)
    address = a_link(run)

    page = browser.send(browser.open(address), address)

    assert (page.address, page.status) == (f"/portal/runs/{run}", 200)
    for elsewhere in (f"/portal/runs/{other}", "/portal", "/portal/tasks", "/portal/account"):
        assert browser.open(elsewhere).address.startswith("/sign-in"), elsewhere
    assert browser.open("/").address == f"/portal/runs/{run}"


def test_what_is_done_by_a_link_is_told_as_such(linked: House) -> None:
    run = a_run(linked)
    browser, address = Browser(linked), a_link(run)
    browser.send(browser.open(address), address)

    with linked.open_workshop():
        browser.send(browser.open(f"/portal/runs/{run}"), "/accept")

    assert linked.bench.run(run)["status"] == "in_progress"
    told = linked.get(f"/admin/production-runs/{run}/timeline", by=linked.an_admin()).json["activities"]
    assert told[-1]["actor"]["name"] == "weaver (by link)"


def test_only_to_look_at_a_link_changes_nothing(linked: House) -> None:
    run = a_run(linked)
    before = linked.bench.value("SELECT count(*) FROM session")

    assert Browser(linked).open(a_link(run)).status == 200

    assert linked.bench.value("SELECT count(*) FROM session") == before


def test_the_session_of_a_link_is_no_key_to_the_api(linked: House) -> None:
    run = a_run(linked)
    browser, address = Browser(linked), a_link(run)
    browser.send(browser.open(address), address)

    assert linked.get(f"/partners/production-runs/{run}", by=browser.cookies["loomline"]).status_code == 401


@pytest.mark.parametrize("old", [links.GOOD_FOR, links.GOOD_FOR + timedelta(days=300)])
def test_an_old_link_is_over(linked: House, old: timedelta) -> None:
    assert Browser(linked).open(a_link(a_run(linked), old=old)).status == 410


def test_a_link_is_over_when_its_run_went_to_somebody_else(linked: House) -> None:
    run = a_run(linked)
    linked.bench.done(commands.AssignPartner(partner_id=linked.bench.a_partner("knitter")), run_id=run)

    assert Browser(linked).open(a_link(run)).status == 410


def test_nobody_makes_a_link_up(linked: House) -> None:
    run = a_run(linked)
    good = a_link(run)

    for bad in (a_link(run, secret="x" * 40), good[:-1], good + "AAAA", "/l/x", "/l/" + "A" * 400, "/l/%00"):
        assert Browser(linked).open(bad).status == 404, bad


def test_without_a_secret_no_link_is_good(house: House) -> None:
    assert Browser(house).open(a_link(a_run(house), secret="")).status == 404
