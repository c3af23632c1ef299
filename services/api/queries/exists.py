"""Is it there at all: asked where a path names something that a command would only refuse later."""

from sqlalchemy import Connection, Table, select

from shared.storage import tables


def design(connection: Connection, design_id: str) -> bool:
    return _is_there(connection, tables.design, design_id)


def partner(connection: Connection, partner_id: str) -> bool:
    return _is_there(connection, tables.partner, partner_id)


def _is_there(connection: Connection, table: Table, key: str) -> bool:
    return connection.execute(select(1).where(table.c.id == key)).first() is not None
