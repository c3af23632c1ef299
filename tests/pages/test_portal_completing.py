"""Completing a run in steps: pieces, cost, material, notes, a summary; carried along, checked, sent once."""

from typing import Any

import pytest

from shared.domain import commands
from tests.gateway.house import House
from tests.pages.browser import Page
from tests.pages.portal import ALL, Portal


@pytest.fixture
def portal(house: House) -> Portal:
    return Portal(house)


def go(portal: Portal, page: Page, to: str, **typed: Any) -> Page:
    """Fill the step and press the button that leads there."""
    return portal.send(page, "/complete", go=to, **typed)


def balance_of(run: Any) -> tuple[int, int, int]:
    return tuple(int(run[f"{name}_quantity"]) for name in ("produced", "rejected", "short"))  # type: ignore[return-value]


def test_a_run_is_completed_step_by_step_with_a_summary_to_check(portal: Portal) -> None:
    run = portal.a_run(planned_materials=[portal.an_item()], steps=ALL)
    page = portal.open(f"/portal/runs/{run}/complete")

    page = go(portal, page, "cost", rejected_quantity="1", rejection_reason="fabric_flaw", rejection_notes="a hole")
    page = go(portal, page, "material", partner_cost="120.50", cost_type="per_unit", cost_currency="INR")
    page = go(portal, page, "notes", consumptions__0__quantity="2.5", consumptions__0__quantity_basis="per_piece")
    summary = go(portal, page, "check", notes="The last one is darker.")
    done = go(portal, summary, "send")

    assert "3 good + 1 rejected + 0 missing = 4 of 4" in summary.text
    assert "120.50 INR for each piece" in summary.text
    assert "Cotton yarn 2.5 m for each piece" in summary.text
    assert "The last one is darker." in summary.text
    assert portal.bench.value("SELECT count(*) FROM consumption_log WHERE quantity_basis = 'per_piece'") == 1
    stored = portal.bench.run(run)
    assert balance_of(stored) == (3, 1, 0)
    assert (stored["rejection_reason"], stored["rejection_notes"]) == ("fabric_flaw", "a hole")
    assert (str(stored["partner_cost"]), stored["cost_type"]) == ("120.500000", "per_unit")
    assert stored["completion_notes"] == "The last one is darker."
    assert "Completed. Thank you!" in done.text
    assert done.address.startswith(f"/portal/runs/{run}/complete")


def test_nothing_is_stored_before_the_last_step(portal: Portal) -> None:
    run = portal.a_run(steps=ALL)

    page = go(portal, portal.open(f"/portal/runs/{run}/complete"), "cost", produced_quantity="4")
    go(portal, page, "check", partner_cost="9")

    assert "completed_at" not in portal.phase_stamps(run)
    assert portal.bench.run(run)["partner_cost"] is None


def test_back_keeps_every_answer_of_every_step(portal: Portal) -> None:
    run = portal.a_run(steps=ALL)
    page = go(
        portal,
        portal.open(f"/portal/runs/{run}/complete"),
        "cost",
        produced_quantity="3",
        short_quantity="1",
        short_reason="no yarn",
    )
    page = go(portal, page, "pieces", partner_cost="77")

    fields = {str(field["name"]): str(field.get("value", "")) for field in page.form("/complete").find_all("input")}
    again = go(portal, page, "cost")

    assert (fields["produced_quantity"], fields["short_quantity"], fields["short_reason"]) == ("3", "1", "no yarn")
    assert fields["partner_cost"] == "77"
    assert again.form("/complete").find("input", {"name": "partner_cost"})["value"] == "77"


@pytest.mark.parametrize(
    ("typed", "field", "sentence"),
    [
        ({"produced_quantity": "3"}, "produced_quantity", "Ordered 4, but produced 3 + rejected 0 + short 0 = 3."),
        ({"produced_quantity": "many"}, "produced_quantity", "Good pieces must be a whole or decimal number."),
        ({"rejected_quantity": "1"}, "rejection_reason", "Rejected pieces: please say why."),
        ({"short_quantity": "1"}, "short_reason", "Missing pieces: please say why."),
        ({"rejected_quantity": "-1"}, "rejected_quantity", "Rejected pieces must not be negative."),
        ({"produced_quantity": "9"}, "produced_quantity", "Produced 9 is more than 4.2"),
    ],
)
def test_pieces_that_do_not_add_up_are_told_at_once_beside_their_field(
    portal: Portal, typed: dict[str, str], field: str, sentence: str
) -> None:
    run = portal.a_run(steps=ALL)

    page = go(portal, portal.open(f"/portal/runs/{run}/complete"), "cost", **typed, rejection_notes="kept")

    assert page.status == 422
    assert sentence in page.soup.find("p", id=f"complete-{field}-error").get_text()
    assert page.soup.find(id=f"complete-{field}")["aria-invalid"] == "true"
    for name, value in {**typed, "rejection_notes": "kept"}.items():
        assert page.form("/complete").find("input", {"name": name})["value"] == value


def test_a_wrong_amount_of_material_is_told_in_its_own_row(portal: Portal) -> None:
    items = [portal.an_item("item_a", title="Yarn"), portal.an_item("item_b", title="Dye")]
    run = portal.a_run(planned_materials=items, steps=ALL)
    page = go(portal, portal.open(f"/portal/runs/{run}/complete"), "material")

    wrong = go(portal, page, "notes", consumptions__1__quantity="a lot")

    row = wrong.soup.find("p", id="complete-consumptions.1.quantity-error")
    assert row.get_text() == "Amount must be a whole or decimal number."
    assert "Yarn" in wrong.text


def test_a_double_tap_on_the_last_button_settles_once(portal: Portal) -> None:
    run = portal.a_run(steps=ALL)
    page = go(portal, portal.open(f"/portal/runs/{run}/complete"), "check", produced_quantity="4")

    twice = portal.send_twice(page, "/complete", go="send")

    assert "Completed. Thank you!" in twice.text
    assert portal.bench.events(run, "production_run.completed") == ["production_run.completed"]


def test_who_sends_an_old_summary_again_sees_what_came_of_the_run(portal: Portal) -> None:
    run = portal.a_run(steps=ALL)
    page = go(portal, portal.open(f"/portal/runs/{run}/complete"), "check", produced_quantity="4")
    portal.bench.done(commands.CompleteRun(), run_id=run, tenant=portal.partner)

    late = go(portal, page, "send")

    assert "Completed. Thank you!" in late.text


def test_a_summary_with_a_wrong_answer_leads_back_to_the_step_that_asks_for_it(portal: Portal) -> None:
    run = portal.a_run(steps=ALL)
    page = portal.open(f"/portal/runs/{run}/complete")
    token = page.form("/complete").find("input", {"name": "csrf"})["value"]
    fields = [
        ("csrf", token),
        ("once", "o"),
        ("step", "check"),
        ("go", "send"),
        ("partner_cost", "dear"),
        ("notes", "kept"),
    ]

    with portal.house.open_workshop():
        wrong = portal.browser.post(f"/portal/runs/{run}/complete", fields)

    assert wrong.status == 422
    assert wrong.soup.h1.get_text() == "What does it cost?"
    assert wrong.form("/complete").find("input", {"name": "notes"})["value"] == "kept"


def test_a_run_that_is_not_finished_says_why_it_cannot_be_completed(portal: Portal) -> None:
    run = portal.a_run(steps=("accept", "start"))

    page = portal.open(f"/portal/runs/{run}/complete")

    assert "Not yet" in page.text
    assert not page.has_form("/complete")


def test_what_was_noted_before_is_shown_and_not_asked_for_again(portal: Portal) -> None:
    run = portal.a_run(planned_materials=[portal.an_item()], steps=ALL)
    address = f"/portal/runs/{run}/material"
    portal.send(portal.open(address), "/material", what="item_yarn", quantity="10")

    page = go(portal, portal.open(f"/portal/runs/{run}/complete"), "material")
    summary = go(portal, page, "check")
    go(portal, summary, "send")

    assert "Noted so far (1)" in page.text
    assert "noted before" in summary.text
    assert portal.bench.value("SELECT count(*) FROM consumption_log") == 1
