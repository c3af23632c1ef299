"""Material: logged, settled once with the run or by hand, taken from the right place and never below nothing."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from shared.domain import commands
from shared.domain.consumption import ConsumptionType, Entry, QuantityBasis, Unit
from shared.domain.runs import RejectionReason, RunType
from shared.storage import invariants
from tests.actors.steps import complete_by_milestones, complete_by_tasks, set_policy, take
from tests.material import a_level, an_item, stocked
from tests.workshop import TestBench

BOTH_PATHS = pytest.mark.parametrize("complete", [complete_by_milestones, complete_by_tasks])
DESIGN = "dsgn_design_of_weaver"


def used(quantity: str, item: str | None = "item_yarn", **more: Any) -> Entry:
    return Entry(quantity=Decimal(quantity), inventory_item_id=item, **more)


def log(workshop: TestBench, run_id: str, *entries: Entry) -> list[str]:
    """The partner logs this; returns the logs."""
    return [take(workshop, run_id, commands.LogConsumption(entry=entry))["consumption_log_id"] for entry in entries]


def logs(workshop: TestBench, run_id: str) -> list[Any]:
    return workshop.rows("SELECT * FROM consumption_log WHERE production_run_id = :id ORDER BY consumed_at", id=run_id)


def movements(workshop: TestBench, run_id: str) -> list[Any]:
    return workshop.rows("SELECT * FROM stock_movement WHERE run_id = :id ORDER BY seq", id=run_id)


def broken(workshop: TestBench) -> dict[str, list[str]]:
    with workshop.engine.connect() as connection:
        return {name: found for name, found in invariants.check(connection).items() if found}


@BOTH_PATHS
def test_what_was_logged_leaves_the_stock_once(workshop: TestBench, complete: Callable[..., None]) -> None:
    a_level(workshop, stock="100")
    child = workshop.a_sent_run()
    log(workshop, child, used("5"), used("2.5"))

    complete(workshop, child)

    assert stocked(workshop) == Decimal("92.5")
    workshop.refused(commands.CompleteRun(), run_id=child)
    again = workshop.done(commands.CommitConsumption(commit_all=True), run_id=child)
    assert again["committed_count"] == 0
    assert stocked(workshop) == Decimal("92.5")
    assert [row["quantity"] for row in movements(workshop, child)] == [-5, Decimal("-2.5")]
    assert all(row["is_committed"] for row in logs(workshop, child))
    assert broken(workshop) == {}


def test_what_is_said_with_the_completion_is_logged_and_settled(workshop: TestBench) -> None:
    a_level(workshop, stock="100")
    child = workshop.a_sent_run()
    take(workshop, child, commands.AcceptRun(), commands.StartRun(), commands.FinishRun())

    answer = take(workshop, child, commands.CompleteRun(consumptions=[used("5"), used("2.5")]))

    assert answer["consumptions_logged"] == 2
    assert stocked(workshop) == Decimal("92.5")
    assert workshop.events(child).count("production_run.consumption_logged") == 2
    assert workshop.events(child).count("production_run.consumption_committed") == 1


def test_an_unknown_item_with_the_completion_refuses_all_of_it(workshop: TestBench) -> None:
    child = workshop.a_sent_run()
    take(workshop, child, commands.AcceptRun(), commands.StartRun(), commands.FinishRun())

    no = workshop.refused(commands.CompleteRun(consumptions=[used("5", "item_no")]), run_id=child)

    assert no["errors"][0]["pointer"] == "/consumptions/0/inventory_item_id"
    assert workshop.run(child)["status"] == "in_progress"
    assert logs(workshop, child) == []


def test_a_quantity_per_piece_counts_good_and_rejected_pieces(workshop: TestBench) -> None:
    a_level(workshop, stock="100")
    child = workshop.a_sent_run(quantity="4")
    log(workshop, child, used("1.5", quantity_basis=QuantityBasis.PER_PIECE))
    take(workshop, child, commands.AcceptRun(), commands.StartRun(), commands.FinishRun())

    outcome = {"rejected_quantity": Decimal(1), "rejection_reason": RejectionReason.OTHER}
    take(workshop, child, commands.CompleteRun(**outcome, short_quantity=Decimal(1), short_reason="lost"))

    assert stocked(workshop) == Decimal("95.5")


def test_a_quantity_per_piece_waits_for_the_count(workshop: TestBench) -> None:
    a_level(workshop, stock="100")
    child = workshop.a_sent_run()
    (first,) = log(workshop, child, used("1.5", quantity_basis=QuantityBasis.PER_PIECE))

    answer = workshop.done(commands.CommitConsumption(), run_id=child)

    assert answer["committed_count"] == 0
    assert workshop.refused(commands.CommitConsumption(log_ids=[first]), run_id=child)["code"] == "wrong_state"


def test_stock_stops_at_nothing_and_what_was_short_is_told(workshop: TestBench) -> None:
    a_level(workshop, stock="3")
    child = workshop.a_sent_run()
    log(workshop, child, used("5"))

    complete_by_milestones(workshop, child)

    (moved,) = movements(workshop, child)
    assert (stocked(workshop), moved["quantity"], moved["shortfall"]) == (0, -3, 2)
    assert logs(workshop, child)[0]["committed_quantity"] == 5
    assert "Short by 2" in logs(workshop, child)[0]["commit_note"]
    assert "production_run.stock_short" in workshop.events(child)
    assert workshop.value("SELECT count(*) FROM notification WHERE run_id = :id", id=child) >= 1
    assert broken(workshop) == {}


def test_the_policy_can_refuse_what_stock_does_not_cover(workshop: TestBench) -> None:
    set_policy(workshop, '{"on_stock_short": "refuse"}')
    a_level(workshop, stock="3")
    child = workshop.a_sent_run()
    log(workshop, child, used("5"))
    take(workshop, child, commands.AcceptRun(), commands.StartRun(), commands.FinishRun())

    assert workshop.refused(commands.CompleteRun(), run_id=child)["code"] == "stock_short"
    assert (stocked(workshop), workshop.run(child)["status"]) == (3, "in_progress")


@pytest.mark.parametrize(
    ("owner", "location", "note"),
    [("ptnr_weaver", "sloc_a", "not ours"), (None, "sloc_b", "no stock level")],
)
def test_what_is_not_in_our_stock_is_settled_without_a_movement(
    workshop: TestBench, owner: str | None, location: str, note: str
) -> None:
    child = workshop.a_sent_run()
    a_level(workshop, stock="100", owner=owner)
    a_level(workshop, item="item_silk", location="sloc_b", stock="1")
    log(workshop, child, used("5", location_id=location))

    complete_by_milestones(workshop, child)

    (settled,) = logs(workshop, child)
    assert settled["is_committed"]
    assert note in settled["commit_note"]
    assert (movements(workshop, child), stocked(workshop)) == ([], 100)


def test_an_item_nobody_stocks_is_settled_and_says_so(workshop: TestBench) -> None:
    an_item(workshop)
    child = workshop.a_sent_run()
    log(workshop, child, used("5"))

    complete_by_milestones(workshop, child)

    assert "no stock level" in logs(workshop, child)[0]["commit_note"]


def test_energy_and_labour_need_no_item_and_move_nothing(workshop: TestBench) -> None:
    child = workshop.a_sent_run()
    log(workshop, child, used("3", None, consumption_type=ConsumptionType.LABOR))

    complete_by_milestones(workshop, child)

    (settled,) = logs(workshop, child)
    assert (settled["is_committed"], settled["commit_note"], settled["unit_of_measure"]) == (True, None, Unit.HOUR)


def test_a_log_takes_what_is_usual_from_its_run_and_item(workshop: TestBench) -> None:
    an_item(workshop, unit="Meter")
    child = workshop.a_sent_run(run_type=RunType.SAMPLE)

    log(workshop, child, used("1"))

    (made,) = logs(workshop, child)
    assert (made["consumption_type"], made["unit_of_measure"], made["consumed_by"]) == ("sample", "Meter", "partner")


def test_nothing_is_logged_on_what_has_ended_or_was_split(workshop: TestBench) -> None:
    an_item(workshop)
    child = workshop.a_sent_run()
    parent = workshop.run(child)["parent_run_id"]

    assert workshop.refused(commands.LogConsumption(entry=used("1")), run_id=parent)["code"] == "run_is_a_container"
    workshop.done(commands.CancelRun(), run_id=child)
    assert workshop.refused(commands.LogConsumption(entry=used("1")), run_id=child)["code"] == "wrong_state"


def test_a_partner_cannot_log_on_a_strangers_run(workshop: TestBench) -> None:
    an_item(workshop)
    child = workshop.a_sent_run()
    workshop.a_partner("stranger")

    no = workshop.ask(commands.LogConsumption(entry=used("1")), run_id=child, tenant="ptnr_stranger")

    assert no.refusal is not None
    assert no.refusal["code"] == "not_found"


def test_named_logs_are_committed_from_the_place_the_admin_says(workshop: TestBench) -> None:
    a_level(workshop, stock="100")
    a_level(workshop, location="sloc_b", stock="50")
    child = workshop.a_sent_run()
    first, _ = log(workshop, child, used("5"), used("2"))

    commit = commands.CommitConsumption(log_ids=[first], default_location_id="sloc_b")
    assert workshop.done(commit, run_id=child)["committed_count"] == 1
    assert workshop.done(commit, run_id=child)["committed_count"] == 0

    assert (stocked(workshop), stocked(workshop, "sloc_b")) == (100, 45)
    assert (
        workshop.refused(commands.CommitConsumption(log_ids=["clog_no"]), run_id=child)["code"] == "unknown_reference"
    )


def test_the_logs_of_all_runs_of_a_design_are_committed_at_once(workshop: TestBench) -> None:
    a_level(workshop, stock="100")
    first = workshop.a_sent_run()
    second = workshop.a_run(DESIGN)
    log(workshop, first, used("5"))
    workshop.done(commands.LogConsumption(entry=used("2.5")), run_id=second)

    commit = commands.CommitDesignConsumption(design_id=DESIGN, commit_all=True)
    assert workshop.done(commit)["committed_count"] == 2
    assert workshop.done(commit)["committed_count"] == 0

    assert stocked(workshop) == Decimal("92.5")


def a_split_run(workshop: TestBench, *entries: Entry, run_type: RunType = RunType.PRODUCTION) -> tuple[str, str]:
    """A run that was logged on before it was split: it and its one part, which is sent."""
    workshop.a_template("weave")
    share = commands.Assignment(partner_id=workshop.a_partner("weaver"), template_names=["weave"])
    parent = workshop.a_run(workshop.a_design(DESIGN.removeprefix("dsgn_")), run_type=run_type)
    for entry in entries:
        workshop.done(commands.LogConsumption(entry=entry), run_id=parent)
    (child,) = workshop.done(commands.ApproveRun(assignments=[share]), run_id=parent)["children"]
    return parent, child


@BOTH_PATHS
def test_what_was_logged_before_a_run_was_split_is_settled_with_its_last_part(
    workshop: TestBench, complete: Callable[..., None]
) -> None:
    a_level(workshop, stock="100", unit_cost="2")
    entries = used("5"), used("1.5", quantity_basis=QuantityBasis.PER_PIECE)
    parent, child = a_split_run(workshop, *entries, run_type=RunType.SAMPLE)

    complete(workshop, child)

    assert workshop.run(parent)["status"] == "completed"
    assert stocked(workshop) == 100 - 5 - Decimal("1.5") * 4
    assert design(workshop)["material_cost"] == 22
    assert broken(workshop) == {}


def test_a_split_run_closes_even_where_the_policy_refuses_what_is_short(workshop: TestBench) -> None:
    set_policy(workshop, '{"on_stock_short": "refuse"}')
    a_level(workshop, stock="3")
    parent, child = a_split_run(workshop, used("5"))

    complete_by_milestones(workshop, child)

    assert workshop.run(parent)["status"] == "completed"
    assert stocked(workshop) == 0
    assert "production_run.stock_short" in workshop.events(parent)
    assert broken(workshop) == {}


# Costs and corrections ----------------------------------------------------------------------------------------------


def design(workshop: TestBench) -> Any:
    return workshop.rows("SELECT * FROM design WHERE id = :id", id=DESIGN)[0]


def test_a_sample_says_what_its_design_costs(workshop: TestBench) -> None:
    a_level(workshop, stock="100", unit_cost="4")
    child = workshop.a_sent_run(run_type=RunType.SAMPLE, quantity="1")
    log(workshop, child, used("5"), used("2", unit_cost=Decimal("10")))
    take(workshop, child, commands.AcceptRun(), commands.StartRun(), commands.FinishRun())

    take(workshop, child, commands.CompleteRun(partner_cost=Decimal(7)))

    priced = design(workshop)
    assert (priced["material_cost"], priced["production_cost"], priced["estimated_cost"]) == (40, 7, 47)
    assert priced["cost_breakdown"]["making_cost_source"] == "partner"
    assert priced["status"] == "Approved"


def test_a_production_run_leaves_the_costs_of_its_design_alone(workshop: TestBench) -> None:
    a_level(workshop, stock="100", unit_cost="4")
    child = workshop.a_sent_run()
    log(workshop, child, used("5"))

    complete_by_milestones(workshop, child)

    assert (design(workshop)["material_cost"], design(workshop)["cost_breakdown"]) == (None, None)


def test_a_corrected_output_is_told_with_before_and_after_and_reaches_the_parent(workshop: TestBench) -> None:
    child = workshop.a_sent_run(quantity="4")
    complete_by_milestones(workshop, child)

    correction = {"short_quantity": Decimal(1), "short_reason": "one was lost"}
    workshop.done(commands.CorrectOutput(**correction, reason="counted again"), run_id=child)

    for run_id in (child, workshop.run(child)["parent_run_id"]):
        corrected = workshop.run(run_id)
        assert (corrected["produced_quantity"], corrected["short_quantity"], corrected["quantity"]) == (3, 1, 4)
        assert workshop.events(run_id).count("production_run.output_corrected") == 1
        assert workshop.events(run_id).count("production_run.completed") == 1
    assert broken(workshop) == {}


def test_only_a_completed_run_is_corrected_and_its_pieces_add_up(workshop: TestBench) -> None:
    child = workshop.a_sent_run(quantity="4")
    parent = workshop.run(child)["parent_run_id"]
    too_few = commands.CorrectOutput(produced_quantity=Decimal(3), reason="counted again")

    assert workshop.refused(too_few, run_id=child)["code"] == "wrong_state"
    complete_by_milestones(workshop, child)

    assert workshop.refused(too_few, run_id=child)["code"] == "yield_does_not_balance"
    assert workshop.refused(too_few, run_id=parent)["code"] == "run_is_a_container"
    workshop.done(commands.CorrectOutput(produced_quantity=Decimal(9), reason="they made more"), run_id=child)
    assert workshop.run(parent)["produced_quantity"] == 9


def test_an_absurd_amount_per_piece_is_refused_and_points_at_its_entry(workshop: TestBench) -> None:
    an_item(workshop)
    child = workshop.a_sent_run()
    take(workshop, child, commands.AcceptRun(), commands.StartRun(), commands.FinishRun())
    absurd = used("999999999999.999999", quantity_basis=QuantityBasis.PER_PIECE)

    alone = workshop.refused(commands.LogConsumption(entry=absurd), run_id=child)
    told = workshop.refused(commands.CompleteRun(consumptions=[used("1"), absurd]), run_id=child)

    assert [no["errors"][0]["pointer"] for no in (alone, told)] == ["/quantity", "/consumptions/1/quantity"]
    assert (logs(workshop, child), workshop.run(child)["status"]) == ([], "in_progress")
