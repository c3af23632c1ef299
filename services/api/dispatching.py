"""From a request to its route: address and parameters, who is calling, the body, the transaction, the answer."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl

import falcon

from services.api import answers, auth, bodies, errors, forms, idempotency, uploads
from services.api.routes import Call, Desk, Reply, Route

MOST_PARAMETERS = 50
_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})

Responder = Callable[..., None]


class Address:
    """One path and its methods, as Falcon wants it: `on_get`, `on_post`, … HEAD is GET without its body."""

    def __init__(self, desk: Desk, routes: Iterable[Route]) -> None:
        for route in routes:
            responder = _responder(desk, route)
            setattr(self, f"on_{route.method.lower()}", responder)
            if route.method == "GET":
                self.on_head = responder


def _responder(desk: Desk, route: Route) -> Responder:
    def respond(req: falcon.Request, resp: falcon.Response, **params: str) -> None:
        resp.set_headers(dict(route.headers))
        answers.send(req, resp, _shown(desk, route, req, params) if route.shows else answer(desk, route, req, params))

    return respond


def _shown(desk: Desk, route: Route, req: falcon.Request, params: Mapping[str, str]) -> Reply:
    """A page, or the problem as one."""
    try:
        return answer(desk, route, req, params)
    except Exception as ex:
        if route.shows is None:
            raise
        return route.shows(desk, req, ex)


def answer(desk: Desk, route: Route, req: falcon.Request, params: Mapping[str, str]) -> Reply:
    """Everything between a matched route and its reply. Raises Problem."""
    _check_address(req)
    principal = auth.admit(desk.engine, req, route.who, by_cookie=route.is_page)
    call = Call(desk, req, principal, params, {}, None)
    if route.opens:
        route.opens(call, route, params)
    if route.before_body:
        route.before_body(call)
    call.query = _query(req, known=route.query)
    if route.body is uploads.Files:
        own = forms.OWN_FIELDS if route.is_page else frozenset[str]()
        with uploads.received(req, room=desk.settings.home / "uploads", own_fields=own) as call.body:
            if route.is_page:
                forms.check(req, call.body.fields.get("csrf", ""))
            return _carry_out(call, route, raw=call.body.digest)
    raw = bodies.read(req) if req.method in _WITH_BODY else b""
    call.body = _body(req, route, raw)
    return _carry_out(call, route, raw=raw)


def _carry_out(call: Call, route: Route, *, raw: bytes) -> Reply:
    key = idempotency.key_of(call.req) if call.principal and not route.is_page else None
    if key is not None:
        return idempotency.once(call, route, route.do, key=key, raw=raw)
    if not route.transactional:
        return route.do(call)
    with call.desk.engine.begin() as connection:
        call.connection = connection
        return route.do(call)


def _check_address(req: falcon.Request) -> None:
    # Falcon puts U+FFFD where the address was not UTF-8; nothing of ours has either character in its id.
    if "\0" in req.path or "\ufffd" in req.path:
        raise errors.Problem(404, "not_found", "There is nothing at this address.")


def _query(req: falcon.Request, *, known: Iterable[str]) -> dict[str, str]:
    """The parameters, each known and given once. Raises 400 for what cannot be read, 422 with the parameter's name."""
    try:
        pairs = parse_qsl(req.query_string, keep_blank_values=True, errors="strict", max_num_fields=MOST_PARAMETERS)
    except ValueError:
        raise errors.Problem(400, "bad_request", "The query string cannot be read.") from None
    found: dict[str, str] = {}
    for name, value in pairs:
        if name not in known:
            raise errors.parameter(name, f"There is no parameter {name!r} here. Known: {', '.join(known) or 'none'}.")
        if name in found:
            raise errors.parameter(name, f"{name} was given twice; separate several values by commas.")
        if "\0" in value:
            raise errors.parameter(name, f"{name} must not hold a NUL character.")
        found[name] = value
    return found


def _body(req: falcon.Request, route: Route, raw: bytes) -> Any:
    if route.body is bytes:
        return raw
    if route.is_page:
        return _form(req, raw)
    if raw:
        bodies.check_content_type(req)
    if req.method not in _WITH_BODY:
        return None
    return bodies.parse(raw, bodies.Nothing if route.body is None else route.body)


def _form(req: falcon.Request, raw: bytes) -> forms.Form | None:
    """A page's form, from a page of ours."""
    if req.method not in _WITH_BODY:
        return None
    form = forms.read(raw, req)
    forms.check(req, form.text("csrf"))
    return form
