"""Order lines: every line of every order received, and what became of it. No line is lost; those without a run say why."""

from typing import Any

from sqlalchemy import select

from services.api import asking, bodies, errors
from services.api.queries import lists
from services.api.routes import Call, Reply, Route, Who
from shared.domain import commands
from shared.domain.orders import Outcome
from shared.messages import opening
from shared.routing import addresses_of_command
from shared.runtime import clock, ids
from shared.storage import mail, tables

_line = tables.order_line.c
_SHOWN = [column for column in tables.order_line.columns if column.name not in ("body", "updated_at")]
_FILTERS = {
    "outcome": lists.equals(_line.outcome, Outcome),
    "order_id": lists.equals(_line.order_id),
    "source": lists.equals(_line.source),
}


def list_order_lines(call: Call) -> Reply:
    """A page of lines, the newest first."""
    with call.desk.engine.connect() as connection:
        return Reply(
            lists.page(
                connection,
                select(*_SHOWN),
                query=call.query,
                key=_line.id,
                filters=_FILTERS,
                sorts={"created_at": _line.created_at},
                plural="order_lines",
                render=lambda row: {column.name: row[column.name] for column in _SHOWN},
            )
        )


def retry(call: Call) -> Reply:
    """Judge a line anew; 200 with the line whatever became of it, for its outcome and reason say so."""
    line_id = call.params["id"]
    _shown(call, line_id)
    return asking.ask(
        call, commands.RetryLine(line_id=line_id), render=lambda outcome: Reply({"order_line": _shown(call, line_id)})
    )


def retry_those_of(call: Call, product_id: str) -> None:
    """A product was linked: ask, in the same transaction, for a retry of every line that waited for it."""
    command = commands.RetryProduct(product_id=product_id)
    message = opening(command, message_id=ids.fresh("msg"), actor=call.who.actor, at=clock.now())
    mail.post(call.tx, message, addresses_of_command(command.kind, run_id=None), awaited=False)


def _shown(call: Call, line_id: str) -> dict[str, Any]:
    with call.desk.engine.connect() as connection:
        row = connection.execute(select(*_SHOWN).where(_line.id == line_id)).mappings().first()
    if row is None:
        raise errors.not_found("order line")
    return {column.name: row[column.name] for column in _SHOWN}


ROUTES: tuple[Route, ...] = (
    Route(
        method="GET",
        path="/admin/order-lines",
        do=list_order_lines,
        who=Who.ADMIN,
        tag="orders",
        summary="List order lines, for instance those that made no run.",
        query=(*_FILTERS, *lists.LIST_PARAMETERS),
        answers={200: "A page of order lines."},
    ),
    Route(
        method="POST",
        path="/admin/order-lines/{id}/retry",
        do=retry,
        who=Who.ADMIN,
        tag="orders",
        summary="Judge a line that made no run anew.",
        body=bodies.Nothing,
        answers={
            200: "The line, and what became of it.",
            202: "Stored and not carried out yet; `Location` is where the answer will be.",
            404: "There is no such line.",
        },
    ),
)
