"""What needs a person, for the first page of the console: of every kind a bounded count and its oldest. Each arm stands on an index."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Select, String, and_, cast, func, literal, select, union_all

from services.api.queries import runs
from shared.domain.orders import Outcome
from shared.domain.runs import DispatchState, Status
from shared.storage import tables
from shared.storage.mail import DeliveryState
from shared.storage.parking import ParkedState

MOST_COUNTED = 1000
"""So far is counted; from there on there are many."""

SHOWN = 5
"""So many of each kind stand on the page, the oldest first."""

_r, _l, _n, _d = tables.production_run.c, tables.order_line.c, tables.notification.c, tables.delivery.c
_k = tables.parked_message.c


class Kind(msgspec.Struct, frozen=True):
    """A kind of things that wait: which, since when, and what tells their age apart."""

    arms: tuple[ColumnElement[bool], ...]
    """Each alone can be read in order from an index; together they are the kind."""
    key: ColumnElement[Any]
    order: ColumnElement[Any]
    since: ColumnElement[Any]


def _of_runs(
    *arms: ColumnElement[bool], order: ColumnElement[Any] = _r.id, since: ColumnElement[Any] = _r.created_at
) -> Kind:
    return Kind(arms, _r.id, order, since)


_RUNS: Mapping[str, Kind] = {
    "review": _of_runs(_r.status == Status.PENDING_REVIEW, _r.status == Status.DRAFT),
    "templates": _of_runs(
        and_(_r.dispatch_state == DispatchState.AWAITING_TEMPLATES, _r.status == Status.APPROVED),
        order=_r.dispatch_started_at,
        since=_r.dispatch_started_at,
    ),
    "declined": _of_runs(_r.status == Status.AWAITING_REASSIGNMENT),
    "overdue": _of_runs(runs.OVERDUE, order=_r.overdue_at, since=_r.overdue_at),
    "flagged": _of_runs(_r.flagged_at.is_not(None), order=_r.flagged_at, since=_r.flagged_at),
}
_OTHERS: Mapping[str, Kind] = {
    "unmapped": Kind((and_(_l.outcome == Outcome.UNMAPPED, _l.left_at.is_(None)),), _l.id, _l.id, _l.created_at),
    "parked": Kind((and_(_l.outcome == Outcome.PARKED, _l.left_at.is_(None)),), _l.id, _l.id, _l.created_at),
    "notices": Kind((_n.state == "failed",), _n.id, _n.id, _n.created_at),
    "parking": Kind((_k.state == ParkedState.PARKED.value,), _k.id, _k.id, _k.first_seen_at),
    "letters": Kind((_d.state == DeliveryState.DEAD.value,), _d.id, _d.id, _d.created_at),
}


def stuck(connection: Connection) -> list[str]:
    """The stuck runs, the oldest first, at most MOST_COUNTED. The one kind that is looked for in more than an index, so only once."""
    return list(connection.scalars(select(_r.id).where(runs.STUCK).order_by(_r.id).limit(MOST_COUNTED)))


def counts(connection: Connection) -> dict[str, int]:
    """How many there are of each kind that an index knows, at most MOST_COUNTED."""
    kinds = {**_RUNS, **_OTHERS}
    each = {name: _bounded(kind.arms, kind.key).label(name) for name, kind in kinds.items()}
    return dict(connection.execute(select(*each.values())).mappings().one())


def oldest_runs(connection: Connection, stuck: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    """The oldest runs of every kind, with what a row of them says."""
    kinds = {**_RUNS, "stuck": _of_runs(_r.id.in_(stuck[:SHOWN]))}
    picked = union_all(*(_oldest(name, kind) for name, kind in kinds.items())).subquery()
    rows = (
        select(picked.c.kind, picked.c.since, *_RUN_SHOWN)
        .select_from(picked)
        .join(tables.production_run, _r.id == picked.c.id)
        .outerjoin(tables.design, tables.design.c.id == _r.design_id)
        .outerjoin(tables.partner, tables.partner.c.id == _r.partner_id)
        .order_by(picked.c.since, picked.c.id)
    )
    return _grouped(kinds, connection.execute(rows).mappings())


def oldest_lines(connection: Connection) -> dict[str, list[dict[str, Any]]]:
    """The oldest order lines that made no run."""
    shown = (_l.id, _l.outcome, _l.order_id, _l.reason, _l.product_id, _l.variant_id, _l.created_at)
    each = [
        select(literal(name).label("kind"), *shown).where(*_OTHERS[name].arms).order_by(_l.id).limit(SHOWN)
        for name in ("unmapped", "parked")
    ]
    return _grouped(("unmapped", "parked"), connection.execute(_together(each)).mappings())


def oldest_notices(connection: Connection) -> list[dict[str, Any]]:
    """The oldest notices that could not be sent."""
    name = select(tables.partner.c.name).where(tables.partner.c.id == _n.audience).scalar_subquery()
    shown = (_n.id, _n.title, _n.channel, _n.run_id, _n.created_at, name.label("partner"))
    rows = select(*shown).where(_n.state == "failed").order_by(_n.id).limit(SHOWN)
    return [dict(row) for row in connection.execute(rows).mappings()]


def oldest_parked(connection: Connection) -> list[dict[str, Any]]:
    """The oldest messages of shops that nobody could read."""
    shown = (_k.id, _k.routing_key, _k.reason, _k.first_seen_at)
    rows = select(*shown).where(_k.state == ParkedState.PARKED.value).order_by(_k.first_seen_at, _k.id).limit(SHOWN)
    return [dict(row) for row in connection.execute(rows).mappings()]


def oldest_letters(connection: Connection) -> list[dict[str, Any]]:
    """The oldest dead letters."""
    m = tables.message.c
    rows = (
        select(_d.id, _d.actor, _d.error, _d.done_at, _d.created_at, m.kind, m.run_id)
        .join_from(tables.delivery, tables.message, m.id == _d.message_id)
        .where(_d.state == DeliveryState.DEAD.value)
        .order_by(_d.id)
        .limit(SHOWN)
    )
    return [dict(row) for row in connection.execute(rows).mappings()]


def oldest_by_status(connection: Connection, statuses: Iterable[Status]) -> list[dict[str, Any]]:
    """Of every status the run that was made first, and how many there are."""
    each = [
        select(
            literal(status.value).label("status"),
            select(_r.created_at).where(_r.status == status).order_by(_r.id).limit(1).scalar_subquery().label("since"),
            _bounded([_r.status == status], _r.id).label("count"),
        )
        for status in statuses
    ]
    return [dict(row) for row in connection.execute(union_all(*each)).mappings()]


_RUN_SHOWN = (
    _r.id, _r.status, _r.quantity, _r.role, _r.order_id, _r.partner_id, _r.flagged_reason, _r.waiting_for, _r.waiting_until,
    _r.accepted_at, _r.started_at, _r.finished_at, tables.design.c.name.label("design"), tables.partner.c.name.label("partner"),
)  # fmt: skip


def _oldest(name: str, kind: Kind) -> Select[Any]:
    arms = [
        select(kind.key.label("id"), kind.since.label("since"), kind.order.label("ordered"))
        .where(arm)
        .order_by(kind.order)
        .limit(SHOWN)
        for arm in kind.arms
    ]
    both = _together(arms).subquery()
    few = select(both.c.id, both.c.since).order_by(both.c.ordered).limit(SHOWN).subquery()
    return select(cast(literal(name), String).label("kind"), few.c.id, few.c.since)


def _together(each: Sequence[Select[Any]]) -> Any:
    # An arm with its own order and limit stands in a union as a table of its own.
    return union_all(*(select(arm.subquery()) for arm in each))


def _bounded(arms: Sequence[ColumnElement[bool]], key: ColumnElement[Any]) -> Any:
    rows = union_all(*(select(select(key).where(arm).limit(MOST_COUNTED).subquery()) for arm in arms)).subquery()
    return func.least(select(func.count()).select_from(rows).scalar_subquery(), MOST_COUNTED)


def _grouped(kinds: Iterable[str], rows: Iterable[Any]) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in kinds}
    for row in rows:
        found[row["kind"]].append(dict(row))
    return found
