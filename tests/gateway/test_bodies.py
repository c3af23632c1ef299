"""Bodies: what cannot be read, and what is wrong in it, said in words and with a pointer. No database is needed."""

from typing import Any

import msgspec
import pytest

from services.api import bodies
from services.api.errors import Problem
from services.api.resources import admin_runs, tasks
from shared.domain import commands


def refused(raw: bytes, kind: Any = commands.CreateRun) -> Problem:
    with pytest.raises(Problem) as caught:
        bodies.parse(raw, kind)
    return caught.value


@pytest.mark.parametrize(
    "raw",
    [
        b"{",
        b"nonsense",
        b'{"design_id": "d"} trailing',
        b'{"quantity": NaN}',
        b'{"quantity": Infinity}',
        b"[]",
        b'"text"',
        b"12",
        b"null",
        b'{"design_id": "\xff"}',
        b'{"design_id": "\\ud800"}',
        b'{"design_id": "a\x00b"}',
        b'{"metadata": ' + b'{"a":' * 60 + b"1" + b"}" * 60 + b"}",
        b'{"metadata": ' + b"[" * 200_000,
    ],
)
def test_what_is_no_json_object_is_unreadable(raw: bytes) -> None:
    assert (refused(raw).status, refused(raw).code) == (400, "unreadable")


@pytest.mark.parametrize(
    ("kind", "raw", "pointer", "sentence"),
    [
        (commands.CreateRun, b"{}", "/design_id", "design_id is missing."),
        (commands.CreateRun, b"", "/design_id", "design_id is missing."),
        (commands.CreateRun, b'{"design_id": 1}', "/design_id", "design_id must be text."),
        (commands.CreateRun, b'{"design_id": null}', "/design_id", "design_id must be text."),
        (commands.CreateRun, b'{"design_id": "d", "x": 1}', "/x", "There is no field 'x' here."),
        (commands.CreateRun, b'{"design_id": "d", "a/b~": 1}', "/a~1b~0", "There is no field 'a/b~' here."),
        (commands.CreateRun, b'{"design_id": "d", "quantity": 0}', "/quantity", "quantity must be greater than 0."),
        (commands.CreateRun, b'{"design_id": "d", "quantity": -1}', "/quantity", "quantity must be greater than 0."),
        (commands.CreateRun, b'{"design_id": "d", "quantity": "NaN"}', "/quantity", "quantity must be a plain number."),
        (
            commands.CreateRun,
            b'{"design_id": "d", "quantity": "x"}',
            "/quantity",
            "quantity must be a whole or decimal number.",
        ),
        (
            commands.CreateRun,
            b'{"design_id": "d", "quantity": true}',
            "/quantity",
            "quantity must be a whole or decimal number.",
        ),
        (
            commands.CreateRun,
            b'{"design_id": "d", "quantity": 1e400}',
            "/quantity",
            "quantity must be smaller than 1,000,000,000,000.",
        ),
        (
            commands.CreateRun,
            b'{"design_id": "d", "quantity": 1e99999999999999999999}',
            "/quantity",
            "quantity must be a whole or decimal number.",
        ),
        (
            commands.CreateRun,
            b'{"design_id": "d", "run_type": "big"}',
            "/run_type",
            "run_type must be one of production, sample.",
        ),
        (commands.CreateRun, b'{"design_id": "d", "metadata": 3}', "/metadata", "metadata must be an object."),
        (
            commands.CreateRun,
            b'{"design_id": "d", "metadata": {"a": 1e400}}',
            "/metadata",
            "metadata must be a smaller number.",
        ),
        (
            commands.CreateRun,
            b'{"design_id": "a\\u0000b"}',
            "/design_id",
            "design_id must not hold a NUL character.",
        ),
        (
            commands.CreateRun,
            b'{"design_id": "d", "metadata": {"a": ["\\u0000"]}}',
            "/metadata/a/0",
            "a must not hold a NUL character.",
        ),
        (
            commands.CreateRun,
            b'{"design_id": "d", "order_id": "' + b"x" * 3000 + b'"}',
            "/order_id",
            "order_id may have at most 255 bytes.",
        ),
        (
            commands.ApproveRun,
            b'{"assignments": [{"partner_id": "p"}, {"partner_id": "p", "quantity": -1}]}',
            "/assignments/1/quantity",
            "quantity must be greater than 0.",
        ),
        (
            commands.ApproveRun,
            b'{"assignments": [{"quantity": 1}]}',
            "/assignments/0/partner_id",
            "partner_id is missing.",
        ),
        (
            commands.ApproveRun,
            b'{"assignments": [{"partner_id": "p", "zz": 1}]}',
            "/assignments/0/zz",
            "There is no field 'zz' here.",
        ),
        (
            commands.ApproveRun,
            b'{"assignments": [{"partner_id": "p", "order": 1.5}]}',
            "/assignments/0/order",
            "order must be a whole number.",
        ),
        (commands.ApproveRun, b'{"assignments": {}}', "/assignments", "assignments must be a list."),
        (commands.AddTasks, b'{"template_names": ["a"], "kind": "x"}', "/kind", "kind must be one of work, redo."),
        (
            commands.DeclineRun,
            b'{"reason": "tired"}',
            "/reason",
            "reason must be one of capacity, materials_unavailable, scheduling_conflict, other.",
        ),
        (
            commands.CompleteRun,
            b'{"rejected_quantity": -1}',
            "/rejected_quantity",
            "rejected_quantity must not be negative.",
        ),
        (commands.AcceptRun, b'{"run_id": "r"}', "/run_id", "There is no field 'run_id' here."),
    ],
)
def test_a_wrong_field_is_named_and_explained(kind: Any, raw: bytes, pointer: str, sentence: str) -> None:
    problem = refused(raw, kind)

    assert problem.status == 422
    assert problem.errors == [{"pointer": pointer, "detail": sentence}]


def test_a_choice_of_templates_is_exactly_one() -> None:
    problem = refused(b'{"template_names": ["a"], "template_category": "b"}', commands.SendToProduction)

    assert problem.errors[0]["pointer"] == "/template_names"
    assert "exactly one of" in problem.errors[0]["detail"]


def test_decimals_are_read_exactly() -> None:
    parsed = bodies.parse(b'{"design_id": "d", "quantity": 0.1}', commands.CreateRun)

    assert str(parsed.quantity) == "0.1"


def test_braces_inside_text_are_no_nesting() -> None:
    parsed = bodies.parse(b'{"text": "' + b"{[" * 100 + b'\\""}', commands.AddNote)

    assert parsed.text.startswith("{[")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (admin_runs.DesignRunBody, "design_id"),
        (tasks.FinishBody, "task_id"),
        (tasks.SubtaskBody, "subtask_id"),
        (tasks.NewTaskBody, "partner_id"),
    ],
)
def test_a_field_of_the_path_cannot_stand_in_the_body(body: type[msgspec.Struct], field: str) -> None:
    required = {each.name: "x" for each in msgspec.structs.fields(body) if each.required}

    problem = refused(msgspec.json.encode({**required, field: "d"}), body)

    assert problem.errors == [{"pointer": f"/{field}", "detail": f"There is no field '{field}' here."}]


def test_a_body_without_the_path_keeps_the_commands_own_checks() -> None:
    assert refused(b'{"actual_cost": -1}', tasks.FinishBody).errors[0]["pointer"] == "/actual_cost"
    assert refused(b'{"title": " "}', tasks.NewTaskBody).errors[0]["pointer"] == "/title"


def test_a_body_and_its_path_make_the_command() -> None:
    body = bodies.parse(b'{"title": "Press", "priority": "high"}', tasks.NewTaskBody)

    command = bodies.fill(commands.CreateTask, body, partner_id="ptnr_1")

    assert command == commands.CreateTask(partner_id="ptnr_1", title="Press", priority=body.priority)


@pytest.mark.parametrize("command", list(commands.COMMANDS.values()), ids=list(commands.COMMANDS))
def test_every_command_can_give_a_field_to_the_path(command: type[commands.Command]) -> None:
    first = next((each for each in msgspec.structs.fields(command)), None)
    if first is not None:
        left = {each.encode_name for each in msgspec.structs.fields(bodies.without(command, first.name))}
        assert left == {each.encode_name for each in msgspec.structs.fields(command)} - {first.encode_name}
