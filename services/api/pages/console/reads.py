"""What the pages of the catalogue read: the GET routes of the JSON API, asked from within, so a page shows what the API shows."""

from collections.abc import Mapping
from typing import Any

from services.api import answers
from services.api.pages import acts
from services.api.routes import Call, Reply

Body = Mapping[str, Any]


def read(call: Call, path: str, query: Mapping[str, str] | None = None, **params: str) -> Body:
    """The answer of `GET path`, numbers as text. Raises its problems."""
    return _plain(_asked(call, path, query, params))


def tagged(call: Call, path: str, **params: str) -> tuple[Body, str]:
    """The same, with the tag that an edit of it carries."""
    reply = _asked(call, path, None, params)
    return _plain(reply), reply.headers["ETag"]


def asked_for(call: Call, *names: str) -> dict[str, str]:
    """What the address narrows a list by: only what was filled in."""
    texts = {name: _several(call.query.get(name, "")) for name in names}
    return {name: text for name, text in texts.items() if text}


def _several(text: str) -> str:
    return ",".join(each.strip() for each in text.split(",") if each.strip())


def _asked(call: Call, path: str, query: Mapping[str, str] | None, params: Mapping[str, str]) -> Reply:
    route = acts.api_route(f"GET {path}")
    return route.do(Call(call.desk, call.req, call.principal, {**call.params, **params}, query or {}, None))


def _plain(reply: Reply) -> Body:
    told: Body = answers.plain(reply.body)
    return told
