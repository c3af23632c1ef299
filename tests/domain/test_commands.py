"""Commands, events and the envelope around them: what is packed can be read again, and nothing unknown is taken in."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from shared.domain import commands, events
from shared.domain.commands import COMMANDS, Command
from shared.domain.completion import Price, Yield
from shared.domain.consumption import Entry, Unit
from shared.domain.events import EVENTS, Event
from shared.domain.media import MediaReference
from shared.domain.orders import Delta, DeltaKind, Line, Order
from shared.domain.runs import CostType, RejectionReason, RunType
from shared.domain.tasks import Priority, TaskKind
from shared.messages import SYSTEM, Message, pack
from tests.domain.builders import NOON, a_share

LINE = Line(id="line_1", product_id="prod_1", quantity=Decimal("2.50"), properties={"name": "Mia"})
EXAMPLES: list[Command] = [
    commands.PlaceOrder(source="shop", order=Order(id="order_1", display_id=7, placed_at=NOON, items=[LINE])),
    commands.CreateRun(design_id="dsgn_1", quantity=Decimal("0.000001"), run_type=RunType.SAMPLE, metadata={"a": [1]}),
    commands.CreateDesignRun(design_id="dsgn_1", assignments=[a_share(quantity=Decimal(3), order=1)], template_ids=["t"]),
    commands.SplitRun(assignments=[a_share(role="cutting")]),
    commands.ApproveRun(assignments=[a_share(template_names=["weave"]), a_share("ptnr_2", template_category="loom")]),
    commands.DispatchRun(),
    commands.ConfirmDispatch(template_category="loom", transaction_id="disp_1"),
    commands.SendToProduction(template_names=["weave", "weave"]),
    commands.ReleaseRun(round=2),
    commands.AcceptRun(),
    commands.DeclineRun(reason=commands.DeclineReason.CAPACITY, notes="full until May"),
    commands.StartRun(),
    commands.FinishRun(notes="done"),
    commands.CompleteRun(
        rejected_quantity=Decimal("1.5"), rejection_reason=RejectionReason.OTHER, cost_type=CostType.TOTAL, partner_cost=Decimal(9)
    ),
    commands.CorrectOutput(produced_quantity=Decimal(3), short_quantity=Decimal(1), short_reason="lost", reason="counted"),
    commands.LogConsumption(entry=Entry(quantity=Decimal("2.5"), inventory_item_id="item_1", unit_of_measure=Unit.METER)),
    commands.CommitConsumption(log_ids=["clog_1"], default_location_id="sloc_1"),
    commands.CommitDesignConsumption(design_id="dsgn_1", commit_all=True),
    commands.CancelRun(reason="the order was cancelled"),
    commands.AssignPartner(partner_id="ptnr_1", note="nearer"),
    commands.AddTasks(template_ids=["tmpl_1"], task_kind=TaskKind.WORK, piece="left sleeve"),
    commands.AddNote(text="call them"),
    commands.AttachMedia(media_files=[MediaReference(id="media_1", is_thumbnail=True), MediaReference(url="https://x.test/a")]),
    commands.HoldRun(reason="the yarn is late"),
    commands.ResumeRun(),
    commands.RouteRun(),
    commands.WithdrawRun(reason="the order is cancelled"),
    commands.FlagRun(reason="the line left the order"),
    commands.ResolveFlag(reason="made anyway"),
    commands.UpdateOrder(source="shop", order=Order(id="order_1", updated_at=NOON, items=[LINE])),
    commands.CancelOrder(source="shop", order_id="order_1", at=NOON, reason="changed their mind"),
    commands.ChangeLines(
        source="shop", order_id="order_1", at=NOON, changes=[Delta(line_id="line_1", kind=DeltaKind.REFUNDED, quantity=Decimal("0.5"))]
    ),
    commands.RetryLine(line_id="oline_1"),
    commands.RetryProduct(product_id="prod_1"),
    commands.LapseGate(gate="start", due_at=NOON, swept_at=datetime(2026, 3, 2, 12, 0, 0, 1, tzinfo=UTC)),
    commands.RemindPartner(round=1, stage="accept", number=2, swept_at=NOON),
    commands.RepairFamily(),
    commands.CreateTask(partner_id="ptnr_1", title="pack", priority=Priority.HIGH, parent_task_id="task_1"),
    commands.AcceptTask(task_id="task_1"),
    commands.FinishTask(task_id="task_1", actual_cost=Decimal("3.25"), cost_type=CostType.PER_UNIT, cost_currency="EUR"),
    commands.CompleteSubtask(task_id="task_1", subtask_id="task_2"),
    commands.CommentTask(task_id="task_1", comment="which blue?"),
    commands.UpdateTask(task_id="task_1", status=commands.TaskChange.IN_PROGRESS),
]  # fmt: skip
each_command = pytest.mark.parametrize("command", EXAMPLES, ids=[command.kind for command in EXAMPLES])


def a_message(content: Command | Event) -> Message:
    return Message(
        id="msg_1", kind=content.kind, body=pack(content), actor=SYSTEM, correlation="msg_1", created_at=NOON
    )


def test_the_list_here_has_an_example_of_every_command() -> None:
    assert [command.kind for command in EXAMPLES] == list(dict.fromkeys(command.kind for command in EXAMPLES))
    assert {type(command) for command in EXAMPLES} == set(COMMANDS.values())


@each_command
def test_a_command_is_read_again_from_its_message(command: Command) -> None:
    stored = msgspec.json.decode(msgspec.json.encode(a_message(command).body))

    read = msgspec.structs.replace(a_message(command), body=stored)

    assert read.is_command
    assert read.content() == command


@each_command
def test_a_body_with_a_field_nobody_knows_is_refused(command: Command) -> None:
    body = {**pack(command), "colour": "red"}

    with pytest.raises(msgspec.ValidationError, match="colour"):
        msgspec.convert(body, type(command), strict=False)


@pytest.mark.parametrize(
    "command", [c for c in EXAMPLES if not isinstance(c, commands.AddTasks)], ids=lambda command: command.kind
)
def test_the_kind_of_a_command_is_no_field_of_its_body(command: Command) -> None:
    with pytest.raises(msgspec.ValidationError, match="kind"):
        msgspec.convert({**pack(command), "kind": "redo"}, type(command), strict=False)


def test_the_kind_of_added_tasks_is_called_kind_in_the_body_and_is_rework_unless_said() -> None:
    read = msgspec.convert({"template_names": ["mend"], "kind": "work"}, commands.AddTasks)

    assert read.task_kind is TaskKind.WORK
    assert pack(read)["kind"] == "work"
    assert read.kind == "run.add_tasks"
    assert commands.AddTasks(template_names=["mend"]).task_kind is TaskKind.REDO
    with pytest.raises(msgspec.ValidationError, match="task_kind"):
        msgspec.convert({"template_names": ["mend"], "task_kind": "work"}, commands.AddTasks)


@pytest.mark.parametrize("command", [commands.ConfirmDispatch, commands.SendToProduction, commands.AddTasks])
@pytest.mark.parametrize(
    "choice",
    [
        {},
        {"template_names": []},
        {"template_ids": []},
        {"template_category": ""},
        {"template_names": ["a"], "template_ids": ["b"]},
        {"template_names": ["a"], "template_category": "b"},
        {"template_names": [], "template_ids": ["b"]},
    ],
)
def test_exactly_one_way_of_choosing_templates_is_taken(command: type[Command], choice: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError, match="exactly one"):
        msgspec.convert(choice, command)


@pytest.mark.parametrize(
    ("command", "body", "named"),
    [
        (commands.CreateRun, {"design_id": "d", "quantity": "0"}, "quantity"),
        (commands.CreateRun, {"design_id": "d", "quantity": "1e400"}, "quantity"),
        (commands.CreateRun, {"design_id": "d", "run_type": "party"}, "run_type"),
        (commands.CreateDesignRun, {"design_id": "d", "quantity": "-1"}, "quantity"),
        (commands.CompleteRun, {"produced_quantity": "-1"}, "produced_quantity"),
        (commands.CompleteRun, {"partner_cost": "NaN"}, "partner_cost"),
        (commands.CompleteRun, {"rejection_reason": "moths"}, "rejection_reason"),
        (commands.FinishTask, {"task_id": "t", "actual_cost": "-0.01"}, "actual_cost"),
        (commands.DeclineRun, {}, "reason"),
        (commands.DeclineRun, {"reason": "mood"}, "reason"),
        (commands.AddNote, {"text": " "}, "text"),
        (commands.CreateTask, {"partner_id": "p", "title": "\t"}, "title"),
        (commands.CommentTask, {"task_id": "t", "comment": ""}, "comment"),
        (commands.ApproveRun, {"assignments": [{"partner_id": "p", "colour": 1}]}, "colour"),
        (commands.ApproveRun, {"assignments": [{"partner_id": "p", "quantity": "0"}]}, "quantity"),
        (commands.SplitRun, {}, "assignments"),
        (commands.SplitRun, {"assignments": []}, "assignments"),
    ],
)
def test_a_wrong_body_is_refused_and_the_field_named(command: type[Command], body: Any, named: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=named):
        msgspec.convert(body, command, strict=False)


def test_a_completion_carries_its_yield_and_its_price() -> None:
    command = commands.CompleteRun(short_quantity=Decimal(1), short_reason="yarn", partner_cost=Decimal(5))

    assert command.outcome == Yield(short_quantity=Decimal(1), short_reason="yarn")
    assert command.price == Price(partner_cost=Decimal(5))


def test_no_two_kinds_of_message_have_the_same_name() -> None:
    kinds = [event.kind for event in Event.__subclasses__()]

    assert len(set(kinds)) == len(kinds)
    assert {event.kind: event for event in Event.__subclasses__()} == EVENTS
    assert not EVENTS.keys() & COMMANDS.keys()


@pytest.mark.parametrize("kind", EVENTS)
def test_an_event_has_its_sentence_and_is_read_again_from_its_message(kind: str) -> None:
    event = EVENTS[kind](reason="because", before={"status": "approved"}, after={"status": "cancelled"})

    message = a_message(event)

    assert event.sentence.endswith(".")
    assert not message.is_command
    assert message.content() == event
    assert a_message(EVENTS[kind]()).content() == EVENTS[kind]()


def test_a_message_of_a_kind_nobody_knows_cannot_be_read() -> None:
    with pytest.raises(KeyError):
        msgspec.structs.replace(a_message(events.RunNoted()), kind="run.dance").content()
