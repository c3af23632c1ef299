"""What an admin may choose from when something is done to a run: partners, templates, materials, places. Each list has an end."""

from collections.abc import Iterable
from typing import Any

import msgspec
from sqlalchemy import Connection

MOST_PARTNERS = 100
MOST_TEMPLATES = 36
MOST_ITEMS = 100
MOST_LOCATIONS = 50


class Template(msgspec.Struct, frozen=True):
    """A task template that still goes out."""

    id: str
    name: str
    kind: str
    category: str | None


class Choices(msgspec.Struct, frozen=True):
    """partners and items: as they are typed, `Meera Looms (meera)` and `Mulberry silk (SILK-1)`. locations: id and name."""

    partners: list[str]
    templates: list[Template]
    categories: list[str]
    items: list[str]
    locations: list[tuple[str, str]]


def read(connection: Connection, design_id: str) -> Choices:
    """All lists at once; partners who know the design come first."""
    told = connection.exec_driver_sql(_CHOICES, {"design": design_id}).scalar_one()
    return msgspec.convert(told, Choices)


def partner_ids(connection: Connection, typed: Iterable[str]) -> dict[str, str]:
    """What was typed → whom it means, if it means exactly one."""
    return _meant(connection, _PARTNERS, typed)


def item_ids(connection: Connection, typed: Iterable[str]) -> dict[str, str]:
    """What was typed → which material it means, if it means exactly one."""
    return _meant(connection, _ITEMS, typed)


def _meant(connection: Connection, sql: str, typed: Iterable[str]) -> dict[str, str]:
    wanted = sorted({text.strip() for text in typed if text.strip()})
    if not wanted:
        return {}
    rows: Any = connection.exec_driver_sql(sql, {"typed": wanted})
    return {text: found[0] for text, found in rows if len(found) == 1}


_PARTNERS = """
SELECT t.typed, array_agg(p.id) FROM unnest(%(typed)s::text[]) AS t(typed)
JOIN partner p ON t.typed IN (p.id, p.handle, p.name || ' (' || p.handle || ')') OR lower(t.typed) = lower(p.name)
GROUP BY t.typed
"""
_ITEMS = """
SELECT t.typed, array_agg(i.id) FROM unnest(%(typed)s::text[]) AS t(typed)
JOIN inventory_item i ON t.typed IN (i.id, i.sku, i.title || ' (' || i.sku || ')') OR lower(t.typed) = lower(i.title)
GROUP BY t.typed
"""
_CHOICES = f"""
SELECT json_build_object(
    'partners', (SELECT coalesce(json_agg(text), '[]') FROM (
        SELECT p.name || ' (' || p.handle || ')' AS text FROM partner p
        LEFT JOIN design_partner l ON l.partner_id = p.id AND l.design_id = %(design)s
        WHERE p.status = 'active' ORDER BY l.partner_id IS NULL, p.name, p.id LIMIT {MOST_PARTNERS}) x),
    'templates', (SELECT coalesce(json_agg(x), '[]') FROM (
        SELECT t.id, t.name, t.kind, c.name AS category FROM task_template t
        LEFT JOIN template_category c ON c.id = t.category_id WHERE t.retired_at IS NULL
        ORDER BY c.name NULLS LAST, t.position, t.name, t.id LIMIT {MOST_TEMPLATES}) x),
    'categories', (SELECT coalesce(json_agg(name ORDER BY name), '[]') FROM template_category),
    'items', (SELECT coalesce(json_agg(text), '[]') FROM (
        SELECT title || ' (' || sku || ')' AS text FROM inventory_item ORDER BY title, id LIMIT {MOST_ITEMS}) x),
    'locations', (SELECT coalesce(json_agg(json_build_array(id, name)), '[]') FROM (
        SELECT id, name FROM stock_location ORDER BY name, id LIMIT {MOST_LOCATIONS}) x))
"""
