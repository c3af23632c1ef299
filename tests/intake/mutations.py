"""Bodies gone wrong: a sample is bent a little at a place that a seed chooses, in its values, its bytes or its headers."""

import copy
import json
import random
from collections.abc import Iterator
from typing import Any

from tests.intake.shops import Sample

Path = tuple[str | int, ...]

STRANGE: tuple[Any, ...] = (
    None, True, False, 0, -1, 1.5, "1.5", "2", "two", "", " ", "NaN", "sNaN", "Infinity", "-0", "1e5", "1e400", 1e-9,
    2**53 + 1, 2**64, 10**199, 10**250, 10**4000, -(2**63), "9" * 5000, "x" * 201, "x" * 70_000, "\0", "a\0b",
    "\u202e", "😀" * 300, [], {}, [[]], [{}], {"": ""}, {"id": None}, "2021-13-45T99:99:99Z", "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-14:00", "2022-01-01T00:00:00", "cancelled", "draft", "REFUNDED", "T3JkZXI6MQ==",
)  # fmt: skip

STRANGE_HEADERS = (
    "",
    " ",
    "\xff\xfe",
    "x" * 500,
    "orders/create",
    "products/update",
    "order.updated",
    "true",
    "a\tb",
    "\0",
)


def mutated(told: Sample, *, seed: str) -> Sample:
    """The sample, bent one to four times."""
    chance = random.Random(seed)
    document = told.body
    for _ in range(chance.randint(1, 3)):
        document = _bent(document, chance)
    raw = json.dumps(document, ensure_ascii=chance.random() < 0.5).encode("utf-8", "surrogatepass")
    if chance.random() < 0.3:
        raw = _bent_bytes(raw, chance)
    headers = dict(told.headers)
    if chance.random() < 0.25:
        name = chance.choice([*headers, "x-shopify-test", "content-encoding"])
        headers[name] = chance.choice(STRANGE_HEADERS)
    if chance.random() < 0.1:
        headers.pop(chance.choice(list(headers)))
    return told._replace(raw=raw, headers=headers)


def _bent(document: Any, chance: random.Random) -> Any:
    places = list(_places(document))
    if not places:
        return _strange(chance)
    place = chance.choice(places)
    parent: Any = document
    for step in place[:-1]:
        parent = parent[step]
    last: Any = place[-1]
    what = chance.randrange(7)
    if what == 0:
        del parent[last]
    elif what == 1:
        parent[last] = _strange(chance)
    elif what == 2 and isinstance(parent, list):
        parent.insert(0, parent[last])
    elif what == 3:
        parent[last] = [parent[last]] if chance.random() < 0.5 else {"value": parent[last]}
    elif what == 4:
        parent[last] = _retyped(parent[last])
    elif what == 5:
        parent[last] = _deep(chance.choice((20, 90, 150, 240)))
    else:
        parent[last] = "\ud800" if chance.random() < 0.1 else _strange(chance)
    return document


def _strange(chance: random.Random) -> Any:
    return copy.deepcopy(chance.choice(STRANGE))


def _places(value: Any, above: Path = ()) -> Iterator[Path]:
    steps: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, below in steps:
        yield (*above, step)
        yield from _places(below, (*above, step))


def _retyped(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, str):
        return int(value) if value.isascii() and value.isdigit() and len(value) < 4000 else len(value)
    return list(value.values()) if isinstance(value, dict) else {str(i): each for i, each in enumerate(value or [])}


def _deep(levels: int) -> Any:
    value: Any = "bottom"
    for level in range(levels):
        value = [value] if level % 2 else {"below": value}
    return value


def _bent_bytes(raw: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(raw) + 1)
    return chance.choice(
        (
            raw[:at],
            raw[at:],
            raw[:at] + bytes([chance.randrange(256)]) + raw[at + 1 :],
            raw + raw,
            b"\xef\xbb\xbf" + raw,
            raw.decode("utf-8", "replace").encode("utf-16"),
            raw.decode("utf-8", "replace").encode("latin-1", "replace"),
            b"[" * 5000 + raw,
            b"[" + raw + b"," + raw + b"]",
            b'{"line_items": [], ' + raw[1:],
            b"webhook_id=7",
            b"",
        )
    )
