"""/docs: the contract for people, drawn from the same two documents that machines read. It needs no network and no script."""

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from services.api import errors
from services.api.pages import frame
from services.api.resources import contract
from services.api.routes import Call, Reply, Route, Who

Document = Mapping[str, Any]

EVENTS = "webhook-events"
BROKER = "rabbitmq"
METHODS = ("get", "post", "put", "patch", "delete")


def overview(call: Call) -> Reply:
    """What can be asked, by subject."""
    return frame.page(call, "docs/overview.html", about=contract.contract()["info"]["description"], pages=_pages())


def one_page(call: Call) -> Reply:
    """One subject with all that can be asked about it."""
    page = call.params["page"]
    titles = {each["slug"]: each["title"] for each in _pages()}
    if page not in titles:
        raise errors.not_found("page")
    return frame.page(call, "docs/page.html", title=titles[page], page=page, pages=_pages(), **_content(page))


@cache
def _pages() -> list[dict[str, Any]]:
    """Every page: a tag of the contract, the webhooks, the broker."""
    counts: dict[str, int] = {}
    for _, _, operation in _operations():
        counts[operation["tags"][0]] = counts.get(operation["tags"][0], 0) + 1
    tags = [{"slug": _slug(tag), "title": _title(tag), "count": count} for tag, count in sorted(counts.items())]
    webhooks = {"slug": EVENTS, "title": "Webhooks", "count": len(contract.contract()["webhooks"])}
    messages = {"slug": BROKER, "title": "RabbitMQ", "count": len(contract.channels()["components"]["messages"])}
    return [*tags, webhooks, messages]


@cache
def _content(page: str) -> dict[str, Any]:
    if page == EVENTS:
        return {
            "operations": [],
            "kinds": _kinds(),
            "types": _types(contract.contract(), ["EventTold", "EventData", "EventActor"]),
        }
    if page == BROKER:
        return _of_broker()
    shown = [_shown(path, method, told) for path, method, told in _operations() if _slug(told["tags"][0]) == page]
    names = [name for each in shown for name in each["types"]]
    return {"operations": shown, "kinds": [], "types": _types(contract.contract(), names)}


def _operations() -> Iterator[tuple[str, str, Document]]:
    for path, methods in contract.contract()["paths"].items():
        for method in METHODS:
            if method in methods:
                yield path, method.upper(), methods[method]


def _shown(path: str, method: str, told: Document) -> dict[str, Any]:
    body = told.get("requestBody", {}).get("content", {})
    kind, content = next(iter(body.items()), _NO_CONTENT)
    answers = [_answer(status, answer) for status, answer in told["responses"].items() if status != "default"]
    return {
        "id": told["operationId"],
        "method": method,
        "path": path,
        "summary": told["summary"],
        "who": told.get("description", "For everybody."),
        "retired": told.get("deprecated", False),
        "parameters": [_parameter(each) for each in told["parameters"]],
        "body": _type_name(content.get("schema", {})) if content else None,
        "kind": kind,
        "answers": answers,
        "curl": _curl(path, method, kind, content.get("example"), has_token="security" in told),
        "types": [*_references(content.get("schema", {})), *(name for each in answers for name in each["types"])],
    }


_NO_CONTENT: tuple[str, Document] = ("", {})


def _parameter(told: Document) -> dict[str, Any]:
    found = _resolved(contract.contract(), told)
    return {
        "name": found["name"],
        "where": found["in"],
        "type": _type_name(found["schema"]),
        "told": found.get("description", ""),
        "required": found.get("required", False),
    }


def _answer(status: str, told: Document) -> dict[str, Any]:
    content: Document = next(iter(_resolved(contract.contract(), told).get("content", {}).values()), {})
    schema = content.get("schema", {})
    is_success = status.startswith("2")
    return {
        "status": status,
        "told": told["description"],
        "type": _type_name(schema),
        "types": [*_references(schema)] if is_success else [],
    }


def _curl(path: str, method: str, kind: str, example: Any, *, has_token: bool) -> str:
    """A command to try it; what stands in braces is yours to fill in."""
    parts = ["curl", f"--request {method}", f"'$LOOMLINE{path}'"]
    if has_token:
        parts.append('--header "Authorization: Bearer $TOKEN"')
    if kind == "multipart/form-data":
        parts.append("--form files=@shawl.jpg")
    elif kind:
        parts += [f"--header 'Content-Type: {kind}'", f"--data '{json.dumps(example or {}, ensure_ascii=False)}'"]
    return " \\\n  ".join(parts).replace("'$LOOMLINE", '"$LOOMLINE').replace(f"{path}'", f'{path}"', 1)


# Events -------------------------------------------------------------------------------------------------------------


def _kinds() -> list[dict[str, str]]:
    return [{"name": kind, "told": told["post"]["summary"]} for kind, told in contract.contract()["webhooks"].items()]


def _of_broker() -> dict[str, Any]:
    document = contract.channels()
    sides = {each["channel"]["$ref"].rpartition("/")[2]: each["action"] for each in document["operations"].values()}
    channels = [
        {
            "address": channel["address"],
            "told": channel["description"],
            "action": sides[name],
            "messages": [
                {"name": message["name"], "told": message["summary"], "type": _type_name(message["payload"])}
                for told in channel["messages"].values()
                for message in [_resolved(document, told)]
            ],
        }
        for name, channel in document["channels"].items()
    ]
    names = [name for name in document["components"]["schemas"] if name != "EventTold"]
    return {"operations": [], "kinds": [], "channels": channels, "types": _types(document, names)}


# Types --------------------------------------------------------------------------------------------------------------


def _types(document: Document, names: list[str]) -> list[dict[str, Any]]:
    """The types of these names and those that they refer to, each once."""
    components = document["components"]["schemas"]
    wanted = list(dict.fromkeys(names))
    for name in wanted:
        wanted += [each for each in _references(components[name]) if each not in wanted]
    return [_type(name, components[name]) for name in sorted(wanted)]


def _type(name: str, told: Document) -> dict[str, Any]:
    required = set(told.get("required", []))
    fields = [
        {"name": field, "type": _type_name(schema), "required": field in required}
        for field, schema in told.get("properties", {}).items()
    ]
    return {"name": name, "told": told.get("description", ""), "fields": fields, "choices": told.get("enum", [])}


def _type_name(told: Document) -> str:
    """A type in a few words."""
    if "$ref" in told:
        return str(told["$ref"]).rpartition("/")[2]
    for each in ("anyOf", "oneOf", "allOf"):
        if each in told:
            return " or ".join(_type_name(one) for one in told[each])
    if "const" in told or "enum" in told:
        return " | ".join(json.dumps(value) for value in told.get("enum", [told.get("const")]))
    if told.get("type") == "array":
        return f"list of {_type_name(told.get('items', {}))}"
    if told.get("type") == "object" and told.get("properties"):
        return ", ".join(f"{name}: {_type_name(below)}" for name, below in told["properties"].items())
    named = told.get("type", "anything")
    text = " or ".join(named) if isinstance(named, list) else str(named)
    return f"{text} ({told['format']})" if "format" in told else text


def _references(told: Any) -> Iterator[str]:
    if isinstance(told, Mapping):
        if "$ref" in told:
            yield str(told["$ref"]).rpartition("/")[2]
        for below in told.values():
            yield from _references(below)
    elif isinstance(told, list):
        for below in told:
            yield from _references(below)


def _resolved(document: Document, told: Any) -> Any:
    while "$ref" in told:
        found: Any = document
        for step in told["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        told = found
    return told


def _slug(tag: str) -> str:
    return re.sub(r"\W+", "-", tag.lower()).strip("-")


def _title(tag: str) -> str:
    return tag[:1].upper() + tag[1:]


ROUTES: tuple[Route, ...] = (
    frame.route("GET", "/docs", overview, Who.ANYBODY, "What can be asked of this server."),
    frame.route("GET", "/docs/{page}", one_page, Who.ANYBODY, "One subject of the contract."),
)
