"""Values as the portal's templates take them: specifications as lines, colours with their code, pictures, amounts spelled out."""

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from services.api.pages import words
from services.api.queries.runs import View
from shared.domain import consumption, runs
from shared.domain.consumption import QuantityBasis
from shared.domain.lifecycle import Verb
from shared.domain.runs import Phase

NEXT = {
    Phase.ASSIGNED: Verb.ACCEPT,
    Phase.ACCEPTED: Verb.START,
    Phase.STARTED: Verb.FINISH,
    Phase.FINISHED: Verb.COMPLETE,
}
"""The step that follows by itself."""

_COLOUR = re.compile(r"#(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})")
_DEEPEST = 4


def next_step(view: View) -> str:
    """The one step that a partner takes next, nothing when the run is not theirs to move on."""
    verb = NEXT.get(runs.phase(view.run))
    return verb.value if verb else ""


def lines(told: Any) -> list[tuple[str, str]]:
    """A specification as lines of name and text."""
    if isinstance(told, Mapping):
        return [(words.label(name), text) for name, value in told.items() if (text := plain_text(value))]
    if isinstance(told, Sequence) and not isinstance(told, str):
        return [line for each in told for line in _line(each)]
    return []


def _line(each: Any) -> list[tuple[str, str]]:
    if isinstance(each, Mapping) and each.keys() >= {"name", "value"}:
        return [(words.label(each["name"]), plain_text(each["value"]))]
    return lines(each) if isinstance(each, Mapping) else [("", plain_text(each))]


def plain_text(value: Any, depth: int = 0) -> str:
    """A value of any shape in one line."""
    if value is None or depth > _DEEPEST:
        return ""
    if isinstance(value, bool):
        return "✓" if value else "–"
    if isinstance(value, Mapping):
        found = ((words.label(name), plain_text(below, depth + 1)) for name, below in value.items())
        return ", ".join(f"{name}: {text}" for name, text in found if text)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(text for each in value if (text := plain_text(each, depth + 1)))
    return str(value)


def colours(told: Any) -> list[dict[str, str]]:
    """Colours by name, with a code where it is one."""
    found = told if isinstance(told, list) else []
    return [_colour(each) for each in found]


def _colour(each: Any) -> dict[str, str]:
    if not isinstance(each, Mapping):
        return {"name": plain_text(each), "code": ""}
    code = str(each.get("code") or each.get("hex") or "")
    is_code = bool(_COLOUR.fullmatch(code))
    rest = {name: value for name, value in each.items() if name not in ("name", "code", "hex")}
    name = plain_text(each.get("name")) or (code if is_code else plain_text(each))
    more = plain_text(rest)
    return {"name": f"{name} ({more})" if more and each.get("name") else name, "code": code if is_code else ""}


def sizes(told: Any) -> list[str]:
    """Sizes as words: `M`, or `M: chest 96`."""
    return [_size(each) for each in (told if isinstance(told, list) else [])]


def _size(each: Any) -> str:
    if not isinstance(each, Mapping) or not each.get("name"):
        return plain_text(each)
    rest = plain_text({name: value for name, value in each.items() if name != "name"})
    return f"{plain_text(each['name'])}: {rest}" if rest else plain_text(each["name"])


def planned(materials: Sequence[Mapping[str, Any]], items: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The planned materials with their titles and units."""
    return [
        {
            "title": known.get("title", ""),
            "each": line.get("quantity"),
            "total": line.get("total_quantity"),
            "unit": line.get("unit_of_measure") or known.get("unit"),
            "notes": line.get("notes") or "",
        }
        for line in materials
        for known in (items.get(str(line.get("inventory_item_id")), {}),)
    ]


def log(row: Mapping[str, Any], view: View, items: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """One note of what was used, with the pieces and the sum where it is meant per piece."""
    pieces = consumption.pieces_of(view.run) or view.run.quantity
    is_each = row["quantity_basis"] == QuantityBasis.PER_PIECE
    total = row["committed_quantity"] or (row["quantity"] * pieces if is_each else row["quantity"])
    return {
        "title": items.get(row["inventory_item_id"] or "", {}).get("title", ""),
        "kind": row["consumption_type"],
        "unit": row["unit_of_measure"],
        "each": row["quantity"] if is_each else None,
        "pieces": pieces,
        "total": total,
        "unit_cost": row["unit_cost"],
        "cost": _cost(total, row["unit_cost"]),
        "notes": row["notes"] or "",
        "at": row["consumed_at"],
        "by": row["consumed_by"],
        "is_settled": row["is_committed"],
    }


def _cost(total: Decimal, unit_cost: Decimal | None) -> Decimal | None:
    return (total * unit_cost).quantize(Decimal("0.01")) if unit_cost is not None else None


def families(tasks: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The tasks with their subtasks below them, as they are laid out."""
    below: dict[str, list[Mapping[str, Any]]] = {}
    for each in tasks:
        below.setdefault(each["parent_task_id"] or "", []).append(each)
    known = {each["id"] for each in tasks}
    tops = [each for each in tasks if each["parent_task_id"] not in known]
    return [{**each, "subtasks": below.get(each["id"], [])} for each in tops]
