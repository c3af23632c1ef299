"""Fields of the catalogue's forms: how a stored value is shown to be edited, and what that which was typed says to the JSON API."""

from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from typing import Any

import msgspec
from sqlalchemy import Connection

from services.api.forms import Filled, Form
from services.api.pages.console import keyvalues
from services.api.queries import names
from services.api.queries.names import Choices

SPARE_ROWS = 3
"""Empty rows that wait below what is there."""

CHECKED = "true"


class Kind(StrEnum):
    """How a field is typed."""

    TEXT = "text"
    AREA = "area"
    AMOUNT = "amount"
    WHOLE = "whole"
    CHOICE = "choice"
    CHECK = "check"
    HIDDEN = "hidden"
    LINES = "lines"
    PAIRS = "pairs"
    ROWS = "rows"


class Field(msgspec.Struct, frozen=True, kw_only=True):
    """One field.

    of: the kind of things that is chosen from. empty: what choosing nothing is called, None when something must be chosen.
    suggests: the list of suggestions. columns: of rows. each: what is said beside the columns of a row.
    """

    name: str
    label: str
    kind: Kind = Kind.TEXT
    hint: str = ""
    required: bool = False
    choices: tuple[tuple[str, str], ...] = ()
    of: str = ""
    empty: str | None = None
    suggests: str = ""
    columns: tuple["Field", ...] = ()
    each: Callable[[dict[str, Any]], dict[str, Any]] | None = None
    more: str = "More"

    @property
    def cells(self) -> tuple["Field", ...]:
        """The inputs of one row."""
        return _PAIR if self.kind is Kind.PAIRS else self.columns


Row = dict[str, str]
Typed = str | list[Row]
"""What stands in a field: one text, or rows of them."""

_PAIR = (Field(name="name", label="Name"), Field(name="value", label="Value"))
_SEVERAL = frozenset({Kind.PAIRS, Kind.ROWS})


class View(msgspec.Struct, frozen=True):
    """A field on its page. now: what is stored meanwhile, where that is not what was typed."""

    field: Field
    value: str
    rows: list[Row]
    errors: Mapping[str, str]
    now: str


# Showing ------------------------------------------------------------------------------------------------------------


def views(fields: Iterable[Field], stored: Mapping[str, Any], form: Filled | None = None, name: str = "") -> list[View]:
    """The fields of the form `name`, as stored or as they came back."""
    came_back = form if form and form.name == name else None
    return [_view(field, stored, came_back) for field in fields]


def _view(field: Field, stored: Mapping[str, Any], form: Filled | None) -> View:
    there = texts(field, stored.get(field.name))
    typed = typed_in(field, form.form) if form else there
    is_stale = form is not None and form.code == "precondition_failed" and typed != there
    errors = {place: told for place, told in form.errors.items() if _is_at(place, field.name)} if form else {}
    spare = [dict.fromkeys((cell.name for cell in field.cells), "") for _ in range(SPARE_ROWS)]
    rows = [*typed, *spare] if isinstance(typed, list) else []
    return View(
        field, "" if isinstance(typed, list) else typed, rows, errors, _in_short(there, typed) if is_stale else ""
    )


def texts(field: Field, value: Any) -> Typed:
    """A stored value as it would be typed."""
    if field.kind is Kind.PAIRS:
        return [{"name": name.strip(), "value": text.strip()} for name, text in keyvalues.pairs(value)] if value else []
    if field.kind is Kind.ROWS:
        return [{cell.name: _plain(each.get(cell.name)) for cell in field.columns} for each in value or ()]
    if field.kind is Kind.LINES:
        return "\n".join(keyvalues.line(each) for each in value or ())
    return _plain(value)


def typed_in(field: Field, form: Form) -> Typed:
    """What was typed into a field. Rows of which nothing that can be seen was filled in are left out."""
    if field.kind not in _SEVERAL:
        text = form.text(field.name).strip()
        return (
            "\n".join(line.strip() for line in text.split("\n") if line.strip()) if field.kind is Kind.LINES else text
        )
    seen = [cell.name for cell in field.cells if cell.kind not in (Kind.HIDDEN, Kind.CHECK)]
    rows = [
        {cell.name: form.text(f"{field.name}.{place}.{cell.name}").strip() for cell in field.cells}
        for place in _places(field.name, form)
    ]
    return [row for row in rows if any(row[name] for name in seen)]


def _places(name: str, form: Form) -> list[int]:
    steps = [field.removeprefix(f"{name}.").split(".")[0] for field in form.values if field.startswith(f"{name}.")]
    return sorted({int(step) for step in steps if step.isascii() and step.isdigit() and len(step) < 6})


def _plain(value: Any) -> str:
    return CHECKED if value is True else "" if value is False else keyvalues.text(value).strip()


def _is_at(place: str, name: str) -> bool:
    return place == name or place.startswith(f"{name}.")


def _in_short(there: Typed, typed: Typed) -> str:
    """What is stored, of rows those that were not typed."""
    if isinstance(there, str) or isinstance(typed, str):
        return " · ".join(str(there).split("\n")) or "nothing"
    other = [row for row in there if row not in typed]
    return " · ".join(": ".join(text for text in row.values() if text) for row in other) or "fewer rows"


# Saying -------------------------------------------------------------------------------------------------------------


def said_anew(fields: Iterable[Field], form: Form) -> dict[str, Any]:
    """What a form says about a new thing: only what was filled in."""
    return {field.name: _said(field, form, None) for field in fields if typed_in(field, form)}


def said_over(fields: Iterable[Field], form: Form, stored: Mapping[str, Any]) -> dict[str, Any]:
    """What a form changes of a stored thing: only what differs from it."""
    return {
        field.name: _said(field, form, stored.get(field.name))
        for field in fields
        if typed_in(field, form) != texts(field, stored.get(field.name))
    }


def _said(field: Field, form: Form, stored: Any) -> Any:
    typed = typed_in(field, form)
    if isinstance(typed, list):
        if field.kind is Kind.PAIRS:
            return keyvalues.document([(row["name"], row["value"]) for row in typed], stored)
        return [_row(field, row) for row in typed]
    if field.kind is Kind.LINES:
        return keyvalues.entries(typed.split("\n"), stored or ()) if typed else []
    if field.kind is Kind.CHECK:
        return typed == CHECKED
    return typed or None


def _row(field: Field, row: Row) -> dict[str, Any]:
    said: dict[str, Any] = {name: text for name, text in row.items() if text}
    return field.each(said) if field.each else said


# Choosing -----------------------------------------------------------------------------------------------------------


def choices(
    connection: Connection, fields: Iterable[Field], shown: Iterable[View] = (), *, find: str = ""
) -> dict[str, Choices]:
    """What can be chosen, by kind of thing. find: narrows long ones. What a view holds now stays choosable."""
    most = {kind: names.MOST_CHOICES for field in fields for kind in (field.of, field.suggests) if kind}
    most |= {cell.of: names.FEW_CHOICES for field in fields for cell in field.columns if cell.of}
    chosen: dict[str, set[str]] = {kind: set() for kind in most}
    for view in shown:
        chosen.get(view.field.of, set()).add(view.value)
        for cell in view.field.columns:
            chosen.get(cell.of, set()).update(row[cell.name] for row in view.rows)
    return {kind: names.choices(connection, kind, find=find, always=chosen[kind], most=most[kind]) for kind in most}


def of_enum(kind: type[StrEnum]) -> tuple[tuple[str, str], ...]:
    """The values of a closed list as choices."""
    return tuple((each.value, each.value.replace("_", " ").capitalize()) for each in kind)
