"""Where an order stands, by its number: its lines, its runs, and every message of them with what became of it."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from services.api.pages import frame
from services.api.pages.console import operations, order_lines, runs
from services.api.queries import ledger
from services.api.routes import Call, Reply, Who
from shared.storage.mail import DeliveryState

PATH = f"{operations.PATH}/order"

STATES = {
    DeliveryState.PENDING: ("Waiting", "waiting"),
    DeliveryState.DONE: ("Done", "good"),
    DeliveryState.REFUSED: ("Refused", "warn"),
    DeliveryState.DEAD: ("Failed", "bad"),
    DeliveryState.DISCARDED: ("Given up", ""),
}
"""How a delivery stands: the word and its tone."""


def read(call: Call) -> Reply:
    """Every order of this number."""
    number = call.query.get("number", "").strip()
    found = _found(call, number) if number else []
    return frame.page(call, "console/order.html", number=number, orders=found, tones=order_lines.TONES)


def _found(call: Call, number: str) -> list[dict[str, Any]]:
    with call.desk.engine.connect() as connection:
        return [_order(connection, order) for order in ledger.orders_called(connection, number)]


def _order(connection: Connection, order: Mapping[str, Any]) -> dict[str, Any]:
    views = ledger.runs_of(connection, order["order_id"])
    called = runs.called(connection, views)
    told = ledger.messages_of(connection, order["order_id"], [view.run.id for view in views])
    return {
        **order,
        "lines": ledger.lines_of(connection, order["order_id"], order["source"]),
        "runs": [{**runs.row(view, called), "is_part": view.run.parent_run_id is not None} for view in views],
        "messages": _messages(told),
    }


def _messages(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """One entry per message, with how each delivery of it ended."""
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        entry = found.setdefault(row["id"], _entry(row))
        if row["delivery_id"] is not None:
            entry["deliveries"].append(_delivery(row))
    return list(found.values())


def _entry(row: Mapping[str, Any]) -> dict[str, Any]:
    who = row["actor"] or {}
    return {
        "what": operations.said(row["kind"]),
        "run_id": row["run_id"],
        "by": who.get("name") or who.get("kind") or "",
        "at": row["created_at"],
        "deliveries": [],
    }


def _delivery(row: Mapping[str, Any]) -> dict[str, Any]:
    word, tone = STATES[DeliveryState(row["state"])]
    why = (row["refusal"] or {}).get("detail") or _last_line(row["error"]) if row["state"] != DeliveryState.DONE else ""
    is_dead = row["state"] == DeliveryState.DEAD
    letter = row["delivery_id"] if is_dead else None
    return {"word": word, "tone": tone, "why": why or "", "hearer": row["hearer"], "letter": letter}


def _last_line(error: str | None) -> str:
    return (error or "").strip().rpartition("\n")[2][:300]


ROUTES = (frame.route("GET", PATH, read, Who.ADMIN, "Where an order stands.", query=("number",)),)
