"""Who may open which page and send which form: every page against everybody who may knock, made from the route table itself."""

from collections.abc import Iterator
from urllib.parse import urlencode

import pytest
from falcon import testing

from services.api import app, uploads
from services.api.routes import Route, Who
from tests import places
from tests.access.house import UNKNOWN, Caller, Premises
from tests.pages.browser import csrf_of

OPEN = {
    "GET /static/{version}/{name}",
    "GET /sign-in",
    "POST /sign-in",
    "POST /sign-out",
    "GET /l/{token}",
    "POST /l/{token}",
    "GET /docs",
    "GET /docs/{page}",
}
"""What nobody needs to sign in for. A new one is added here by hand, on purpose."""

ROUTES = {f"{route.method} {route.path}": route for route in app.pages()}
GUARDED = {name: route for name, route in ROUTES.items() if route.who is not Who.ANYBODY}
_ROLE = {Caller.STRANGER: Who.PARTNER, Caller.OWNER: Who.PARTNER, Caller.ADMIN: Who.ADMIN}


@pytest.fixture(scope="module")
def premises(scratchpads: places.Scratchpads) -> Iterator[Premises]:
    with scratchpads.lend() as url:
        opened = Premises(url)
        yield opened
        opened.close()


def ask(premises: Premises, route: Route, *, by: str | None, is_ours: bool = True) -> testing.Result:
    """Open the page, or send its form with nothing typed; is_ours: with the token that every form of ours carries."""
    headers = {"Cookie": f"loomline={by}"} if by else {}
    csrf = csrf_of(by or "") if is_ours else "made up"
    body = None
    if route.body is uploads.Files:
        headers["Content-Type"] = "multipart/form-data; boundary=seam"
        body = _A_FORM_WITH_A_FILE.format(csrf=csrf).replace("\n", "\r\n").encode()
    elif route.method == "POST":
        headers["Content-Type"] = "application/x-www-form-urlencoded"
        body = urlencode({"csrf": csrf}).encode()
    return premises.house.http.simulate_request(route.method, premises.page_address(route), headers=headers, body=body)


_A_FORM_WITH_A_FILE = """--seam
Content-Disposition: form-data; name="csrf"

{csrf}
--seam
Content-Disposition: form-data; name="files"; filename="note.txt"

no picture
--seam--
"""


def turned_away(answer: testing.Result) -> bool:
    return answer.status_code == 303 and answer.headers["location"].startswith("/sign-in")


def refusal(route: Route, caller: Caller) -> int | None:
    """The status that turns this caller away, None when they are let in. 303 leads to the sign-in."""
    if caller in UNKNOWN:
        return 303
    if caller is Caller.INACTIVE or route.who not in (Who.SIGNED_IN, _ROLE[caller]):
        return 403
    return 404 if caller is Caller.STRANGER and "{id}" in route.path else None


@pytest.mark.parametrize("name", GUARDED)
def test_whoever_may_not_is_turned_away_and_changes_nothing(premises: Premises, name: str) -> None:
    route = GUARDED[name]
    for caller in Caller:
        wanted = refusal(route, caller)
        if wanted is None:
            continue
        token = premises.token_of(caller)
        before = stored(premises) if route.method == "POST" else None

        answer = ask(premises, route, by=token)

        assert answer.status_code == wanted, caller
        assert wanted != 303 or turned_away(answer), caller
        assert premises.run not in answer.text
        assert before is None or stored(premises) == before, caller


def stored(premises: Premises) -> list[object]:
    """What is stored, but for the callers' own keys: a form of theirs that is refused is kept as refused."""
    return [row for row in premises.state() if row["name"] != "idempotency_key"]


@pytest.mark.parametrize("name", [name for name, route in GUARDED.items() if route.method == "POST"])
def test_a_form_without_its_token_does_nothing(premises: Premises, name: str) -> None:
    route = GUARDED[name]
    for caller in (Caller.OWNER, Caller.ADMIN):
        if route.who in (Who.SIGNED_IN, _ROLE[caller]):
            token = premises.token_of(caller)
            before = premises.state()

            answer = ask(premises, route, by=token, is_ours=False)

            assert answer.status_code == 403, caller
            assert premises.state() == before, caller


@pytest.mark.parametrize("name", [name for name, route in GUARDED.items() if route.method == "GET"])
def test_whoever_may_is_let_in(premises: Premises, name: str) -> None:
    route = GUARDED[name]
    for caller in (Caller.OWNER, Caller.ADMIN):
        if route.who in (Who.SIGNED_IN, _ROLE[caller]):
            answer = ask(premises, route, by=premises.token_of(caller))

            assert answer.status_code in (200, 303), (caller, premises.page_address(route), answer.text[:2000])


def test_nothing_is_open_that_is_not_listed() -> None:
    assert ROUTES.keys() - GUARDED.keys() == OPEN
