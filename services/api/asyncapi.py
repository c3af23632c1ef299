"""The contract of the broker as AsyncAPI 3.0: what shops publish to us, and what we publish. Drawn from the types that parse and tell."""

from typing import Any

import msgspec

from services.api import examples, schemas
from services.api.openapi import with_numbers
from shared.domain import news
from shared.domain.events import EVENTS
from shared.intake import canonical

_REF = "#/components/schemas/{name}"
_ABOUT = """Shops publish CloudEvents to the exchange `commerce`; everything that happens is published to the exchange `loomline.events`.
Both are topic exchanges whose routing keys are kinds. The names are those of the plain installation; another namespace stands in front."""

SAID = {
    "order.placed": "A shop's order; each of its lines becomes a run.",
    "order.updated": "The order as it is now; what changed is followed up.",
    "order.cancelled": "The order was called off.",
    "task.updated": "A task's state was changed outside.",
}
"""What shops say with each of their types."""


def document() -> dict[str, Any]:
    """The whole contract."""
    kinds = [*dict.fromkeys(canonical.DATA.values()), schemas.EventTold]
    drawn, components = msgspec.json.schema_components(kinds, ref_template=_REF)
    of_kind = dict(zip(kinds, drawn, strict=True))
    received = {kind: _received(kind, of_kind[data]) for kind, data in canonical.DATA.items()}
    sent = {kind: _sent(kind) for kind in EVENTS}
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Loomline on RabbitMQ", "version": "1", "description": _ABOUT},
        "defaultContentType": "application/json",
        "channels": {
            "commerce": _channel("commerce", "What shops publish.", received),
            "events": _channel("loomline.events", "What happened.", sent),
        },
        "operations": {
            "receiveCommerce": _operation("receive", "commerce", "Take a shop's event in, once for ever."),
            "sendEvents": _operation("send", "events", "Tell what happened, at least once; take each id once."),
        },
        "components": {
            "messages": {_name(kind): told for kind, told in (received | sent).items()},
            "schemas": {**_schemas(components), "CloudEventHeaders": _HEADERS},
        },
    }


def _channel(address: str, told: str, messages: dict[str, Any]) -> dict[str, Any]:
    return {
        "address": address,
        "description": told,
        "messages": {_name(kind): {"$ref": f"#/components/messages/{_name(kind)}"} for kind in messages},
        "bindings": {
            "amqp": {
                "is": "routingKey",
                "exchange": {"name": address, "type": "topic", "durable": True, "autoDelete": False},
                "bindingVersion": "0.3.0",
            }
        },
    }


def _operation(action: str, channel: str, told: str) -> dict[str, Any]:
    return {"action": action, "channel": {"$ref": f"#/channels/{channel}"}, "summary": told}


def _received(kind: str, payload: Any) -> dict[str, Any]:
    example = {"summary": SAID[kind], "headers": _headers(kind), "payload": examples.EVENTS[kind]}
    return _message(kind, SAID[kind], payload, example)


def _sent(kind: str) -> dict[str, Any]:
    told = examples.of_event(kind)
    headers = {f"cloudEvents:{name}": value for name, value in told.items() if name not in ("data", "datacontenttype")}
    payload = {"$ref": _REF.format(name=schemas.EventData.__name__)}
    example = {"summary": EVENTS[kind].sentence, "headers": headers, "payload": told["data"]}
    return _message(news.type_of(kind), EVENTS[kind].sentence, payload, example)


def _message(kind: str, told: str, payload: Any, example: dict[str, Any]) -> dict[str, Any]:
    headers = {
        "allOf": [{"$ref": _REF.format(name="CloudEventHeaders")}],
        "properties": {"cloudEvents:type": {"const": kind}},
    }
    return {"name": kind, "summary": told, "headers": headers, "payload": _plain(payload), "examples": [example]}


def _headers(kind: str) -> dict[str, str]:
    told = {"specversion": "1.0", "id": "order-1001", "source": "north-shop", "type": kind}
    return {f"cloudEvents:{name}": value for name, value in told.items()}


_HEADERS = {
    "type": "object",
    "description": "CloudEvents 1.0 in binary mode. What shops publish may be in structured mode instead, or name them `cloudEvents_…`.",
    "required": [f"cloudEvents:{name}" for name in ("specversion", "id", "source", "type")],
    "properties": {
        f"cloudEvents:{name}": {"type": "string", "description": told}
        for name, told in {
            "specversion": "1.0",
            "id": "With the source the name of the event: a copy has the same.",
            "source": "Which shop, or where this Loomline lives.",
            "type": "What happened.",
            "time": "When, in RFC 3339.",
            "subject": "The run it is about.",
            "correlationid": "The first message of the chain.",
            "causationid": "The message that led to this one.",
            "sequence": "Counts the events of one run.",
        }.items()
    },
}


def _name(kind: str) -> str:
    """The name of a message within the document."""
    return kind.replace(".", "_")


def _schemas(components: dict[str, Any]) -> dict[str, Any]:
    """Numbers may be text in what comes in; what goes out has none. A type of our own room goes without its underscore."""
    return {name.lstrip("_"): _plain(told) for name, told in with_numbers(components).items()}


def _plain(told: Any) -> Any:
    return msgspec.json.decode(msgspec.json.encode(told).replace(b"/schemas/_", b"/schemas/"))
