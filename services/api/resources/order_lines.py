"""Order lines: every line of every order received, and what became of it. No line is lost; those without a run say why."""

from sqlalchemy import select

from services.api.queries import lists
from services.api.routes import Call, Reply, Route, Who
from shared.domain.orders import Outcome
from shared.storage import tables

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
)
