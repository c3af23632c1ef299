"""Notices: what somebody is told, one row per message, audience and channel. Rows are written pending; the courier sends them.

A row never holds a target: targets are secrets, so it names the channel and the target is looked up when it is sent.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import Connection

from shared.domain.notices import ADMINS, STATE_SENTENCES, Notice, NoticeState, Recipient
from shared.storage.writes import Writes

MOST_ATTEMPTS = 6
"""A notice that could not be sent so many times has failed: a person is asked to look."""

FIRST_PAUSE_SECONDS = 30
PAUSE_GROWS_BY = 4
"""Each pause before another attempt is so many times the one before: all attempts take about three hours."""

LEASE_SECONDS = 180
"""A claimed notice whose sender was killed is sent again after that long."""

LOOKED_AT = 1_000
"""Of all that is due, a claim looks at so many: a long queue for one target must not make every claim slow."""


class Addressee(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody to be told, as the directory knows them."""

    recipient: Recipient
    name: str | None = None
    contacts: list[dict[str, Any]] = []


class Parcel(msgspec.Struct, frozen=True, kw_only=True):
    """A claimed notice, to be sent to the target of its channel."""

    id: str
    message_id: str
    kind: str | None
    audience: str
    channel: str
    title: str | None
    text: str
    attempts: int
    run_id: str | None
    contacts: list[dict[str, Any]]

    @property
    def target(self) -> str:
        """The name of where it goes."""
        return f"{self.audience} {self.channel}"


class NoticeStore:
    """The notices of one unit of work."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._notices: list[dict[str, Any]] = []

    def addressee(self, audience: str) -> Addressee | None:
        """Whom an audience stands for; None when there is no such partner."""
        if audience == ADMINS:
            return Addressee(recipient=Recipient(audience=ADMINS))
        row = self._connection.exec_driver_sql(
            "SELECT language, time_zone, name, contacts FROM partner WHERE id = %(id)s", {"id": audience}
        ).first()
        if row is None:
            return None
        recipient = Recipient(audience=audience, language=row[0], time_zone=row[1])
        return Addressee(recipient=recipient, name=row[2], contacts=row[3])

    def names(self, *, design_id: str | None, partner_id: str | None) -> tuple[str | None, str | None]:
        """What the design and the partner are called now."""
        row = self._connection.exec_driver_sql(
            """SELECT (SELECT name FROM design WHERE id = %(design)s), (SELECT name FROM partner WHERE id = %(partner)s)""",
            {"design": design_id, "partner": partner_id},
        ).one()
        return row[0], row[1]

    def add(
        self,
        notice: Notice,
        *,
        notice_id: str,
        message_id: str,
        audience: str,
        channel: str,
        kind: str,
        run_id: str | None,
        at: datetime,
    ) -> None:
        """A notice to be sent; the same message tells each audience once per channel."""
        self._notices.append(
            {
                "id": notice_id,
                "message_id": message_id,
                "audience": audience,
                "channel": channel,
                "kind": kind,
                "language": notice.language,
                "title": notice.title,
                "text": notice.text,
                "state": NoticeState.PENDING.value,
                "attempts": 0,
                "next_at": at,
                "run_id": run_id,
                "created_at": at,
            }
        )

    def flush(self, writes: Writes) -> None:
        writes.insert("notification", self._notices, on_conflict="(message_id, audience, channel) DO NOTHING")


def claim(
    connection: Connection, *, at: datetime, limit: int, most_of_one_target: int, busy: Sequence[str] = ()
) -> list[Parcel]:
    """Take due notices for the length of a lease and count the attempt. Commit before sending.

    busy: targets for which nothing more is taken now. Of any other no more than most_of_one_target are.
    """
    rows = connection.exec_driver_sql(
        """WITH seen AS (
               SELECT id, next_at, audience, channel FROM notification
               WHERE state = 'pending' AND next_at <= %(at)s AND audience || ' ' || channel <> ALL (%(busy)s::text[])
               ORDER BY next_at LIMIT %(seen)s),
           ranked AS (
               SELECT id, next_at, row_number() OVER (PARTITION BY audience, channel ORDER BY next_at, id) AS place FROM seen),
           due AS MATERIALIZED (
               SELECT id FROM notification WHERE state = 'pending' AND next_at <= %(at)s AND id = ANY (ARRAY(
                   SELECT id FROM ranked WHERE place <= %(most)s ORDER BY next_at, id LIMIT %(limit)s))
               FOR NO KEY UPDATE SKIP LOCKED)
           UPDATE notification n SET attempts = n.attempts + 1, next_at = %(until)s
           FROM due LEFT JOIN notification o ON o.id = due.id LEFT JOIN partner p ON p.id = o.audience
           WHERE n.id = due.id
           RETURNING n.id, n.message_id, n.kind, n.audience, n.channel, n.title, n.text, n.attempts, n.run_id, coalesce(p.contacts, '[]')""",
        {
            "at": at,
            "until": at + timedelta(seconds=LEASE_SECONDS),
            "limit": limit,
            "most": most_of_one_target,
            "seen": LOOKED_AT,
            "busy": list(busy),
        },
    )
    return [Parcel(**dict(zip(Parcel.__struct_fields__, row, strict=True))) for row in rows]


def record_sent(connection: Connection, parcel: Parcel, *, at: datetime) -> None:
    """It reached its target. Nothing happens when another attempt was begun meanwhile."""
    _settle(connection, parcel, state=NoticeState.SENT, sent_at=at, next_at=None, error=None)


def record_failure(connection: Connection, parcel: Parcel, *, error: str, at: datetime) -> None:
    """It did not: it is tried again, each time later, until it has failed."""
    is_over = parcel.attempts >= MOST_ATTEMPTS
    again = at + timedelta(seconds=FIRST_PAUSE_SECONDS * PAUSE_GROWS_BY ** (parcel.attempts - 1))
    state = NoticeState.FAILED if is_over else NoticeState.PENDING
    _settle(connection, parcel, state=state, sent_at=None, next_at=None if is_over else again, error=error)


def record_superseded(connection: Connection, parcel: Parcel) -> None:
    """A claimed notice is not sent any more, so this was no attempt. Its row says why."""
    why = STATE_SENTENCES[NoticeState.SUPERSEDED]
    _settle(connection, parcel, state=NoticeState.SUPERSEDED, sent_at=None, next_at=None, error=why)
    connection.exec_driver_sql("UPDATE notification SET attempts = attempts - 1 WHERE id = %(id)s", {"id": parcel.id})


def send_again(connection: Connection, notice_id: str) -> bool:
    """Make a failed notice due, with all its attempts before it. False when it has not failed."""
    return bool(
        connection.exec_driver_sql(
            """UPDATE notification SET state = 'pending', attempts = 0, next_at = clock_timestamp()
               WHERE id = %(id)s AND state = 'failed'""",
            {"id": notice_id},
        ).rowcount
    )


def count_failed(connection: Connection, *, since: datetime) -> int:
    """How many notices made since an instant have failed."""
    return int(
        connection.exec_driver_sql(
            "SELECT count(*) FROM notification WHERE state = 'failed' AND created_at > %(since)s", {"since": since}
        ).scalar_one()
    )


def _settle(connection: Connection, parcel: Parcel, *, state: NoticeState, **values: Any) -> None:
    connection.exec_driver_sql(
        """UPDATE notification SET state = %(state)s, sent_at = %(sent_at)s, next_at = %(next_at)s, error = %(error)s
           WHERE id = %(id)s AND state = 'pending' AND attempts = %(attempts)s""",
        {"id": parcel.id, "attempts": parcel.attempts, "state": state.value, **values},
    )
