"""One run in the portal: read, accepted, declined, started, finished; rework, material, pictures; told on an error, safe on a double tap."""

from decimal import Decimal

import pytest

from services.api import auth
from shared.domain import commands
from shared.domain.consumption import ConsumptionType, Entry
from tests import pictures
from tests.gateway.house import House
from tests.pages.portal import Portal


@pytest.fixture
def portal(house: House) -> Portal:
    return Portal(house)


def test_what_to_make_is_read_from_the_snapshot_in_plain_lines(portal: Portal) -> None:
    line = portal.an_item()
    run = portal.a_run(
        "Indigo shawl",
        description="A light shawl.",
        specifications={"weave": "plain", "finished_size": {"length": "200 cm", "width": "70 cm"}},
        colours=["undyed", {"name": "indigo", "code": "#223366"}],
        sizes=["S", {"name": "M", "chest": "96"}],
        planned_materials=[line],
    )
    portal.bench.change("UPDATE design SET name = 'Renamed since'")

    page = portal.open(f"/portal/runs/{run}")

    assert page.soup.h1.get_text() == "Indigo shawl"
    assert "Finished size Width: 70 cm, Length: 200 cm" in page.text
    assert "M: Chest: 96" in page.text
    assert page.soup.find("rect", fill="#223366")
    assert "2.5\u00a0m per piece × 4 = 10\u00a0m" in page.html
    assert "{" not in page.text
    assert "ptnr_" not in page.text


def test_a_run_is_walked_from_the_offer_to_the_last_step(portal: Portal) -> None:
    run = portal.a_run()
    address = f"/portal/runs/{run}"

    accepted = portal.send(portal.open(address), "/accept")
    started = portal.send(accepted, "/start")
    asked = portal.open(f"{address}/finish")
    finished = portal.send(asked, "/finish", notes="Soft to the touch.")

    assert "Accepted." in accepted.text
    assert "Started." in started.text
    assert "These tasks are still open weave wash" in asked.text
    assert f"{address}/complete" in finished.links()
    assert portal.phase_stamps(run) == ["accepted_at", "started_at", "finished_at"]
    assert portal.bench.run(run)["finish_notes"] == "Soft to the touch."


@pytest.mark.parametrize(("steps", "action", "kind"), [((), "/accept", "accepted"), (("accept",), "/start", "started")])
def test_a_double_tap_takes_one_step(portal: Portal, steps: tuple[str, ...], action: str, kind: str) -> None:
    run = portal.a_run(steps=steps)

    page = portal.send_twice(portal.open(f"/portal/runs/{run}"), action)

    assert page.status == 200
    assert portal.bench.events(run, f"production_run.{kind}") == [f"production_run.{kind}"]


def test_a_step_that_somebody_else_took_meanwhile_is_refused_in_plain_words(portal: Portal) -> None:
    run = portal.a_run()
    page = portal.open(f"/portal/runs/{run}")
    portal.bench.done(commands.AcceptRun(), run_id=run, tenant=portal.partner)

    late = portal.send(page, "/accept")

    assert late.status == 409
    assert "This was done already." in late.text
    assert late.has_form("/start")


def test_declining_needs_a_reason_and_keeps_what_was_typed(portal: Portal) -> None:
    run = portal.a_run()
    page = portal.open(f"/portal/runs/{run}/decline")

    without = portal.send(page, "/decline", notes="My loom is broken.")
    declined = portal.send(without, "/decline", reason="capacity")

    assert without.status == 422
    assert without.soup.find("p", id="decline-reason-error").get_text() == "Reason is missing."
    assert without.form("/decline").textarea.get_text() == "My loom is broken."
    assert "You declined it" in declined.text
    assert portal.bench.run(run)["status"] == "awaiting_reassignment"


def test_a_started_run_offers_no_decline_and_says_so_to_who_asks(portal: Portal) -> None:
    run = portal.a_run(steps=("accept", "start"))

    page = portal.open(f"/portal/runs/{run}/decline")

    assert not page.has_form("/decline")
    assert "not possible now" in page.text
    assert f"/portal/runs/{run}/decline" not in portal.open(f"/portal/runs/{run}").links()


def test_rework_is_added_marked_and_holds_the_finish_back(portal: Portal) -> None:
    mend = portal.bench.a_template("Mend a fault", kind="redo")
    run = portal.a_run(steps=("accept", "start"))
    asked = portal.open(f"/portal/runs/{run}/rework")

    nothing = portal.send(asked, "/rework", piece="the blue one")
    added = portal.send_twice(nothing, "/rework", **{"template_ids[]": [mend]}, piece="the blue one")

    assert nothing.status == 422
    assert "Choose at least one kind of rework." in nothing.text
    assert nothing.form("/rework").find("input", {"name": "piece"})["value"] == "the blue one"
    assert "Mend a fault" in added.text
    assert "Rework" in added.text
    assert "the blue one" in added.text
    assert "Rework is still open: Mend a fault. Finish it first." in added.text
    assert [task["kind"] for task in portal.bench.tasks(run)].count("redo") == 1
    assert not portal.open(f"/portal/runs/{run}/finish").has_form("/finish")


def test_without_rework_templates_the_page_says_whom_to_ask(portal: Portal) -> None:
    run = portal.a_run(steps=("accept", "start"))

    assert "Ask us to lay some out." in portal.open(f"/portal/runs/{run}/rework").text


def test_material_is_noted_once_with_its_arithmetic_spelled_out(portal: Portal) -> None:
    run = portal.a_run(planned_materials=[portal.an_item()], steps=("accept", "start"))
    page = portal.open(f"/portal/runs/{run}/material")

    typed = {"what": "item_yarn", "quantity": "2.5", "quantity_basis": "per_piece", "notes": "two cones"}
    noted = portal.send_twice(page, "/material", **typed)

    assert "Cotton yarn 2.5 m per piece × 4 = 10 m two cones" in " ".join(noted.text.split())
    assert portal.bench.value("SELECT count(*) FROM consumption_log") == 1


@pytest.mark.parametrize(
    ("typed", "field", "sentence"),
    [
        ({"what": "labor", "quantity": "many"}, "quantity", "Amount must be a whole or decimal number."),
        ({"what": "labor", "quantity": "-1"}, "quantity", "Amount must be greater than 0."),
        ({"what": "", "quantity": "3"}, "what", "Material is needed for everything but energy, water and labour."),
    ],
)
def test_a_wrong_note_of_material_is_told_beside_its_field_and_kept(
    portal: Portal, typed: dict[str, str], field: str, sentence: str
) -> None:
    run = portal.a_run(steps=("accept",))

    page = portal.send(portal.open(f"/portal/runs/{run}/material"), "/material", **typed, notes="late shift")

    assert page.status == 422
    assert page.soup.find("p", id=f"material-{field}-error").get_text() == sentence
    assert page.soup.find(id=f"material-{field}")["aria-invalid"] == "true"
    assert page.form("/material").find("input", {"name": "quantity"})["value"] == typed["quantity"]
    assert page.form("/material").textarea.get_text() == "late shift"


def test_waste_and_work_are_noted_as_what_they_are(portal: Portal) -> None:
    run = portal.a_run(planned_materials=[portal.an_item()], steps=("accept",))
    address = f"/portal/runs/{run}/material"

    portal.send(portal.open(address), "/material", what="item_yarn", quantity="1", is_waste="yes")
    portal.send(portal.open(address), "/material", what="labor", quantity="6")

    kinds = portal.bench.rows("SELECT consumption_type FROM consumption_log ORDER BY created_at, id")
    assert [row["consumption_type"] for row in kinds] == ["wastage", "labor"]


def test_pictures_are_uploaded_and_attached_by_one_form_and_never_twice(portal: Portal) -> None:
    run = portal.a_run(steps=("accept",))
    page = portal.open(f"/portal/runs/{run}")
    files = (("front.jpg", pictures.a_picture()), ("back.png", pictures.a_picture("PNG")))

    statuses = [portal.upload(page, "/pictures", *files) for _ in range(2)]
    shown = portal.open(f"/portal/runs/{run}")

    assert statuses == [303, 303]
    assert portal.bench.value("SELECT count(*) FROM run_media") == 2
    found = [str(each["src"]) for each in shown.soup.select(".gallery img")]
    assert len(found) == 2
    assert {portal.status(each) for each in found} == {200}


def test_a_file_that_is_no_picture_is_named(portal: Portal) -> None:
    run = portal.a_run(steps=("accept",))

    status = portal.upload(portal.open(f"/portal/runs/{run}"), "/pictures", ("notes.txt", b"just words"))

    assert status == 415
    assert portal.bench.value("SELECT count(*) FROM run_media") == 0


def test_one_picture_becomes_the_main_one(portal: Portal) -> None:
    run = portal.a_run(steps=("accept",))
    files = (("front.jpg", pictures.a_picture()), ("back.jpg", pictures.a_picture(colour="#204080")))
    portal.upload(portal.open(f"/portal/runs/{run}"), "/pictures", *files)
    page = portal.open(f"/portal/runs/{run}")

    chosen = str(page.form("/main-picture").button["value"])
    portal.send(page, "/main-picture", picture=chosen)

    assert portal.bench.value("SELECT media_id FROM run_media WHERE is_thumbnail") == chosen


def test_a_settled_run_takes_no_pictures_and_no_material(portal: Portal) -> None:
    run = portal.a_run(steps=("accept", "start", "finish"))
    portal.bench.done(commands.CompleteRun(), run_id=run, tenant=portal.partner)

    page = portal.open(f"/portal/runs/{run}")

    assert not page.has_form("/pictures")
    assert f"/portal/runs/{run}/material" not in page.links()
    assert "What came of it" in page.text


def test_what_happened_is_told_in_sentences_and_nobody_elses_name(portal: Portal) -> None:
    run = portal.a_run(steps=("accept",))

    page = portal.open(f"/portal/runs/{run}")

    assert "The partner accepted the run." in page.text
    assert "production_run." not in page.text


def test_a_run_costs_a_bounded_number_of_queries_however_much_is_on_it(portal: Portal) -> None:
    run = portal.a_run(steps=("accept",))
    with portal.counted_queries() as bare:
        portal.open(f"/portal/runs/{run}")
    for task in portal.bench.tasks(run):
        said = commands.CommentTask(task_id=task["id"], comment="Which thread?")
        portal.bench.done(said, run_id=run, tenant=portal.partner)

    with portal.counted_queries() as full:
        page = portal.open(f"/portal/runs/{run}")

    assert len(full) == len(bare)
    assert len(full) <= 16
    assert len(page.html.encode()) < 100_000


def test_a_step_that_is_not_answered_yet_is_on_its_way_and_done_when_one_looks_again(portal: Portal) -> None:
    run = portal.a_run()

    waiting = portal.browser.send(portal.open(f"/portal/runs/{run}"), "/accept")
    portal.bench.pump()
    again = portal.open(waiting.address)

    assert "On its way: it is safely stored" in waiting.text
    assert waiting.soup.find(attrs={"data-poll": True})
    assert "Done." in again.text
    assert portal.phase_stamps(run) == ["accepted_at"]


def test_who_came_by_a_link_works_on_that_run_and_is_shown_no_way_to_others(portal: Portal) -> None:
    run = portal.a_run()
    account = portal.bench.value("SELECT id FROM account WHERE partner_id = :id", id=portal.partner)
    with portal.house.desk.engine.begin() as connection:
        portal.browser.cookies["loomline"], _ = auth.open_session(connection, account, run_id=run)

    page = portal.send(portal.open(f"/portal/runs/{run}"), "/accept")
    task = portal.open(f"/portal/tasks/{portal.bench.tasks(run)[0]['id']}")

    assert "Accepted." in page.text
    assert task.status == 200
    assert {"/portal", "/portal/tasks", "/portal/account"}.isdisjoint(page.links())


def test_dates_are_those_of_the_partners_own_wall(portal: Portal) -> None:
    run = portal.a_run(steps=("accept",))
    portal.bench.change("UPDATE production_run SET accepted_at = '2026-11-03T20:00:00Z' WHERE id = :id", id=run)

    portal.speak("en", time_zone="Asia/Kolkata")

    assert "4 Nov 2026" in portal.open(f"/portal/runs/{run}").text


def test_a_run_on_which_much_was_noted_stays_small_and_leads_to_the_older_notes(portal: Portal) -> None:
    run = portal.a_run(steps=("accept",))
    for number in range(45):
        entry = Entry(quantity=Decimal(number + 1), consumption_type=ConsumptionType.LABOR)
        portal.bench.done(commands.LogConsumption(entry=entry), run_id=run, tenant=portal.partner)

    page, noted = portal.open(f"/portal/runs/{run}"), portal.open(f"/portal/runs/{run}/material")
    story = portal.open(next(link for link in page.links() if "story=" in link).partition("#")[0])
    older = portal.open(next(link for link in noted.links() if "cursor=" in link))

    assert len(page.html.encode()) < 100_000
    assert "The run was made." not in page.text
    assert "The run was made." in story.text
    assert "45 h" in noted.text
    assert " 1 h " in older.text
