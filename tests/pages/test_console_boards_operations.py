"""Operations, order lines and messages in the console: what stands still is seen, explained and moved on, once."""

import pytest

from shared.domain import commands
from shared.intake import amqp
from shared.runtime import clock
from shared.storage import parking
from tests.gateway.house import House
from tests.pages.browser import Browser
from tests.pages.test_console_boards import SCRIPT, a_dead_letter, a_failed_notice, an_unmapped_line

LETTERS = "/console/operations/dead-letters"


@pytest.fixture
def browser(house: House) -> Browser:
    """An admin's."""
    found = Browser(house)
    found.sign_in(house.an_account("asha"))
    return found


# Order lines --------------------------------------------------------------------------------------------------------


def test_no_order_yet_says_how_they_come_in(browser: Browser) -> None:
    assert "No order has come in yet" in browser.open("/console/order-lines").text
    assert "every product that was ordered has its design" in browser.open("/console/order-lines?outcome=unmapped").text


def test_a_line_without_a_design_leads_to_its_product_link_and_is_judged_anew(house: House, browser: Browser) -> None:
    line = an_unmapped_line(house)
    page = browser.open("/console/order-lines?outcome=unmapped")
    assert "/console/products/new?product_id=prod_unknown" in page.links()
    house.bench.a_product("prod_unknown", design_id=house.bench.a_design())

    with house.open_workshop():
        after = browser.send(page, f"/console/order-lines/{line}/retry")
        browser.send(page, f"/console/order-lines/{line}/retry")

    assert after.address.startswith("/console/order-lines?outcome=run")
    made = house.bench.value("SELECT production_run_id FROM order_line")
    assert f"/console/runs/{made}" in after.links()
    assert house.bench.value("SELECT count(*) FROM production_run") == 1


def test_a_line_that_is_not_there_is_no_page(browser: Browser, house: House) -> None:
    an_unmapped_line(house)
    page = browser.open("/console/order-lines")
    csrf = page.soup.find("input", {"name": "csrf"})["value"]

    assert browser.post("/console/order-lines/oline_nowhere/retry", [("csrf", csrf)]).status == 404


def test_an_order_of_scripts_is_only_text(house: House, browser: Browser) -> None:
    house.bench.done(house.bench.an_order(SCRIPT, (SCRIPT, SCRIPT)))

    for address in ("/console", "/console/order-lines", f"/console/operations/order?number={SCRIPT}"):
        page = browser.open(address)
        assert page.status == 200
        assert SCRIPT not in page.html


# Messages -----------------------------------------------------------------------------------------------------------


def test_no_message_yet_says_when_they_go_out(browser: Browser) -> None:
    assert "Nobody was told anything yet" in browser.open("/console/notices").text
    assert "Every message arrived" in browser.open("/console/notices?state=failed").text


def test_a_message_that_failed_is_read_and_sent_again_once(house: House, browser: Browser) -> None:
    notice = a_failed_notice(house)
    listed = browser.open("/console/notices?state=failed")
    assert f"/console/notices/{notice}" in listed.links()
    page = browser.open(f"/console/notices/{notice}")
    assert "the line is dead" in page.text
    assert "weaver" in page.text

    after = browser.send(page, "/send-again")
    house.bench.change("UPDATE notification SET state = 'sent'")
    again = browser.send(page, "/send-again")

    assert "on its way again" in after.text
    assert again.status == 200
    assert not again.has_form("/send-again")
    assert house.bench.value("SELECT state FROM notification WHERE id = :id", id=notice) == "sent"


def test_a_message_that_arrived_meanwhile_is_not_sent_again_and_says_so(house: House, browser: Browser) -> None:
    notice = a_failed_notice(house)
    page = browser.open(f"/console/notices/{notice}")
    house.bench.change("UPDATE notification SET state = 'sent'")

    after = browser.send(page, "/send-again")

    assert after.status == 409
    assert "not sent again" in after.text
    assert browser.open("/console/notices/ntc_nowhere").status == 404


# The board ----------------------------------------------------------------------------------------------------------


def test_the_board_shows_every_room_and_keeps_itself_fresh(house: House, browser: Browser) -> None:
    house.bench.a_run(house.bench.a_design())
    a_dead_letter(house)

    page = browser.open("/console/operations")

    assert page.soup.find(id="board")["data-refresh"]
    rooms = [row.find("th").get_text(strip=True) for row in page.soup.find("h2", id="queues").parent.find_all("tr")[1:]]
    assert rooms == ["Orders", "Dispatch", "Milestones", "Tasks", "Cascade", "Effects"]
    assert f"{LETTERS}?room=milestones" in page.links()
    assert "Done in the last hour 2" in page.text
    assert page.soup.find("svg", {"role": "img"}).find("rect", {"class": "orders"})


def test_the_pictures_are_tables_too(house: House, browser: Browser) -> None:
    house.bench.a_run(house.bench.a_design())

    page = browser.open("/console/operations")

    table = page.soup.find("h2", id="throughput").parent.find("table")
    assert sum(int(row.find_all("td")[-1].get_text()) for row in table.find("tbody").find_all("tr")) == 1
    assert "Pending review" in page.soup.find("h2", id="oldest").parent.find("table").get_text()


def test_a_quiet_ledger_says_so(browser: Browser) -> None:
    page = browser.open("/console/operations")

    for sentence in ("Nothing was done in the last hour", "Nothing waits", "There is no open run", "Nothing died"):
        assert sentence in page.text


def test_a_broken_promise_is_shown_by_its_alarm_and_by_looking_now(house: House, browser: Browser) -> None:
    run_id = house.bench.a_run(house.bench.a_design())
    house.bench.change(
        "INSERT INTO timer (run_id, gate, generation, due_at, state) VALUES (:id, 'start', 1, now(), 'armed')",
        id=run_id,
    )
    house.bench.change("UPDATE production_run SET status = 'cancelled', cancelled_at = now() WHERE id = :id", id=run_id)
    assert "Broken" not in browser.open("/console/operations").text
    assert "Broken" in browser.open("/console/operations?check=now").text

    house.bench.change("INSERT INTO alarm (name, detail) VALUES ('invariant:armed_timers_on_terminal_runs', 'run_x')")

    page = browser.open("/console/operations")
    assert "Broken A run that has ended waits for nothing." in page.text
    assert "Not kept: A run that has ended waits for nothing." in page.text


# Dead letters -------------------------------------------------------------------------------------------------------


def test_a_dead_letter_is_laid_out_and_replayed_once(house: House, browser: Browser) -> None:
    run_id = house.bench.a_run(house.bench.a_design())
    letter = a_dead_letter(house, run_id)
    assert f"{LETTERS}/{letter}" in browser.open(f"{LETTERS}?actor=add_note").links()
    page = browser.open(f"{LETTERS}/{letter}")
    for told in ("Text lost", "the loom is on fire", "Asked by Asha", f"run {run_id[-6:].upper()}"):
        assert told in page.text

    after = browser.send(page, f"{letter}/replay")
    house.bench.pump()
    again = browser.send(page, f"{letter}/replay")

    assert "carried out again" in after.text
    assert again.status == 200
    assert house.bench.events(run_id, "production_run.noted") == ["production_run.noted"]
    assert house.bench.events(run_id, "production_run.operator_acted") == ["production_run.operator_acted"]


def test_a_letter_is_discarded_only_after_a_question_and_stays_readable(house: House, browser: Browser) -> None:
    letter = a_dead_letter(house)
    page = browser.open(f"{LETTERS}/{letter}")
    assert page.form(f"{letter}/discard").find_parent("details") is not None

    after = browser.send(page, f"{letter}/discard")

    assert "Given up for good" in after.text
    kept = browser.open(f"{LETTERS}/{letter}")
    assert "this one was given up" in kept.text
    assert not kept.has_form(f"{letter}/replay")


def test_a_letter_somebody_else_decided_says_so(house: House, browser: Browser) -> None:
    letter = a_dead_letter(house)
    page = browser.open(f"{LETTERS}/{letter}")
    house.bench.change("UPDATE delivery SET state = 'discarded' WHERE id = :id", id=letter)

    after = browser.send(page, f"{letter}/replay")

    assert after.status == 409
    assert "it is discarded" in after.text
    assert [browser.open(f"{LETTERS}/{each}").status for each in ("1", "one")] == [404, 404]


def test_no_dead_letters_is_good_news(browser: Browser) -> None:
    assert "Nothing died" in browser.open(LETTERS).text
    assert "No dead letter is like this" in browser.open(f"{LETTERS}?room=orders").text


# Parked messages ----------------------------------------------------------------------------------------------------


def a_parked_message(house: House, body: bytes) -> str:
    told = amqp.published(body, headers={}, content_type="application/cloudevents+json", routing_key="order.placed")
    with house.bench.engine.begin() as connection:
        return parking.park(connection, told, reason="It was no event of ours.")


def test_a_message_nobody_could_read_stands_on_today_and_is_taken_in_once(house: House, browser: Browser) -> None:
    event = b'{"specversion":"1.0","id":"1","source":"shop","type":"order.placed","data":{"id":"order_1","items":[]}}'
    parked = a_parked_message(house, event)
    assert "It was no event of ours." in browser.open("/console").text
    page = browser.open("/console/operations/parked")
    assert "order_1" in page.text

    after = browser.send(page, f"{parked}/retry")
    again = browser.send(page, f"{parked}/retry")

    assert "Taken in" in after.text
    assert again.status == 200
    assert house.bench.value("SELECT count(*) FROM message WHERE kind = 'order.placed'") == 1
    assert "Nothing is parked" in browser.open("/console/operations/parked").text


def test_a_message_that_is_still_unreadable_says_why_and_can_be_given_up(house: House, browser: Browser) -> None:
    parked = a_parked_message(house, SCRIPT.encode())
    page = browser.open("/console/operations/parked")
    assert SCRIPT not in page.html

    refused = browser.send(page, f"{parked}/retry")
    given_up = browser.send(page, f"{parked}/discard")

    assert refused.status == 409
    assert "cannot be taken in" in refused.text
    assert "Given up for good" in given_up.text
    assert house.bench.value("SELECT state FROM parked_message") == "discarded"


# An order by its number ---------------------------------------------------------------------------------------------


def test_an_order_is_found_by_both_its_numbers_with_lines_runs_and_messages(house: House, browser: Browser) -> None:
    bench = house.bench
    bench.a_product("prod_1", design_id=bench.a_design("Indigo shawl"))
    bench.done(bench.an_order("order_1", ("line_1", "prod_1"), ("line_2", "prod_2"), display_id="1001"))
    run_id = str(bench.value("SELECT id FROM production_run"))
    bench.refused(commands.StartRun(), run_id=run_id)
    letter = a_dead_letter(house, run_id)

    for number in ("order_1", "1001", "%231001"):
        page = browser.open(f"/console/operations/order?number={number}")
        for told in (
            "line_1",
            "prod_2",
            "Indigo shawl",
            "The shop placed the order",
            "Asked: start",
            "Refused",
            "the loom is on fire",
        ):
            assert told in page.text, (number, told)
        assert f"{LETTERS}/{letter}" in page.links()


def test_an_order_whose_message_died_is_found_before_any_line_of_it_is_there(house: House, browser: Browser) -> None:
    message = house.bench.post(house.bench.an_order("order_lost", ("line_1", "prod_1")))
    house.bench.change("UPDATE delivery SET state = 'dead', done_at = now() WHERE message_id = :id", id=message)

    page = browser.open("/console/operations/order?number=order_lost")

    assert "The shop placed the order" in page.text
    assert "Failed" in page.text


def test_an_unknown_order_says_where_to_look(browser: Browser) -> None:
    assert "No order of this number" in browser.open("/console/operations/order?number=4711").text
    assert browser.open("/console/operations/order").status == 200


# Replay -------------------------------------------------------------------------------------------------------------


def test_what_stands_still_of_an_order_is_shown_first_and_then_replayed(house: House, browser: Browser) -> None:
    bench = house.bench
    run_id = bench.a_run(bench.a_design(), order_id="order_1")
    a_dead_letter(house, run_id)
    a_dead_letter(house)

    page = browser.open("/console/operations/replay?scope=order_id&id=order_1")
    assert "would be carried out again 1" in page.text
    assert bench.value("SELECT count(*) FROM delivery WHERE state = 'dead'") == 2
    after = browser.send(page, "/replay/confirm")
    bench.pump()

    assert "carried out again" in after.text
    assert bench.events(run_id, "production_run.noted") == ["production_run.noted"]
    assert bench.value("SELECT count(*) FROM delivery WHERE state = 'dead'") == 1


def test_a_run_is_named_by_the_end_of_its_id_and_a_run_without_trouble_says_so(house: House, browser: Browser) -> None:
    run_id = house.bench.a_run(house.bench.a_design())
    at = "/console/operations/replay?scope=production_run_id&id="
    assert "Nothing of it stands still" in browser.open(at + run_id[-6:].upper()).text
    a_dead_letter(house, run_id)

    assert "would be carried out again 1" in browser.open(at + run_id[-6:].upper()).text


# The same, over the API ---------------------------------------------------------------------------------------------


def test_a_replay_over_the_api_can_be_tried_dry_and_is_written_on_the_timeline(house: House) -> None:
    admin, run_id = house.an_admin(), house.bench.a_run(house.bench.a_design())
    a_dead_letter(house, run_id)

    dry = house.post("/admin/operations/replay", {"production_run_id": run_id, "dry_run": True}, by=admin).json
    still_dead = house.bench.value("SELECT count(*) FROM delivery WHERE state = 'dead'")
    done = house.post("/admin/operations/replay", {"production_run_id": run_id}, by=admin).json
    house.bench.pump()
    nothing = house.post("/admin/operations/replay", {"production_run_id": run_id}, by=admin).json

    assert (dry["dry_run"], [each["state"] for each in dry["deliveries"]], still_dead) == (True, ["dead"], 1)
    assert [(each["kind"], each["state"]) for each in done["deliveries"]] == [("run.note", "pending")]
    assert nothing["deliveries"] == []
    told = house.get(f"/admin/production-runs/{run_id}/timeline", by=admin).json["activities"]
    acted = next(each for each in told if each["verb"] == "operator_acted")
    assert (acted["reason"], acted["after"], acted["actor"]["name"]) == ("replayed", {"messages": ["run.note"]}, "asha")
    assert house.bench.events(run_id, "production_run.noted") == ["production_run.noted"]


def test_what_pauses_for_long_is_sent_again_and_what_was_just_handed_out_is_left(house: House) -> None:
    admin, run_id = house.an_admin(), house.bench.a_run(house.bench.a_design())
    slow = house.bench.post(commands.AddNote(text="slow"), run_id=run_id)
    fresh = house.bench.post(commands.AddNote(text="fresh"), run_id=run_id)
    for message, pause in ((slow, "5 minutes"), (fresh, "5 seconds")):
        house.bench.change(
            "UPDATE delivery SET sends = 4, next_at = now() + cast(:pause as interval) WHERE message_id = :id",
            id=message,
            pause=pause,
        )

    done = house.post("/admin/operations/replay", {"production_run_id": run_id}, by=admin).json

    assert [each["message_id"] for each in done["deliveries"]] == [slow]
    assert house.bench.value("SELECT next_at FROM delivery WHERE message_id = :id", id=slow) <= clock.now()
    assert house.bench.value("SELECT sends FROM delivery WHERE message_id = :id", id=slow) == 4


@pytest.mark.parametrize(
    "body", [{}, {"order_id": "a", "message_id": "b"}, {"order_id": None}, {"line_id": "a"}, {"order_id": 4}]
)
def test_a_replay_of_nothing_or_of_two_things_is_refused(house: House, body: dict[str, object]) -> None:
    assert house.post("/admin/operations/replay", body, by=house.an_admin()).status_code == 422


def test_one_message_is_replayed_by_its_id_and_only_by_admins(house: House) -> None:
    letter = a_dead_letter(house)
    message = house.bench.value("SELECT message_id FROM delivery WHERE id = :id", id=letter)
    partner = house.a_person_of(house.bench.a_partner("weaver"))

    assert house.post("/admin/operations/replay", {"message_id": message}, by=partner).status_code == 403
    done = house.post("/admin/operations/replay", {"message_id": message}, by=house.an_admin()).json

    assert [each["id"] for each in done["deliveries"]] == [str(letter)]
