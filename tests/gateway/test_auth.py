"""Who is calling: sign-in, tokens, roles, and what a stranger learns (nothing)."""

from datetime import timedelta

import pytest

from services.api import app, auth
from services.api.errors import Problem
from services.api.routes import Route, Who
from shared.runtime import clock
from tests.gateway.house import PASSWORD, House


def test_a_session_is_known_by_its_token_until_it_ends(house: House) -> None:
    email = house.an_account("asha")
    token = house.token(email.upper())

    me = house.get("/auth/me", by=token)
    house.post("/auth/logout", by=token)

    assert me.json["account"]["email"] == email
    assert house.get("/auth/me", by=token).status_code == 401


def test_only_hashes_of_tokens_are_stored(house: House) -> None:
    token = house.an_admin()
    secret = house.post("/auth/tokens", {"name": "ci"}, by=token, Idempotency_Key="t1").json["secret"]

    stored = house.bench.rows("SELECT row_to_json(t)::text AS r FROM (SELECT * FROM session) t")
    stored += house.bench.rows("SELECT row_to_json(t)::text AS r FROM (SELECT * FROM api_token) t")
    stored += house.bench.rows("SELECT row_to_json(t)::text AS r FROM (SELECT * FROM idempotency_key) t")

    assert not [row for row in stored if token in row["r"] or secret in row["r"]]


def test_an_api_token_acts_as_its_account_until_it_is_revoked(house: House) -> None:
    admin = house.an_admin()
    made = house.post("/auth/tokens", {"name": "ci"}, by=admin)
    secret, token_id = made.json["secret"], made.json["token"]["id"]

    assert made.status_code == 201
    assert house.get("/auth/me", by=secret).json == house.get("/auth/me", by=admin).json
    assert [each["id"] for each in house.get("/auth/tokens", by=admin).json["tokens"]] == [token_id]
    assert house.ask("DELETE", f"/auth/tokens/{token_id}", by=house.an_admin()).status_code == 404
    assert house.ask("DELETE", f"/auth/tokens/{token_id}", by=admin).status_code == 204
    assert house.get("/auth/me", by=secret).status_code == 401


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", "Basic abc", "Bearer lls_wrong", "Bearer llt_a_b_c", "Bearer llt_ü", "Bearer x"]
)
def test_a_stranger_is_asked_to_sign_in(open_house: House, header: str) -> None:
    answer = open_house.get("/auth/me", Authorization=header)

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert answer.json["code"] == "unauthorized"


def test_an_expired_session_is_a_stranger(house: House) -> None:
    token = house.an_admin()

    house.bench.change("UPDATE session SET expires_at = now() - interval '1 second'")

    assert house.get("/auth/me", by=token).status_code == 401


def test_a_switched_off_account_is_a_stranger_at_once(house: House) -> None:
    email = house.an_account("asha")
    token = house.token(email)

    house.bench.change("UPDATE account SET is_active = false")

    assert house.get("/auth/me", by=token).status_code == 401
    assert house.post("/auth/login", {"email": email, "password": PASSWORD}).status_code == 401


def test_people_of_an_inactive_partner_are_known_and_may_do_nothing(house: House) -> None:
    email = house.an_account("pia", partner_id=house.bench.a_partner("weaver"))
    token = house.token(email)

    house.bench.change("UPDATE partner SET status = 'inactive'")

    answer = house.get("/partners/production-runs", by=token)
    assert (answer.status_code, answer.json["code"]) == (403, "partner_inactive")
    assert house.post("/auth/login", {"email": email, "password": PASSWORD}).status_code == 403
    assert house.post("/auth/login", {"email": email, "password": "wrong"}).status_code == 401


def test_an_unknown_person_and_a_wrong_password_look_the_same(open_house: House) -> None:
    wrong = open_house.post("/auth/login", {"email": open_house.an_account("asha"), "password": "wrong"})
    unknown = open_house.post("/auth/login", {"email": "nobody@unknown.test", "password": "wrong"})

    assert wrong.status_code == unknown.status_code == 401
    assert wrong.json == unknown.json


def test_after_ten_failures_even_the_right_password_waits(open_house: House) -> None:
    email = open_house.an_account("asha")
    for _ in range(10):
        assert open_house.post("/auth/login", {"email": email, "password": "wrong"}).status_code == 401

    answer = open_house.post("/auth/login", {"email": email, "password": PASSWORD})

    assert (answer.status_code, answer.json["code"]) == (429, "too_many_attempts")
    assert 0 < int(answer.headers["Retry-After"]) <= 15 * 60 + 1


def test_a_throttle_forgets_what_is_long_ago() -> None:
    throttle, now = auth.Throttle(failures=2, within=timedelta(minutes=15)), clock.now()
    throttle.failed("a", at=now - timedelta(minutes=14))
    throttle.failed("a", at=now)

    with pytest.raises(Problem):
        throttle.check("a", at=now)

    throttle.check("b", at=now)
    throttle.check("a", at=now + timedelta(minutes=2))


_GUARDED = [route for route in app.routes() if route.who is not Who.ANYBODY]


def test_every_route_turns_away_who_may_not_call_it(house: House) -> None:
    partner, admin = house.a_person_of(house.bench.a_partner("weaver")), house.an_admin()
    strangers = {Who.ADMIN: partner, Who.PARTNER: admin}

    for route in _GUARDED:
        path = route.path.replace("{", "").replace("}", "")
        assert house.ask(route.method, path).status_code == 401, route.path
        if route.who in strangers:
            assert house.ask(route.method, path, by=strangers[route.who]).status_code == 403, route.path


@pytest.mark.parametrize("route", [route for route in app.routes() if "{id}" in route.path], ids=lambda r: r.path)
def test_every_route_of_one_thing_is_guarded(route: Route) -> None:
    assert route.who is not Who.ANYBODY
