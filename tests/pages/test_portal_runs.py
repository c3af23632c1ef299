"""The list of a partner's runs: tabs, filters, what to do next, and nothing of anybody else."""

import pytest

from shared.domain import commands
from tests.gateway.house import House
from tests.pages.browser import Browser
from tests.pages.portal import Portal


@pytest.fixture
def portal(house: House) -> Portal:
    return Portal(house)


def test_a_new_partner_is_told_what_will_appear_here(portal: Portal) -> None:
    page = portal.open("/portal")

    assert "When work is sent to you, it appears here" in page.text


def test_each_tab_counts_and_lists_its_own_runs_with_the_one_next_step(portal: Portal) -> None:
    portal.a_run("Shawl", quantity="4")
    portal.a_run("Scarf", steps=("accept", "start"))
    portal.a_run("Stole", steps=("accept", "start", "finish"))

    incoming, working = portal.open("/portal"), portal.open("/portal?tab=in_progress")

    assert "1 Incoming 2 In progress 0 Waiting 0 Done" in incoming.text
    assert "Shawl 4 pieces" in incoming.text
    assert "Scarf" not in incoming.text
    assert "Look and answer" in incoming.text
    assert {"Finish", "Complete"} <= {link.find(string=True) for link in working.soup.select("a.button.main")}


def test_the_list_narrows_by_kind_and_role_and_keeps_both_when_another_tab_is_opened(portal: Portal) -> None:
    first, second = portal.a_run("Shawl"), portal.a_run("Scarf")
    portal.bench.change("UPDATE production_run SET role = 'weaving', run_type = 'sample' WHERE id = :id", id=first)
    portal.bench.change("UPDATE production_run SET role = 'dyeing' WHERE id = :id", id=second)

    samples, dyeing = portal.open("/portal?run_type=sample"), portal.open("/portal?role=dyeing")

    assert "Shawl" in samples.text
    assert "Scarf" not in samples.text
    assert "1 Incoming" in samples.text
    assert "/portal?run_type=sample&tab=done" in samples.links()
    assert "Shawl" not in dyeing.text


def test_a_run_on_hold_says_so_instead_of_asking_for_a_step(portal: Portal) -> None:
    run = portal.a_run(steps=("accept",))
    portal.bench.done(commands.HoldRun(reason="the yarn is late"), run_id=run)

    page = portal.open("/portal")

    assert "On hold. You will be told when it goes on." in page.text
    assert page.soup.select("a.button.main") == []


def test_older_runs_are_a_page_further_with_the_same_filters(portal: Portal) -> None:
    for number in range(21):
        portal.a_run(f"Shawl number {number}")

    newest = portal.open("/portal")
    further = next(link for link in newest.links() if "cursor=" in link)
    older = portal.open(further)

    assert "Shawl number 20" in newest.text
    assert "Shawl number 0 " not in newest.text
    assert "Shawl number 0 " in older.text


def test_a_name_that_is_a_script_is_only_a_name(portal: Portal) -> None:
    run = portal.a_run("<script>alert(1)</script>", specifications={"<b>weave</b>": "<img src=x>"})

    for address in ("/portal", f"/portal/runs/{run}", f"/portal/runs/{run}/decline"):
        page = portal.open(address)

        assert "<script>alert(1)</script>" in page.text
        assert "<script>alert" not in page.html
        assert "<img src=x>" not in page.html


def test_nothing_of_another_partner_is_there(portal: Portal, house: House) -> None:
    run = portal.a_run("Secret shawl", steps=("accept", "start", "finish"))
    stranger = Browser(house)
    stranger.sign_in(house.an_account("sven", partner_id=house.bench.a_partner("stranger")))
    task = house.bench.tasks(run)[0]["id"]

    assert "Secret shawl" not in stranger.open("/portal?tab=in_progress").text
    for rest in ("", "/decline", "/finish", "/rework", "/material", "/complete"):
        assert stranger.open(f"/portal/runs/{run}{rest}").status == 404
    assert stranger.open(f"/portal/tasks/{task}").status == 404


def test_a_form_about_somebody_elses_run_or_task_changes_nothing(portal: Portal, house: House) -> None:
    run = portal.a_run()
    task = house.bench.tasks(run)[0]["id"]
    stranger = Browser(house)
    page = stranger.sign_in(house.an_account("sven", partner_id=house.bench.a_partner("stranger")))
    token = stranger.open("/portal/account").form("/tokens").find("input", {"name": "csrf"})["value"]

    steps = ("accept", "decline", "start", "finish", "complete", "rework", "material", "main-picture")
    addresses = [
        *(f"/portal/runs/{run}/{step}" for step in steps),
        f"/portal/tasks/{task}/finish",
        f"/portal/tasks/{task}/comments",
    ]
    statuses = {
        address: stranger.post(address, [("csrf", str(token)), ("reason", "capacity")]).status for address in addresses
    }

    assert page.status == 200
    assert set(statuses.values()) == {404}
    assert portal.phase_stamps(run) == []


def test_an_admin_has_no_portal(house: House) -> None:
    browser = Browser(house)
    browser.sign_in(house.an_account("asha"))

    assert browser.open("/portal").status == 403


def test_a_long_list_costs_as_many_queries_as_a_short_one(portal: Portal) -> None:
    portal.a_run()
    with portal.counted_queries() as short:
        portal.open("/portal")
    for number in range(8):
        portal.a_run(f"Shawl {number}")

    with portal.counted_queries() as long:
        portal.open("/portal")

    assert len(long) == len(short)
    assert len(long) <= 8


def test_counts_end_where_nobody_counts_any_more() -> None:
    from services.api.pages.portal.runs import capped

    assert (capped(0), capped(999), capped(1000)) == ("0", "999", "999+")
