"""The one list machinery: limit, opaque cursor, filters, sort, count. Every list of the gateway is read through `read` or `page`.

Pages are cut by (sort value, id), so nothing is skipped or shown twice while rows are added, and ties are told apart by id.
"""

import base64
import binascii
import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

import msgspec
from sqlalchemy import ColumnElement, Connection, RowMapping, Select, and_, func, or_, select

from services.api import errors

DEFAULT_LIMIT = 20
LARGEST_LIMIT = 200

LIST_PARAMETERS = ("limit", "cursor", "count", "created_after", "created_before", "sort")
"""The query parameters that every list takes besides its own filters."""


class Filter(msgspec.Struct, frozen=True):
    """How one query parameter narrows a list. choices: the only values it may have, None for any."""

    where: Callable[[Sequence[str]], ColumnElement[bool]]
    choices: frozenset[str] | None = None


def equals(column: ColumnElement[Any], choices: Iterable[str] | None = None) -> Filter:
    """The column is any of the given values."""
    return Filter(column.in_, None if choices is None else frozenset(map(str, choices)))


def flag(clause: ColumnElement[bool]) -> Filter:
    """`true` keeps what the clause says, `false` keeps the rest."""
    return Filter(lambda values: or_(*(clause if value == "true" else ~clause for value in values)), _FLAGS)


_FLAGS = frozenset({"true", "false"})


class Page(msgspec.Struct, frozen=True):
    """One page of a list. count: of the whole list, when it was asked for."""

    rows: Sequence[RowMapping]
    next_cursor: str | None
    count: int | None = None

    def body(self, plural: str, rendered: Sequence[Any]) -> dict[str, Any]:
        """The answer: the rendered things under their plural, and where the next page begins."""
        counted = {} if self.count is None else {"count": self.count}
        return {plural: list(rendered), "next_cursor": self.next_cursor, **counted}


def page(
    connection: Connection,
    rows: Select[Any],
    *,
    query: Mapping[str, str],
    key: ColumnElement[str],
    filters: Mapping[str, Filter],
    sorts: Mapping[str, ColumnElement[Any]],
    plural: str,
    render: Callable[[RowMapping], Any],
    default_sort: str = "-created_at",
) -> dict[str, Any]:
    """One page as the answer's body, each row rendered by itself. Parameters as in `read`."""
    found = read(connection, rows, query=query, key=key, filters=filters, sorts=sorts, default_sort=default_sort)
    return found.body(plural, [render(row) for row in found.rows])


def read(
    connection: Connection,
    rows: Select[Any],
    *,
    query: Mapping[str, str],
    key: ColumnElement[str],
    filters: Mapping[str, Filter],
    sorts: Mapping[str, ColumnElement[Any]],
    default_sort: str = "-created_at",
) -> Page:
    """One page. Raises a 422 problem that names the parameter.

    key: the unique column that tells ties apart. sorts: columns that are never null; `created_at` among them is what
    created_after and created_before look at.
    """
    limit = _limit(query)
    narrowed = rows.where(*_clauses(query, filters), *_created(query, sorts))
    ordered, after = _ordered(narrowed, query=query, key=key, sorts=sorts, default_sort=default_sort)
    found = connection.execute(ordered.limit(limit + 1)).mappings().all()
    count = connection.scalar(select(func.count()).select_from(narrowed.subquery())) if _wants_count(query) else None
    shown = found[:limit]
    return Page(shown, after(shown[-1]) if len(found) > limit else None, count)


def _ordered(
    rows: Select[Any],
    *,
    query: Mapping[str, str],
    key: ColumnElement[str],
    sorts: Mapping[str, ColumnElement[Any]],
    default_sort: str,
) -> tuple[Select[Any], Callable[[RowMapping], str]]:
    """The rows in order from the cursor on, and how to make the cursor behind a row."""
    name, is_descending = _sort(query, sorts=sorts, default=default_sort)
    column, shape = sorts[name], _shape(query, default_sort)
    ordered = rows.add_columns(column.label("_sort"), key.label("_key")).order_by(
        *((each.desc() if is_descending else each.asc()) for each in (column, key))
    )
    if "cursor" in query:
        value, last = _opened(query["cursor"], kind=column.type.python_type, shape=shape)
        ordered = ordered.where(_behind(column, value, key=key, last=last, is_descending=is_descending))
    return ordered, lambda row: _sealed(row["_sort"], row["_key"], shape=shape)


def _behind(
    column: ColumnElement[Any], value: Any, *, key: ColumnElement[str], last: Any, is_descending: bool
) -> ColumnElement[bool]:
    # The first half repeats the second in a form that an index on the sort column understands.
    if is_descending:
        return and_(column <= value, or_(column < value, key < last))
    return and_(column >= value, or_(column > value, key > last))


# Parameters ---------------------------------------------------------------------------------------------------------


def _limit(query: Mapping[str, str]) -> int:
    text = query.get("limit", str(DEFAULT_LIMIT))
    digits = text.lstrip("0")
    if not (text.isascii() and text.isdigit() and digits):
        raise _wrong("limit", f"must be a whole number of 1 or more; over {LARGEST_LIMIT} counts as {LARGEST_LIMIT}")
    return LARGEST_LIMIT if len(digits) > 3 else min(int(digits), LARGEST_LIMIT)


def _wants_count(query: Mapping[str, str]) -> bool:
    text = query.get("count", "false")
    if text not in _FLAGS:
        raise _wrong("count", "must be true or false")
    return text == "true"


def _sort(query: Mapping[str, str], *, sorts: Mapping[str, Any], default: str) -> tuple[str, bool]:
    text = query.get("sort", default)
    name = text.removeprefix("-")
    if name not in sorts:
        raise _wrong("sort", f"must be one of {', '.join(sorts)}, with a '-' in front for the last first")
    return name, text.startswith("-")


def _clauses(query: Mapping[str, str], filters: Mapping[str, Filter]) -> list[ColumnElement[bool]]:
    return [narrow.where(_values(name, query[name], narrow)) for name, narrow in filters.items() if name in query]


def _values(name: str, text: str, narrow: Filter) -> list[str]:
    values = text.split(",")
    if not all(values):
        raise _wrong(name, "must not be empty; leave it out to see everything")
    unknown = [value for value in values if narrow.choices is not None and value not in narrow.choices]
    if unknown:
        raise _wrong(name, f"{unknown[0]!r} is none of {', '.join(sorted(narrow.choices or ()))}")
    return values


def _created(query: Mapping[str, str], sorts: Mapping[str, ColumnElement[Any]]) -> list[ColumnElement[bool]]:
    clauses = []
    if "created_after" in query:
        clauses.append(sorts["created_at"] > _instant("created_after", query["created_after"]))
    if "created_before" in query:
        clauses.append(sorts["created_at"] < _instant("created_before", query["created_before"]))
    return clauses


def _instant(name: str, text: str) -> datetime:
    # A '+' that was not escaped arrives as a blank.
    mended = text[:19] + text[19:].replace(" ", "+")
    try:
        return msgspec.convert(mended, _Instant)
    except msgspec.ValidationError:
        raise _wrong(name, "must be a time such as 2026-01-31T08:00:00Z") from None


_Instant = Annotated[datetime, msgspec.Meta(tz=True)]


def _wrong(name: str, why: str) -> Exception:
    return errors.parameter(name, f"{name}: {why}.")


# Cursor -------------------------------------------------------------------------------------------------------------


def _shape(query: Mapping[str, str], default_sort: str) -> str:
    """What a cursor belongs to: it is good for the same filters and the same order only."""
    told = {"sort": default_sort, **query}
    return repr(sorted((name, told[name]) for name in told.keys() - {"limit", "cursor", "count"}))


def _sealed(value: Any, key: Any, *, shape: str) -> str:
    text = value.isoformat() if isinstance(value, datetime) else str(value)
    place = msgspec.json.encode([text, key])
    return base64.urlsafe_b64encode(_seal(place, shape) + place).decode().rstrip("=")


def _opened(cursor: str, *, kind: type, shape: str) -> tuple[Any, Any]:
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        seal, place = raw[:_SEAL_BYTES], raw[_SEAL_BYTES:]
        text, key = msgspec.json.decode(place, type=tuple[str, str | int])
        if seal != _seal(place, shape) or "\0" in f"{text}{key}":
            raise ValueError
        return (Decimal(text) if kind is Decimal else msgspec.convert(text, kind, strict=False)), key
    except (ValueError, ArithmeticError, binascii.Error, msgspec.MsgspecError):
        why = "is not one of this list; take next_cursor as it came, with the same filters and sort"
        raise _wrong("cursor", why) from None


def _seal(place: bytes, shape: str) -> bytes:
    """A checksum against accidents, not a secret: a cursor opens nothing that its list does not show."""
    return hashlib.sha256(shape.encode() + b"\0" + place).digest()[:_SEAL_BYTES]


_SEAL_BYTES = 6
