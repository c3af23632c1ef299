"""Who may call what: every route of the gateway against everybody who may knock, made from the route table itself."""

from collections.abc import Iterator

import falcon.inspect
import pytest

from services.api import app
from services.api.routes import Route, Who
from tests import places
from tests.access.house import UNKNOWN, Caller, Premises

OPEN = {
    "POST /auth/login",
    "POST /events",
    "POST /events/medusa",
    "POST /events/saleor",
    "POST /events/shopify",
    "POST /events/woocommerce",
    "GET /livez",
    "GET /readyz",
    "GET /metrics",
    "GET /openapi.json",
    "GET /asyncapi.json",
    "GET /problems",
    "GET /problems/{code}",
}
"""What nobody needs an account for. A new one is added here by hand, on purpose."""

ROUTES = {f"{route.method} {route.path}": route for route in app.routes()}
GUARDED = {name: route for name, route in ROUTES.items() if route.who is not Who.ANYBODY}


@pytest.fixture(scope="module")
def premises(postgres: places.Server, template: str) -> Iterator[Premises]:
    with places.a_migrated_database(postgres, template=template) as url:
        opened = Premises(url)
        yield opened
        opened.close()


def refusal(route: Route, caller: Caller) -> int | None:
    """The status that turns this caller away from somebody else's thing, None when they are let in."""
    if caller in UNKNOWN:
        return 401
    if caller is Caller.INACTIVE or route.who not in (Who.SIGNED_IN, _ROLE[caller]):
        return 403
    is_foreign = caller is Caller.STRANGER or (caller is Caller.ADMIN and route.path == "/auth/tokens/{id}")
    return 404 if is_foreign and "{id}" in route.path else None


_ROLE = {Caller.STRANGER: Who.PARTNER, Caller.OWNER: Who.PARTNER, Caller.ADMIN: Who.ADMIN}


def methods(route: Route) -> tuple[str, ...]:
    return ("GET", "HEAD") if route.method == "GET" else (route.method,)


@pytest.mark.parametrize("name", GUARDED)
def test_whoever_may_not_is_turned_away_and_changes_nothing(premises: Premises, name: str) -> None:
    route = GUARDED[name]
    for caller in Caller:
        wanted = refusal(route, caller)
        if wanted is None:
            continue
        token = premises.token_of(caller)
        before = premises.state()

        answers = {method: premises.ask(method, route, by=token).status_code for method in methods(route)}

        assert answers == dict.fromkeys(methods(route), wanted), caller
        assert premises.state() == before, caller


@pytest.mark.parametrize("name", GUARDED)
def test_whoever_may_is_let_in(premises: Premises, name: str) -> None:
    route = GUARDED[name]
    premises.link_partner()
    for caller in (Caller.STRANGER, Caller.OWNER, Caller.ADMIN):
        if refusal(route, caller) is None:
            answer = premises.ask(route.method, route, by=premises.token_of(caller))

            assert answer.status_code < 500, (caller, answer.text)
            assert answer.status_code not in (401, 403, 404), (caller, answer.text)
            assert caller is not Caller.STRANGER or premises.run not in answer.text


def test_nothing_is_open_that_is_not_listed() -> None:
    assert ROUTES.keys() - GUARDED.keys() == OPEN


def test_the_matrix_holds_every_address_that_is_served(premises: Premises) -> None:
    served = {
        f"{method.method} {route.path}"
        for route in falcon.inspect.inspect_routes(premises.house.http.app)
        for method in route.methods
        if method.method not in ("HEAD", "OPTIONS") and not method.internal
    }

    pages = {f"{route.method} {route.path}" for route in app.pages()}
    assert served == ROUTES.keys() | pages


def test_every_address_leads_to_something_of_the_owners(premises: Premises) -> None:
    for route in ROUTES.values():
        assert "{" not in premises.address(route)
