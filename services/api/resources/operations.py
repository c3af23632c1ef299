"""The operators' board: how the ledger moves, what is overdue or stuck, and the dead letters, which a person replays or discards."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, RowMapping, select

from services.api import errors
from services.api.queries import lists, operations
from services.api.routes import Call, Endpoint, Reply, Route, Who
from shared.routing import ROOM_OF, Room
from shared.runtime import logs
from shared.storage import invariants, mail, standing, tables
from shared.storage.mail import DeliveryState
from shared.storage.standing import Scope

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
        """A dead letter is decided once; its run's timeline keeps by whom, and the log."""
        letter = letter_of(call.tx, call.params["id"])
        if not decide(call.tx, letter["id"]):
            raise errors.conflict(
                f"This delivery is not dead; it is {letter_of(call.tx, call.params['id'])['state']}.", code="not_dead"
            )
        _log.info(
            f"dead_letter_{done}",
            delivery=letter["id"],
            message=letter["message_id"],
            actor=letter["actor"],
            run=letter["production_run_id"],
            by=call.who.account_id,
            by_name=call.who.name,
        )
        standing.note(call.tx, [dict(letter)], done=done, actor=call.who.actor)
        return Reply({"dead_letter": _rendered(letter_of(call.tx, call.params["id"]))})

    return decide_letter


class ReplayBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What to replay: exactly one of order_id, production_run_id and message_id. dry_run: only say what would be."""

    order_id: str | None = None
    production_run_id: str | None = None
    message_id: str | None = None
    dry_run: bool = False

    def __post_init__(self) -> None:
        given = [self.order_id, self.production_run_id, self.message_id]
        if sum(each is not None for each in given) != 1:
            raise ValueError("order_id: say exactly one of order_id, production_run_id and message_id")


def replay_scope(call: Call) -> Reply:
    """Everything of a scope that stands still is due again: what is dead, and what pauses for long. What was done stays done."""
    asked: ReplayBody = call.body
    scope = Scope(order_id=asked.order_id, production_run_id=asked.production_run_id, message_id=asked.message_id)
    found = standing.standing_still(call.tx, scope)
    if asked.dry_run or not found:
        return Reply({"dry_run": asked.dry_run, "deliveries": [_standing(row) for row in found]})
    replayed = standing.replay(call.tx, scope, actor=call.who.actor)
    _log.info(
        "scope_replayed",
        **{name: value for name, value in msgspec.structs.asdict(scope).items() if value},
        deliveries=sorted(row["id"] for row in replayed),
        by=call.who.account_id,
        by_name=call.who.name,
    )
    return Reply({"dry_run": False, "deliveries": [_standing(row) for row in replayed]})


def _standing(row: Mapping[str, Any]) -> dict[str, Any]:
    return {**row, "id": str(row["id"])}


def letter_of(connection: Connection, text: str) -> RowMapping:
    """A delivery by its id on the wire, dead or not any more. Raises 404."""
    is_number = text.isascii() and text.isdigit() and len(text) <= 18
    found = connection.execute(_letters(_d.id == int(text))).mappings().first() if is_number else None
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
    Route(
        method="POST", path="/admin/operations/replay", do=replay_scope, who=Who.ADMIN, tag="operations",
        summary="Carry out again what stands still of an order, a run or a message.", body=ReplayBody, transactional=True,
        answers={200: "The deliveries that are due again, or would be; none when nothing stands still."},
    ),
)  # fmt: skip
