"""Random histories: partners, admins, shops and time at the same runs, messages twice. Whatever happens, the house stays in order.

The model is the lifecycle's own table: before each step it says whether the step is possible, afterwards the actor must agree.
"""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from sqlalchemy import text

from services.workers import sweeps
from shared.domain import commands, lifecycle, tasks
from shared.domain.commands import Command
from shared.domain.consumption import Entry, QuantityBasis
from shared.domain.lifecycle import Facts, Verb
from shared.domain.runs import Run
from shared.domain.tasks import Task
from shared.storage import invariants
from shared.storage.run_store import RUN_COLUMNS, RunStore, run_from
from shared.storage.task_store import TaskStore
from tests.material import a_level
from tests.workshop import TestBench

PARTNERS = ("ptnr_weaver", "ptnr_cutter", "ptnr_tailor")
STEPS: dict[Verb, Command] = {
    Verb.ACCEPT: commands.AcceptRun(),
    Verb.DECLINE: commands.DeclineRun(reason=commands.DeclineReason.CAPACITY),
    Verb.START: commands.StartRun(),
    Verb.FINISH: commands.FinishRun(),
    Verb.COMPLETE: commands.CompleteRun(),
}


class Histories(RuleBasedStateMachine):
    """One house and its runs; `bench` is set by the test."""

    bench: TestBench
    orders = 0

    def __init__(self) -> None:
        super().__init__()
        self.mine: list[str] = []
        # Each history begins in an empty house, so that the same steps always lead to the same end.
        self.bench.change(
            "TRUNCATE production_run, message, order_line, run_snapshot, alarm, stock_level RESTART IDENTITY CASCADE"
        )
        a_level(self.bench, stock="100")

    # What may happen ------------------------------------------------------------------------------------------------

    @rule(lines=st.integers(1, 2), copies=st.integers(1, 3))
    def a_shop_places_an_order(self, lines: int, copies: int) -> None:
        Histories.orders += 1
        order = self.bench.an_order(f"order_{Histories.orders}", *((f"line_{n}", "prod_1") for n in range(lines)))
        for _ in range(copies):
            self.bench.post(order)
        self.bench.pump()
        made = self.bench.rows("SELECT id FROM production_run WHERE order_id = :order", order=order.order.id)
        assert len(made) == lines
        self.mine += [row["id"] for row in made]

    @precondition(lambda self: self.mine)
    @rule(data=st.data(), shares=st.integers(1, 3), is_staged=st.booleans(), with_choice=st.booleans())
    def an_admin_approves(self, data: st.DataObject, shares: int, is_staged: bool, with_choice: bool) -> None:
        run = self.pick(data)
        possible = lifecycle.refusal(run, Verb.APPROVE, Facts()) is None
        assignments = [
            commands.Assignment(
                partner_id=PARTNERS[n],
                order=n if is_staged else None,
                template_names=["step one", "step two"] if with_choice else None,
            )
            for n in range(shares)
        ]
        answer = self.ask(commands.ApproveRun(assignments=assignments), run, possible=possible)
        self.mine += (answer.get("children") or []) if possible else []

    @precondition(lambda self: self.mine)
    @rule(data=st.data())
    def an_admin_sends_it(self, data: st.DataObject) -> None:
        run = self.pick(data)
        facts = self.facts(run)
        verb = Verb.CONFIRM if run.dispatch_state == "awaiting_templates" else Verb.DISPATCH
        possible = lifecycle.refusal(run, verb, facts) is None
        self.ask(commands.SendToProduction(template_names=["step one"]), run, possible=possible)

    @precondition(lambda self: self.mine)
    @rule(data=st.data())
    def an_admin_opens_its_dispatch(self, data: st.DataObject) -> None:
        run = self.pick(data)
        possible = lifecycle.refusal(run, Verb.DISPATCH, self.facts(run)) is None
        self.ask(commands.DispatchRun(), run, possible=possible)

    @precondition(lambda self: self.mine)
    @rule(data=st.data(), verb=st.sampled_from(list(STEPS)))
    def its_partner_takes_a_step(self, data: st.DataObject, verb: Verb) -> None:
        run = self.pick(data)
        if run.partner_id:
            possible = lifecycle.refusal(run, verb, self.facts(run)) is None
            self.ask(STEPS[verb], run, tenant=run.partner_id, possible=possible)

    @precondition(lambda self: self.mine)
    @rule(data=st.data(), verb=st.sampled_from(list(STEPS)))
    def a_stranger_tries_a_step(self, data: st.DataObject, verb: Verb) -> None:
        run = self.pick(data)
        stranger = next(partner for partner in PARTNERS if partner != run.partner_id)
        before = self.bench.run(run.id)

        refusal = self.bench.refused(STEPS[verb], run_id=run.id, tenant=stranger)

        assert refusal["code"] == "not_found"
        assert self.bench.run(run.id) == before

    @precondition(lambda self: self.mine)
    @rule(data=st.data())
    def its_partner_finishes_a_task(self, data: st.DataObject) -> None:
        run = self.pick(data)
        open_tasks = [task for task in self.tasks(run) if not task.is_closed]
        if open_tasks and run.partner_id:
            task = data.draw(st.sampled_from(open_tasks))
            possible = run.status == "in_progress" and run.held_at is None and task.work_order_id == run.work_order_id
            self.ask(commands.FinishTask(task_id=task.id), run, tenant=task.partner_id, possible=possible)

    @precondition(lambda self: self.mine)
    @rule(data=st.data())
    def an_admin_wants_rework(self, data: st.DataObject) -> None:
        run = self.pick(data)
        possible = run.status in ("sent_to_partner", "in_progress") and not run.is_container and run.held_at is None
        self.ask(commands.AddTasks(template_names=["mend"]), run, possible=possible)

    @precondition(lambda self: self.mine)
    @rule(data=st.data(), partner=st.sampled_from(PARTNERS))
    def an_admin_gives_it_to_another(self, data: st.DataObject, partner: str) -> None:
        run = self.pick(data)
        possible = lifecycle.refusal(run, Verb.REASSIGN, self.facts(run)) is None
        self.ask(commands.AssignPartner(partner_id=partner), run, possible=possible)

    @precondition(lambda self: self.mine)
    @rule(data=st.data())
    def an_admin_cancels_it(self, data: st.DataObject) -> None:
        run = self.pick(data)
        possible = run.status == "cancelled" or lifecycle.refusal(run, Verb.CANCEL, Facts()) is None
        self.ask(commands.CancelRun(reason="history"), run, possible=possible)

    @precondition(lambda self: self.mine)
    @rule(data=st.data(), verb=st.sampled_from([Verb.HOLD, Verb.RESUME]))
    def an_admin_holds_or_resumes_it(self, data: st.DataObject, verb: Verb) -> None:
        run = self.pick(data)
        possible = lifecycle.refusal(run, verb, Facts()) is None
        self.ask(commands.HoldRun(reason="wait") if verb is Verb.HOLD else commands.ResumeRun(), run, possible=possible)

    @precondition(lambda self: self.mine)
    @rule(data=st.data(), quantity=st.decimals("0.5", "9", places=2), per_piece=st.booleans(), is_settled=st.booleans())
    def its_partner_logs_material(
        self, data: st.DataObject, quantity: Decimal, per_piece: bool, is_settled: bool
    ) -> None:
        run = self.pick(data)
        basis = QuantityBasis.PER_PIECE if per_piece else QuantityBasis.TOTAL
        entry = Entry(quantity=quantity, inventory_item_id="item_yarn", quantity_basis=basis)
        logged = self.bench.ask(commands.LogConsumption(entry=entry), run_id=run.id, tenant=run.partner_id)
        assert logged.state == ("refused" if run.is_terminal or run.is_container else logged.state)
        if is_settled:
            self.bench.ask(commands.CommitConsumption(commit_all=True), run_id=run.id)

    @rule(days=st.sampled_from([1, 24]))
    def time_passes(self, days: int) -> None:
        with self.bench.engine.begin() as connection:
            now = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
            sweeps.lapse_gates(connection, at=now + timedelta(days=days))
        self.bench.pump()

    @rule(data=st.data())
    def a_message_comes_again(self, data: st.DataObject) -> None:
        last = self.bench.value("SELECT max(id) FROM delivery")
        if last:
            before = self.bench.value("SELECT count(*) FROM message")
            self.bench.workshop.carry_out(data.draw(st.integers(1, last)), redelivered=True)
            assert self.bench.value("SELECT count(*) FROM message") == before

    # What must hold -------------------------------------------------------------------------------------------------

    @invariant()
    def the_house_is_in_order(self) -> None:
        with self.bench.engine.connect() as connection:
            assert {name: ids for name, ids in invariants.check(connection).items() if ids} == {}
        assert self.bench.errors() == []

    @invariant()
    def pieces_balance(self) -> None:
        assert not self.bench.rows(
            """SELECT id FROM production_run WHERE status = 'completed' AND child_count = 0
               AND produced_quantity + rejected_quantity + short_quantity <> quantity"""
        )

    @invariant()
    def stock_is_the_sum_of_its_movements(self) -> None:
        assert not self.bench.rows(
            """SELECT l.id FROM stock_level l
               WHERE l.stocked <> (SELECT coalesce(sum(m.quantity), 0) FROM stock_movement m
                   WHERE m.inventory_item_id = l.inventory_item_id AND m.location_id = l.location_id)"""
        )
        assert not self.bench.rows(
            """SELECT c.id FROM consumption_log c JOIN production_run r ON r.id = c.production_run_id
               WHERE r.status = 'completed' AND NOT c.is_committed"""
        )

    @invariant()
    def nothing_is_a_dead_end(self) -> None:
        for run_id in self.mine:
            run = self.read(run_id)
            assert run.is_terminal or lifecycle.allowed_actions(run, for_partner=False, facts=Facts())

    # Looking --------------------------------------------------------------------------------------------------------

    def pick(self, data: st.DataObject) -> Run:
        return self.read(data.draw(st.sampled_from(self.mine)))

    def read(self, run_id: str) -> Run:
        row: dict[str, Any] = dict(self.bench.run(run_id))
        return run_from({name: row[name] for name in RUN_COLUMNS})

    def tasks(self, run: Run) -> list[Task]:
        with self.bench.engine.connect() as connection:
            return TaskStore(connection).of_run(run)

    def facts(self, run: Run) -> Facts:
        with self.bench.engine.connect() as connection:
            unsettled = RunStore(connection).unsettled(run.id)
        return Facts(open_redo=tasks.open_redo(self.tasks(run), run), unsettled=unsettled)

    def ask(self, command: Command, run: Run, *, possible: bool, tenant: str | None = None) -> dict[str, Any]:
        if possible:
            return self.bench.done(command, run_id=run.id, tenant=tenant)
        return self.bench.refused(command, run_id=run.id, tenant=tenant)


@pytest.fixture
def bench(database: str) -> Iterator[TestBench]:
    made = TestBench(database)
    for partner in PARTNERS:
        made.a_partner(partner.removeprefix("ptnr_"))
    made.a_product("prod_1", design_id=made.a_design())
    for name, kind in (("step one", "work"), ("step two", "work"), ("mend", "redo")):
        made.a_template(name, kind=kind)
    yield made
    made.close()


@pytest.mark.timeout(300)
def test_every_random_history_keeps_the_house_in_order(bench: TestBench) -> None:
    Histories.bench = bench
    run_state_machine_as_test(
        Histories,
        settings=settings(
            max_examples=25,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
        ),
    )
