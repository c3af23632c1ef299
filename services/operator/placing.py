"""Orders from a file, placed as POST /events places them: read by the intake, stored once by the inbox, carried out by the actors."""

import hashlib
from typing import TYPE_CHECKING, Any

import msgspec

from shared.intake import canonical, cloudevents
from shared.intake.pointers import Unreadable
from shared.storage import inbox

if TYPE_CHECKING:
    from services.operator.commands.house import House

TAKEN, REPEATED, UNREADABLE = "taken", "repeated", "unreadable"
OUTCOMES = (TAKEN, REPEATED, UNREADABLE)
"""What becomes of an order that is sent."""


def orders_in(raw: bytes) -> list[tuple[str, bytes]]:
    """Where each order stands, and its bytes: a whole document, the members of a list, or one a line. Empty lines are none."""
    try:
        whole = msgspec.json.decode(raw, type=msgspec.Raw)
    except msgspec.DecodeError:
        return [(f"line {n}", line) for n, line in enumerate(raw.splitlines(), start=1) if line.strip()]
    if bytes(whole).lstrip()[:1] != b"[":
        return [("order 1", bytes(whole))]
    members = msgspec.json.decode(whole, type=list[msgspec.Raw])
    return [(f"order {n}", bytes(each)) for n, each in enumerate(members, start=1)]


def place(house: "House", raw: bytes, *, place: str, source: str) -> dict[str, Any]:
    """Store one order; says what became of it. The same order of the same shop is stored once."""
    told: dict[str, Any] = {"place": place, "order_id": None, "outcome": UNREADABLE, "reason": None, "message_id": None}
    try:
        event = _event(raw, source=source)
        command = canonical.command_of(event)
    except Unreadable as wrong:
        where = wrong.pointer.removeprefix("/data") or "/"
        return {**told, "reason": f"{where}: {wrong.detail}"}
    kept = inbox.Kept(body=raw, topic=event.type)
    taken = house.write(
        lambda c: inbox.take_in(
            c, command, source=event.source, event_id=event.id, message_id=event.message_id, kept=kept
        )
    )
    order = getattr(command, "order", None)
    return {
        **told,
        "order_id": order.id if order else None,
        "outcome": REPEATED if taken.is_duplicate else TAKEN,
        "message_id": taken.message_id,
    }


def _event(raw: bytes, *, source: str) -> cloudevents.CloudEvent:
    """The event that a shop would have sent. What names it is its own content, so a copy is known."""
    digest = hashlib.sha256(raw.strip()).hexdigest()[:32]
    return cloudevents.CloudEvent(id=f"file:{digest}", source=source, type="order.placed", data=raw, at="/data")
