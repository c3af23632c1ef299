"""Notices as admins see them: what was said to whom, over which channel, and how far its sending is. No target is among it."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, case, func, literal, select

from services.api.queries import lists
from shared.domain.notices import ADMINS, STATE_SENTENCES, NoticeState
from shared.storage.tables import notification

_n = notification.c
_partner_id = func.nullif(_n.audience, ADMINS)

FILTERS = {
    "state": lists.equals(_n.state, NoticeState),
    "kind": lists.equals(_n.kind),
    "partner_id": lists.equals(_partner_id),
    "production_run_id": lists.equals(_n.run_id),
}

_SHOWN: tuple[ColumnElement[Any], ...] = (
    _n.id, _n.kind, _n.run_id.label("production_run_id"), _n.message_id,
    case((_n.audience == ADMINS, literal("admins")), else_=literal("partner")).label("audience"),
    _partner_id.label("partner_id"),
    _n.channel, _n.language, _n.title, _n.text, _n.state, _n.attempts, _n.error,
    _n.created_at, _n.next_at, _n.sent_at,
)  # fmt: skip
_ROWS = select(*_SHOWN)


def notices(connection: Connection, query: Mapping[str, str]) -> dict[str, Any]:
    """A page of notices, the newest first."""
    return lists.page(
        connection,
        _ROWS,
        query=query,
        key=_n.id,
        filters=FILTERS,
        sorts={"created_at": _n.created_at},
        plural="notices",
        render=_rendered,
    )


def notice(connection: Connection, notice_id: str) -> dict[str, Any] | None:
    """One notice, None when there is none."""
    row = connection.execute(_ROWS.where(_n.id == notice_id)).mappings().first()
    return None if row is None else _rendered(row)


def _rendered(row: RowMapping) -> dict[str, Any]:
    """What a state means stands beside it."""
    told = {column.key: row[column.key] for column in _SHOWN if column.key}
    return {**told, "state_sentence": STATE_SENTENCES[NoticeState(row["state"])]}
