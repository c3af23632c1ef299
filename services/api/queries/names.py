"""What things are called: the names behind ids, and what can be chosen where one thing names another. Read at once, never one by one."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Select, func, select

from shared.storage import tables

MOST_CHOICES = 200
"""More are cut; who looks for another one narrows the choices by name."""

FEW_CHOICES = 50
"""The same where every row of a form has them."""


class Choices(msgspec.Struct, frozen=True):
    """Pairs of id and name, by name. is_cut: there are more of them."""

    pairs: list[tuple[str, str]]
    is_cut: bool = False


class _Named(msgspec.Struct, frozen=True):
    """Where a kind of things has its id and its name. where: which of them can be chosen."""

    id: ColumnElement[Any]
    name: ColumnElement[Any]
    where: tuple[ColumnElement[bool], ...] = ()


_d, _p, _i = tables.design.c, tables.partner.c, tables.inventory_item.c
_s, _t, _c = tables.stock_location.c, tables.task_template.c, tables.template_category.c
_owner = select(" · " + _p.name).where(_p.id == _s.partner_id).correlate(tables.stock_location).scalar_subquery()

_KINDS: Mapping[str, _Named] = {
    "design": _Named(_d.id, _d.name),
    "partner": _Named(_p.id, _p.name),
    "active_partner": _Named(_p.id, _p.name, (_p.status == "active",)),
    "inventory_item": _Named(_i.id, _i.title + " (" + _i.sku + ")"),
    "item_unit": _Named(_i.id, _i.unit_of_measure),
    "stock_location": _Named(_s.id, _s.name + func.coalesce(_owner, "")),
    "template": _Named(_t.id, _t.name, (_t.retired_at.is_(None), _t.kind == "work")),
    "category": _Named(_c.name, _c.name),
}


def of(connection: Connection, kind: str, ids: Iterable[str | None]) -> dict[str, str]:
    """The names of these things by id; what is not there has none."""
    wanted = {each for each in ids if each}
    return dict(_pairs(connection, _rows(kind).where(_KINDS[kind].id.in_(wanted)))) if wanted else {}


def choices(
    connection: Connection, kind: str, *, find: str = "", always: Iterable[str | None] = (), most: int = MOST_CHOICES
) -> Choices:
    """What can be chosen of a kind. find: only names with this text, unless there is none; always: ids that stay choosable."""
    named = _KINDS[kind]
    rows = _rows(kind).where(*named.where).order_by(named.name, named.id).limit(most + 1)
    found = _pairs(connection, rows.where(named.name.icontains(find, autoescape=True))) if find else []
    pairs = found or _pairs(connection, rows)
    shown = pairs[:most]
    missing = {each for each in always if each} - {key for key, _ in shown}
    return Choices([*shown, *of(connection, kind, missing).items()], len(pairs) > most)


def _rows(kind: str) -> Select[Any]:
    return select(_KINDS[kind].id, _KINDS[kind].name)


def _pairs(connection: Connection, rows: Select[Any]) -> list[tuple[str, str]]:
    return [(row[0], row[1]) for row in connection.execute(rows)]
