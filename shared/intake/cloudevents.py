"""CloudEvents 1.0 over HTTP: structured mode (one JSON document) and binary mode (`ce-` headers). The data stays raw bytes."""

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal
from urllib.parse import unquote

import msgspec
from msgspec import Meta

from shared.intake.pointers import Unreadable, unreadable

Id = Annotated[str, Meta(min_length=1, max_length=400)]
Source = Annotated[str, Meta(min_length=1, max_length=200)]
"""Both stand in unique indexes, which take no longer keys."""


class CloudEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An event as it came. (source, id) names it for ever; data is not read yet. at: the pointer to data in what came."""

    id: Id
    source: Source
    type: Annotated[str, Meta(min_length=1, max_length=200)]
    time: str | None = None
    data: bytes = b""
    at: str = ""

    @property
    def message_id(self) -> str:
        """The id of the message it becomes: the same for every copy."""
        name = "\0".join((self.source, self.id))
        return f"msg_{hashlib.sha256(name.encode()).hexdigest()[:40]}"


def read(raw: bytes, headers: Mapping[str, str]) -> CloudEvent:
    """The event of a request. headers: names in lower case. Raises Unreadable."""
    content_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type == "application/cloudevents-batch+json":
        raise Unreadable("Send one event at a time; batches are not taken.")
    is_structured = content_type == "application/cloudevents+json" or "ce-specversion" not in headers
    return structured(raw) if is_structured else _binary(raw, headers)


class _Structured(msgspec.Struct, frozen=True, kw_only=True):
    specversion: Literal["1.0"]
    id: Id
    source: Source
    type: Annotated[str, Meta(min_length=1, max_length=200)]
    time: str | None = None
    data: msgspec.Raw = msgspec.Raw()
    data_base64: str | None = None


def structured(raw: bytes) -> CloudEvent:
    """The event that one JSON document is, whatever brought it. Raises Unreadable."""
    try:
        told = msgspec.json.decode(raw, type=_Structured)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as wrong:
        raise unreadable(wrong, below="") from None
    data = bytes(told.data) if told.data_base64 is None else _decoded(told.data_base64)
    return _printable(CloudEvent(id=told.id, source=told.source, type=told.type, time=told.time, data=data, at="/data"))


def of_attributes(attributes: Mapping[str, Any], data: bytes, *, prefix: str) -> CloudEvent:
    """The event whose attributes stood beside its data, in headers that begin with the prefix. Raises Unreadable."""
    try:
        told = msgspec.convert(dict(attributes), _Structured)
    except msgspec.ValidationError as wrong:
        problem = unreadable(wrong, below="")
        where = f"{problem.detail} (header {prefix}{problem.pointer[1:]})"
        raise Unreadable(where, pointer=problem.pointer) from None
    return _printable(CloudEvent(id=told.id, source=told.source, type=told.type, time=told.time, data=data))


def _binary(raw: bytes, headers: Mapping[str, str]) -> CloudEvent:
    attributes = {
        name.removeprefix("ce-"): _header_text(value) for name, value in headers.items() if name.startswith("ce-")
    }
    return of_attributes(attributes, raw, prefix="ce-")


def _printable(event: CloudEvent) -> CloudEvent:
    for name in ("id", "source", "type"):
        if not getattr(event, name).isprintable():
            raise Unreadable(f"{name} must not hold control characters.", pointer=f"/{name}")
    return event


def _header_text(value: str) -> str:
    """Header values are percent-encoded UTF-8, by some senders in double quotes."""
    return unquote(re.sub(r'^"(.*)"$', r"\1", value.strip()))


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Unreadable("data_base64 is not base64.", pointer="/data_base64") from None
