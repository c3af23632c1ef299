"""Which changes break a published contract: pure rules over two documents, OpenAPI or AsyncAPI. What they do not name is additive.

A side that sends may be asked for less and offered more; a side that reads may be told more and never less.
"""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any

Document = Mapping[str, Any]


class Side(StrEnum):
    """Who writes what the schema describes: the others, to us, or we, to them."""

    TAKEN = "taken"
    TOLD = "told"


METHODS = ("get", "put", "post", "delete", "patch")
LOWER_IS_NARROWER = ("maximum", "exclusiveMaximum", "maxLength", "maxItems")
HIGHER_IS_NARROWER = ("minimum", "exclusiveMinimum", "minLength", "minItems")
FIXED = ("const", "pattern")


def breaks(before: Document, after: Document) -> list[str]:
    """A sentence for each thing that others relied on and that is not so any more."""
    compared = _Comparison(before, after)
    if "asyncapi" in before:
        return list(dict.fromkeys(_channels(compared)))
    return list(dict.fromkeys([*_paths(compared), *_webhooks(compared)]))


class _Comparison:
    """Two documents, and which schemas of them were held against each other already."""

    def __init__(self, before: Document, after: Document) -> None:
        self.before = before
        self.after = after
        self._seen: set[tuple[str, str, Side]] = set()

    def resolve(self, old: Any, new: Any) -> tuple[Any, Any]:
        return _resolved(self.before, old), _resolved(self.after, new)

    def is_new(self, old: Any, new: Any, side: Side) -> bool:
        """False when both are references that were followed before: types may hold themselves."""
        pair = (str(old.get("$ref")), str(new.get("$ref")), side)
        if "$ref" not in old or pair not in self._seen:
            self._seen.add(pair)
            return True
        return False


def _resolved(document: Document, told: Any) -> Any:
    while isinstance(told, Mapping) and "$ref" in told:
        found: Any = document
        for step in told["$ref"].removeprefix("#/").split("/"):
            found = found[step.replace("~1", "/").replace("~0", "~")]
        told = found
    return told


# OpenAPI ------------------------------------------------------------------------------------------------------------


def _paths(compared: _Comparison) -> Iterator[str]:
    for path, operations in compared.before.get("paths", {}).items():
        for method in METHODS:
            if method not in operations:
                continue
            name = f"{method.upper()} {path}"
            new = compared.after.get("paths", {}).get(path, {}).get(method)
            if new is None:
                yield f"{name} is gone."
            else:
                yield from _operation(compared, name, operations[method], new)


def _operation(compared: _Comparison, name: str, old: Document, new: Document) -> Iterator[str]:
    yield from _parameters(compared, name, old, new)
    yield from _body(compared, name, old.get("requestBody"), new.get("requestBody"))
    if not old.get("security") and new.get("security"):
        yield f"{name} asks for a token now."
    for status, answer in old.get("responses", {}).items():
        if not status.startswith("2"):
            continue
        if status not in new.get("responses", {}):
            yield f"{name} does not answer {status} any more."
            continue
        place = f"The {status} of {name}"
        yield from _contents(compared, place, answer, new["responses"][status], Side.TOLD)


def _parameters(compared: _Comparison, name: str, old: Document, new: Document) -> Iterator[str]:
    olds, news = (
        {(told["in"], told["name"]): told for each in operation.get("parameters", []) for told in [_resolved(document, each)]}
        for document, operation in ((compared.before, old), (compared.after, new))
    )  # fmt: skip
    for key, told in olds.items():
        if key not in news:
            yield f"{name} does not take the {key[0]} parameter {key[1]} any more."
        else:
            place = f"The {key[0]} parameter {key[1]} of {name}"
            yield from _schema(compared, place, told["schema"], news[key]["schema"], Side.TAKEN)
    for key, told in news.items():
        if told.get("required") and not olds.get(key, {}).get("required"):
            yield f"{name} cannot do without the {key[0]} parameter {key[1]} any more."


def _body(compared: _Comparison, name: str, old: Any, new: Any) -> Iterator[str]:
    if old is None:
        if new is not None and new.get("required"):
            yield f"{name} cannot do without a body any more."
        return
    if new is None:
        yield f"{name} does not take a body any more."
        return
    if new.get("required") and not old.get("required"):
        yield f"{name} cannot do without a body any more."
    yield from _contents(compared, f"The body of {name}", old, new, Side.TAKEN)


def _contents(compared: _Comparison, place: str, old: Any, new: Any, side: Side) -> Iterator[str]:
    old, new = compared.resolve(old, new)
    for kind, content in old.get("content", {}).items():
        if kind not in new.get("content", {}):
            yield f"{place} is not {kind} any more."
        else:
            yield from _schema(compared, place, content.get("schema", {}), new["content"][kind].get("schema", {}), side)


def _webhooks(compared: _Comparison) -> Iterator[str]:
    for kind, webhook in compared.before.get("webhooks", {}).items():
        new = compared.after.get("webhooks", {}).get(kind)
        if new is None:
            yield f"The webhook {kind} is gone."
        else:
            yield from _contents(
                compared, f"The webhook {kind}", webhook["post"]["requestBody"], new["post"]["requestBody"], Side.TOLD
            )


# AsyncAPI -----------------------------------------------------------------------------------------------------------


def _channels(compared: _Comparison) -> Iterator[str]:
    for name, operation in compared.before["operations"].items():
        new = compared.after["operations"].get(name)
        if new is None or new["action"] != operation["action"]:
            yield f"The operation {name} is gone."
            continue
        side = Side.TAKEN if operation["action"] == "receive" else Side.TOLD
        yield from _channel(compared, *compared.resolve(operation["channel"], new["channel"]), side)


def _channel(compared: _Comparison, old: Document, new: Document, side: Side) -> Iterator[str]:
    address = old["address"]
    if address != new["address"]:
        yield f"The channel {address} is {new['address']} now."
    for name, message in old["messages"].items():
        if name not in new["messages"]:
            yield f"The message {name} of {address} is gone."
            continue
        before, after = compared.resolve(message, new["messages"][name])
        place = f"The message {name} of {address}"
        for part in ("payload", "headers"):
            yield from _schema(compared, place, before.get(part, {}), after.get(part, {}), side)


# Schemas ------------------------------------------------------------------------------------------------------------


def _schema(compared: _Comparison, place: str, old: Any, new: Any, side: Side) -> Iterator[str]:
    if not compared.is_new(old, new, side):
        return
    old, new = compared.resolve(old, new)
    yield from _types(place, old, new, side)
    yield from _values(place, old, new, side)
    yield from _bounds(place, old, new, side)
    yield from _members(compared, place, old, new, side)
    for below in ("items", "additionalProperties"):
        if isinstance(old.get(below), Mapping) and isinstance(new.get(below), Mapping):
            yield from _schema(compared, _below(place, "…"), old[below], new[below], side)
    yield from _alternatives(compared, place, old, new, side)
    for one, other in zip(old.get("allOf", []), new.get("allOf", []), strict=False):
        yield from _schema(compared, place, one, other, side)


def _types(place: str, old: Document, new: Document, side: Side) -> Iterator[str]:
    olds, news = _type_names(old), _type_names(new)
    lost = (olds or {"anything"}) - news if side is Side.TAKEN and news else set()
    added = (news or {"anything"}) - olds if side is Side.TOLD and olds else set()
    for name in sorted(lost):
        yield f"{place} may not be {name} any more."
    for name in sorted(added):
        yield f"{place} may be {name} now."


def _type_names(told: Document) -> set[str]:
    """The JSON types that a schema says; a whole number is a number as well where one is taken."""
    named = told.get("type", [])
    return set([named] if isinstance(named, str) else named)


def _values(place: str, old: Document, new: Document, side: Side) -> Iterator[str]:
    for value in old.get("enum", []):
        if "enum" in new and value not in new["enum"]:
            yield f"{place} may not be {value!r} any more."
    if side is Side.TAKEN and "enum" in new and "enum" not in old:
        yield f"{place} must be one of {', '.join(map(repr, new['enum']))} now."
    for name in FIXED:
        if old.get(name) != new.get(name) and (name in old if side is Side.TOLD else name in new):
            yield f"{place} has another {name}: {new.get(name)!r} in place of {old.get(name)!r}."


def _bounds(place: str, old: Document, new: Document, side: Side) -> Iterator[str]:
    if side is Side.TOLD:
        return
    for name in LOWER_IS_NARROWER:
        if name in new and new[name] < old.get(name, float("inf")):
            yield f"{place} has a {name} of {new[name]} now."
    for name in HIGHER_IS_NARROWER:
        if name in new and new[name] > old.get(name, float("-inf")):
            yield f"{place} has a {name} of {new[name]} now."


def _members(compared: _Comparison, place: str, old: Document, new: Document, side: Side) -> Iterator[str]:
    olds, news = old.get("properties", {}), new.get("properties", {})
    for name, told in olds.items():
        if name not in news:
            gone = "has no" if side is Side.TOLD else "does not take the"
            yield f"{place} {gone} field {name} any more."
        else:
            yield from _schema(compared, _below(place, name), told, news[name], side)
    for name in sorted(set(new.get("required", [])) - set(old.get("required", []))):
        if side is Side.TAKEN:
            yield f"{place} cannot do without the field {name} any more."
    for name in sorted(set(old.get("required", [])) - set(new.get("required", []))):
        if side is Side.TOLD and name in news:
            yield f"{place} may be without the field {name} now."


def _below(place: str, name: str) -> str:
    """A place within a place, as a pointer behind what it is in."""
    return f"{place}/{name}" if " at /" in place else f"{place} at /{name}"


def _alternatives(compared: _Comparison, place: str, old: Document, new: Document, side: Side) -> Iterator[str]:
    olds, news = _by_name(old), _by_name(new)
    if not olds and not news:
        return
    for name in sorted(olds.keys() - news.keys()):
        if side is Side.TAKEN and news:
            yield f"{place} may not be {name} any more."
    for name in sorted(news.keys() - olds.keys()):
        if side is Side.TOLD and olds:
            yield f"{place} may be {name} now."
    for name in olds.keys() & news.keys():
        yield from _schema(compared, place, olds[name], news[name], side)


def _by_name(told: Document) -> dict[str, Any]:
    """The alternatives of a schema by what they are called, or else by their type."""
    return {
        str(each.get("$ref", each.get("type", place))).rpartition("/")[2]: each
        for place, each in enumerate(told.get("anyOf", []))
    }
