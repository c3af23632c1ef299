"""Runs: read, locked and written as the domain's own objects. Writes wait until the command is decided."""

from collections.abc import Collection, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec
from sqlalchemy import Connection

from shared.domain import refusals
from shared.domain.cascade import Member, Predecessor
from shared.domain.runs import TERMINAL, Run, Snapshot, Status
from shared.storage.writes import Writes

ANCESTRY = """
WITH RECURSIVE ancestry(id, parent_run_id) AS (
    SELECT id, parent_run_id FROM production_run WHERE id = %(run)s
    UNION ALL SELECT p.id, p.parent_run_id FROM ancestry c JOIN production_run p ON p.id = c.parent_run_id)"""
"""A run and the containers around it, up to the root."""

RUN_COLUMNS = Run.__struct_fields__
RUN_LIST = ", ".join(RUN_COLUMNS)

as_run = msgspec.json.Decoder(Run).decode
"""The run of a row that came as one JSON text: a wide row costs the driver more, column by column, than all the rest."""


def run_from(row: Mapping[str, Any]) -> Run:
    """The run of a row that was read column by column."""
    return msgspec.convert({name: row[name] for name in RUN_COLUMNS}, Run, builtin_types=(Decimal, datetime))


_as_member = msgspec.json.Decoder(Member).decode


class RunStore:
    """The runs of one unit of work: what was read for change is compared at the end and only the difference is written."""

    def __init__(self, connection: Connection, *, locked: Run | None = None) -> None:
        self._connection = connection
        self._before: dict[str, tuple[Any, ...]] = {}
        self._runs: dict[str, Run] = {}
        self._added: list[tuple[Run, dict[str, Any]]] = []
        self._snapshots: list[Snapshot] = []
        self._dependencies: list[dict[str, str]] = []
        if locked:
            self._keep(locked)

    def lock(self, run_id: str) -> Run:
        """The run, locked until commit. Raises NotFound."""
        return self._runs.get(run_id) or self._keep(self._one("WHERE id = %(id)s FOR NO KEY UPDATE", run_id))

    def read(self, run_id: str) -> Run:
        """The run as it is now, not locked. Raises NotFound."""
        return self._runs.get(run_id) or self._one("WHERE id = %(id)s", run_id)

    def lock_below(self, root_id: str) -> list[Run]:
        """Every descendant of a locked root, locked level by level, by id."""
        found: list[Run] = []
        level = [root_id]
        while level:
            rows = self._connection.exec_driver_sql(
                f"""SELECT row_to_json(r)::text FROM (
                        SELECT {RUN_LIST} FROM production_run WHERE parent_run_id = ANY(%(parents)s)
                        ORDER BY id FOR NO KEY UPDATE) r""",
                {"parents": level},
            ).scalars()
            runs = [self._keep(as_run(row)) for row in rows]
            found += runs
            level = [run.id for run in runs if run.child_count]
        return found

    def members(self, parent_id: str) -> list[Member]:
        """The children of a locked parent with what each depends on."""
        rows = self._connection.exec_driver_sql(
            """SELECT row_to_json(member)::text FROM (
                   SELECT r.id, r.status, r.stage, r.partner_id, r.dispatch_state, r.dispatch_round, r.child_count,
                          r.held_at IS NOT NULL AS is_held,
                          num_nonnulls(r.dispatch_template_names, r.dispatch_template_ids, r.dispatch_template_category) > 0
                              AS carries_choice,
                          r.produced_quantity, r.rejected_quantity, r.short_quantity,
                          ARRAY(SELECT depends_on_run_id FROM run_dependency d WHERE d.run_id = r.id ORDER BY 1) AS depends_on
                   FROM production_run r WHERE r.parent_run_id = %(parent)s ORDER BY r.id) member""",
            {"parent": parent_id},
        ).scalars()
        return [_as_member(row) for row in rows]

    def waits_for(self, run: Run) -> list[Predecessor]:
        """What the run and every container around it wait for. Only a part of a family can wait for others."""
        if not run.parent_run_id:
            return []
        rows = self._connection.exec_driver_sql(
            f"""{ANCESTRY} SELECT DISTINCT b.id, b.status FROM ancestry a JOIN run_dependency d ON d.run_id = a.id
                JOIN production_run b ON b.id = d.depends_on_run_id ORDER BY b.id""",
            {"run": run.id},
        )
        return [Predecessor(row[0], Status(row[1])) for row in rows]

    def unsettled(self, run: Run) -> tuple[str, ...]:
        """Ids of what it waits for and is neither completed nor cancelled."""
        return tuple(before.id for before in self.waits_for(run) if before.status not in TERMINAL)

    def is_held_above(self, run: Run) -> bool:
        """A container around the run is on hold."""
        if not run.parent_run_id:
            return False
        return bool(
            self._connection.exec_driver_sql(
                f"""{ANCESTRY} SELECT 1 FROM ancestry a JOIN production_run r ON r.id = a.id
                    WHERE r.id <> %(run)s AND r.held_at IS NOT NULL LIMIT 1""",
                {"run": run.id},
            ).scalar()
        )

    def add(self, run: Run, *, metadata: Mapping[str, Any] | None = None) -> Run:
        """A new run, written at the end."""
        self._added.append((run, dict(metadata or {})))
        return run

    def add_snapshot(self, snapshot: Snapshot) -> None:
        self._snapshots.append(snapshot)

    def add_dependencies(self, depends_on: Mapping[str, Collection[str]]) -> None:
        """Runs (by id) and the runs each waits for."""
        self._dependencies += [
            {"run_id": run_id, "depends_on_run_id": other} for run_id, others in depends_on.items() for other in others
        ]

    def flush(self, writes: Writes) -> None:
        """Put the differences among the writes, timers with them: a wait and its timer cannot come apart."""
        writes.insert("run_snapshot", [msgspec.to_builtins(snapshot) for snapshot in self._snapshots])
        changes = {run_id: self._changes(run) for run_id, run in self._runs.items()}
        by_columns: dict[tuple[str, ...], list[dict[str, Any]]] = {}
        for run_id, change in changes.items():
            if change:
                by_columns.setdefault(tuple(change), []).append({"id": run_id, **change})
        for rows in by_columns.values():
            writes.update("production_run", rows)
        added = [{**msgspec.structs.asdict(run), "metadata": metadata} for run, metadata in self._added]
        now = "created_at", "updated_at"
        writes.insert("production_run", [{**row, **dict.fromkeys(now, self._written_at)} for row in added])
        writes.insert("run_dependency", self._dependencies)
        self._flush_timers(writes, changes)

    def at(self, now: datetime) -> None:
        """The instant new rows carry as their creation."""
        self._written_at = now

    def _flush_timers(self, writes: Writes, changes: Mapping[str, Mapping[str, Any]]) -> None:
        waiting = [self._runs[run_id] for run_id, change in changes.items() if _moves_timer(self._runs[run_id], change)]
        waiting += [run for run, _ in self._added if run.waiting_until]
        writes.insert(
            "timer",
            [
                {
                    "run_id": run.id,
                    "gate": run.waiting_for,
                    "generation": 1,
                    "due_at": run.waiting_until,
                    "state": "armed",
                }
                for run in waiting
                if run.waiting_until and not run.held_at
            ],
            on_conflict="""(run_id) DO UPDATE SET gate = excluded.gate, due_at = excluded.due_at, state = 'armed',
                           generation = t.generation + 1""",
        )
        writes.update(
            "timer",
            [{"run_id": run.id, "state": "disarmed"} for run in waiting if run.held_at or not run.waiting_until],
            key="run_id",
        )

    def _changes(self, run: Run) -> dict[str, Any]:
        before = self._before[run.id]
        return {
            name: value
            for name, value, old in zip(RUN_COLUMNS, msgspec.structs.astuple(run), before, strict=True)
            if value != old
        }

    def _one(self, where: str, run_id: str) -> Run:
        row = self._connection.exec_driver_sql(
            f"SELECT row_to_json(r)::text FROM (SELECT {RUN_LIST} FROM production_run {where}) r", {"id": run_id}
        ).scalar()
        if row is None:
            raise refusals.NotFound(thing="production run")
        return as_run(row)

    def _keep(self, run: Run) -> Run:
        self._before[run.id] = msgspec.structs.astuple(run)
        return self._runs.setdefault(run.id, run)


def _moves_timer(run: Run, change: Mapping[str, Any]) -> bool:
    """The wait changed; or the run was put on hold or goes on, while its wait had not passed yet."""
    return bool({"waiting_for", "waiting_until"} & change.keys()) or ("held_at" in change and not run.overdue_at)
