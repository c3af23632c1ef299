"""CloudEvents 1.0 over AMQP: structured mode (one JSON document) and binary mode (headers `cloudEvents:type` or `cloudEvents_type`).

The body stays raw bytes; the routing key is the sender's address label and decides nothing.
"""

import base64
import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from shared.intake import cloudevents
from shared.intake.cloudevents import CloudEvent
from shared.intake.pointers import Unreadable

PREFIXES = ("cloudEvents:", "cloudEvents_")
"""Of a header that holds an attribute. AMQP 0-9-1 clients that cannot send a colon write an underscore."""

LARGEST = 1024 * 1024
"""Bytes of a body, as over HTTP."""

_OF_BROKER = frozenset({"x-delivery-count", "x-acquired-count"})
"""Headers that the broker adds when it delivers again: they are not the sender's, and differ from copy to copy."""

LONGEST_NAME = 255
"""Bytes of a header's name in AMQP."""


class Published(msgspec.Struct, frozen=True, kw_only=True):
    """A message as a shop published it. headers: plain JSON values. size: of the whole body, of which only a part may be kept."""

    body: bytes
    size: int
    headers: dict[str, Any] = {}
    content_type: str = ""
    routing_key: str = ""
    fingerprint: str = ""


def published(
    body: bytes, *, headers: Mapping[Any, Any] | None, content_type: str | None, routing_key: str
) -> Published:
    """What came, with everything in it that JSON and PostgreSQL can hold."""
    plain = {_name(name): _plain(value) for name, value in (headers or {}).items() if name not in _OF_BROKER}
    told = Published(
        body=body,
        size=len(body),
        headers=plain,
        content_type=_text(content_type or ""),
        routing_key=_text(routing_key),
    )
    return msgspec.structs.replace(told, fingerprint=_fingerprint(told))


def read(told: Published) -> CloudEvent:
    """The event of a message. Raises Unreadable."""
    if told.size > LARGEST:
        raise Unreadable(f"The body has {told.size:,} bytes; at most {LARGEST:,} are taken.", code="too_large")
    content_type = told.content_type.partition(";")[0].strip().lower()
    if content_type == "application/cloudevents-batch+json":
        raise Unreadable("Publish one event at a time; batches are not taken.")
    prefix = next((prefix for prefix in PREFIXES if f"{prefix}specversion" in told.headers), None)
    if content_type == "application/cloudevents+json" or prefix is None:
        return cloudevents.structured(told.body)
    attributes = {name.removeprefix(prefix): value for name, value in told.headers.items() if name.startswith(prefix)}
    return cloudevents.of_attributes(attributes, told.body, prefix=prefix)


def _fingerprint(told: Published) -> str:
    """The same for every copy of a message, whoever delivers it again."""
    digest = hashlib.sha256(told.body)
    digest.update(msgspec.json.encode([told.headers, told.content_type, told.routing_key], order="deterministic"))
    return digest.hexdigest()


def _plain(value: Any) -> Any:
    """A header's value as JSON holds it: other kinds are told as text."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int) and abs(value) < 2**63:
        return int(value)  # of a client's own kind of number, its value
    if isinstance(value, Mapping):
        return {_name(name): _plain(below) for name, below in value.items()}
    if isinstance(value, list):
        return [_plain(below) for below in value]
    if isinstance(value, datetime):
        return value.isoformat()
    return _text(value)


def _name(name: Any) -> str:
    return _text(name).encode()[:LONGEST_NAME].decode(errors="ignore")


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return f"base64:{base64.b64encode(value).decode()}"
    return str(value).replace("\0", "\N{SYMBOL FOR NULL}")
