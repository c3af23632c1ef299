"""API tokens of an account, as they are listed. The tokens themselves are nowhere."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, select

from services.api.queries import lists
from shared.storage.tables import api_token

_SHOWN = ("id", "name", "created_at", "last_used_at", "expires_at")
_ROWS = select(*(api_token.c[name] for name in _SHOWN)).where(api_token.c.revoked_at.is_(None))


def tokens(connection: Connection, account_id: str, query: Mapping[str, str]) -> dict[str, Any]:
    """The tokens that still work."""
    return lists.page(
        connection,
        _ROWS.where(api_token.c.account_id == account_id),
        query=query,
        key=api_token.c.id,
        filters={},
        sorts={"created_at": api_token.c.created_at},
        plural="tokens",
        render=lambda row: {name: row[name] for name in _SHOWN},
    )


def token(connection: Connection, token_id: str) -> dict[str, Any]:
    """One token."""
    row = connection.execute(_ROWS.where(api_token.c.id == token_id)).mappings().one()
    return {name: row[name] for name in _SHOWN}
