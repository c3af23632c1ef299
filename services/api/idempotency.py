"""Idempotency-Key: a request that comes again gets the first answer again, and never a second effect. Kept for 7 days.

A route that writes by itself keeps its key, its write and its answer in one transaction. A command's key is committed first,
with the id its message will have: after a crash the repeated request asks the very same command.
"""

import hashlib
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, NamedTuple

import falcon
import msgspec
from sqlalchemy import Connection

from services.api import answers, errors
from services.api.errors import Problem
from services.api.routes import Call, Reply, Route
from shared.runtime import clock, ids
from shared.storage import mail
from shared.storage.mail import DeliveryState

KEPT = timedelta(days=7)
IN_FLIGHT = timedelta(seconds=2)
"""So long nobody takes a request over whose command is not in the ledger: its gateway is about to store it, or was killed."""

LONGEST_KEY = 255
REPLAYED = {"Idempotency-Replayed": "true"}
NOT_KEPT = frozenset({401, 429})

Work = Callable[[Call], Reply]


class Place(NamedTuple):
    """Whose key it is."""

    account_id: str
    key: str


class Kept(msgspec.Struct, frozen=True):
    """What is stored under a key. message_id: of the command it asked for, or would ask for."""

    request_hash: str
    message_id: str
    status: int | None
    headers: dict[str, Any] | None
    answer: Any

    @property
    def is_final(self) -> bool:
        """The answer will not change any more; "not answered yet" may."""
        return self.status is not None and not (self.status == 202 and _COMMANDS in (self.headers or {}).get(_AT, ""))

    def reply(self) -> Reply:
        headers = dict(self.headers or {})
        content_type = headers.pop("Content-Type", "application/json")
        return Reply(self.answer, status=self.status or 200, headers={**headers, **REPLAYED}, content_type=content_type)


_AT, _COMMANDS = "Location", "/commands/"
_NEVER_STORED = "secret"
"""The one member that is shown once and kept by nobody."""


def key_of(req: falcon.Request) -> str | None:
    """The key of a POST, None without one. Raises 400 for a key that cannot be kept."""
    key = req.get_header("Idempotency-Key") if req.method == "POST" else None
    if key is not None and not (0 < len(key) <= LONGEST_KEY and key.isascii() and key.isprintable()):
        raise Problem(400, "bad_request", f"Idempotency-Key must be 1 to {LONGEST_KEY} printable ASCII characters.")
    return key


def request_hash(req: falcon.Request, raw: bytes) -> str:
    """Two requests are the same when method, path and body are."""
    return hashlib.sha256(b"\0".join((req.method.encode(), req.path.encode(), raw))).hexdigest()


def once(call: Call, route: Route, work: Work, *, key: str, raw: bytes) -> Reply:
    """Do the work the first time, give its answer again every other time."""
    do = _once_in_transaction if route.transactional else _once_by_message
    return do(call, work, place=Place(call.who.account_id, key), hash_=request_hash(call.req, raw))


# The gateway's own writes ---------------------------------------------------------------------------------------------


def _once_in_transaction(call: Call, work: Work, *, place: Place, hash_: str) -> Reply:
    with call.desk.engine.connect() as connection:
        if not connection.exec_driver_sql(_TRY_LOCK, {"name": " ".join(place)}).scalar():
            raise _in_flight()
        kept = _take(connection, place, hash_=hash_)
        if kept and kept.status is not None:
            return kept.reply()
        call.connection = connection
        reply = _attempt(call, work, connection)
        if _is_kept(reply):
            _keep(connection, place, reply)
            connection.commit()
        return reply


def _attempt(call: Call, work: Work, connection: Connection) -> Reply:
    """A refused write is undone, and its refusal is the answer."""
    savepoint = connection.begin_nested()
    try:
        reply = work(call)
        savepoint.commit()
    except Problem as problem:
        savepoint.rollback()
        reply = problem.reply(call.req)
    return reply


_TRY_LOCK = "SELECT pg_try_advisory_xact_lock(hashtextextended(%(name)s, 0))"

# Commands -----------------------------------------------------------------------------------------------------------


def _once_by_message(call: Call, work: Work, *, place: Place, hash_: str) -> Reply:
    with call.desk.engine.begin() as connection:
        kept = _take(connection, place, hash_=hash_)
        if kept and kept.is_final:
            return kept.reply()
        if kept and kept.status is None and not _may_go_on(connection, place, kept):
            raise _in_flight()
        call.req.context.message_id = kept.message_id if kept else _stored(connection, place).message_id
    reply = _ask(call, work, place=place)
    return msgspec.structs.replace(reply, headers={**reply.headers, **REPLAYED}) if kept else reply


def _ask(call: Call, work: Work, *, place: Place) -> Reply:
    try:
        reply = work(call)
    except Exception as ex:
        reply = errors.told_of(ex).reply(call.req)
    with call.desk.engine.begin() as connection:
        if _is_kept(reply):
            _keep(connection, place, reply)
        else:
            _let_go(connection, place)
    return reply


# Rows ---------------------------------------------------------------------------------------------------------------


def _take(connection: Connection, place: Place, *, hash_: str) -> Kept | None:
    """Take the key: None when it is ours now, else what is stored under it. Raises 422 for another request's key."""
    now = clock.now()
    taken = connection.exec_driver_sql(
        _TAKE,
        {
            **place._asdict(),
            "hash": hash_,
            "message": ids.derived("msg", *place, at=now),
            "now": now,
            "forgotten": now - KEPT,
        },
    ).first()
    if taken:
        return None
    kept = _stored(connection, place)
    if kept.request_hash != hash_:
        raise errors.invalid(
            "This Idempotency-Key was used for another request; take a new key.", code="idempotency_key_reused"
        )
    return kept


_TAKE = """
INSERT INTO idempotency_key AS k (account_id, key, request_hash, message_id, created_at)
VALUES (%(account_id)s, %(key)s, %(hash)s, %(message)s, %(now)s)
ON CONFLICT (account_id, key) DO UPDATE
SET request_hash = excluded.request_hash, message_id = excluded.message_id, created_at = excluded.created_at,
    status = NULL, headers = NULL, answer = NULL
WHERE k.created_at < %(forgotten)s
RETURNING 1
"""


def _stored(connection: Connection, place: Place) -> Kept:
    row = connection.exec_driver_sql(
        """SELECT request_hash, message_id, status, headers, answer FROM idempotency_key
           WHERE account_id = %(account_id)s AND key = %(key)s""",
        place._asdict(),
    ).one()
    return Kept(*row)


def _may_go_on(connection: Connection, place: Place, kept: Kept) -> bool:
    """Nobody heard the first answer yet. What was carried out meanwhile can be told; what nobody stored can be asked."""
    known = mail.answer(connection, kept.message_id)
    return known.state is not DeliveryState.PENDING if known else _take_over(connection, place)


def _take_over(connection: Connection, place: Place) -> bool:
    """Whoever held the key without answering is gone; only one takes it over."""
    now = clock.now()
    return bool(
        connection.exec_driver_sql(
            """UPDATE idempotency_key SET created_at = %(now)s
               WHERE account_id = %(account_id)s AND key = %(key)s AND status IS NULL AND created_at < %(gone)s""",
            {**place._asdict(), "now": now, "gone": now - IN_FLIGHT},
        ).rowcount
    )


def _let_go(connection: Connection, place: Place) -> None:
    """The answer is not kept, the id of the command is: the next request may ask for it at once."""
    connection.exec_driver_sql(
        """UPDATE idempotency_key SET created_at = created_at - %(while)s
           WHERE account_id = %(account_id)s AND key = %(key)s AND status IS NULL""",
        {**place._asdict(), "while": IN_FLIGHT},
    )


def _is_kept(reply: Reply) -> bool:
    return reply.status < 500 and reply.status not in NOT_KEPT and not isinstance(reply.body, bytes)


def _keep(connection: Connection, place: Place, reply: Reply) -> None:
    headers = {**reply.headers, "Content-Type": reply.content_type}
    told = reply.body if isinstance(reply.body, Mapping) else None
    body = None if told is None else {name: value for name, value in told.items() if name != _NEVER_STORED}
    connection.exec_driver_sql(
        """UPDATE idempotency_key SET status = %(status)s, headers = %(headers)s::jsonb, answer = %(answer)s::jsonb
           WHERE account_id = %(account_id)s AND key = %(key)s""",
        {
            **place._asdict(),
            "status": reply.status,
            "headers": answers.encode(headers).decode(),
            "answer": answers.encode(body).decode(),
        },
    )


def _in_flight() -> Problem:
    return errors.conflict(
        "The first request with this Idempotency-Key is still being carried out; ask again in a moment.",
        code="request_in_flight",
    )
