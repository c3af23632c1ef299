"""Stock under fire: commits by hand and a completion at the same instant move every log once."""

from decimal import Decimal

from shared.domain import commands
from shared.domain.consumption import Entry
from shared.storage import invariants
from tests.material import a_level, stocked
from tests.races.test_races import race, states
from tests.workshop import TestBench

ROUNDS = 10


def test_twelve_commits_and_a_completion_at_once_move_each_log_once(workshop: TestBench) -> None:
    a_level(workshop, stock="1000")
    for place in range(ROUNDS):
        child = workshop.a_sent_run(partner=f"weaver{place}")
        tenant = workshop.run(child)["partner_id"]
        design = workshop.run(child)["design_id"]
        for command in (commands.AcceptRun(), commands.StartRun(), commands.FinishRun()):
            workshop.done(command, run_id=child, tenant=tenant)
        for quantity in ("5", "2.5"):
            entry = Entry(quantity=Decimal(quantity), inventory_item_id="item_yarn")
            workshop.done(commands.LogConsumption(entry=entry), run_id=child, tenant=tenant)

        asked = [workshop.post(commands.CommitConsumption(commit_all=True), run_id=child) for _ in range(6)]
        asked += [workshop.post(commands.CommitDesignConsumption(design_id=design)) for _ in range(6)]
        asked.append(workshop.post(commands.CompleteRun(), run_id=child, tenant=tenant))
        race(workshop, asked)

        assert states(workshop, asked) == {"done": 13}, workshop.errors()
        moved = "SELECT count(*) FROM stock_movement WHERE run_id = :id"
        assert workshop.value(moved, id=child) == 2
        assert stocked(workshop) == 1000 - Decimal("7.5") * (place + 1)
    with workshop.engine.connect() as connection:
        assert not any(invariants.check(connection).values())


def test_runs_that_share_two_materials_in_either_order_do_not_wait_for_each_other(workshop: TestBench) -> None:
    items = ("item_yarn", "item_silk")
    for place, item in enumerate(items):
        a_level(workshop, item=item, location=f"sloc_{place}", stock="100")
    asked = []
    for place in range(8):
        child = workshop.a_sent_run(partner=f"weaver{place}")
        for item in items if place % 2 else reversed(items):
            entry = Entry(quantity=Decimal(1), inventory_item_id=item)
            workshop.done(commands.LogConsumption(entry=entry), run_id=child)
        asked.append(workshop.post(commands.CommitConsumption(), run_id=child))

    race(workshop, asked)

    assert states(workshop, asked) == {"done": 8}
    assert (stocked(workshop, "sloc_0"), stocked(workshop, "sloc_1")) == (92, 92)
    assert workshop.errors() == []
