"""A shop's delivery: what names it for ever, what it asks for, and what of its headers may be kept."""

import hashlib
import re
from collections.abc import Mapping
from urllib.parse import urlsplit

import msgspec

from shared.domain.commands import ChangeLines, Command, PlaceOrder, UpdateOrder
from shared.domain.orders import NOT_MADE
from shared.intake.pointers import Unreadable

NOT_TAKEN = "event_type_not_supported"
"""The code of what makes nothing here, however well it is written."""

LONGEST_EVENT_ID = 400
LONGEST_SOURCE = 200


class Name(msgspec.Struct, frozen=True, kw_only=True):
    """What names a delivery: (source, event_id) is the same for every copy. topic: what the shop calls it."""

    source: str
    event_id: str
    topic: str

    @property
    def message_id(self) -> str:
        """The id of the message it becomes."""
        name = "\0".join((self.source, self.event_id))
        return f"msg_{hashlib.sha256(name.encode()).hexdigest()[:40]}"


def named(vendor: str, *, shop: str, event_id: str, topic: str) -> Name:
    """The name of a delivery of one shop. shop: its address as its header says, "" for none. Raises Unreadable."""
    place = _place(shop)
    name = Name(source=f"{vendor}:{place}" if place else vendor, event_id=event_id, topic=topic)
    if not name.event_id:
        raise Unreadable("The delivery has no id.")
    if len(name.event_id) > LONGEST_EVENT_ID or len(name.source) > LONGEST_SOURCE:
        raise Unreadable("The id of the delivery or the address of the shop is too long.")
    if not all(text.isprintable() for text in (name.source, name.event_id, name.topic)):
        raise Unreadable("The headers must not hold control characters.")
    return name


def digest(*parts: bytes) -> str:
    """What names a delivery whose shop gives it no id of its own: a copy has the same."""
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:32]


def check_object(raw: bytes) -> None:
    """Raise Unreadable for a list: one delivery is about one order."""
    if raw.lstrip(b" \t\r\n")[:1] == b"[":
        raise Unreadable("A list was sent; a delivery is about one order.", code=NOT_TAKEN)


def not_taken(topic: str, *, header: str, taken: Mapping[str, object], why: str = "") -> Unreadable:
    """The refusal of a topic that is no order's."""
    reason = f" {why}" if why else ""
    known = ", ".join(sorted(taken))
    told = f"Topic {topic!r} is not taken.{reason}" if topic else f"The header {header} is missing."
    return Unreadable(f"{told} Taken are: {known}.", code=NOT_TAKEN)


def note_of(command: Command) -> str | None:
    """Why a delivery makes nothing, where that can be told from itself."""
    if isinstance(command, PlaceOrder | UpdateOrder):
        return NOT_MADE.get((command.order.status or "").lower())
    if isinstance(command, ChangeLines) and not command.changes:
        return "it names no lines"
    return None


def without_secrets(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers as they may be kept: nothing that opens a door or proves who sent it."""
    return {name: value.replace("\0", "") for name, value in headers.items() if not _SECRET.search(name)}


_SECRET = re.compile(
    r"auth|cookie|signature|hmac|token|secret|password|api-?key|credential|csrf|session", re.IGNORECASE
)


def _place(shop: str) -> str:
    """`https://Shop.example/fr/` → `shop.example/fr`; a bare host stays itself."""
    try:
        parts = urlsplit(shop if "//" in shop else f"//{shop}")
        host = (parts.hostname or "") + (f":{parts.port}" if parts.port else "")
    except ValueError:
        raise Unreadable("The address of the shop cannot be read.") from None
    return f"{host}{parts.path}".rstrip("/")
