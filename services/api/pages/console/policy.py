"""The house's policy as a page: what is stored and what counts, side by side, a form per section made from the policy's own types."""

from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from functools import partial
from typing import Any

import msgspec
from msgspec import inspect
from sqlalchemy import Connection

from services.api.forms import Filled, Form
from services.api.pages import frame, words
from services.api.pages.acts import Act
from services.api.pages.console import fields, keyvalues, reads, sheets
from services.api.queries import names
from services.api.resources import policy
from services.api.resources.catalogue_table import DesignStatus
from services.api.routes import Call, Reply
from shared.domain.policy import Deadlines, Policy, SampleDesign

AT, API = "/console/policy", policy.PATH
GENERAL = "general"
"""The section of entries that stand in none."""

UNITS = (("86400", "days"), ("3600", "hours"), ("60", "minutes"), ("1", "seconds"))
ROUTED = (("designs", "Design", "design"), ("categories", "Category of designs", ""))
"""Kinds of routes: its name, what its key is, and the kind of things that is chosen from."""

Pairs = tuple[tuple[str, str], ...]


SENTENCES = {
    GENERAL: "What counts for every run.",
    "auto_dispatch": "Whether a run of an order may go out without a person, and with the templates of which category. Without a category a person chooses them.",
    "deadlines": "How long each wait may last, counted from when it begins; and what becomes of a run that was not accepted in time.",
    "rates": "What a unit of energy, water or labour costs where the log does not say. Without a rate it costs nothing.",
    "reminders": "When a silent partner is reminded: after how long a silence in each stage, how often, and from which hour of a weekday on.",
    "routes": "Which partner makes a design, or a category of designs, without being chosen.",
    "sample_design": "The status that a sample moves its design to, by milestone.",
}  # fmt: skip
"""What a section is for. One that has none here is told by the sentence of its type."""

LABELS = {
    "auto_dispatch_first_stage": "First stage goes out by itself",
    "on_all_tasks_done": "When all tasks are done",
    "on_stock_short": "When stock is short",
    "over_yield_tolerance": "Pieces over the order (0.05 is 5 %)",
    "enabled": "Switched on",
    "on_unaccepted": "When not accepted in time",
    "energy_electricity": "Electricity, per kWh",
    "energy_water": "Water, per m³",
    "energy_gas": "Gas, per m³",
    "labor": "Labour, per hour",
    "accept_hours": "Silence before accepting",
    "start_hours": "Silence before starting",
    "idle_hours": "Silence while it is made",
    "most_per_stage": "Reminders per stage, at most",
    "hour": "From which hour of the day",
    "templates": "Choosing templates",
}
"""What an entry is called where its own name does not say it."""


class How(StrEnum):
    """How an entry is typed."""

    CHOICE = "choice"
    NUMBER = "number"
    TIME = "time"
    CATEGORY = "category"


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of the policy. path: where it stands. none: what null says, for an entry in which null is a value of its own."""

    path: tuple[str, ...]
    how: How
    choices: Pairs = ()
    default: Any = None
    none: str | None = None

    @property
    def label(self) -> str:
        return LABELS.get(self.path[-1], words.label(self.path[-1]))

    @property
    def unit(self) -> str:
        return "hours" if self.path[-1].endswith("_hours") else ""

    @property
    def field(self) -> str:
        return ".".join(("config", *self.path))


class Section(msgspec.Struct, frozen=True):
    """A group of entries with the sentence of its type."""

    name: str
    sentence: str
    entries: tuple[Entry, ...]

    @property
    def is_routes(self) -> bool:
        return self.name == "routes"


class Standing(msgspec.Struct, frozen=True):
    """An entry on the page: in words what is stored and what counts, and what stands in its field."""

    entry: Entry
    stored: str
    counts: str
    value: str
    unit: str
    error: str


# The policy's types --------------------------------------------------------------------------------------------------


def _sections() -> tuple[Section, ...]:
    groups = (each for each in msgspec.structs.fields(Policy) if _is_group(each.type))
    return (
        Section(GENERAL, SENTENCES[GENERAL], tuple(_entries(Policy, ()))),
        *(
            Section(
                each.name, SENTENCES.get(each.name, str(each.type.__doc__)), tuple(_entries(each.type, (each.name,)))
            )
            for each in groups
        ),
    )


def _entries(kind: Any, path: tuple[str, ...]) -> list[Entry]:
    told = inspect.type_info(kind)
    assert isinstance(told, inspect.StructType)
    return [
        _entry((*path, each.name), each.type, each.default, kind)
        for each in told.fields
        if not isinstance(each.type, (inspect.StructType, inspect.DictType))
    ]


def _entry(path: tuple[str, ...], told: inspect.Type, default: Any, kind: Any) -> Entry:
    if kind is SampleDesign:
        choices = tuple((each.value, words.label(each.value)) for each in DesignStatus)
        return Entry(path=path, how=How.CHOICE, choices=choices, default=default, none="Moves nothing")
    if isinstance(told, inspect.BoolType):
        return Entry(path=path, how=How.CHOICE, choices=(("true", "Yes"), ("false", "No")), default=default)
    if isinstance(told, inspect.EnumType):
        choices = tuple((str(each.value), words.label(each.value)) for each in told.cls)
        return Entry(path=path, how=How.CHOICE, choices=choices, default=default)
    if path[-1] == "template_category":
        return Entry(path=path, how=How.CATEGORY, default=default)
    is_time = kind is Deadlines and isinstance(told, inspect.IntType)
    return Entry(path=path, how=How.TIME if is_time else How.NUMBER, default=default)


def _is_group(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


SECTIONS = _sections()

# Showing ------------------------------------------------------------------------------------------------------------


def show(call: Call, form: Filled | None = None) -> Reply:
    """The whole policy."""
    body, etag = reads.tagged(call, API)
    stored, counts = body["config"], body["effective_config"]
    with call.desk.engine.connect() as connection:
        choices = _choices(connection, stored, form, find=call.query.get("find", ""))
    return frame.page(
        call,
        "console/policy.html",
        etag=etag,
        form=form,
        sections=[(each, _standings(each, stored, counts, form), _owns(each, stored)) for each in SECTIONS],
        unknown=[(each.strip("/").replace("/", keyvalues.BELOW), _text_at(stored, each)) for each in body["unknown"]],
        units=UNITS,
        routed=[(*kind, _routes(stored, kind[0], form)) for kind in ROUTED],
        choices=choices,
        find=call.query.get("find", ""),
    )


def _choices(connection: Connection, stored: Any, form: Filled | None, *, find: str) -> dict[str, names.Choices]:
    """What routes and templates can name. What they name now stays choosable."""
    routes = [row for kind, _, _ in ROUTED for row in _routes(stored, kind, form)]
    few = names.FEW_CHOICES
    return {
        "category": names.choices(connection, "category"),
        "design": names.choices(connection, "design", find=find, always=(key for key, _ in routes), most=few),
        "partner": names.choices(connection, "partner", find=find, always=(each for _, each in routes), most=few),
    }


def _standings(section: Section, stored: Any, counts: Any, form: Filled | None) -> list[Standing]:
    return [_standing(entry, stored, counts, form, section.name) for entry in section.entries]


def _standing(entry: Entry, stored: Any, counts: Any, form: Filled | None, name: str) -> Standing:
    value, unit = prefilled(entry, stored, counts)
    if form:
        value = form.value(name, entry.field, value)
        unit = form.value(name, f"unit.{entry.field}", unit)
    error = form.error(name, entry.field) if form else ""
    is_stored = _has(stored, entry.path)
    told = _told(entry, _at(stored, entry.path)) if is_stored else ""
    return Standing(entry, told, _told(entry, _at(counts, entry.path)), value, unit, error)


def prefilled(entry: Entry, stored: Any, counts: Any) -> tuple[str, str]:
    """What stands in the field: what is stored; for an entry whose null says something, what counts."""
    value = _at(counts if entry.none is not None else stored, entry.path)
    if entry.how is How.TIME:
        return _in_unit(value if value is not None else "", _at(counts, entry.path))
    return fields.CHECKED if value is True else "false" if value is False else keyvalues.text(value), ""


def _in_unit(value: Any, counts: Any) -> tuple[str, str]:
    """Seconds in the largest unit that divides them."""
    seconds = int(value or counts)
    unit = next(each for each, _ in UNITS if seconds % int(each) == 0)
    return (str(seconds // int(unit)) if value != "" else ""), unit


def _told(entry: Entry, value: Any) -> str:
    if value is None:
        return entry.none or "none"
    if entry.how is How.TIME:
        number, unit = _in_unit(value, value)
        name = dict(UNITS)[unit]
        return f"{number} {name.removesuffix('s') if number == '1' else name}"
    text = "true" if value is True else "false" if value is False else str(value)
    said = dict(entry.choices).get(text, words.amount(text) if entry.how is How.NUMBER else text)
    return f"{said} {entry.unit}".strip()


def _routes(stored: Any, kind: str, form: Filled | None) -> list[tuple[str, str]]:
    """Keys and partners of routes, with free rows."""
    there = list((_at(stored, ("routes", kind)) or {}).items())
    typed = _typed_routes(form.form, kind) if form and form.name == "routes" else there
    return [*typed, *([("", "")] * 2)]


def _typed_routes(form: Form, kind: str) -> list[tuple[str, str]]:
    rows = [(form.text(f"{kind}.{n}.key").strip(), form.text(f"{kind}.{n}.partner")) for n in range(len(form.values))]
    return [row for row in rows if any(row)]


def _keys(stored: Any, kind: str) -> list[str]:
    return list(_at(stored, ("routes", kind)) or {})


def _owns(section: Section, stored: Any) -> bool:
    """Something of the section is stored, so it can go back to the defaults."""
    if section.name == GENERAL:
        return any(_has(stored, entry.path) for entry in section.entries)
    return bool(stored.get(section.name))


def _has(document: Any, path: tuple[str, ...]) -> bool:
    for step in path:
        if not isinstance(document, Mapping) or step not in document:
            return False
        document = document[step]
    return True


def _at(document: Any, path: tuple[str, ...]) -> Any:
    for step in path:
        document = document.get(step) if isinstance(document, Mapping) else None
    return document


def _text_at(stored: Any, pointer: str) -> str:
    return keyvalues.line(_at(stored, tuple(pointer.strip("/").split("/"))))


# Changing -----------------------------------------------------------------------------------------------------------


def change(section: Section, call: Call) -> dict[str, Any]:
    """What a section's form changes: only what is typed otherwise than it stood. Empty takes an entry back to its default."""
    body = reads.read(call, API)
    form: Form = call.body
    if section.is_routes:
        return _config({"routes": {kind: _changed_routes(form, body["config"], kind) for kind, _, _ in ROUTED}})
    told: dict[str, Any] = {}
    for entry in section.entries:
        typed = (form.text(entry.field).strip(), form.text(f"unit.{entry.field}"))
        if typed != prefilled(entry, body["config"], body["effective_config"]) and entry.field in form.values:
            _put(told, entry.path, _value(entry, *typed))
    return _config(told)


def reset(section: Section, call: Call) -> dict[str, Any]:
    """The whole section back to the defaults."""
    if section.name == GENERAL:
        return _config({entry.path[0]: None for entry in section.entries})
    return _config({section.name: None})


def forget_unknown(call: Call) -> dict[str, Any]:
    """Take away what this release does not know."""
    told: dict[str, Any] = {}
    for pointer in reads.read(call, API)["unknown"]:
        _put(told, tuple(pointer.strip("/").split("/")), None)
    return _config(told)


def _config(told: Mapping[str, Any]) -> dict[str, Any]:
    """The body as it would come as JSON, where numbers stay as they were written."""
    return {"config": msgspec.Raw(msgspec.json.encode(told))}


def _value(entry: Entry, typed: str, unit: str) -> Any:
    if not typed:
        return None
    if entry.how is How.TIME:
        return _seconds(typed, unit)
    if typed in (fields.CHECKED, "false"):
        return typed == fields.CHECKED
    return int(typed) if entry.how is How.NUMBER and typed.isascii() and typed.isdigit() and len(typed) < 16 else typed


def _seconds(typed: str, unit: str) -> Any:
    """A length of time in seconds; what is none is left to be refused."""
    try:
        seconds = Decimal(typed) * Decimal(unit)
        return int(seconds) if seconds == int(seconds) else typed
    except (InvalidOperation, OverflowError, ValueError):
        return typed


def _changed_routes(form: Form, stored: Any, kind: str) -> dict[str, str | None]:
    typed = dict(_typed_routes(form, kind))
    gone = {key: None for key in _keys(stored, kind) if not typed.get(key)}
    return {**gone, **{key: partner or None for key, partner in typed.items() if key}}


def _put(tree: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    for step in path[:-1]:
        tree = tree.setdefault(step, {})
    tree[path[-1]] = value


def _act(name: str, path: str, body: Callable[[Call], dict[str, Any]]) -> Act:
    return Act(name=name, path=f"{AT}/{path}", api=f"PATCH {API}", page=show, back=AT, body=body)


ACTS: tuple[Act, ...] = (
    _act("unknown", "unknown/end", forget_unknown),
    *(_act(section.name, section.name, partial(change, section)) for section in SECTIONS),
    *(_act(f"{section.name}-reset", f"{section.name}/defaults", partial(reset, section)) for section in SECTIONS),
)

ROUTES = sheets.routes_with((sheets.shown("GET", AT, show, "The policy.", query=("find",)),), ACTS)
