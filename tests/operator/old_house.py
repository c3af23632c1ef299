"""An old database to import from: assignments in every state that the old design workflow knew, made by plain SQL."""

from collections.abc import Iterator
from itertools import cycle
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

STATES = ("incoming", "assigned", "in_progress", "redo", "finished", "finished_redo", "completed", "lost")
"""Every state of the old flow; `redo` is a phase of a state, `lost` is one that nobody knows."""

SHAPES = ("design", "linked", "tasks", "statuses", "alone")
"""How the old house wrote an assignment down: the design says its state and partner (`design`), or its link says the partner
(`linked`); its tasks say both (`tasks`); their own statuses are all there is (`statuses`); there are no tasks (`alone`)."""

IN_FLIGHT = ("incoming", "assigned", "in_progress", "redo", "finished", "finished_redo")
PARTNERS = 7

_TABLES = """
CREATE TABLE partner (id text PRIMARY KEY, name text, handle text, status text, metadata jsonb);
CREATE TABLE design (id text PRIMARY KEY, name text, status text, metadata jsonb, created_at timestamp);
CREATE TABLE design_partner (design_id text, partner_id text);
CREATE TABLE task (
    id text PRIMARY KEY, title text, status text, metadata jsonb, transaction_id text, created_at timestamp,
    parent_task_id text, workflow_type text, design_id text, partner_id text);
CREATE TABLE inventory_item (id text PRIMARY KEY, sku text, title text);
CREATE TABLE production_run (
    id text PRIMARY KEY, design_id text, partner_id text, parent_run_id text, status text, quantity numeric,
    run_type text, metadata jsonb, created_at timestamptz, started_at timestamptz, finished_at timestamptz);
CREATE TABLE consumption_log (
    id text PRIMARY KEY, design_id text, inventory_item_id text, quantity numeric, unit_of_measure text,
    consumption_type text, is_committed boolean, consumed_at timestamptz);
"""


def build(url: str, *, assignments: int) -> None:
    """So many assignments, the states in turn, with one log each and what else lies about in an old database."""
    with psycopg.connect(url) as connection:
        connection.execute(_TABLES)
        for table, rows in _rows(assignments).items():
            with connection.cursor() as cursor:
                columns = ", ".join(["%s"] * len(rows[0]))
                cursor.executemany(f"INSERT INTO {table} ({_COLUMNS[table]}) VALUES ({columns})", rows)


def state_of(place: int) -> str:
    return STATES[place % len(STATES)]


def shape_of(place: int) -> str:
    return SHAPES[place // len(STATES) % len(SHAPES)]


_COLUMNS = {
    "partner": "id, name, handle, status, metadata",
    "design": "id, name, status, metadata, created_at",
    "design_partner": "design_id, partner_id",
    "task": "id, title, status, metadata, transaction_id, created_at, parent_task_id, workflow_type, design_id, partner_id",
    "inventory_item": "id, sku, title",
    "production_run": "id, design_id, partner_id, parent_run_id, status, quantity, run_type, metadata, created_at, started_at, finished_at",
    "consumption_log": "id, design_id, inventory_item_id, quantity, unit_of_measure, consumption_type, is_committed, consumed_at",
}


def _rows(assignments: int) -> dict[str, list[tuple[Any, ...]]]:
    made = "2024-03-01 08:00:00"
    partners = [(f"par_{n}", f"Weaver {n}", f"weaver-{n}", "active", None) for n in range(PARTNERS)]
    owner = cycle(f"par_{n}" for n in range(PARTNERS))
    owners = [next(owner) for _ in range(assignments)]
    designs = [
        (f"01DES{n}", f"Shawl {n}", "Conceptual", Jsonb(_of_design(n, owners[n])), made) for n in range(assignments)
    ]
    return {
        "partner": partners,
        "design": designs,
        "design_partner": [(f"01DES{n}", owners[n]) for n in range(assignments)],
        "task": [
            *(task for n in range(assignments) for task in _tasks(n, owners[n], made)),
            ("stray", "Sweep", "pending", None, None, made, None, None, None, None),
        ],
        "inventory_item": [("item_1", "WOOL", "Wool")],
        "production_run": list(_runs(made)),
        "consumption_log": [
            (f"clog_{n}", f"01DES{n}", "item_1", "1.25", "Meter", "sample", n % 2 == 0, made) for n in range(assignments)
        ],
    }  # fmt: skip


def _of_design(n: int, owner: str) -> dict[str, Any]:
    """What a design says of its assignment."""
    told = _metadata(n, owner)
    if shape_of(n) == "linked":
        del told["partner_id"]
    return told if shape_of(n) in ("design", "linked", "alone") else {"colour": "green"}


def _tasks(n: int, owner: str, made: str) -> Iterator[tuple[Any, ...]]:
    """The tasks of an assignment, redo and its children among them where one is under way."""
    if shape_of(n) == "alone":
        return
    told: dict[str, Any] = {"workflow_type": "partner_design_assignment", "design_id": f"01DES{n}"}
    columns: tuple[str | None, ...] = (None, None, None)
    if shape_of(n) in ("tasks", "statuses"):
        told, columns = {}, ("partner_design_assignment", f"01DES{n}", owner)
    if shape_of(n) == "tasks":
        told = _metadata(n, owner)
    for name, status in _statuses(n).items():
        parent = f"task_{n}_redo" if name.startswith("redo-") else None
        yield f"task_{n}_{name}", f"partner-design-{name}", status, Jsonb(told), f"tx_{n}", made, parent, *columns


def _statuses(n: int) -> dict[str, str]:
    """How far each task is; only the tasks themselves say so in the shape `statuses`."""
    state = state_of(n)
    if shape_of(n) != "statuses":
        return {"start": "pending", "finish": "pending"}
    if state in ("lost", "completed"):
        return dict.fromkeys(("start", "redo", "finish", "completed"), "cancelled" if state == "lost" else state)
    done = {"in_progress": 1, "redo": 1, "finished": 2, "finished_redo": 2}.get(state, 0)
    statuses = {name: "completed" if place < done else "pending" for place, name in enumerate(("start", "finish"))}
    rework = dict.fromkeys(("redo", "redo-log", "redo-apply", "redo-verify"), "pending") if "redo" in state else {}
    return {**statuses, "completed": "pending", **rework}


def _metadata(n: int, owner: str) -> dict[str, Any]:
    state = state_of(n)
    status = {"redo": "in_progress", "finished_redo": "finished"}.get(state, state)
    return {
        "partner_id": owner,
        "partner_status": status,
        "partner_phase": "redo" if "redo" in state else None,
        "partner_started_at": "2024-03-02T09:00:00Z" if status in ("in_progress", "finished", "completed") else None,
        "partner_finished_at": "2024-03-03T09:00:00Z" if status in ("finished", "completed") else None,
        "partner_completed_at": "2024-03-04T09:00:00Z" if status == "completed" else None,
    }


RUN_STATES = ("pending_review", "approved", "sent_to_partner", "in_progress", "completed", "cancelled", "vanished")


def _runs(made: str) -> Iterator[tuple[Any, ...]]:
    for state in RUN_STATES:
        told = {
            "acceptance": {"accepted_at": "2024-03-02T09:00:00Z"},
            "dispatch": {"state": "completed", "completed_at": "2024-03-01T12:00:00Z"},
            "dispatch_template_names": ["weave", "press"],
        }
        yield f"prun_{state}", "01DES0", "par_0", None, state, 4, "production", Jsonb(told), made, None, None
