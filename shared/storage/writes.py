"""Rows to be written, sent to PostgreSQL as one statement: one round trip however many tables a command touches."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import msgspec
from sqlalchemy import Connection

Row = Mapping[str, Any]


class Writes:
    """Collects inserts and updates in order and sends them as one WITH statement.

    Foreign keys are checked at the statement's end, so the order of tables does not matter; one row may be changed once only.
    """

    def __init__(self) -> None:
        self._shapes: list[tuple[str, str, tuple[str, ...], str]] = []
        self._rows: list[Sequence[Row]] = []

    def insert(self, table: str, rows: Sequence[Row], *, on_conflict: str = "") -> None:
        """Insert rows that all have the same columns. on_conflict: the clause behind ON CONFLICT."""
        if rows:
            self._shapes.append(("insert", table, tuple(rows[0]), on_conflict))
            self._rows.append(rows)

    def update(self, table: str, rows: Sequence[Row], *, key: str = "id") -> None:
        """Change the given columns of the rows named by the key column; all rows have the same columns."""
        if rows:
            self._shapes.append(("update", table, tuple(rows[0]), key))
            self._rows.append(rows)

    @property
    def is_open(self) -> bool:
        """There is something to write."""
        return bool(self._shapes)

    def send(self, connection: Connection, *, finally_: str = "SELECT 1", **parameters: Any) -> None:
        """Write everything in one round trip; `finally_` is the statement behind the WITH."""
        if not self._shapes and finally_ == "SELECT 1":
            return
        values = {f"rows_{place}": msgspec.json.encode(rows).decode() for place, rows in enumerate(self._rows)}
        connection.exec_driver_sql(_statement(tuple(self._shapes), finally_), {**values, **parameters})
        self._shapes.clear()
        self._rows.clear()


@lru_cache(maxsize=512)
def _statement(shapes: tuple[tuple[str, str, tuple[str, ...], str], ...], finally_: str) -> str:
    parts = [f"w{place} AS ({_part(place, *shape)})" for place, shape in enumerate(shapes)]
    return f"WITH {', '.join(parts)} {finally_}" if parts else finally_


def _part(place: int, verb: str, table: str, columns: tuple[str, ...], extra: str) -> str:
    source = f"json_populate_recordset(NULL::{table}, %(rows_{place})s::json) j"
    if verb == "insert":
        names = ", ".join(f'"{column}"' for column in columns)
        conflict = f" ON CONFLICT {extra}" if extra else ""
        return f"INSERT INTO {table} AS t ({names}) SELECT {names} FROM {source}{conflict}"
    changes = ", ".join(f'"{column}" = j."{column}"' for column in columns if column != extra)
    stamp = "" if table in _WITHOUT_STAMP else ", updated_at = now()"
    return f"UPDATE {table} t SET {changes}{stamp} FROM {source} WHERE t.{extra} = j.{extra}"


_WITHOUT_STAMP = frozenset({"timer"})
