"""Parked messages: what a shop published to the broker and nobody could read. A person takes it in after a fix, or discards it."""

from typing import Any

from sqlalchemy import ColumnElement, RowMapping, func, select

from services.api import errors
from services.api.queries import lists
from services.api.routes import Call, Reply, Route, Who
from shared.intake.amqp import Published
from shared.runtime import logs
from shared.storage import parking, tables
from shared.storage.parking import ParkedState

LONGEST_SHOWN = 2_000
"""Of a body, in an answer."""

CODES = {
    "not_parked": "Only a message that is still parked can be taken in or discarded.",
    "still_unreadable": "The message cannot be taken in as it is; the detail says why, and it stays parked.",
}
"""The problem codes of this module, with their sentences."""

_p = tables.parked_message.c
_FILTERS = {"state": lists.equals(_p.state, ParkedState)}
_SHOWN: tuple[ColumnElement[Any], ...] = (
    _p.id, _p.state, _p.reason, _p.routing_key, _p.content_type, _p.headers, _p.size, _p.count,
    func.substring(_p.body, 1, LONGEST_SHOWN).label("body"), _p.message_id, _p.first_seen_at, _p.last_seen_at, _p.decided_at,
)  # fmt: skip


def list_parked_messages(call: Call) -> Reply:
    """Those that wait for a person, the newest first; `state` shows the others."""
    with call.desk.engine.connect() as connection:
        return Reply(
            lists.page(
                connection,
                select(*_SHOWN),
                query={"state": ParkedState.PARKED.value, **call.query},
                key=_p.id,
                filters=_FILTERS,
                sorts={"created_at": _p.first_seen_at},
                plural="parked_messages",
                render=_rendered,
            )
        )


def retry(call: Call) -> Reply:
    """Take it in, now that what was missing is there. Taking in twice changes nothing."""
    told = _locked(call)
    try:
        taken = parking.take(call.tx, told)
    except parking.NotTaken as why:
        raise errors.conflict(f"It cannot be taken in: {why}", code="still_unreadable") from None
    return _settled(call, ParkedState.TAKEN_IN, message_id=taken.message_id)


def discard(call: Call) -> Reply:
    """Give it up. It stays readable."""
    _locked(call)
    return _settled(call, ParkedState.DISCARDED)


def _locked(call: Call) -> Published:
    found = parking.lock(call.tx, call.params["id"])
    if found is None:
        raise errors.conflict(f"This message is not parked; it is {_row(call)['state']}.", code="not_parked")
    return found


def _settled(call: Call, state: ParkedState, *, message_id: str | None = None) -> Reply:
    parking.settle(call.tx, call.params["id"], state, message_id=message_id)
    logs.get("operations").info(
        f"parked_message_{state}", parked=call.params["id"], message=message_id, by=call.who.account_id
    )
    return Reply({"parked_message": _rendered(_row(call))})


def _row(call: Call) -> RowMapping:
    """The message of the path. Raises 404."""
    row = call.tx.execute(select(*_SHOWN).where(_p.id == call.params["id"])).mappings().first()
    if row is None:
        raise errors.not_found("parked message")
    return row


def _rendered(row: RowMapping) -> dict[str, Any]:
    """The beginning of the body as text, whatever it is."""
    shown = {column.key: row[column.key] for column in _SHOWN if column.key}
    return {**shown, "body": bytes(row["body"]).decode(errors="replace")}


_PARKED = "/admin/operations/parked-messages"
_DECIDED = {200: "The message as it is now.", 404: "There is none.", 409: "It is not parked, or still cannot be read."}

ROUTES: tuple[Route, ...] = (
    Route(
        method="GET", path=_PARKED, do=list_parked_messages, who=Who.ADMIN, tag="operations",
        summary="List what shops published to the broker and nobody could read.",
        query=(*_FILTERS, *lists.LIST_PARAMETERS), answers={200: "A page of parked messages."},
    ),
    Route(
        method="POST", path=f"{_PARKED}/{{id}}/retry", do=retry, who=Who.ADMIN, tag="operations",
        summary="Take a parked message in after all.", transactional=True, answers=_DECIDED,
    ),
    Route(
        method="POST", path=f"{_PARKED}/{{id}}/discard", do=discard, who=Who.ADMIN, tag="operations",
        summary="Give a parked message up.", transactional=True, answers=_DECIDED,
    ),
)  # fmt: skip
