"""Random histories: partners, admins, shops and time at the same runs, messages twice, two at once.

After every step the tables must be what the model (model.py, written from domain.md) says, an answer must be a refusal where
the model says no, and everything below "What must hold" holds. Nothing that is drawn depends on how the house stands, so that
a history can be shortened; a rule that finds nothing to do does nothing.
"""

import os
import pickle
import sys
from collections.abc import Callable
from concurrent.futures import wait
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count, product
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlalchemy import Connection

from services.api.queries import runs, tasks, timeline
from services.workers import sweeps
from shared.domain import commands
from shared.domain.orders import Line as ShopLine
from shared.domain.orders import Order as ShopOrder
from shared.runtime import clock, ids
from shared.storage import invariants
from shared.storage.mail import Answer, DeliveryState
from tests.actors.steps import set_policy
from tests.material import a_level
from tests.properties import asks, happenings
from tests.properties.asks import Ask
from tests.properties.model import OURS, PARTNERS, THEIRS, House, Line, Run
from tests.properties.seen import EMPTY, Seen, differences
from tests.workshop import SHOP, TestBench

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
EVERYTHING = {"limit": "200"}


class Histories(RuleBasedStateMachine):
    """One house and its runs; `bench`, and `eyes` to look at its tables, are set by the test."""

    bench: TestBench
    eyes: Connection

    def __init__(self) -> None:
        super().__init__()
        # Each history begins in an empty house, so that the same steps always lead to the same end.
        self.eyes.exec_driver_sql(EMPTY)
        self.house = House()
        self.weeks = count(1)
        self.ends_well = False
        self._seen: Seen | None = None
        self._pages: tuple[bytes, dict[str | None, list[Any]]] = (b"", {})

    # What may happen ------------------------------------------------------------------------------------------------

    @initialize(
        policy=st.integers(0, 15),
        shares=st.tuples(happenings.VARIATION, happenings.VARIATION),
        ends_well=st.integers(0, 3),
    )
    def the_house_opens(self, policy: int, shares: tuple[int, int], ends_well: int) -> None:
        """With an order of two lines, each shared out in its own way."""
        house = self.house
        house.is_finish_at_last_task, house.is_reassigned_unaccepted = bool(policy & 1), bool(policy & 2)
        house.is_short_refused, house.is_first_stage_sent = bool(policy & 4), bool(policy & 8)
        self.ends_well = ends_well == 0
        set_policy(self.bench, _policy(house))
        a_level(self.bench, stock="40", item=asks.ITEM, location=OURS)
        a_level(self.bench, stock="50", item=asks.ITEM, location=THEIRS, owner=PARTNERS[0])
        self._shop_says(commands.PlaceOrder, house.place, "order_0", {"a": 2, "b": 40}, minute=1, status=None)
        for root, n in zip(list(house.runs.values()), shares, strict=True):
            found = asks.ask(house, "approve", root, n)
            assert found
            self._carry_out(found)

    @rule(what=happenings.ANY)
    def it_happens(self, what: tuple[str, dict[str, Any]]) -> None:
        """One rule for all: Hypothesis leaves some rules out of each history, and in most of them nothing would get made."""
        name, how = what
        getattr(self, name)(**how)

    def it_goes_on(self, run: int, steps: int) -> None:
        """So many steps of what comes next, whoever's turn it is."""
        picked = asks.pick(self.house, run)
        for _ in range(steps):
            if picked and not picked.is_terminal and not picked.children and not self.house.unsettled(picked):
                self._carry_out(asks.next_step(self.house, picked))
                self.the_house_is_as_the_model_says()

    def somebody_asks(self, kind: str, run: int, n: int, who: str, copies: int) -> None:
        picked = asks.pick(self.house, run)
        found = picked and asks.ask(self.house, kind, picked, n, who=who)
        if found:
            self._carry_out(found, copies=copies)

    def two_ask_at_once(self, kinds: tuple[str, str], picks: tuple[int, int], is_same: bool, n: int, who: str) -> None:
        picks = (picks[0], picks[0]) if is_same else picks
        chosen = [asks.pick(self.house, each) for each in picks]
        two = [run and asks.ask(self.house, kind, run, n, who=who) for kind, run in zip(kinds, chosen, strict=True)]
        if all(two):
            self._carry_out_at_once([each for each in two if each])

    def a_shop_speaks(
        self, kind: str, order: str, lines: dict[str, int], minute: int, status: str | None, copies: int
    ) -> None:
        """The same words may come in deliveries of their own, late and in any order."""
        for _ in range(copies):
            if kind == "placed":
                self._shop_says(commands.PlaceOrder, self.house.place, order, lines, minute=minute, status=status)
            elif kind == "changed":
                self._shop_says(commands.UpdateOrder, self.house.change, order, lines, minute=minute, status=status)
            else:
                self._shop_cancels(order, minute=minute)

    def an_admin_makes_a_run(self, partner: str | None, quantity: int, copies: int) -> None:
        """By hand; where its partner is known already, approval needs no more words."""
        if len(self.house.runs) < asks.MOST_RUNS:
            command = commands.CreateRun(design_id=asks.DESIGN, quantity=Decimal(quantity), partner_id=partner)
            message_id = ids.fresh("msg")
            for _ in range(copies):
                self.bench.post(command, message_id=message_id)
            self.bench.pump()
            run_id = str((self.bench.answer(message_id).result or {})["run_id"])
            self.house.runs[run_id] = Run(run_id, Decimal(quantity), partner=partner)
            self._all_followed()

    def time_passes(self, what: str) -> None:
        if what == "a repair":
            self._nothing_needs_repair()
        elif what.startswith("a week"):
            self._silence(is_sent=what == "a week of silence")
        else:
            self._deadlines(all_of_them=what == "a month")
        self._all_followed()

    def a_message_comes_again(self, n: int) -> None:
        deliveries = self.bench.rows("SELECT id FROM delivery ORDER BY id DESC")
        before = self.bench.value("SELECT count(*) FROM message")
        self.bench.workshop.carry_out(deliveries[n % len(deliveries)]["id"], redelivered=True)
        self.bench.pump()
        assert self.bench.value("SELECT count(*) FROM message") == before
        self._all_followed()

    # What must hold -------------------------------------------------------------------------------------------------

    @invariant()
    def nothing_failed_and_nothing_is_left_lying(self) -> None:
        assert (self.seen.faults, self.seen.pending) == ([], 0)

    @invariant()
    def the_house_is_as_the_model_says(self) -> None:
        assert differences(self.house, self.seen) == []

    @invariant()
    def pieces_balance(self) -> None:
        for row in self.seen.runs.values():
            if row["status"] == "completed" and not row["child_count"]:
                produced, rejected, short = map(Decimal, row["pieces"])
                total, ordered = produced + rejected + short, Decimal(row["quantity"])
                assert total == ordered or (total > ordered and not short), row
            assert (row["pieces"] is not None) == (row["status"] == "completed"), row

    @invariant()
    def stock_is_the_sum_of_its_movements(self) -> None:
        for place, stocked in self.seen.levels.items():
            moved = [Decimal(each["quantity"]) for each in self.seen.movements if each["place"] == place]
            assert Decimal(stocked) == sum(moved)
            assert Decimal(stocked) >= 0

    @invariant()
    def consumption_is_settled_once_and_with_its_run(self) -> None:
        taken = {each["log"]: each for each in self.seen.movements if each["log"]}
        assert len(taken) == sum(1 for each in self.seen.movements if each["log"])
        for row in self.seen.runs.values():
            for log in row["logs"]:
                assert log["is_committed"] or row["status"] != "completed", (row, log)
                moved = taken.get(log["id"])
                if moved:
                    assert Decimal(log["used"]) == Decimal(moved["shortfall"]) - Decimal(moved["quantity"])

    @invariant()
    def status_follows_from_stamps(self) -> None:
        for row in self.seen.runs.values():
            status, is_leaf = row["status"], not row["child_count"]
            assert (status == "completed") == (row["completed_at"] is not None), row
            assert (status == "cancelled") == (row["cancelled_at"] is not None), row
            if is_leaf and status == "in_progress":
                assert row["accepted_at"], row
            if status in ("draft", "pending_review", "approved", "sent_to_partner", "awaiting_reassignment"):
                assert not row["started_at"], row
            if status in ("draft", "pending_review", "approved", "sent_to_partner"):
                assert not row["accepted_at"], row
            assert (status == "sent_to_partner") <= (row["dispatched_at"] is not None), row
            in_order = [row[name] for name in ("accepted_at", "started_at", "finished_at") if row[name]]
            assert in_order == sorted(in_order), row

    @invariant()
    def parents_follow_from_their_families(self) -> None:
        for row in self.seen.runs.values():
            children = self.seen.children(row["id"])
            assert row["child_count"] == len(children)
            states = {child["status"] for child in children}
            if children:
                is_over = states <= {"completed", "cancelled"}
                if self.house.runs[row["id"]].is_called_off:
                    assert is_over, row
                    continue
                assert (row["status"] == "completed") == (is_over and "completed" in states), row
                assert (row["status"] == "cancelled") == (is_over and "completed" not in states), row
                assert row["is_partial"] == (row["status"] == "completed" and "cancelled" in states), row
                if row["status"] == "approved":
                    assert not states & {"in_progress", "completed"}, row

    @invariant()
    def completion_is_told_exactly_once(self) -> None:
        for row in self.seen.runs.values():
            assert row["completed_told"] == (row["status"] == "completed"), row

    @invariant()
    def no_state_is_without_an_exit(self) -> None:
        """What the gateway offers an admin is what the rules allow, and until a run has ended it is never nothing."""
        for told in self._page(None):
            run = self.house.runs[told["id"]]
            assert told["allowed_actions"] == self.house.actions(run, for_partner=False), told
            assert bool(told["allowed_actions"]) != run.is_terminal
            assert told["phase"] == run.phase

    @invariant()
    def nobody_sees_a_strangers_run(self) -> None:
        for partner in PARTNERS:
            told = self._page(partner)
            assert {each["id"] for each in told} == set(self.house.leaves_of(partner))
            for each in told:
                run = self.house.runs[each["id"]]
                assert each["allowed_actions"] == self.house.actions(run, for_partner=True)

    def teardown(self) -> None:
        """In the end everything around every run is looked at, and some houses are brought to an end."""
        if sys.exc_info()[0] or not self.house.runs:
            return  # what failed is told, not what came of it
        self._nobody_finds_anything_of_a_stranger()
        assert {name: found for name, found in invariants.check(self.eyes).items() if found} == {}
        if self.ends_well:
            self._every_run_can_be_brought_to_its_end()

    def _nobody_finds_anything_of_a_stranger(self) -> None:
        for partner, run in product(PARTNERS, self.house.runs.values()):
            is_own = run.id in self.house.leaves_of(partner)
            view = runs.find(self.eyes, run.id, partner_id=partner)
            assert (view is not None) == is_own
            told: list[Any] = tasks.of_run(self.eyes, run.id, partner_id=partner)
            assert {each["partner_id"] for each in told} <= {partner}
            assert not told or run.partner == partner
            if view:
                around = runs.related(self.eyes, view, partner_id=partner)
                story = timeline.page(self.eyes, run.id, {}, partner_id=partner)
                strangers = set(PARTNERS) - {partner}
                assert not strangers & set(_words((view.body(for_partner=True), around, story)))
        for partner in PARTNERS:
            listed = tasks.page(self.eyes, EVERYTHING, partner_id=partner)["tasks"]
            assert {each["production_run_id"] for each in listed} <= set(self._all_of(partner))

    def _all_of(self, partner: str) -> list[str]:
        return [run.id for run in self.house.runs.values() if run.partner == partner]

    def _every_run_can_be_brought_to_its_end(self) -> None:
        """By steps that the rules allow, without one from outside but a delivery of yarn."""
        a_delivery(self.bench, self.house)
        for _ in range(200):
            open_runs = [run for run in self.house.runs.values() if not run.is_terminal]
            if not open_runs:
                return
            run = next((run for run in open_runs if run.held), None) or next(
                run for run in open_runs if not run.children and not self.house.unsettled(run)
            )
            self._bring_on(run)
        raise AssertionError("after two hundred steps there are still open runs")

    def _bring_on(self, run: Run) -> None:
        before = pickle.dumps(self.house)
        self._carry_out(asks.next_step(self.house, run))
        self.the_house_is_as_the_model_says()
        assert pickle.dumps(self.house) != before, run

    # Asking ---------------------------------------------------------------------------------------------------------

    def _carry_out(self, ask: Ask, *, copies: int = 1) -> None:
        """Ask, several times under the same id, and see that the answer is the model's."""
        message_id = ids.fresh("msg")
        for _ in range(copies):
            self._post(ask, message_id)
        self.bench.pump()
        answer = self.bench.answer(message_id)
        is_done = ask.may_happen(self.house, answer.result or {})
        assert answer.state is (DeliveryState.DONE if is_done else DeliveryState.REFUSED), (ask.command, answer)
        self._all_followed()

    def _carry_out_at_once(self, two: list[Ask]) -> None:
        """Both on threads of their own. Whichever came first, the house stands as if one had come after the other."""
        message_ids = [self._post(ask, ids.fresh("msg")) for ask in two]
        deliveries = self.bench.rows(
            "SELECT id FROM delivery WHERE message_id = ANY(:ids) ORDER BY id", ids=message_ids
        )
        at_work = [self.bench.hands.submit(self.bench.workshop.carry_out, row["id"]) for row in deliveries]
        wait(at_work)
        self.bench.pump()
        self._seen = None
        answers = [self.bench.answer(message_id) for message_id in message_ids]
        self.house = self._explanation(list(zip(two, answers, strict=True)))

    def _explanation(self, answered: list[tuple[Ask, Answer]]) -> House:
        """The model after one order in which this may have happened; families follow in between, or only afterwards."""
        found = []
        for order, is_followed in product((answered, answered[::-1]), (True, False)):
            house: House = pickle.loads(pickle.dumps(self.house))
            told = []
            for ask, answer in order:
                is_done = ask.may_happen(house, answer.result or {})
                told += [] if is_done == (answer.state is DeliveryState.DONE) else [f"{ask}: {answer}"]
                if is_followed:
                    house.quiet()
            house.quiet()
            told = told or differences(house, self.seen)
            if not told:
                return house
            found.append(told)
        raise AssertionError(f"in no order could this have happened: {found}")

    def _post(self, ask: Ask, message_id: str) -> str:
        run_id = ask.run_id if ask.is_of_run else None
        return self.bench.post(ask.command, run_id=run_id, tenant=ask.tenant, message_id=message_id)

    def _shop_says(
        self,
        command: type[commands.PlaceOrder] | type[commands.UpdateOrder],
        hear: Callable[..., dict[str, Line]],
        order_id: str,
        lines: dict[str, int],
        *,
        minute: int,
        status: str | None,
    ) -> None:
        items = [ShopLine(id=name, product_id="prod_1", quantity=Decimal(lines[name])) for name in lines]
        at = NOON + timedelta(minutes=minute)
        order = ShopOrder(id=order_id, items=items, updated_at=at, status=status)
        result = self.bench.done(command(source="shop", order=order), actor=SHOP)
        told = {name: Line(Decimal(quantity)) for name, quantity in lines.items()}
        made = hear(order_id, told, at=minute, status=status)
        answered = {line["order_line_item_id"]: line["production_run_id"] for line in result["lines"]}
        assert {name for name, run_id in answered.items() if run_id} == set(made), (result, made)
        for name, line in made.items():
            line.run = answered[name]
            self.house.runs[line.run] = Run(line.run, line.quantity)
        self._all_followed()

    def _shop_cancels(self, order_id: str, *, minute: int) -> None:
        command = commands.CancelOrder(source="shop", order_id=order_id, at=NOON + timedelta(minutes=minute))
        self.bench.done(command, actor=SHOP)
        self.house.call_off(order_id, at=minute)
        self._all_followed()

    # Time -----------------------------------------------------------------------------------------------------------

    def _deadlines(self, *, all_of_them: bool) -> None:
        later = timedelta(days=24) if all_of_them else timedelta(hours=2)
        with self.bench.engine.begin() as connection:
            sweeps.lapse_gates(connection, at=clock.now() + later)
        self.bench.pump()
        self.house.deadlines_pass(all_of_them=all_of_them)

    def _silence(self, *, is_sent: bool) -> None:
        """Two sweeps on the same day; what partners are told arrives, or it does not."""
        at = _a_wednesday(next(self.weeks))
        for _ in range(2):
            with self.bench.engine.begin() as connection:
                sweeps.remind_partners(connection, at=at)
            self.bench.pump()
        self.bench.change(
            "UPDATE notification SET state = :state, sent_at = :at WHERE state = 'pending'",
            state="sent" if is_sent else "failed",
            at=at if is_sent else None,
        )
        self.house.silence_is_noticed(is_sent=is_sent)

    def _nothing_needs_repair(self) -> None:
        with self.bench.engine.begin() as connection:
            assert sweeps.repair_families(connection, at=clock.now() + timedelta(minutes=5)) == 0

    def _all_followed(self) -> None:
        self.house.quiet()
        self._seen = None

    # Looking --------------------------------------------------------------------------------------------------------

    @property
    def seen(self) -> Seen:
        """The tables as they are since the last step."""
        if self._seen is None:
            self._seen = Seen(self.eyes)
        return self._seen

    def _page(self, partner: str | None) -> list[Any]:
        """What a partner, or an admin, is shown now; where nothing changed since, what they were shown before."""
        if self._pages[0] != self.seen.digest:
            self._pages = (self.seen.digest, {})
        pages = self._pages[1]
        if partner not in pages:
            pages[partner] = runs.page(self.eyes, EVERYTHING, partner_id=partner)["production_runs"]
        return pages[partner]


def a_delivery(bench: TestBench, house: House) -> None:
    """So much yarn that nothing is short any more."""
    bench.change(
        """INSERT INTO stock_movement (id, inventory_item_id, location_id, quantity, reason)
           VALUES ('smov_delivery', :item, :place, 100000, 'delivered')""",
        item=asks.ITEM,
        place=OURS,
    )
    bench.change("UPDATE stock_level SET stocked = stocked + 100000 WHERE location_id = :place", place=OURS)
    house.stock += 100_000


def _policy(house: House) -> str:
    return f"""{{
        "on_all_tasks_done": "{"finish" if house.is_finish_at_last_task else "complete"}",
        "on_stock_short": "{"refuse" if house.is_short_refused else "record"}",
        "auto_dispatch_first_stage": {"true" if house.is_first_stage_sent else "false"},
        "deadlines": {{"on_unaccepted": "{"reassign" if house.is_reassigned_unaccepted else "flag"}"}}}}"""


def _a_wednesday(week: int) -> datetime:
    """An open hour, when every patience of the house is over."""
    day = clock.now().replace(hour=11, minute=0, second=0, microsecond=0) + timedelta(days=4)
    return day + timedelta(days=(2 - day.weekday()) % 7, weeks=week)


def _words(told: Any) -> list[str]:
    """Every text in something that is shown."""
    if isinstance(told, dict):
        return [word for each in told.values() for word in _words(each)]
    if isinstance(told, list | tuple):
        return [word for each in told for word in _words(each)]
    return [told] if isinstance(told, str) else []


# To shorten a history that failed takes as many histories again; thousands take as long as they take.
@pytest.mark.timeout(0 if "HISTORIES_PROFILE" in os.environ else 600)
def test_every_random_history_keeps_the_house_in_order(bench: TestBench, profile: settings) -> None:
    Histories.bench = bench
    with bench.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as Histories.eyes:
        run_state_machine_as_test(Histories, settings=profile)
