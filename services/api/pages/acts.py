"""Acts: forms that do something. Each names the route of the JSON API that it asks, so a page can do what the API can, and no more.

What the API refuses is shown beside the fields with everything that was typed; what is not answered yet is on its way.
"""

from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module
from typing import Any

import falcon
import msgspec

from services.api import errors, forms, idempotency, uploads
from services.api.forms import Filled, Form
from services.api.pages import frame
from services.api.resources import milestones
from services.api.routes import Call, Endpoint, Reply, Route, Who

PATIENCE = 2
"""Seconds a page waits for an answer before it says that the command is on its way."""

Page = Callable[[Call, Filled | None], Reply]
"""A page with forms: shown as it is, or with a form that comes back."""


class Act(msgspec.Struct, frozen=True, kw_only=True):
    """One form.

    name: of the form on its page. path: where it is sent. api: `METHOD /path` of the JSON API; its `{…}` are filled from the
    act's own path. page: shown again when it is refused. back: where to go on, `{…}` filled from the path (or made from the
    answer). said: the key of what is said then, empty where the page says it. body: the JSON of the request, None for the form's
    own fields. takes_files: the form has pictures. shows: the page that is made of the answer at once, for what is shown this
    once and never again.
    """

    name: str
    path: str
    api: str
    page: Page
    back: str | Callable[[Call, Mapping[str, Any]], str]
    said: str = "saved"
    body: Callable[[Call], Mapping[str, Any]] | None = None
    keep_blank: bool = False
    takes_files: bool = False
    shows: Callable[[Call, Mapping[str, Any]], Reply] | None = None


def routes(acts: tuple[Act, ...], who: Who) -> tuple[Route, ...]:
    """The routes of acts."""
    return tuple(_route(act, who) for act in acts)


def _route(act: Act, who: Who) -> Route:
    return frame.route(
        "POST",
        act.path,
        _doing(act),
        who,
        f"Form: {act.api}",
        body=uploads.Files if act.takes_files else Form,
        before_body=milestones.own_run if act.takes_files else None,
    )


def _doing(act: Act) -> Endpoint:
    def do(call: Call) -> Reply:
        body = {} if act.takes_files else (act.body(call) if act.body else call.body.nested(keep_blank=act.keep_blank))
        reply = ask(call, act.api, body)
        told = reply.body if isinstance(reply.body, Mapping) else {}
        if told.get("code") == "request_in_flight" and isinstance(act.back, str):
            return frame.see_other(act.back.format(**call.params))  # the second tap: the first is being carried out
        if reply.status >= 400:
            return again(call, act, told, reply.status)
        return _onward(call, act, reply, told)

    return do


def again(call: Call, act: Act, problem: Mapping[str, Any], status: int) -> Reply:
    """The page once more, with what was typed and what was wrong."""
    form = Form({}) if act.takes_files else call.body
    shown = act.page(call, forms.filled(act.name, form, problem, status))
    return msgspec.structs.replace(shown, status=status)


def _onward(call: Call, act: Act, reply: Reply, told: Mapping[str, Any]) -> Reply:
    if act.shows:
        return act.shows(call, told)
    address = act.back(call, told) if callable(act.back) else act.back.format(**call.params)
    at = reply.headers.get("Location", "")
    if reply.status == 202 and at.startswith("/commands/"):
        return frame.see_other(
            address if isinstance(act.back, str) else frame.home_of(call.principal), command=at.rpartition("/")[2]
        )
    return frame.see_other(address, said=act.said) if act.said else frame.see_other(address)


def ask(
    call: Call, api: str, body: Mapping[str, Any], *, once: str | None = None, patience: int = PATIENCE, **params: str
) -> Reply:
    """Ask a route of the JSON API as its JSON would, once for every form. The reply may be a problem: its status says so.

    params: what fills the `{…}` of the API's path beside the page's own. once: tells several asks of one form apart.
    patience: seconds to wait for the answer; 0 is not to wait at all.
    """
    route = api_route(api)
    inner = Call(
        call.desk, _request(call, route, params, patience), call.principal, {**call.params, **params}, {}, None
    )
    takes_files = route.body is uploads.Files
    try:
        inner.body = call.body if takes_files else forms.parsed(body, route.body)
        raw = call.body.digest if takes_files else msgspec.json.encode(body, order="sorted")
        return idempotency.once(inner, route, route.do, key=f"page {once or _once(call)}", raw=raw)
    except Exception as ex:
        return errors.told_of(ex).reply(inner.req)


def _once(call: Call) -> str:
    return call.body.fields.get("once", "") if isinstance(call.body, uploads.Files) else str(call.body.once)


def _request(call: Call, route: Route, params: Mapping[str, str], patience: int) -> falcon.Request:
    """The request as it would have come to the API, without a body."""
    environ = {
        **{name: value for name, value in call.req.env.items() if name != "HTTP_IF_MATCH"},
        "REQUEST_METHOD": route.method,
        "PATH_INFO": route.path.format(**{**call.params, **params}),
        "QUERY_STRING": "",
        "CONTENT_LENGTH": "0",
        "HTTP_PREFER": f"wait={patience}",
    }
    tag = call.body.text("etag") if isinstance(call.body, Form) else ""
    made = falcon.Request({**environ, "HTTP_IF_MATCH": tag} if tag else environ)
    made.context.request_id = call.req.context.request_id
    return made


def api_route(name: str) -> Route:
    """The route of the JSON API by `METHOD /path`."""
    return _api()[name]


@cache
def _api() -> Mapping[str, Route]:
    # The app imports the pages, so the way back is taken late.
    return {f"{route.method} {route.path}": route for route in import_module("services.api.app").routes()}
