"""Rows of a form: allocation's shares and a completion's materials. What was typed becomes ids; a row more comes without JavaScript too."""

from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

from services.api.forms import Filled, Form
from services.api.pages import words
from services.api.queries import run_choices
from services.api.routes import Call

SHARES = 3
MATERIALS = 2
"""Rows a form begins with."""

MOST_ROWS = 50


class Sum(msgspec.Struct, frozen=True):
    """What a stage adds up to. is_right: to the whole quantity."""

    stage: str
    total: Decimal
    is_right: bool


def allocation(call: Call) -> dict[str, Any]:
    """The shares of an approval or a split, partners by id."""
    body = call.body.nested()
    rows = body.get("assignments")
    return {**body, "assignments": _with_partners(call, rows)} if isinstance(rows, list) else body


def splitting(call: Call) -> dict[str, Any]:
    """A split needs shares: a form without any says so beside its first row."""
    return {"assignments": [], **allocation(call)}


def new_partner(call: Call) -> dict[str, Any]:
    """The partner that a run is given to."""
    body = call.body.nested()
    return _with_partners(call, [body])[0]


def completion(call: Call) -> dict[str, Any]:
    """A completion, its materials by id."""
    body = call.body.nested()
    rows = body.get("consumptions")
    return {**body, "consumptions": _with_items(call, rows)} if isinstance(rows, list) else body


def material(call: Call) -> dict[str, Any]:
    """One log, its material by id."""
    return _with_items(call, [call.body.nested()])[0]


def choice(call: Call) -> dict[str, Any]:
    """Templates by their boxes, their category, or their names, one on a line."""
    return _with_names(call.body.nested())


def commit(call: Call) -> dict[str, Any]:
    """All open logs, or the checked ones: none checked commits none."""
    body = call.body.nested()
    return body if body.get("commit_all") else {"log_ids": [], **body}


def typed(form: Filled | None, name: str, group: str, *, least: int) -> list[Mapping[str, list[str]]]:
    """The rows of a form as they were typed, filled ones first as the API counted them, and blank ones behind.

    Each is field → values. One more is added when that was asked for.
    """
    if form is None or form.name != name:
        return [{} for _ in range(least)]
    found = _rows(form.form, group)
    more = 1 if form.code == ONE_MORE else 0
    count = min(max(least, len(found) + more), MOST_ROWS)
    return [*found, *({} for _ in range(count - len(found)))]


ONE_MORE = "one_more_row"
"""The code of a form that comes back for another row only."""


def sums(rows: Iterable[Mapping[str, list[str]]], quantity: Decimal) -> list[Sum]:
    """What the typed quantities of each stage add up to; a blank one takes the whole."""
    found: dict[str, Decimal] = {}
    filled = [row for row in rows if row]
    stages = [_stage(row) for row in filled]
    first = min((stage for stage in stages if stage is not None), default=None)
    for row, stage in zip(filled, stages, strict=True):
        where = stage if stage is not None else first
        name = f"Stage {where}" if where is not None else "All rows"
        found[name] = found.get(name, Decimal(0)) + (_number(_text(row, "quantity")) or quantity)
    return [Sum(name, total, total == quantity) for name, total in sorted(found.items())]


def in_words(found: Iterable[Sum], quantity: Decimal) -> list[str]:
    """The sums as sentences."""
    whole = words.amount(quantity)
    return [
        f"{each.stage}: {words.amount(each.total)} of {whole}{'' if each.is_right else ' – this does not add up'}"
        for each in found
    ]


def _rows(form: Form, group: str) -> list[Mapping[str, list[str]]]:
    rows: dict[int, dict[str, list[str]]] = {}
    for name, values in form.values.items():
        told = name.split(".", 2)
        if len(told) == 3 and told[0] == group and told[1].isdigit() and any(value.strip() for value in values):
            rows.setdefault(int(told[1]), {})[told[2]] = values
    return [rows[place] for place in sorted(rows)]


def _text(row: Mapping[str, list[str]], field: str) -> str:
    return next(iter(row.get(field, ())), "")


def _stage(row: Mapping[str, list[str]]) -> int | None:
    text = _text(row, "order").strip()
    return int(text) if text.isdecimal() else None


def _number(text: str) -> Decimal | None:
    try:
        number = Decimal(text.strip())
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _with_partners(call: Call, rows: list[Any]) -> list[dict[str, Any]]:
    plain = [_with_names(row if isinstance(row, dict) else {}) for row in rows]
    with call.desk.engine.connect() as connection:
        meant = run_choices.partner_ids(connection, [str(row.get("partner_id", "")) for row in plain])
    return [_meaning(row, "partner_id", meant) for row in plain]


def _with_items(call: Call, rows: list[Any]) -> list[dict[str, Any]]:
    plain = [row if isinstance(row, dict) else {} for row in rows]
    with call.desk.engine.connect() as connection:
        meant = run_choices.item_ids(connection, [str(row.get("inventory_item_id", "")) for row in plain])
    return [_meaning(row, "inventory_item_id", meant) for row in plain]


def _meaning(row: dict[str, Any], field: str, meant: Mapping[str, str]) -> dict[str, Any]:
    """With the id of what was typed; what means nothing (or several) goes as it is, and the API says so."""
    return {**row, field: meant.get(row[field], row[field])} if row.get(field) else row


def _with_names(body: dict[str, Any]) -> dict[str, Any]:
    names = body.get("template_names")
    if not isinstance(names, str):
        return body
    return {**body, "template_names": [name.strip() for name in names.splitlines() if name.strip()]}
