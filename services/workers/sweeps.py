"""Sweeps: what time asks for. A sweep asks by message and changes nothing itself; several copies at once do no harm."""

from datetime import datetime, timedelta

import msgspec
from sqlalchemy import Connection, text

from shared.domain import commands, reminders
from shared.messages import SYSTEM, VERSION, opening
from shared.routing import COMMAND_HEARERS, addresses_of_command
from shared.runtime import ids, logs, settings
from shared.storage import alarms, invariants, mail, notice_store, reminder_store, upload_store
from shared.storage.files import Files
from shared.storage.mail import LEDGER_CHANNEL

BATCH = 1_000
"""Lapsed waits asked for in one statement."""

BREAKER_COUNT = 50
BREAKER_SHARE = 0.10
"""A sweep that would end more waits than this number, and more than this share of all armed ones, stops: the clock may be wrong."""

_log = logs.get("sweeps")


def lapse_gates(connection: Connection, *, at: datetime) -> int:
    """Ask for the lapse of every armed wait that is due at an instant. Returns how many; 0 when the breaker stopped it.

    The message id follows from run, gate and generation, so two sweeps cannot ask twice.
    """
    due = _count_due(connection, at=at)
    if not due or _is_stopped(connection, due=due, at=at):
        return 0
    asked = 0
    while batch := _lapse_batch(connection, at=at):
        asked += batch
    connection.execute(text(f"SELECT pg_notify('{LEDGER_CHANNEL}', '')"))
    return asked


def remind_partners(connection: Connection, *, at: datetime) -> int:
    """Ask for every rung of the ladder of reminders that is due where it is a weekday's open hour now. Returns how many.

    The message id follows from run, round, stage, number and day, so two sweeps cannot ask twice.
    """
    policy = mail.policy(connection)
    hour = policy.reminders.hour
    zones = [z for z in reminder_store.zones(connection) if reminders.is_open_hour(at, zone=z, hour=hour)]
    if not policy.reminders.enabled or not zones:
        return 0
    asked = 0
    least = min(reminders.patience(stage, policy) for stage in reminders.Stage)
    for run, history, zone in list(reminder_store.silent(connection, at=at, least=least, zones=zones)):
        found = reminders.due(run, history, at=at, zone=zone, policy=policy)
        if found:
            asked += 1
            name = reminders.question(run.id, round_=run.dispatch_round, found=found, at=at, zone=zone)
            command = commands.RemindPartner(
                round=run.dispatch_round, stage=found.stage.value, number=found.number, swept_at=at
            )
            _ask(connection, command, run_id=run.id, message_id=f"msg_{name}", at=at)
    return asked


def watch_notices(connection: Connection, *, at: datetime) -> int:
    """Raise an alarm while notices of the last day could not be sent; end it when there are none. Returns how many."""
    failed = notice_store.count_failed(connection, since=at - timedelta(days=1))
    if failed:
        _raise_alarm(connection, alarms.FAILED_NOTICES, detail=f"{failed} notices of the last day could not be sent")
    else:
        connection.execute(text("DELETE FROM alarm WHERE name = :name"), {"name": alarms.FAILED_NOTICES})
    return failed


def repair_families(connection: Connection, *, at: datetime) -> int:
    """Ask for the repair of every parent whose state does not follow from its parts. Returns how many were asked for."""
    parents = connection.execute(_FAMILIES_OUT_OF_STEP, {"at": at}).scalars().all()
    for parent_id in parents:
        _ask(connection, commands.RepairFamily(), run_id=parent_id, message_id=ids.fresh("msg"), at=at)
    return len(parents)


def retry_lines(connection: Connection, *, at: datetime) -> int:
    """Ask for a retry of every unmapped line whose product is linked by now: an order may come at the instant of the link.

    The message id follows from line and link, so two sweeps cannot ask twice.
    """
    found = connection.execute(_LINES_WITH_A_LINK).all()
    for line_id, link_id in found:
        _ask(
            connection,
            commands.RetryLine(line_id=line_id),
            run_id=None,
            message_id=f"msg_retry_{line_id}_{link_id}",
            at=at,
        )
    return len(found)


def check_invariants(connection: Connection) -> dict[str, int]:
    """Count what must never be; every broken invariant raises an alarm with its first ids, every mended one ends its own."""
    found = invariants.check(connection)
    for name, offenders in found.items():
        if offenders:
            _raise_alarm(connection, f"invariant:{name}", detail=", ".join(map(str, offenders[:20])))
        else:
            connection.execute(text("DELETE FROM alarm WHERE name = :name"), {"name": f"invariant:{name}"})
    return {name: len(offenders) for name, offenders in found.items()}


def forget_old_keys(connection: Connection, *, at: datetime) -> int:
    """Idempotency keys are kept for seven days."""
    return connection.execute(
        text("DELETE FROM idempotency_key WHERE created_at < CAST(:at AS timestamptz) - interval '7 days'"), {"at": at}
    ).rowcount


def take_back_uploads(connection: Connection, *, at: datetime, files: Files | None = None) -> int:
    """Take away the bytes of uploads that were cut off over an hour ago. Returns how many."""
    return upload_store.give_up_old(connection, files or Files(settings.read()), at=at)


def release_mass_lapse(connection: Connection, *, minutes: int = 60) -> None:
    """An operator looked at the clock: let the stopped sweep go on for so many minutes."""
    connection.exec_driver_sql(alarms.RELEASE, {"name": alarms.MASS_LAPSE, "minutes": minutes})


def _ask(
    connection: Connection, command: commands.Command, *, run_id: str | None, message_id: str, at: datetime
) -> None:
    message = opening(command, message_id=message_id, actor=SYSTEM, at=at, run_id=run_id)
    mail.post(connection, message, addresses_of_command(command.kind, run_id=run_id), awaited=False)


def _count_due(connection: Connection, *, at: datetime) -> int:
    return int(
        connection.execute(
            text("SELECT count(*) FROM timer WHERE state = 'armed' AND due_at <= :at"), {"at": at}
        ).scalar_one()
    )


def _is_stopped(connection: Connection, *, due: int, at: datetime) -> bool:
    if due <= BREAKER_COUNT:
        return False
    armed = int(connection.execute(text("SELECT count(*) FROM timer WHERE state = 'armed'")).scalar_one())
    if due <= armed * BREAKER_SHARE:
        return False
    released = connection.execute(
        text("SELECT 1 FROM alarm WHERE name = :name AND released_until > clock_timestamp()"),
        {"name": alarms.MASS_LAPSE},
    ).scalar()
    if released:
        return False
    detail = f"{due} of {armed} waits would lapse at {at.isoformat()}; check the clock, then release the sweep"
    _raise_alarm(connection, alarms.MASS_LAPSE, detail=detail)
    return True


def _raise_alarm(connection: Connection, name: str, *, detail: str) -> None:
    is_new = connection.execute(
        text(
            """INSERT INTO alarm (name, detail) VALUES (:name, :detail)
               ON CONFLICT (name) DO UPDATE SET detail = excluded.detail RETURNING xmax = 0"""
        ),
        {"name": name, "detail": detail},
    ).scalar()
    if is_new:
        _log.error("alarm", name=name, detail=detail)


def _lapse_batch(connection: Connection, *, at: datetime) -> int:
    rows = connection.execute(_LAPSE, {"at": at, "limit": BATCH, **_ENVELOPE})
    return int(rows.scalar_one())


_LAPSE = text(
    """
WITH due AS MATERIALIZED (
    SELECT run_id, gate, generation, due_at FROM timer
    WHERE state = 'armed' AND due_at <= :at ORDER BY due_at LIMIT :limit FOR UPDATE SKIP LOCKED),
fired AS (
    UPDATE timer t SET state = 'fired' FROM due WHERE t.run_id = due.run_id),
asked AS (
    INSERT INTO message (id, kind, version, body, run_id, actor, correlation, created_at)
    SELECT 'msg_lapse_' || run_id || '_' || gate || '_' || generation, :kind, :version,
           jsonb_build_object('gate', gate, 'due_at', due_at, 'swept_at', CAST(:at AS timestamptz)),
           run_id, CAST(:actor AS jsonb), 'msg_lapse_' || run_id || '_' || gate || '_' || generation, clock_timestamp()
    FROM due ON CONFLICT (id) DO NOTHING RETURNING id, run_id),
sent AS (
    INSERT INTO delivery (message_id, actor, room, run_id) SELECT id, :hearer, :room, run_id FROM asked)
SELECT count(*) FROM due
"""
)
_HEARER = COMMAND_HEARERS[commands.LapseGate]
_ENVELOPE = {
    "kind": commands.LapseGate.kind,
    "version": VERSION,
    "actor": msgspec.json.encode(SYSTEM).decode(),
    "hearer": _HEARER.actor,
    "room": _HEARER.room.value,
}

_LINES_WITH_A_LINK = text(
    """
SELECT l.id, p.id FROM order_line l
JOIN product_link p ON p.product_id = l.product_id AND (p.variant_id IS NULL OR p.variant_id = l.variant_id)
WHERE l.outcome = 'unmapped' AND NOT EXISTS (SELECT 1 FROM message m WHERE m.id = 'msg_retry_' || l.id || '_' || p.id)
LIMIT 500
"""
)

_FAMILIES_OUT_OF_STEP = text(
    """
WITH RECURSIVE lineage(id, ancestor_id) AS (
    SELECT r.id, r.id FROM production_run r
    WHERE r.status = 'approved' AND r.dispatch_state = 'idle' AND r.dispatch_round = 0 AND r.parent_run_id IS NOT NULL
    UNION ALL SELECT l.id, a.parent_run_id FROM lineage l JOIN production_run a ON a.id = l.ancestor_id
    WHERE a.parent_run_id IS NOT NULL),
ripe AS (
    SELECT l.id FROM lineage l JOIN run_dependency d ON d.run_id = l.ancestor_id
    JOIN production_run b ON b.id = d.depends_on_run_id
    GROUP BY l.id HAVING bool_and(b.status = 'completed'))
SELECT p.id FROM production_run p
WHERE p.child_count > 0 AND p.status NOT IN ('completed', 'cancelled')
  AND NOT EXISTS (SELECT 1 FROM delivery d WHERE d.run_id = p.id AND d.state = 'pending')
  AND p.updated_at < CAST(:at AS timestamptz) - interval '1 minute'
  AND (
    NOT EXISTS (SELECT 1 FROM production_run c WHERE c.parent_run_id = p.id AND c.status NOT IN ('completed', 'cancelled'))
    OR (p.status = 'approved' AND EXISTS (
        SELECT 1 FROM production_run c WHERE c.parent_run_id = p.id AND c.status IN ('in_progress', 'completed')))
    OR EXISTS (
        SELECT 1 FROM production_run c WHERE p.held_at IS NULL AND c.held_at IS NULL
          AND c.parent_run_id = p.id AND c.status = 'approved' AND c.dispatch_state = 'idle' AND c.dispatch_round = 0
          AND (c.partner_id IS NOT NULL OR c.child_count > 0) AND c.id IN (SELECT id FROM ripe)
          AND NOT EXISTS (SELECT 1 FROM message m WHERE m.id = 'msg_release_' || c.id || '_' || c.dispatch_round)))
LIMIT 500
"""
)
