"""Reminders: the rungs of each run's ladder, and what the ladder needs to know of a run beside its row."""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import Connection

from shared.domain.events import RunEscalated, RunParked, RunResumed
from shared.domain.reminders import Due, History, Rung, still_stands
from shared.domain.runs import Run
from shared.storage.run_store import as_run
from shared.storage.writes import Writes

_HISTORY = f"""json_build_object(
    'heard_at', (SELECT max(m.created_at) FROM message m WHERE m.run_id = r.id AND m.actor->>'kind' <> 'system'),
    'resumed_at', (SELECT max(m.created_at) FROM message m WHERE m.run_id = r.id AND m.kind = '{RunResumed.kind}'),
    'rungs', coalesce((
        SELECT json_agg(json_build_object(
            'stage', s.stage, 'number', s.number, 'at', s.created_at,
            'is_end', coalesce(e.kind IN ('{RunEscalated.kind}', '{RunParked.kind}'), false),
            'sent_at', (SELECT max(n.sent_at) FROM notification n
                        WHERE n.message_id = s.message_id AND n.audience = r.partner_id AND n.state = 'sent')))
        FROM reminder s LEFT JOIN message e ON e.id = s.message_id
        WHERE s.run_id = r.id AND s.dispatch_round = r.dispatch_round), '[]'))::text"""
"""A reminder counts as sent when at least one channel took it."""

_as_history = msgspec.json.Decoder(History).decode


class ReminderStore:
    """The ladder of one unit of work."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._rungs: list[dict[str, Any]] = []

    def history(self, run_id: str) -> tuple[History, str]:
        """What is known of a locked run, and its partner's time zone."""
        row = self._connection.exec_driver_sql(
            f"""SELECT {_HISTORY}, coalesce(p.time_zone, 'UTC')
                FROM production_run r LEFT JOIN partner p ON p.id = r.partner_id WHERE r.id = %(id)s""",
            {"id": run_id},
        ).one()
        return _as_history(row[0]), row[1]

    def add(self, run: Run, taken: Due, *, message_id: str, at: datetime) -> None:
        """A rung was taken; the message is what was told."""
        self._rungs.append(
            {
                "run_id": run.id,
                "dispatch_round": run.dispatch_round,
                "stage": taken.stage.value,
                "number": taken.number,
                "message_id": message_id,
                "created_at": at,
            }
        )

    def flush(self, writes: Writes) -> None:
        writes.insert("reminder", self._rungs)


def overtaken(connection: Connection, message_ids: Collection[str]) -> set[str]:
    """Of these messages, those whose reminder the partner has answered, or the run has left behind."""
    rows = connection.exec_driver_sql(
        f"""SELECT w.message_id, w.stage, w.number, w.created_at, w.dispatch_round, row_to_json(r)::text, {_HISTORY}
            FROM reminder w JOIN production_run r ON r.id = w.run_id WHERE w.message_id = ANY(%(ids)s)""",
        {"ids": list(message_ids)},
    )
    return {
        message_id
        for message_id, stage, number, at, round_, run, history in rows
        if not still_stands(as_run(run), _as_history(history), Rung(stage=stage, number=number, at=at), round_=round_)
    }


def zones(connection: Connection) -> list[str]:
    """Every time zone that a partner lives in."""
    return list(connection.exec_driver_sql("SELECT DISTINCT time_zone FROM partner").scalars())


def silent(
    connection: Connection, *, at: datetime, least: timedelta, zones: Sequence[str]
) -> Iterator[tuple[Run, History, str]]:
    """Runs in partners' hands whose stage is older than the least patience, in the given zones, with what the ladder needs."""
    rows = connection.exec_driver_sql(
        f"""SELECT row_to_json(r)::text, {_HISTORY}, p.time_zone
            FROM production_run r JOIN partner p ON p.id = r.partner_id
            WHERE r.status IN ('sent_to_partner', 'in_progress') AND r.child_count = 0 AND r.held_at IS NULL
              AND coalesce(r.started_at, r.accepted_at, r.dispatch_completed_at) < %(before)s
              AND p.time_zone = ANY(%(zones)s)""",
        {"before": at - least, "zones": list(zones)},
    )
    for run, history, zone in rows:
        yield as_run(run), _as_history(history), zone
