"""The import of the old system: what is here already is read once, verdicts are written in batches, each in a transaction of its own.

An operator's tool: it writes rows and their history beside the ledger's actors, so nobody hears of what happened long ago.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import islice
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine

from shared.domain.policy import Policy, effective
from shared.intake.legacy.rows import Row
from shared.intake.legacy.takeover import Takeover
from shared.intake.legacy.verdicts import Known, Outcome, Taken, Verdict
from shared.messages import SYSTEM, Message, pack
from shared.runtime import ids
from shared.storage import legacy_templates, mail
from shared.storage.directory import Directory, snapshot_of
from shared.storage.run_store import RunStore
from shared.storage.task_store import TaskStore
from shared.storage.writes import Writes

LOCK = 7_305_806_032
"""The advisory lock of the import: any number, but always the same."""

BATCH = 500

Told = Callable[[Sequence[Verdict]], None]
"""Hears of a batch of verdicts."""


class AlreadyImporting(Exception):
    """Another import is writing to this database; wait for its end."""


def judge(engine: Engine, rows: Sequence[Row], *, at: datetime) -> Iterator[Verdict]:
    """Every row's outcome as things stand here; nothing is written."""
    with engine.connect() as connection:
        known, policy = _known(connection), _policy(connection)
    return Takeover(rows, known, new_id=ids.derived, at=at, policy=policy).verdicts()


def write(engine: Engine, verdicts: Iterable[Verdict], *, at: datetime, told: Told) -> None:
    """Write what the verdicts make, batch by batch. told: hears of every batch that is safe."""
    with engine.begin() as connection:
        legacy_templates.ensure(connection)
    left = iter(verdicts)
    while batch := list(islice(left, BATCH)):
        with engine.begin() as connection:
            _write_batch(connection, batch, at=at)
        told(batch)


@contextmanager
def lock(engine: Engine) -> Iterator[None]:
    """Be the only import of this database. Raises AlreadyImporting."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if not connection.exec_driver_sql(f"SELECT pg_try_advisory_lock({LOCK})").scalar():
            raise AlreadyImporting("Another import is writing to this database; wait for its end.")
        try:
            yield
        finally:
            connection.exec_driver_sql(f"SELECT pg_advisory_unlock({LOCK})")


def old_rows(connection: Connection, table: str) -> Iterator[str] | None:
    """The rows of a table of the old system, each as JSON; None when there is no such table."""
    if connection.exec_driver_sql("SELECT to_regclass(%(table)s)", {"table": table}).scalar() is None:
        return None
    return iter(
        connection.execution_options(stream_results=True)
        .exec_driver_sql(f'SELECT to_jsonb(t)::text FROM "{table}" t')
        .scalars()
    )


# Writing ------------------------------------------------------------------------------------------------------------


def _write_batch(connection: Connection, verdicts: Sequence[Verdict], *, at: datetime) -> None:
    writes, runs, tasks = Writes(), RunStore(connection), TaskStore(connection)
    runs.at(at)
    for table, conflict in _CATALOGUE.items():
        made = [verdict.makes[table] for verdict in verdicts if table in verdict.makes]
        writes.insert(table, made, on_conflict=conflict)
    taken = [verdict.taken for verdict in verdicts if verdict.taken]
    for one in taken:
        _add(one, runs, tasks)
    runs.flush(writes)
    tasks.flush(writes, at=at)
    logs = [msgspec.structs.asdict(verdict.consumption) for verdict in verdicts if verdict.consumption]
    writes.insert("consumption_log", [{**log, "created_at": at, "updated_at": at} for log in logs])
    mail.add_messages(writes, [(message, ()) for one in taken for message in _history(one)])
    writes.insert(
        "legacy_record", [_record(v, at) for v in verdicts if v.outcome is not Outcome.REPEATED], on_conflict=_AGAIN
    )
    writes.send(connection)


def _add(taken: Taken, runs: RunStore, tasks: TaskStore) -> None:
    run = runs.add(taken.run, metadata=taken.metadata)
    provenance = {"source": "legacy", "legacy_id": taken.metadata["legacy_id"]}
    runs.add_snapshot(
        snapshot_of(taken.design, snapshot_id=run.snapshot_id or "", provenance=provenance, at=taken.captured_at)
    )
    if taken.order:
        tasks.add_order(taken.order)
    for task in taken.tasks:
        tasks.add(task)


def _history(taken: Taken) -> list[Message]:
    """What happened to the run, for its timeline; it is told to nobody."""
    first = ids.derived("msg", taken.run.id, 0, at=taken.told[0][1])
    return [
        Message(
            id=ids.derived("msg", taken.run.id, place, at=when),
            kind=event.kind,
            body=pack(event),
            actor=SYSTEM,
            run_id=taken.run.id,
            tenant=taken.run.partner_id,
            correlation=first,
            created_at=when,
        )
        for place, (event, when) in enumerate(taken.told)
    ]


def _record(verdict: Verdict, at: datetime) -> dict[str, Any]:
    return {
        "kind": verdict.row.kind,
        "legacy_id": verdict.row.legacy_id,
        "outcome": verdict.outcome.value,
        "reason": verdict.reason,
        "run_id": verdict.run_id,
        "body": verdict.row.body,
        "created_at": at,
        "updated_at": at,
    }


_CATALOGUE = {
    "partner": "(id) DO NOTHING",
    "design": "(id) DO NOTHING",
    "inventory_item": "(id) DO NOTHING",
    "design_partner": "(design_id, partner_id) DO NOTHING",
}
_AGAIN = """(kind, legacy_id) DO UPDATE
    SET outcome = excluded.outcome, reason = excluded.reason, run_id = excluded.run_id, body = excluded.body,
        updated_at = excluded.updated_at
    WHERE (t.outcome, t.reason) IS DISTINCT FROM (excluded.outcome, excluded.reason)"""
"""A row that could not be taken over is tried again by the next import."""

# Reading ------------------------------------------------------------------------------------------------------------


def _known(connection: Connection) -> Known:
    def all_of(query: str) -> list[Any]:
        return list(connection.exec_driver_sql(query))

    design_ids = [row[0] for row in all_of("SELECT id FROM design")]
    return Known(
        partners=dict(map(tuple, all_of("SELECT id, handle FROM partner"))),
        designs=Directory(connection).designs(design_ids),
        items=dict(map(tuple, all_of("SELECT id, sku FROM inventory_item"))),
        location_ids={row[0] for row in all_of("SELECT id FROM stock_location")},
        records={
            (row[0], row[1]): (row[2], row[3])
            for row in all_of("SELECT kind, legacy_id, outcome, run_id FROM legacy_record")
        },
        runs={row[0]: (row[1], row[2]) for row in all_of(_RUNS)},
    )


_RUNS = """SELECT r.id, r.design_id, r.status = 'completed' FROM production_run r
           WHERE r.id IN (SELECT run_id FROM legacy_record WHERE run_id IS NOT NULL)"""


def _policy(connection: Connection) -> Policy:
    stored = connection.exec_driver_sql("SELECT config FROM policy WHERE id = 1").scalar()
    return effective(stored or {})
