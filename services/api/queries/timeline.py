"""A run's timeline: the events of the ledger that are about it, in the order they happened."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, RowMapping, or_, select

from services.api.queries import lists
from shared.domain.events import EVENTS
from shared.messages import ActorKind
from shared.storage.tables import account, message

PARAMETERS = (*lists.LIST_PARAMETERS,)
_M = message.c


def page(connection: Connection, run_id: str, query: Mapping[str, str], *, partner_id: str | None) -> dict[str, Any]:
    """Oldest first, and long pages: a run's story is read whole. A partner reads what happened while the run was its own."""
    rows = (
        select(_M.id, _M.kind, _M.body, _M.actor, _M.created_at, account.c.partner_id.label("actor_partner_id"))
        .select_from(message.outerjoin(account, account.c.id == _M.actor["id"].astext))
        .where(_M.run_id == run_id, _M.kind.in_(list(EVENTS)))
    )
    if partner_id:
        rows = rows.where(or_(_M.tenant.is_(None), _M.tenant == partner_id))
    return lists.page(
        connection,
        rows,
        query={"limit": str(lists.LARGEST_LIMIT), **query},
        key=_M.seq,
        filters={},
        sorts={"created_at": _M.created_at},
        default_sort="created_at",
        plural="activities",
        render=lambda row: _entry(row, partner_id=partner_id),
    )


def _entry(row: RowMapping, *, partner_id: str | None) -> dict[str, Any]:
    body = row["body"]
    told = {name: _seen(body[name], partner_id=partner_id) for name in ("reason", "before", "after") if name in body}
    return {
        "at": row["created_at"],
        "actor": actor(row["actor"], of_partner=row["actor_partner_id"], partner_id=partner_id),
        "verb": row["kind"].rpartition(".")[2],
        "summary": EVENTS[row["kind"]].sentence,
        **told,
    }


def actor(who: Mapping[str, Any], *, of_partner: str | None, partner_id: str | None) -> dict[str, Any]:
    """Who did it. A partner sees its own people by id, ours by name, another partner's not at all."""
    is_own = partner_id is None or of_partner == partner_id
    name = who.get("name") if is_own or who.get("kind") != ActorKind.PARTNER else None
    return {"kind": who.get("kind"), "id": who.get("id") if is_own else None, "name": name}


def _seen(told: Any, *, partner_id: str | None) -> Any:
    """Before or after, without the ids of other partners."""
    if partner_id is None or not isinstance(told, dict):
        return told
    return {name: value for name, value in told.items() if not name.endswith("partner_id") or value == partner_id}
