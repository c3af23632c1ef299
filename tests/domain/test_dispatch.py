"""Dispatch: which templates a choice means, the pause, and what goes before the partner. All or nothing."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from shared.domain import dispatch, events, refusals
from shared.domain.dispatch import DISPATCH_STEPS, Selection
from shared.domain.lifecycle import Facts
from shared.domain.policy import Policy
from shared.domain.runs import DispatchState, Run, Status
from shared.domain.tasks import Priority, TaskKind, TaskStatus
from tests.domain.builders import NOON, a_run_in_progress, a_sent_run, a_template, a_waiting_run, an_approved_run

WARP = a_template("warp", category="loom", position=1)
WEFT = a_template("weft", category="loom", position=0)
MEND = a_template("mend", category="loom", position=2, kind=TaskKind.REDO)
CUT = a_template("cut", category="table")
CUT_LEATHER = a_template("cut", id="tmpl_cut_leather")
SHELF = [WARP, WEFT, MEND, CUT, CUT_LEATHER]


def names(*wanted: str) -> Selection:
    return Selection(template_names=list(wanted))


def confirmed(run: Run, **more: Any) -> Any:
    given = {"templates": [WARP, WEFT], "selection": names("warp", "weft"), "facts": Facts(), **more}
    return dispatch.confirm(
        run,
        work_order_id="wo_new",
        asked_by="acct_1",
        new_task_id=lambda t: f"task_of_{t.name}",
        at=NOON,
        policy=Policy(),
        **given,
    )


@pytest.mark.parametrize(
    ("selection", "chosen"),
    [
        (names("weft", "warp"), [WEFT, WARP]),
        (names("warp", "weft"), [WARP, WEFT]),
        (Selection(template_ids=[CUT_LEATHER.id, WARP.id]), [CUT_LEATHER, WARP]),
        (Selection(template_category="loom"), [WEFT, WARP, MEND]),
        (names("warp", "warp"), [WARP]),
        (Selection(template_ids=[WARP.id, WARP.id]), [WARP]),
        (Selection(template_ids=[WARP.id], template_names=["weft"], template_category="table"), [WARP]),
    ],
    ids=["by name", "in the order asked", "by id", "category by position", "name twice", "id twice", "ids win"],
)
def test_a_choice_means_these_templates_in_this_order(selection: Selection, chosen: list[Any]) -> None:
    assert dispatch.choose(selection, SHELF) == chosen


def test_a_name_that_fits_several_templates_is_refused_with_the_candidates() -> None:
    with pytest.raises(refusals.AmbiguousName) as no:
        dispatch.choose(names("warp", "cut"), SHELF)

    assert "tmpl_cut in table, tmpl_cut_leather in no category" in no.value.detail
    assert no.value.errors[0].pointer == "/template_names/1"


@pytest.mark.parametrize(
    ("selection", "pointer", "named"),
    [
        (names("warp", "glue"), "/template_names/1", "glue"),
        (Selection(template_ids=["tmpl_warp", "tmpl_glue"]), "/template_ids/1", "tmpl_glue"),
        (Selection(template_category="kitchen"), "/template_category", "kitchen"),
    ],
)
def test_an_unknown_template_is_refused_by_name_and_place(selection: Selection, pointer: str, named: str) -> None:
    with pytest.raises(refusals.Unknown) as no:
        dispatch.choose(selection, SHELF)

    assert named in no.value.detail
    assert [error.pointer for error in no.value.errors] == [pointer]


def test_an_unknown_name_behind_a_repeated_one_is_pointed_at_in_its_own_place() -> None:
    with pytest.raises(refusals.Unknown) as no:
        dispatch.choose(names("warp", "warp", "glue"), SHELF)

    assert no.value.errors[0].pointer == "/template_names/2"


@pytest.mark.parametrize(
    "selection",
    [
        Selection(),
        Selection(template_names=[]),
        Selection(template_ids=[]),
        Selection(template_category=""),
        Selection(template_names=["warp"], template_category="loom"),
    ],
)
def test_no_choice_and_two_choices_are_refused(selection: Selection) -> None:
    with pytest.raises(refusals.NoSelection):
        dispatch.choose(selection, SHELF)


def test_where_only_rework_may_be_added_ordinary_work_is_refused_by_name() -> None:
    with pytest.raises(refusals.OnlyRedo, match="'warp'"):
        dispatch.choose(names("mend", "warp"), SHELF, kind=TaskKind.REDO)


def test_where_only_rework_may_be_added_a_category_means_its_rework() -> None:
    assert dispatch.choose(Selection(template_category="loom"), SHELF, kind=TaskKind.REDO) == [MEND]


def test_an_opened_dispatch_waits_an_hour_for_its_templates() -> None:
    run = an_approved_run()

    told = dispatch.open_dispatch(run, dispatch_id="disp_9", at=NOON, policy=Policy(), facts=Facts())

    assert isinstance(told, events.RunDispatchOpened)
    assert (run.status, run.dispatch_state, run.dispatch_id) == (
        Status.APPROVED,
        DispatchState.AWAITING_TEMPLATES,
        "disp_9",
    )
    assert (run.waiting_for, run.waiting_until) == ("templates", NOON + timedelta(hours=1))


def test_a_confirmed_choice_puts_a_work_order_and_its_tasks_before_the_partner() -> None:
    run = a_waiting_run()

    order, laid_out, told = confirmed(run)

    assert isinstance(told, events.RunSentToPartner)
    assert (run.status, run.dispatch_state, run.work_order_id) == (
        Status.SENT_TO_PARTNER,
        DispatchState.COMPLETED,
        "wo_new",
    )
    assert run.dispatched_template_ids == [WARP.id, WEFT.id]
    assert run.waiting_for == "accept"
    assert (order.run_id, order.partner_id, order.asked_by) == (run.id, "ptnr_1", "acct_1")
    assert [(task.title, task.position, task.status) for task in laid_out] == [
        ("warp", 0, TaskStatus.ASSIGNED),
        ("weft", 1, TaskStatus.ASSIGNED),
    ]
    assert {(task.run_id, task.work_order_id, task.partner_id) for task in laid_out} == {(run.id, "wo_new", "ptnr_1")}


def test_a_task_takes_over_what_its_template_says() -> None:
    template = a_template(
        "dye",
        kind=TaskKind.REDO,
        description="twice",
        priority=Priority.HIGH,
        estimated_cost=Decimal("2.5"),
        cost_currency="EUR",
    )

    (task,) = dispatch.lay_out(a_sent_run(), [template], new_task_id=lambda t: "task_1", round_=3, piece="left sleeve")

    assert (task.template_id, task.kind, task.description, task.priority) == (
        template.id,
        TaskKind.REDO,
        "twice",
        Priority.HIGH,
    )
    assert (task.estimated_cost, task.cost_currency, task.round, task.piece) == (
        Decimal("2.5"),
        "EUR",
        3,
        "left sleeve",
    )


@pytest.mark.parametrize("run", [an_approved_run(), a_waiting_run()], ids=["idle", "waiting"])
def test_sending_does_both_steps_and_confirms_a_dispatch_that_waits_already(run: Run) -> None:
    waiting = run.dispatch_id

    dispatch.send(
        run,
        dispatch_id="disp_9",
        templates=[WARP],
        selection=names("warp"),
        work_order_id="wo_new",
        asked_by=None,
        new_task_id=lambda t: t.id,
        at=NOON,
        policy=Policy(),
        facts=Facts(),
    )

    assert run.status is Status.SENT_TO_PARTNER
    assert run.dispatch_id == (waiting or "disp_9")
    assert run.dispatch_started_at is not None


@pytest.mark.parametrize(
    ("run", "facts"),
    [
        (an_approved_run(), Facts()),
        (a_waiting_run(partner_id=None), Facts()),
        (a_waiting_run(), Facts(unsettled=("run_a",))),
        (a_waiting_run(child_count=2), Facts()),
        (a_run_in_progress(), Facts()),
    ],
    ids=["nothing waits", "no partner", "predecessors", "container", "sent already"],
)
def test_a_refused_confirm_changes_nothing_on_the_run(run: Run, facts: Facts) -> None:
    before = msgspec.structs.asdict(run)

    with pytest.raises(refusals.Refusal):
        confirmed(run, facts=facts)

    assert msgspec.structs.asdict(run) == before


def test_every_dispatch_state_is_reached_and_left_by_a_step() -> None:
    assert {reaches for _, reaches in DISPATCH_STEPS.values()} == set(DispatchState)
    assert {state for leaves, _ in DISPATCH_STEPS.values() for state in leaves} == set(DispatchState)
