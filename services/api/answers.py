"""How answers are written: JSON with decimals as plain strings and times in UTC, and the headers every answer carries."""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from typing import Any

import falcon
import msgspec

from services.api.routes import Reply

_encoder = msgspec.json.Encoder()


def encode(body: Any) -> bytes:
    """The JSON of an answer: `Decimal("10.000000")` becomes `"10"`, never `"1E+1"`; times end in Z."""
    return _encoder.encode(plain(body))


def plain(value: Any) -> Any:
    """The value with every decimal and time written as the contract says."""
    if isinstance(value, (str, bool, int, type(None))) and not isinstance(value, Enum):
        return value
    if isinstance(value, Decimal):
        return decimal_text(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC)
    if isinstance(value, Mapping):
        return {key: plain(below) for key, below in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(below) for below in value]
    if isinstance(value, msgspec.Struct):
        return plain(msgspec.structs.asdict(value))
    return value


def decimal_text(value: Decimal) -> str:
    """Digits without an exponent and without needless zeros."""
    text = f"{value:f}"
    return (text.rstrip("0").rstrip(".") or "0") if "." in text else text


def send(req: falcon.Request, resp: falcon.Response, reply: Reply) -> None:
    """Put a reply into the response. What is read carries an ETag; a reader that has it already gets 304."""
    resp.status = reply.status
    for name, value in reply.headers.items():
        (resp.append_header if name == "Set-Cookie" else resp.set_header)(name, value)
    if reply.stream is not None:
        resp.content_type, resp.stream = reply.content_type, reply.stream
        return
    if reply.body is None:
        return
    resp.content_type = reply.content_type
    resp.data = reply.body if isinstance(reply.body, bytes) else encode(reply.body)
    if req.method in ("GET", "HEAD") and reply.status == 200 and not isinstance(reply.body, bytes):
        _tag(req, resp, reply.headers.get("ETag") or f'"{hashlib.sha256(resp.data).hexdigest()[:24]}"')


def _tag(req: falcon.Request, resp: falcon.Response, tag: str) -> None:
    resp.set_header("ETag", tag)
    if tag in (req.get_header("If-None-Match") or ""):
        resp.status, resp.data = 304, None
        resp.delete_header("Content-Type")
