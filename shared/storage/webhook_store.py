"""Webhook endpoints and what is sent to them: one row per event and endpoint. Rows are written pending; the herald sends them."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import msgspec
from sqlalchemy import Connection

from shared.domain import news
from shared.domain.news import Happened
from shared.domain.notices import ADMINS, NoticeState
from shared.messages import SYSTEM, VERSION
from shared.runtime import ids
from shared.storage import feed
from shared.storage.writes import Writes

LEASE_SECONDS = 90
"""A claimed delivery whose sender was killed is sent again after that long."""

SECRET_LIVES = timedelta(hours=24)
"""After a rotation the old secret signs so long beside the new one."""

MOST_REPLAYED = 5_000
"""So many events are sent again at one ask; the answer says where to go on."""

TURNED_OFF = "webhook_endpoint.turned_off"
"""The kind of the message that admins' notices about it hang on."""


class EndpointState(StrEnum):
    """Whether an endpoint is told anything."""

    ACTIVE = "active"
    OFF = "off"


class DeliveryState(StrEnum):
    """How far a delivery is."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """Who is told, as fan-out needs to know it."""

    id: str
    event_types: list[str]
    partner_id: str | None
    begins_xid: int


class Parcel(msgspec.Struct, frozen=True, kw_only=True):
    """A claimed delivery with all that its sending needs."""

    id: int
    endpoint_id: str
    url: str
    secrets: list[str]
    message_id: str
    event: dict[str, Any]
    attempts: int


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """How an attempt ended. error: None when it was taken. retry_after: how long the endpoint asked to be left alone."""

    status: int | None = None
    error: str | None = None
    answer: str | None = None
    retry_after: timedelta | None = None

    @property
    def is_taken(self) -> bool:
        return self.error is None

    @property
    def is_gone(self) -> bool:
        """It says that it is there no more."""
        return self.status == 410

    @property
    def is_too_fast(self) -> bool:
        """It asks us to slow down."""
        return self.status in (429, 503)


# Fan-out ------------------------------------------------------------------------------------------------------------


def spread(connection: Connection, events: Sequence[Happened], *, source: str) -> int:
    """Write a delivery for every endpoint that is to be told. Returns how many were new."""
    endpoints = _active(connection)
    rows = [
        _row(endpoint.id, event, source=source, partner_id=endpoint.partner_id)
        for event in events
        for endpoint in endpoints
        if int(event.xid or 0) >= endpoint.begins_xid and _is_told(endpoint, event)
    ]
    return _add(connection, rows)


def has_readers(connection: Connection) -> bool:
    """There is an endpoint to be told."""
    return bool(connection.exec_driver_sql("SELECT 1 FROM webhook_endpoint WHERE state = 'active' LIMIT 1").scalar())


def replay_since(
    connection: Connection, endpoint_id: str, *, since: datetime, source: str
) -> tuple[int, datetime | None]:
    """Send again what an endpoint is to be told of what happened since then, also what it never was. Returns how many, and where to go on."""
    endpoint = next(each for each in _active(connection) if each.id == endpoint_id)
    rows = connection.exec_driver_sql(
        _SINCE, {"since": since, "kinds": endpoint.event_types or feed.KINDS, "limit": MOST_REPLAYED + 1}
    ).all()
    found = [feed.happened(row) for row in rows[:MOST_REPLAYED]]
    told = [
        _row(endpoint.id, event, source=source, partner_id=endpoint.partner_id)
        for event in found
        if _is_told(endpoint, event)
    ]
    _add(connection, told)
    again = replay(connection, endpoint_id, message_ids=[row["message_id"] for row in told])
    return again, rows[MOST_REPLAYED][5] if len(rows) > MOST_REPLAYED else None


def replay(
    connection: Connection,
    endpoint_id: str,
    *,
    message_ids: Sequence[str] | None = None,
    delivery_id: int | None = None,
    failed: bool = False,
) -> int:
    """Make deliveries of an endpoint due, with all their attempts before them. Returns how many."""
    return connection.exec_driver_sql(
        """UPDATE webhook_delivery SET state = 'pending', attempts = 0, next_at = clock_timestamp(), updated_at = clock_timestamp()
           WHERE endpoint_id = %(endpoint)s
             AND (%(messages)s::text[] IS NULL OR message_id = ANY(%(messages)s::text[]))
             AND (%(delivery)s::bigint IS NULL OR id = %(delivery)s::bigint) AND (NOT %(failed)s OR state = 'failed')""",
        {
            "endpoint": endpoint_id,
            "messages": None if message_ids is None else list(message_ids),
            "delivery": delivery_id,
            "failed": failed,
        },
    ).rowcount


def add_test(connection: Connection, endpoint_id: str, *, message_id: str, source: str, at: datetime) -> int:
    """A delivery that says nothing but that it is a test. Returns its id."""
    event = news.a_test(message_id, source=source, at=at)
    _add(connection, [_values(endpoint_id, message_id, kind=news.TEST, run_id=None, event=event)])
    return int(
        connection.exec_driver_sql(
            "SELECT id FROM webhook_delivery WHERE endpoint_id = %(endpoint)s AND message_id = %(message)s",
            {"endpoint": endpoint_id, "message": message_id},
        ).scalar_one()
    )


def _active(connection: Connection) -> list[Endpoint]:
    """The endpoints that are told, kept from vanishing until the transaction ends."""
    rows = connection.exec_driver_sql(
        """SELECT id, event_types, partner_id, begins_xid::text::bigint FROM webhook_endpoint
           WHERE state = 'active' ORDER BY id FOR KEY SHARE"""
    )
    return [Endpoint(**dict(zip(Endpoint.__struct_fields__, row, strict=True))) for row in rows]


def _is_told(endpoint: Endpoint, event: Happened) -> bool:
    return news.is_wanted(event.kind, endpoint.event_types) and news.is_for(event, endpoint.partner_id)


def _row(endpoint_id: str, event: Happened, *, source: str, partner_id: str | None) -> dict[str, Any]:
    told = news.told(event, source=source, partner_id=partner_id)
    return _values(endpoint_id, event.id, kind=event.kind, run_id=event.run_id, event=told)


def _values(
    endpoint_id: str, message_id: str, *, kind: str, run_id: str | None, event: dict[str, Any]
) -> dict[str, Any]:
    return {"endpoint_id": endpoint_id, "message_id": message_id, "kind": kind, "run_id": run_id, "event": event}


def _add(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> int:
    if not rows:
        return 0
    return connection.exec_driver_sql(
        """INSERT INTO webhook_delivery (endpoint_id, message_id, kind, run_id, event, next_at)
           SELECT endpoint_id, message_id, kind, run_id, event, clock_timestamp()
           FROM json_populate_recordset(NULL::webhook_delivery, %(rows)s::json)
           ON CONFLICT (endpoint_id, message_id) DO NOTHING""",
        {"rows": msgspec.json.encode(rows).decode()},
    ).rowcount


_SINCE = f"""
SELECT {feed.TOLD} FROM message m LEFT JOIN production_run r ON r.id = m.run_id
WHERE m.created_at >= %(since)s AND {feed.OF_EVENTS} ORDER BY m.created_at, m.seq LIMIT %(limit)s
"""

# Sending ------------------------------------------------------------------------------------------------------------


def claim(connection: Connection, *, at: datetime, limit: int, most: int, busy: Mapping[str, int]) -> list[Parcel]:
    """Take due deliveries for the length of a lease and count the attempt. Commit before sending.

    most: so many of one endpoint at once, or one while it asks us to slow down. busy: how many are under way, by endpoint.
    """
    rows = connection.exec_driver_sql(
        _CLAIM,
        {
            "at": at,
            "until": at + timedelta(seconds=LEASE_SECONDS),
            "limit": limit,
            "most": most,
            "busy": msgspec.json.encode(busy).decode(),
        },
    )
    return sorted(
        (Parcel(**dict(zip(Parcel.__struct_fields__, row, strict=True))) for row in rows), key=lambda parcel: parcel.id
    )


_CLAIM = """
WITH due AS MATERIALIZED (
    SELECT d.id FROM webhook_endpoint e CROSS JOIN LATERAL (
        SELECT id, next_at FROM webhook_delivery
        WHERE endpoint_id = e.id AND state = 'pending' AND next_at <= %(at)s ORDER BY next_at, id
        LIMIT greatest(0, CASE WHEN e.slow_downs > 0 THEN 1 ELSE %(most)s::int END
                          - coalesce((%(busy)s::jsonb ->> e.id)::int, 0))) d
    WHERE e.state = 'active' AND (e.paused_until IS NULL OR e.paused_until <= %(at)s)
    ORDER BY d.next_at, d.id LIMIT %(limit)s),
taken AS MATERIALIZED (
    SELECT id FROM webhook_delivery
    WHERE id = ANY (ARRAY(SELECT id FROM due)) AND state = 'pending' AND next_at <= %(at)s FOR NO KEY UPDATE SKIP LOCKED)
UPDATE webhook_delivery d SET attempts = d.attempts + 1, next_at = %(until)s, updated_at = clock_timestamp()
FROM taken, webhook_endpoint e
WHERE d.id = taken.id AND e.id = d.endpoint_id
RETURNING d.id, e.id, e.url, array_remove(ARRAY[e.secret, CASE WHEN e.previous_until > clock_timestamp() THEN e.previous_secret END], NULL),
          d.message_id, d.event, d.attempts
"""


def record(connection: Connection, parcel: Parcel, outcome: Outcome, *, at: datetime, chance: float) -> str | None:
    """Write down how an attempt ended. Nothing happens when another attempt was begun meanwhile. chance: from 0 to 1.

    Returns why the endpoint was turned off, if that was the end of it.
    """
    pause = None if outcome.is_taken or outcome.is_gone else news.pause_after(parcel.attempts, chance=chance)
    state = (
        DeliveryState.DELIVERED
        if outcome.is_taken
        else DeliveryState.FAILED
        if pause is None
        else DeliveryState.PENDING
    )
    found = connection.exec_driver_sql(
        """UPDATE webhook_delivery SET state = %(state)s, next_at = %(next_at)s, attempted_at = %(at)s, status = %(status)s,
               error = %(error)s, answer = %(answer)s, updated_at = clock_timestamp(),
               delivered_at = CASE WHEN %(state)s = 'delivered' THEN %(at)s ELSE delivered_at END
           WHERE id = %(id)s AND state = 'pending' AND attempts = %(attempts)s""",
        {
            "id": parcel.id,
            "attempts": parcel.attempts,
            "state": state.value,
            "next_at": None if pause is None else at + pause,
            "at": at,
            **{name: getattr(outcome, name) for name in ("status", "error", "answer")},
        },
    )
    if not found.rowcount:
        return None
    if outcome.is_taken:
        connection.exec_driver_sql(_IS_WELL, {"id": parcel.endpoint_id})
        return None
    return _record_trouble(connection, parcel, outcome, at=at, chance=chance)


def _record_trouble(
    connection: Connection, parcel: Parcel, outcome: Outcome, *, at: datetime, chance: float
) -> str | None:
    """What a failed attempt says of the endpoint itself: failing since, too fast, gone."""
    row = connection.exec_driver_sql(
        """UPDATE webhook_endpoint SET failing_since = coalesce(failing_since, %(at)s),
               slow_downs = CASE WHEN %(too_fast)s THEN slow_downs + 1 ELSE slow_downs END
           WHERE id = %(id)s RETURNING failing_since, slow_downs""",
        {"id": parcel.endpoint_id, "at": at, "too_fast": outcome.is_too_fast},
    ).one()
    if outcome.is_too_fast:
        until = at + news.breather(outcome.retry_after, times=row[1], chance=chance)
        connection.exec_driver_sql(
            "UPDATE webhook_endpoint SET paused_until = greatest(paused_until, %(until)s) WHERE id = %(id)s",
            {"id": parcel.endpoint_id, "until": until},
        )
    gone = "It answered 410: it is there no more." if outcome.is_gone else None
    lost = f"Nothing reached it for {news.PATIENCE.days} days." if at - row[0] >= news.PATIENCE else None
    reason = gone or lost
    return reason if reason and turn_off(connection, parcel.endpoint_id, reason=reason, at=at) else None


_IS_WELL = """
UPDATE webhook_endpoint SET failing_since = NULL, paused_until = NULL, slow_downs = greatest(slow_downs - 1, 0)
WHERE id = %(id)s AND (failing_since IS NOT NULL OR paused_until IS NOT NULL OR slow_downs > 0)
"""


def turn_off(connection: Connection, endpoint_id: str, *, reason: str, at: datetime) -> bool:
    """An endpoint is told nothing more until a person turns it on; what is pending waits. False when it is off already.

    Raises an alarm, which that person ends.
    """
    found = connection.exec_driver_sql(
        """UPDATE webhook_endpoint SET state = 'off', off_reason = %(reason)s, off_at = %(at)s, updated_at = clock_timestamp()
           WHERE id = %(id)s AND state = 'active'""",
        {"id": endpoint_id, "reason": reason, "at": at},
    )
    if found.rowcount:
        connection.exec_driver_sql(
            """INSERT INTO alarm (name, detail) VALUES (%(name)s, %(detail)s)
               ON CONFLICT (name) DO UPDATE SET detail = excluded.detail""",
            {"name": alarm_of(endpoint_id), "detail": f"This webhook endpoint was turned off. {reason}"},
        )
    return bool(found.rowcount)


def turn_on(connection: Connection, endpoint_id: str) -> None:
    """It is told again, from now on and what was pending; its alarm ends."""
    connection.exec_driver_sql(
        """UPDATE webhook_endpoint SET state = 'active', off_reason = NULL, off_at = NULL, failing_since = NULL,
               paused_until = NULL, slow_downs = 0, updated_at = clock_timestamp() WHERE id = %(id)s""",
        {"id": endpoint_id},
    )
    end_alarm(connection, endpoint_id)


def end_alarm(connection: Connection, endpoint_id: str) -> None:
    """Nobody need look after this endpoint any more."""
    connection.exec_driver_sql("DELETE FROM alarm WHERE name = %(name)s", {"name": alarm_of(endpoint_id)})


def alarm_of(endpoint_id: str) -> str:
    """The name of the alarm of an endpoint that was turned off."""
    return f"webhook_off:{endpoint_id}"


def tell_admins(
    connection: Connection, endpoint_id: str, *, reason: str, channels: Sequence[str], at: datetime
) -> None:
    """Write down what the admins are told about an endpoint that was turned off; the courier sends it."""
    url = connection.exec_driver_sql(
        "SELECT url FROM webhook_endpoint WHERE id = %(id)s", {"id": endpoint_id}
    ).scalar_one()
    message_id = ids.fresh("msg")
    body = {"reason": reason, "after": {"webhook_endpoint_id": endpoint_id}}
    message = {"id": message_id, "kind": TURNED_OFF, "version": VERSION, "body": body, "actor": SYSTEM}
    notices = [
        {
            "id": ids.fresh("note"),
            "message_id": message_id,
            "audience": ADMINS,
            "channel": channel,
            "kind": TURNED_OFF,
            "language": "en",
            "title": "A webhook endpoint was turned off",
            "text": f"{url.partition('?')[0]} is told no news any more. {reason} What it did not take is kept; turn it on to send it.",
            "state": NoticeState.PENDING.value,
            "next_at": at,
            "attempts": 0,
            "created_at": at,
        }
        for channel in channels
    ]
    writes = Writes()
    writes.insert("message", [{**message, "correlation": message_id, "created_at": at}])
    writes.insert("notification", notices)
    writes.send(connection)
