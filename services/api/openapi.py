"""The contract, drawn from the routes: /openapi.json says what the same rows and types that parse the bodies say."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from services.api import examples, schemas, uploads
from services.api.errors import TITLES, ProblemBody
from services.api.routes import Route, Who
from shared.domain import news
from shared.domain.events import EVENTS

_REF = "#/components/schemas/{name}"
_PARAMETERS = {
    "limit": ("How many at most; over 200 counts as 200.", {"type": "integer", "minimum": 1, "default": 20}),
    "cursor": ("`next_cursor` of the page before, as it came.", {"type": "string"}),
    "count": ("`true` adds `count`, of the whole list.", {"type": "string", "enum": ["true", "false"]}),
    "created_after": ("Only what was made after this instant.", {"type": "string", "format": "date-time"}),
    "created_before": ("Only what was made before this instant.", {"type": "string", "format": "date-time"}),
    "sort": ("A field to order by; `-` in front for the last first.", {"type": "string"}),
    "verbose": ("Show every check.", {"type": "string"}),
}
"""What is said of parameters that many routes take; all others narrow a list."""

_HEADERS: dict[str, tuple[str, str, Mapping[str, Any]]] = {
    "IdempotencyKey": ("Idempotency-Key", "The same key and body give the first answer again.", {"type": "string", "maxLength": 255}),
    "Prefer": ("Prefer", "`wait=N` bounds the wait for the answer in seconds, `respond-async` does not wait.", {"type": "string"}),
    "IfMatch": ("If-Match", "Only when the thing still has this ETag.", {"type": "string"}),
}  # fmt: skip
_SIGNED = ("webhook-id", "webhook-timestamp", "webhook-signature")
_FAILURES: dict[Who, tuple[int, ...]] = {
    Who.ANYBODY: (),
    Who.SIGNED_IN: (401, 403),
    Who.PARTNER: (401, 403),
    Who.ADMIN: (401, 403),
}
_WRITING = frozenset({"POST", "PUT", "PATCH", "DELETE"})


def document(routes: Sequence[Route]) -> dict[str, Any]:
    """The whole contract as OpenAPI 3.1."""
    bodies = _body_types(routes)
    drawn, of_bodies = msgspec.json.schema_components(bodies, ref_template=_REF)
    of_body = dict(zip(bodies, with_numbers(list(drawn)), strict=True))
    told, of_answers = _drawn_answers()
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(_path(route), {})[route.method.lower()] = _operation(route, of_body.get(route.body), told)
    contract: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {
            "title": "Loomline",
            "version": "1",
            "summary": "Production runs, from the shop's order to finished goods, made by outside partners.",
            "description": _ABOUT,
        },
        "tags": [{"name": name} for name in sorted({route.tag for route in routes if route.tag})],
        "paths": paths,
        "webhooks": {kind: _webhook(kind) for kind in EVENTS},
        "components": {
            "schemas": {**with_numbers(of_bodies), **of_answers},
            "parameters": {key: _header(*told) for key, told in _HEADERS.items()},
            "responses": {"Problem": _problem("Not a success: `code` says which, `detail` says why.")},
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "The token of POST /auth/login, or an API token of POST /auth/tokens.",
                }
            },
        },
    }
    return _examples_once(_plainly_named(contract))


def _plainly_named(contract: dict[str, Any]) -> dict[str, Any]:
    """Two types of one name are told apart by their rooms; the contract says no more of the rooms than that."""
    text = msgspec.json.encode(contract).decode()
    for name in filter(lambda name: "." in name, contract["components"]["schemas"]):
        room, kind = name.split(".")[-2:]
        text = text.replace(f'{name}"', f'{room.title()}{kind}"')
    named: dict[str, Any] = msgspec.json.decode(text)
    return named


def _examples_once(contract: dict[str, Any]) -> dict[str, Any]:
    """Many routes answer alike: each example stands once, under the name of the first operation that shows it."""
    kept: dict[bytes, str] = {}
    shown: dict[str, Any] = {}
    for operation in (each for path in contract["paths"].values() for each in path.values()):
        for status, answer in operation["responses"].items():
            for content in answer.get("content", {}).values():
                if "example" not in content:
                    continue
                example = content.pop("example")
                name = kept.setdefault(msgspec.json.encode(example), f"{operation['operationId']}_{status}")
                shown[name] = {"value": example}
                content["examples"] = {"answer": {"$ref": f"#/components/examples/{name}"}}
    contract["components"]["examples"] = shown
    return contract


_ABOUT = """Every change to a run is a command: the answer comes when it was carried out, or is 202 with a `Location` to ask again.
Quantities and money are decimal text in answers; requests may send numbers or text. Times are RFC 3339 in UTC. Ids are opaque.
Unknown body fields and query parameters are refused by name."""


def _body_types(routes: Iterable[Route]) -> list[Any]:
    return list(dict.fromkeys(route.body for route in routes if route.body not in (None, bytes, uploads.Files)))


def _drawn_answers() -> tuple[Mapping[Any, Any], Mapping[str, Any]]:
    """The schema of every type that stands in an answer, and the components they refer to."""
    kinds = list(dict.fromkeys([ProblemBody, schemas.EventTold, *schemas.types()]))
    drawn, components = msgspec.json.schema_components(kinds, ref_template=_REF)
    return dict(zip(kinds, drawn, strict=True)), components


def _operation(route: Route, body: Mapping[str, Any] | None, drawn: Mapping[Any, Any]) -> dict[str, Any]:
    told: dict[str, Any] = {
        "operationId": _operation_id(route),
        "summary": route.summary,
        "parameters": [*_in_path(route), *_in_query(route), *_in_headers(route)],
        "responses": _responses(route, drawn),
    }
    if route.tag:
        told["tags"] = [route.tag]
    if "Deprecation" in route.headers:
        told["deprecated"] = True
    if body is not None:
        content = {"schema": body, "example": examples.of(route.body)}
        told["requestBody"] = {"required": bool(_required(route)), "content": {"application/json": content}}
    if route.body is bytes:
        told["requestBody"] = {"required": True, "content": {kind: {"schema": {}} for kind in _RAW}}
    if route.body is uploads.Files:
        told["requestBody"] = {"required": True, "content": {"multipart/form-data": {"schema": uploads.SCHEMA}}}
    if route.who is not Who.ANYBODY:
        told["security"] = [{"bearer": []}]
        told["description"] = _WHO[route.who]
    return told


_RAW = ("application/cloudevents+json", "application/json")
_WHO = {
    Who.SIGNED_IN: "For every account.",
    Who.PARTNER: "For a partner's accounts; acts on the partner's own things.",
    Who.ADMIN: "For admins.",
}


def _required(route: Route) -> Sequence[str]:
    if not (isinstance(route.body, type) and issubclass(route.body, msgspec.Struct)):
        return ()
    return [field.encode_name for field in msgspec.structs.fields(route.body) if field.required]


def _in_path(route: Route) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in _NAME.findall(route.path)
    ]


def _in_query(route: Route) -> list[dict[str, Any]]:
    narrows = ("Equals; several values with commas between.", {"type": "string"})
    return [
        {"name": name, "in": "query", "description": told, "schema": schema}
        for name in dict.fromkeys(route.query)
        for told, schema in [_PARAMETERS.get(name, narrows)]
    ]


def _in_headers(route: Route) -> list[dict[str, Any]]:
    if route.body is bytes:
        return [{"name": name, "in": "header", "required": True, "schema": {"type": "string"}} for name in _SIGNED]
    keys = ["IfMatch"] if route.method in ("PATCH", "DELETE") else []
    if route.method == "POST" and route.who is not Who.ANYBODY:
        keys += ["IdempotencyKey", *([] if route.transactional else ["Prefer"])]
    return [{"$ref": f"#/components/parameters/{key}"} for key in keys]


def _responses(route: Route, drawn: Mapping[Any, Any]) -> dict[str, Any]:
    shapes = schemas.ANSWERS.get(f"{route.method} {route.path}", {})
    meanings = {
        status: told for status, told in route.answers.items() if status >= 400 or status in (shapes or [status])
    }
    if not any(status < 400 for status in meanings):
        meanings[200] = "Done."
    failures = [*_FAILURES[route.who], *([404] if _NAME.search(route.path) else [])]
    failures += [422] if route.body is not None or route.query else []
    failures += [409] if route.method in _WRITING and not route.transactional and route.who is not Who.ANYBODY else []
    for status in failures:
        meanings.setdefault(status, TITLES[status] + ".")
    told = {str(status): _answer(route, status, meanings[status], shapes, drawn) for status in sorted(meanings)}
    return {**told, "default": {"$ref": "#/components/responses/Problem"}}


def _answer(
    route: Route, status: int, meaning: str, shapes: Mapping[int, schemas.Shape], drawn: Mapping[Any, Any]
) -> dict[str, Any]:
    if status >= 400:
        return _problem(meaning)
    if status in (204, 304):
        return {"description": meaning}
    if route.path.startswith("/media/"):
        return {"description": meaning, "content": {"*/*": {"schema": {"type": "string", "format": "binary"}}}}
    if route.path in _NOT_JSON:
        return {"description": meaning, "content": {_NOT_JSON[route.path]: {"schema": {"type": "string"}}}}
    if status not in shapes:
        return {"description": meaning, "content": {"application/json": {"schema": {"type": "object"}}}}
    content = {"schema": _shape(shapes[status], drawn), "example": examples.of_shape(shapes[status])}
    return {"description": meaning, "content": {"application/json": content}}


def _shape(shape: schemas.Shape, drawn: Mapping[Any, Any]) -> dict[str, Any]:
    if schemas.ANY_OF in shape:
        return {"anyOf": [_shape(each, drawn) for each in shape[schemas.ANY_OF]]}
    return {
        "type": "object",
        "properties": {name.removesuffix("?"): drawn[kind] for name, kind in shape.items()},
        "required": [name for name in shape if not name.endswith("?")],
    }


_NOT_JSON = {"/metrics": "text/plain", "/problems": "text/html", "/problems/{code}": "text/html"}
"""What answers in something else than JSON."""


def _problem(meaning: str) -> dict[str, Any]:
    schema = {"$ref": _REF.format(name=ProblemBody.__name__)}
    return {"description": meaning, "content": {"application/problem+json": {"schema": schema}}}


def _header(name: str, told: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "header", "description": told, "schema": schema}


def _webhook(kind: str) -> dict[str, Any]:
    schema = {
        "allOf": [{"$ref": _REF.format(name=schemas.EventTold.__name__)}],
        "properties": {"type": {"const": news.type_of(kind)}},
    }
    content = {"schema": schema, "example": examples.of_event(kind)}
    return {
        "post": {
            "operationId": f"hear_{kind.replace('.', '_')}",
            "summary": EVENTS[kind].sentence,
            "parameters": [{"name": name, "in": "header", "schema": {"type": "string"}} for name in _SIGNED],
            "requestBody": {"content": {"application/cloudevents+json": content}},
            "responses": {"2XX": {"description": "Heard; anything else is sent again."}},
        }
    }


def _path(route: Route) -> str:
    return re.sub(r"\{(\w+):[^}]*\}", r"{\1}", route.path)


def _operation_id(route: Route) -> str:
    words = re.sub(r"\W+", "_", _path(route)).strip("_") or "root"
    return f"{route.method.lower()}_{words}"


_NAME = re.compile(r"\{(\w+)[^}]*\}")


def with_numbers(told: Any) -> Any:
    """A decimal is taken as text or as a number; msgspec's schema names text only."""
    if isinstance(told, list):
        return [with_numbers(each) for each in told]
    if not isinstance(told, dict):
        return told
    if told.get("format") == "decimal":
        return {**told, "type": ["string", "number"]}
    return {key: with_numbers(below) for key, below in told.items()}
