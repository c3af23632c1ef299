"""The operators' board: how the ledger moves, what is overdue or stuck, and the dead letters, which a person replays or discards."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, select

from services.api import errors
from services.api.queries import lists, operations
from services.api.routes import Call, Endpoint, Reply, Route, Who
from shared.routing import ROOM_OF, Room
from shared.runtime import logs
from shared.storage import invariants, mail, tables
from shared.storage.mail import DeliveryState

_d, _m = tables.delivery.c, tables.message.c
_FILTERS = {
    "room": lists.equals(_d.room, Room),
    "actor": lists.equals(_d.actor, ROOM_OF),
    "kind": lists.equals(_m.kind),
    "production_run_id": lists.equals(_m.run_id),
}
_SHOWN: tuple[ColumnElement[Any], ...] = (
    _d.id, _d.message_id, _m.kind, _d.actor, _d.room, _d.state, _m.body, _m.run_id.label("production_run_id"),
    _m.actor.label("asked_by"), _d.error, _d.attempts, _d.sends, _d.created_at, _d.done_at.label("died_at"),
)  # fmt: skip


def read_operations(call: Call) -> Reply:
    """Everything on one page; the invariants among it name their first offenders."""
    with call.desk.engine.connect() as connection:
        broken = invariants.check(connection)
        return Reply(
            {
                "queues": operations.queues(connection),
                "ledger": {"lag_seconds": operations.lag_seconds(connection)},
                **operations.counts(connection),
                "alarms": operations.alarms(connection),
                "invariants": [
                    {
                        "name": row.name,
                        "sentence": row.sentence,
                        "count": len(broken[row.name]),
                        "ids": broken[row.name],
                    }
                    for row in invariants.INVARIANTS
                ],
            }
        )


def list_dead_letters(call: Call) -> Reply:
    """Deliveries that failed too often, the newest first."""
    with call.desk.engine.connect() as connection:
        return Reply(
            lists.page(
                connection,
                _letters(_d.state == DeliveryState.DEAD.value),
                query=call.query,
                key=_d.id,
                filters=_FILTERS,
                sorts={"created_at": _d.created_at},
                plural="dead_letters",
                render=_rendered,
            )
        )


def _deciding(decide: Callable[[Connection, int], bool], *, done: str) -> Endpoint:
    def decide_letter(call: Call) -> Reply:
        """A dead letter is decided once; the log keeps by whom."""
        letter = _letter(call)
        if not decide(call.tx, letter["id"]):
            raise errors.conflict(f"This delivery is not dead; it is {_letter(call)['state']}.", code="not_dead")
        _log.info(
            f"dead_letter_{done}",
            delivery=letter["id"],
            message=letter["message_id"],
            actor=letter["actor"],
            run=letter["production_run_id"],
            by=call.who.account_id,
            by_name=call.who.name,
        )
        return Reply({"dead_letter": _rendered(_letter(call))})

    return decide_letter


def _letter(call: Call) -> RowMapping:
    """The delivery of the path. Raises 404."""
    text = call.params["id"]
    is_number = text.isascii() and text.isdigit() and len(text) <= 18
    found = call.tx.execute(_letters(_d.id == int(text))).mappings().first() if is_number else None
    if found is None:
        raise errors.not_found("dead letter")
    return found


def _letters(which: ColumnElement[bool]) -> Any:
    return select(*_SHOWN).join_from(tables.delivery, tables.message, _m.id == _d.message_id).where(which)


def _rendered(row: RowMapping) -> dict[str, Any]:
    """Ids are opaque text on the wire."""
    return {**{column.key: row[column.key] for column in _SHOWN if column.key}, "id": str(row["id"])}


CODES = {
    "not_dead": "Only a delivery that failed too often can be replayed or discarded; the others go on by themselves."
}
"""The problem codes of this module, with their sentences."""

_log = logs.get("operations")

_LETTERS = "/admin/operations/dead-letters"
_GONE = {200: "The delivery as it is now.", 404: "There is none.", 409: "It is not dead."}

ROUTES: tuple[Route, ...] = (
    Route(
        method="GET", path="/admin/operations", do=read_operations, who=Who.ADMIN, tag="operations",
        summary="Read the operators' board.", answers={200: "The board."},
    ),
    Route(
        method="GET", path=_LETTERS, do=list_dead_letters, who=Who.ADMIN, tag="operations",
        summary="List dead letters.", query=(*_FILTERS, *lists.LIST_PARAMETERS), answers={200: "A page of dead letters."},
    ),
    Route(
        method="POST", path=f"{_LETTERS}/{{id}}/replay", do=_deciding(mail.replay, done="replayed"), who=Who.ADMIN,
        tag="operations", summary="Carry a dead letter out again.", transactional=True, answers=_GONE,
    ),
    Route(
        method="POST", path=f"{_LETTERS}/{{id}}/discard", do=_deciding(mail.discard, done="discarded"), who=Who.ADMIN,
        tag="operations", summary="Give a dead letter up for good.", transactional=True, answers=_GONE,
    ),
)  # fmt: skip
