"""Today and the list of runs in the console: what needs a person, what is found, and what is done with several runs at once."""

from typing import Any

import pytest
from sqlalchemy import event

from shared.domain import commands
from tests.gateway.house import House
from tests.pages.browser import Browser, Page

SCRIPT = "<script>alert(1)</script>"


@pytest.fixture
def browser(house: House) -> Browser:
    """An admin's."""
    found = Browser(house)
    found.sign_in(house.an_account("asha"))
    return found


def a_dead_letter(house: House, run_id: str | None = None) -> int:
    """A note on a run that could not be written."""
    run_id = run_id or house.bench.a_run(house.bench.a_design("of the letter"))
    message = house.bench.post(commands.AddNote(text="lost"), run_id=run_id)
    house.bench.change(
        """UPDATE delivery SET state = 'dead', done_at = now(), attempts = 10, error = 'Traceback\nValueError: the loom is on fire'
           WHERE message_id = :id""",
        id=message,
    )
    return int(house.bench.value("SELECT id FROM delivery WHERE message_id = :id", id=message))


def a_failed_notice(house: House, *, partner: str = "weaver") -> str:
    house.bench.a_sent_run(partner=partner)
    house.bench.change("UPDATE notification SET state = 'failed', title = 'A new run', error = 'the line is dead'")
    return str(house.bench.value("SELECT id FROM notification WHERE state = 'failed'"))


def an_unmapped_line(house: House) -> str:
    house.bench.done(house.bench.an_order("order_1", ("line_1", "prod_unknown")))
    return str(house.bench.value("SELECT id FROM order_line"))


# Today --------------------------------------------------------------------------------------------------------------


def test_a_quiet_house_is_all_clear(browser: Browser) -> None:
    page = browser.open("/console")

    assert page.status == 200
    assert "All clear" in page.text


def test_everything_that_needs_a_person_stands_on_today(house: House, browser: Browser) -> None:
    design = house.bench.a_design("Indigo shawl")
    house.bench.a_run(design)
    an_unmapped_line(house)
    a_failed_notice(house)
    a_dead_letter(house)
    stuck, declined, flagged, waiting, overdue = (house.bench.a_run(design) for _ in range(5))
    house.bench.change("UPDATE production_run SET status = 'awaiting_reassignment' WHERE id = :id", id=declined)
    house.bench.change(
        "UPDATE production_run SET flagged_at = now(), flagged_reason = '4 became 6' WHERE id = :id", id=flagged
    )
    house.bench.change("UPDATE production_run SET overdue_at = now() WHERE id = :id", id=overdue)
    for run_id, state in ((stuck, "idle"), (waiting, "awaiting_templates")):
        house.bench.change(
            "UPDATE production_run SET status = 'approved', dispatch_state = :state, dispatch_started_at = now() WHERE id = :id",
            id=run_id,
            state=state,
        )
    house.bench.change(
        """INSERT INTO message (id, kind, version, body, run_id, actor, correlation)
           VALUES ('msg_f', 'production_run.dispatch_failed', 1, '{}', :id, '{"kind": "system"}', 'msg_f')""",
        id=stuck,
    )
    house.bench.change("INSERT INTO alarm (name, detail) VALUES ('mass_lapse', '12 of 60 waits')")

    page = browser.open("/console")

    shown = {str(section["id"]) for section in page.soup.find_all("section", id=True)}
    assert shown == {
        "letters", "notices", "unmapped", "flagged", "stuck", "declined", "overdue", "templates", "review",
    }  # fmt: skip
    assert "sweep of deadlines stopped" in page.text
    assert "4 became 6" in page.text
    for run_id in (stuck, declined, flagged, waiting, overdue):
        assert f"/console/runs/{run_id}" in page.links()


def test_the_oldest_comes_first_and_the_rest_is_counted(house: House, browser: Browser) -> None:
    design = house.bench.a_design()
    made = [house.bench.a_run(design) for _ in range(7)]

    page = browser.open("/console")

    review = page.soup.find("section", id="review")
    assert [str(row.find("a")["href"]).rpartition("/")[2] for row in review.find_all("li")] == made[:5]
    assert "See all 7" in page.text
    assert found(browser.open(str(review.find("a", string="See all 7")["href"]))) == set(made)


def test_a_run_with_a_partner_is_approved_with_one_tap(house: House, browser: Browser) -> None:
    run_id = house.bench.a_run(house.bench.a_design(), partner_id=house.bench.a_partner("weaver"))
    page = browser.open("/console")

    with house.open_workshop():
        after = browser.send(page, f"/console/today/runs/{run_id}/approve")
        twice = browser.send(page, f"/console/today/runs/{run_id}/approve")

    assert "Approved" in after.text
    assert twice.status == 200
    assert house.bench.events(run_id, "production_run.approved") == ["production_run.approved"]


def test_a_tap_that_came_too_late_says_why_on_the_same_page(house: House, browser: Browser) -> None:
    run_id = house.bench.a_run(house.bench.a_design(), partner_id=house.bench.a_partner("weaver"))
    page = browser.open("/console")
    house.bench.done(commands.CancelRun(), run_id=run_id)

    after = browser.send(page, f"/console/today/runs/{run_id}/approve")

    assert after.status == 409
    assert "ended without being made" in after.text


def test_lines_messages_and_letters_are_moved_on_with_one_tap(house: House, browser: Browser) -> None:
    line, notice, letter = an_unmapped_line(house), a_failed_notice(house), a_dead_letter(house)
    page = browser.open("/console")

    with house.open_workshop():
        told = [
            browser.send(page, f"/console/today/{address}").text
            for address in (
                f"order-lines/{line}/retry",
                f"notices/{notice}/send-again",
                f"dead-letters/{letter}/replay",
            )
        ]

    assert "judged anew" in told[0]
    assert "on its way again" in told[1]
    assert "carried out again" in told[2]
    assert house.bench.value("SELECT state FROM notification WHERE id = :id", id=notice) == "pending"
    assert house.bench.value("SELECT state FROM delivery WHERE id = :id", id=letter) == "done"


def test_partners_have_no_console(house: House) -> None:
    browser = Browser(house)
    browser.sign_in(house.an_account("pia", partner_id=house.bench.a_partner("weaver")))

    for address in ("/console", "/console/runs", "/console/order-lines", "/console/notices", "/console/operations"):
        assert browser.open(address).status == 403


# Runs ---------------------------------------------------------------------------------------------------------------


def found(page: Page) -> set[str]:
    """The runs of a list, by the boxes before them."""
    return {str(box["value"]) for box in page.soup.find_all("input", {"name": "ids[]"})}


def test_an_empty_list_says_what_to_do(browser: Browser) -> None:
    assert "/console/runs/new" in browser.open("/console/runs").links()
    assert "No run is like this" in browser.open("/console/runs?q=shawl").text


def test_runs_are_found_by_what_people_call_them(house: House, browser: Browser) -> None:
    bench = house.bench
    shawl = bench.a_run(bench.a_design("Indigo shawl"), partner_id=bench.a_partner("weaver"), order_id="order_77")
    scarf = bench.a_run(bench.a_design("Madder scarf"), role="stitching")
    bench.change("INSERT INTO shop_order (source, order_id, display_id) VALUES ('shop', 'order_77', '1001')")

    for typed in ("indigo", "WEAVER", "order_77", "%231001", shawl, shawl[-6:].upper(), f"run+{shawl[-6:].upper()}"):
        assert found(browser.open(f"/console/runs?q={typed}")) == {shawl}, typed
    assert found(browser.open("/console/runs?q=stitch")) == {scarf}
    assert found(browser.open("/console/runs?q=%25")) == set()


@pytest.mark.parametrize(
    "query",
    [
        "status=pending_review", "phase=review", "run_type=sample", "partner_id=ptnr_weaver", "design_id=dsgn_shawl",
        "order_id=order_77", "role=weaving", "dispatch_state=awaiting_templates", "sort=waiting_until", "overdue=true", "flagged=true", "held=true", "created_before=2026-01-02",
        "created_after=2026-01-01&created_before=2026-01-01",
    ],
)  # fmt: skip
def test_every_filter_narrows_the_list_and_stays_in_the_form(house: House, browser: Browser, query: str) -> None:
    bench = house.bench
    partner = bench.a_partner("weaver")
    wanted = bench.a_run(
        bench.a_design(), partner_id=partner, order_id="order_77", role="weaving", run_type=commands.RunType.SAMPLE
    )
    other = bench.a_run(bench.a_design("scarf"))
    bench.done(commands.ApproveRun(), run_id=other)
    bench.change(
        """UPDATE production_run SET overdue_at = now(), flagged_at = now(), held_at = now(), created_at = '2026-01-01T12:00Z',
               dispatch_state = 'awaiting_templates', waiting_until = now()
           WHERE id = :id""",
        id=wanted,
    )

    page = browser.open(f"/console/runs?{query}")

    assert found(page) == {wanted}
    name, _, value = query.partition("&")[0].partition("=")
    field = page.form("/console/runs").find(attrs={"name": name})
    assert (field.find("option", selected=True) or field)["value"] == value


def test_a_sort_that_means_nothing_is_a_page_that_says_so(browser: Browser) -> None:
    page = browser.open("/console/runs?sort=colour")

    assert page.status == 422
    assert "sort" in page.text


def test_pages_lead_on_and_keep_what_was_asked(house: House, browser: Browser) -> None:
    design = house.bench.a_design()
    house.bench.a_run(design)
    house.bench.change(
        """INSERT INTO production_run (id, status, run_type, quantity, design_id, created_at)
           SELECT 'run_' || lpad(n::text, 26, '0'), 'pending_review', 'production', n, :design, now() - n * interval '1 minute'
           FROM generate_series(1, 60) n""",
        design=design,
    )
    first = browser.open("/console/runs?phase=review")
    onward = next(str(link["href"]) for link in first.soup.find_all("a", rel="next"))
    second = browser.open(onward)

    assert "phase=review" in onward
    assert (len(found(first)), len(found(second))) == (50, 11)
    assert not found(first) & found(second)


def test_a_name_that_is_a_script_is_only_a_name(house: House, browser: Browser) -> None:
    house.bench.change("INSERT INTO design (id, name) VALUES ('dsgn_x', :name)", name=SCRIPT)
    house.bench.a_run("dsgn_x", role=SCRIPT, order_id=SCRIPT)

    for address in ("/console", "/console/runs", f"/console/runs?q={SCRIPT}", "/console/runs/new"):
        page = browser.open(address)
        assert SCRIPT not in page.html
        assert page.status == 200


def asked_of_the_database(house: House, ask: Any) -> int:
    """How many statements a page needs."""
    counted: list[str] = []

    def count(*told: Any) -> None:
        counted.append(told[2])

    event.listen(house.desk.engine, "before_cursor_execute", count)
    try:
        ask()
    finally:
        event.remove(house.desk.engine, "before_cursor_execute", count)
    return len(counted)


@pytest.mark.parametrize("address", ["/console", "/console/runs"])
def test_more_runs_need_no_more_queries(house: House, browser: Browser, address: str) -> None:
    design = house.bench.a_design()
    house.bench.a_run(design, partner_id=house.bench.a_partner("weaver"))
    few = asked_of_the_database(house, lambda: browser.open(address))
    for _ in range(8):
        house.bench.a_run(design)

    assert asked_of_the_database(house, lambda: browser.open(address)) <= few <= 12


def test_a_part_is_stuck_when_a_stage_before_one_of_its_containers_was_cancelled(
    house: House, browser: Browser
) -> None:
    bench = house.bench
    design = bench.a_design()
    cancelled, waiting, done, container, part, free = (bench.a_run(design) for _ in range(6))
    bench.change("UPDATE production_run SET status = 'approved'")
    for run_id, status in ((cancelled, "cancelled"), (done, "completed")):
        bench.change(f"UPDATE production_run SET status = :s, {status}_at = now() WHERE id = :id", s=status, id=run_id)
    bench.change("UPDATE production_run SET child_count = 1, status = 'in_progress' WHERE id = :id", id=container)
    bench.change("UPDATE production_run SET parent_run_id = :above WHERE id = :id", above=container, id=part)
    for run_id, before in (
        (container, cancelled),
        (container, done),
        (waiting, cancelled),
        (waiting, free),
        (free, done),
    ):
        bench.change("INSERT INTO run_dependency VALUES (:id, :before)", id=run_id, before=before)

    assert found(browser.open("/console/runs?stuck=true")) == {part}


# New ----------------------------------------------------------------------------------------------------------------


def test_a_run_is_made_by_hand_with_all_that_the_api_takes(house: House, browser: Browser) -> None:
    design, partner = house.bench.a_design(), house.bench.a_partner("weaver")
    page = browser.open(f"/console/runs/new?design_id={design}")
    typed = {
        "quantity": "12.5",
        "run_type": "sample",
        "partner_id": partner,
        "role": "weaving",
        "order_id": "order_9",
        "order_line_item_id": "line_9",
        "product_id": "prod_9",
        "variant_id": "var_9",
        "details__0__name": "season",
        "details__0__value": "winter",
    }

    with house.open_workshop():
        after = browser.send(page, "/console/runs/new", **typed)
        browser.send(page, "/console/runs/new", **typed)

    made = house.bench.rows("SELECT * FROM production_run")
    assert len(made) == 1
    assert after.address.startswith(f"/console/runs/{made[0]['id']}")
    assert (str(made[0]["quantity"].normalize()), made[0]["run_type"], made[0]["role"]) == ("12.5", "sample", "weaving")
    assert (made[0]["partner_id"], made[0]["variant_id"]) == (partner, "var_9")
    assert made[0]["metadata"] == {"season": "winter"}


def test_a_quantity_that_is_none_keeps_what_was_typed_and_says_why_beside_it(house: House, browser: Browser) -> None:
    design = house.bench.a_design()
    page = browser.open("/console/runs/new")

    after = browser.send(page, "/console/runs/new", design_id=design, quantity="-3", role="weaving")

    assert after.status == 422
    form = after.form("/console/runs/new")
    assert form.find("input", {"name": "quantity"})["value"] == "-3"
    assert form.find("input", {"name": "quantity"})["aria-invalid"] == "true"
    assert form.find("input", {"name": "role"})["value"] == "weaving"
    assert form.find("option", selected=True)["value"] == design


def test_without_a_design_a_run_cannot_be_begun(browser: Browser) -> None:
    page = browser.open("/console/runs/new")

    assert "/console/designs" in page.links()
    assert not page.has_form("/console/runs/new")


# Several ------------------------------------------------------------------------------------------------------------


def chosen(browser: Browser, ids: list[str], *, do: str) -> Page:
    """The dry run of these runs."""
    return browser.send(browser.open("/console/runs"), "/console/runs/several", **{"ids[]": ids}, do=do)


def test_a_dry_run_says_what_would_happen_and_what_cannot_and_does_nothing(house: House, browser: Browser) -> None:
    design = house.bench.a_design()
    ready = house.bench.a_run(design, partner_id=house.bench.a_partner("weaver"))
    ended = house.bench.a_run(design)
    house.bench.done(commands.CancelRun(), run_id=ended)

    page = chosen(browser, [ready, ended, "run_nowhere"], do="approve")

    assert "Approve 1 of 2 runs?" in page.text
    assert "all for weaver" in page.text
    assert "It has ended" in page.text
    assert "1 of the chosen runs is not there" in page.text
    assert [box["value"] for box in page.form("/confirm").find_all("input", {"name": "ids[]"})] == [ready]
    assert house.bench.run(ready)["status"] == "pending_review"


def test_several_are_approved_once_each_however_often_the_form_is_sent(house: House, browser: Browser) -> None:
    design, partner = house.bench.a_design(), house.bench.a_partner("weaver")
    ids = [house.bench.a_run(design, partner_id=partner) for _ in range(3)]
    page = chosen(browser, ids, do="approve")

    with house.open_workshop():
        report = browser.send(page, "/confirm")
        again = browser.send(page, "/confirm")

    assert "3 of 3 runs approved" in report.text
    assert "3 of 3 runs approved" in again.text
    for run_id in ids:
        assert house.bench.events(run_id, "production_run.approved") == ["production_run.approved"]


def test_a_report_is_honest_about_what_was_refused_meanwhile(house: House, browser: Browser) -> None:
    design = house.bench.a_design()
    good, gone = house.bench.a_run(design), house.bench.a_run(design)
    page = chosen(browser, [good, gone], do="approve")
    house.bench.done(commands.CancelRun(), run_id=gone)

    with house.open_workshop():
        report = browser.send(page, "/confirm")

    assert "1 of 2 runs approved" in report.text
    assert "Not all of them" in report.text
    assert "Refused" in report.text
    assert house.bench.run(good)["status"] == "approved"


def test_several_are_cancelled_with_a_reason(house: House, browser: Browser) -> None:
    design = house.bench.a_design()
    ids = [house.bench.a_run(design) for _ in range(2)]
    page = chosen(browser, ids, do="cancel")

    with house.open_workshop():
        report = browser.send(page, "/confirm", reason="the season is over")

    assert "2 of 2 runs cancelled" in report.text
    assert {house.bench.run(run_id)["cancelled_reason"] for run_id in ids} == {"the season is over"}


def test_what_is_not_carried_out_yet_is_on_its_way_and_looked_at_again(house: House, browser: Browser) -> None:
    run_id = house.bench.a_run(house.bench.a_design())
    page = chosen(browser, [run_id], do="cancel")

    report = browser.send(page, "/confirm", reason="no yarn")
    house.bench.pump()
    later = browser.send(report, "/confirm")

    assert "0 of 1 run cancelled" in report.text
    assert "on its way" in report.text
    assert "1 of 1 run cancelled" in later.text
    assert house.bench.run(run_id)["cancelled_reason"] == "no yarn"


def test_nothing_chosen_says_so(browser: Browser, house: House) -> None:
    house.bench.a_run(house.bench.a_design())

    page = browser.send(browser.open("/console/runs"), "/console/runs/several", do="approve")

    assert page.address.startswith("/console/runs?")
    assert "Nothing was chosen" in page.text


def test_a_report_that_is_asked_for_without_its_form_leads_to_the_list(browser: Browser) -> None:
    assert browser.open("/console/runs/several/confirm").address == "/console/runs"
    assert browser.open("/console/runs/several").address == "/console/runs"
