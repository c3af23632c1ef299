"""What happened and what was agreed, in words: before and after by name, frozen data as lists that people read."""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import msgspec

from services.api import answers
from services.api.pages import words
from shared.domain.runs import Status

_KINDS = {
    "run": "run", "ptnr": "partner", "iitem": "material", "item": "material", "sloc": "place", "tmpl": "template", "dsgn": "design",
    "task": "task", "disp": "dispatch", "clog": "log", "media": "picture", "acct": "account", "msg": "message",
}  # fmt: skip
"""How an id begins → what it is of."""

_IDS = re.compile(rf"\b(?:{'|'.join(_KINDS)})_[0-9a-z_]*[0-9a-z]\b")
_COMPOUND = re.compile(r"\b[a-z]+(?:_[a-z]+)+\b")
_STATUSES = re.compile(rf"\b(?:{'|'.join(Status)})\b")
_INSTANTS = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?(\.\d+)?(Z|\+00:00)")
_LONGEST, _LONGEST_REASON, _MOST = 300, 1500, 60
_DEEPEST = 4

NO_STORY = frozenset({"location_ids", "log_ids", "task_ids", "media_ids"})
"""Ids that nobody reads."""


class Change(msgspec.Struct, frozen=True):
    """One thing that is different now."""

    name: str
    before: str
    after: str


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the timeline."""

    at: datetime
    who: str
    summary: str
    reason: str
    changes: list[Change]


class Fact(msgspec.Struct, frozen=True):
    """A named value: a text, or facts below it."""

    name: str
    text: str
    below: list["Fact"]


def entries(activities: Iterable[Mapping[str, Any]], names: Mapping[str, str], clock: words.Clock) -> list[Entry]:
    """The activities of the API in words."""
    return [
        Entry(
            at=each["at"],
            who=_who(each["actor"]),
            summary=each["summary"],
            reason=plain(_cut(each.get("reason") or ""), names, clock),
            changes=_changes(each.get("before") or {}, each.get("after") or {}, names, said=each.get("reason")),
        )
        for each in activities
    ]


def ids_in(value: Any) -> set[str]:
    """Every id that stands somewhere in a value, of things that have names."""
    if isinstance(value, Mapping):
        own = {each for name, each in value.items() if name.endswith("_id") and isinstance(each, str)}
        return own | {each for below in value.values() for each in ids_in(below)}
    if isinstance(value, list | tuple):
        return {each for below in value for each in ids_in(below)}
    return set(_IDS.findall(value)) if isinstance(value, str) else set()


def plain(text: str, names: Mapping[str, str], clock: words.Clock) -> str:
    """A sentence that may be a person's own: what machines put into it reads as words, the rest stays as it is."""
    timed = _INSTANTS.sub(lambda found: clock.time(found[0].replace(" ", "T").replace("Z", "+00:00")), text)
    named = _IDS.sub(lambda found: _named(found[0], names), timed)
    return _STATUSES.sub(lambda found: found[0].replace("_", " "), named)


def spoken(text: str, names: Mapping[str, str], clock: words.Clock) -> str:
    """A sentence of ours, without the names of fields."""
    return _COMPOUND.sub(lambda found: found[0].replace("_", " "), plain(text, names, clock))


def facts(value: Any, names: Mapping[str, str], *, depth: int = 0) -> list[Fact]:
    """Nested data as facts; ids are names, or left out."""
    if isinstance(value, Mapping):
        made = [_fact(str(name), below, names, depth=depth) for name, below in value.items()]
    else:
        made = [_fact(str(place), below, names, depth=depth) for place, below in enumerate(value, 1)]
    return [fact for fact in made if fact.text or fact.below][:_MOST]


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_REASON else f"{text[: _LONGEST_REASON - 1]}…"


def _fact(name: str, value: Any, names: Mapping[str, str], *, depth: int) -> Fact:
    title = words.label(name.removesuffix("_id"))
    is_flat = isinstance(value, list) and all(_is_flat(each) for each in value)
    if isinstance(value, Mapping | list) and not is_flat and depth < _DEEPEST:
        return Fact(title, "", facts(value, names, depth=depth + 1))
    return Fact(title, _text(name, value, names), [])


def _is_flat(value: Any) -> bool:
    below = value.values() if isinstance(value, Mapping) else [value]
    return all(not isinstance(each, Mapping | list) for each in below)


def _changes(
    before: Mapping[str, Any], after: Mapping[str, Any], names: Mapping[str, str], *, said: str | None
) -> list[Change]:
    """What differs; a title stands there to be known by, and what was said already is not said twice."""
    before = {name: value for name, value in before.items() if name != "title"}
    told = [
        name for name in dict.fromkeys([*before, *after]) if name not in NO_STORY and after.get(name) != (said or 0)
    ]
    found = [
        Change(
            words.label(name.removesuffix("_id")),
            _text(name, before.get(name), names),
            _text(name, after.get(name), names),
        )
        for name in told
    ]
    return [each for each in found if each.before != each.after]


def _text(name: str, value: Any, names: Mapping[str, str]) -> str:
    if value is None or value == "" or value == []:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        named = _text("name", value.get("name"), names)
        rest = facts({key: each for key, each in value.items() if key != "name"}, names, depth=_DEEPEST)
        return ", ".join(filter(None, [named, *(f"{fact.name.lower()} {fact.text}" for fact in rest)]))
    if isinstance(value, list):
        told = filter(None, (_text(name, each, names) for each in value))
        return ("; " if any(isinstance(each, Mapping) for each in value) else ", ").join(told)[:_LONGEST]
    if name.endswith(("_id", "_ids")) and isinstance(value, str):
        return names.get(value, "")
    return _word(name, value)


def _word(name: str, value: Any) -> str:
    text = answers.decimal_text(value) if not isinstance(value, str | int | float) else str(value)
    if re.fullmatch(r"-?\d+(\.\d+)?", text):
        return words.amount(text)
    is_name_of_ours = name in _WORDS and re.fullmatch(r"[A-Za-z]+(_[A-Za-z]+)*", text)
    return words.label(text) if is_name_of_ours else text[:_LONGEST]


_WORDS = frozenset(
    {"status", "rejection_reason", "completion_source", "waiting_for", "consumption_type", "unit_of_measure", "stage", "quantity_basis"}
)  # fmt: skip
"""Fields whose values are words of ours."""


def _who(actor: Mapping[str, Any]) -> str:
    name, kind = actor.get("name") or "", actor.get("kind") or ""
    return f"{name} ({kind})" if name and name != kind else words.label(kind)


def _named(found: str, names: Mapping[str, str]) -> str:
    """A thing by its name, else as people say it; what only looks like an id is words."""
    if found in names:
        return names[found]
    kind = _KINDS[found.partition("_")[0]]
    return f"{kind} {words.short(found)}" if re.search(r"\d", found) else found.replace("_", " ")
