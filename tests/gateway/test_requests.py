"""Requests around their routes: addresses, parameters, bodies, methods, headers."""

import io

import pytest
from falcon import testing

from services.api import bodies
from tests.gateway.house import House

RUNS = "/admin/production-runs"


@pytest.fixture
def admin(open_house: House) -> str:
    return open_house.an_admin()


@pytest.mark.parametrize(
    ("query", "status", "parameter"),
    [
        ("foo=1", 422, "foo"),
        ("status=approved&status=draft", 422, "status"),
        ("q=a%00b", 422, "q"),
        ("partner_ids=x", 422, "partner_ids"),
        ("q=%ff", 400, None),
        ("&".join(f"p{n}=1" for n in range(60)), 400, None),
    ],
)
def test_a_parameter_is_known_and_given_once(
    open_house: House, admin: str, query: str, status: int, parameter: str | None
) -> None:
    answer = open_house.get(f"{RUNS}?{query}", by=admin)

    assert answer.status_code == status
    assert [error.get("parameter") for error in answer.json["errors"]] == ([parameter] if parameter else [])


@pytest.mark.parametrize(
    "query",
    ["status=foo", "status=", "phase=x", "run_type=x", "overdue=maybe", "stuck=1", "sort=x", "cursor=x", "limit=-1"],
)
def test_a_filter_has_a_value_that_means_something(open_house: House, admin: str, query: str) -> None:
    assert open_house.get(f"{RUNS}?{query}", by=admin).status_code == 422


@pytest.mark.parametrize(
    "query", ["partner_id=ptnr_x", "design_id=x", "order_id=x", "role=x", "parent_run_id=x", "q=no such thing"]
)
def test_an_unknown_id_in_a_filter_finds_nothing(open_house: House, admin: str, query: str) -> None:
    answer = open_house.get(f"{RUNS}?{query}&count=true", by=admin)

    assert answer.json == {"production_runs": [], "next_cursor": None, "count": 0}


@pytest.mark.parametrize(
    "path", ["/nothing", f"{RUNS}/run_x", f"{RUNS}/a%00b", f"{RUNS}/%ff", "/commands/msg_x", f"{RUNS}/"]
)
def test_what_is_not_there_is_a_problem(open_house: House, admin: str, path: str) -> None:
    answer = open_house.get(path, by=admin)

    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json["type"].endswith("/problems/not_found")
    assert answer.json["type"].startswith("http://")


def test_a_wrong_method_lists_the_right_ones(open_house: House, admin: str) -> None:
    answer = open_house.ask("PUT", RUNS, by=admin)

    assert answer.status_code == 405
    assert {"GET", "POST"} <= set(answer.headers["Allow"].split(", "))
    assert answer.json["code"] == "method_not_allowed"


def test_options_and_head_are_answered(open_house: House, admin: str) -> None:
    options, head = open_house.ask("OPTIONS", RUNS), open_house.ask("HEAD", RUNS, by=admin)

    assert options.status_code == 200
    assert (head.status_code, head.content) == (200, b"")


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin-1", ""]
)
def test_a_body_is_json(open_house: House, admin: str, content_type: str) -> None:
    answer = open_house.http.simulate_post(
        RUNS, body=b"{}", headers={"Content-Type": content_type, "Authorization": f"Bearer {admin}"}
    )

    assert answer.status_code == 415


@pytest.mark.parametrize("content_type", ["application/json", "application/json; charset=UTF-8", "application/x+json"])
def test_json_may_be_called_by_its_other_names(open_house: House, admin: str, content_type: str) -> None:
    answer = open_house.post(RUNS, b"{}", by=admin, Content_Type=content_type)

    assert answer.status_code == 422


def test_ten_megabytes_are_too_many(open_house: House, admin: str) -> None:
    answer = open_house.post(RUNS, b'{"design_id": "' + b"x" * 10_000_000 + b'"}', by=admin)

    assert (answer.status_code, answer.json["code"]) == (413, "too_large")


def test_a_body_without_a_length_is_capped_as_well() -> None:
    endless = io.BytesIO(b"x" * (bodies.CAP + 10))
    req = testing.create_req(method="POST", headers={"Transfer-Encoding": "chunked"})
    req.env.update({"wsgi.input": endless, "wsgi.input_terminated": True})
    req.env.pop("CONTENT_LENGTH", None)

    with pytest.raises(Exception, match="at most"):
        bodies.read(req)
    assert endless.tell() == bodies.CAP + 1


def test_a_body_that_broke_off_is_unreadable() -> None:
    req = testing.create_req(method="POST", body=b"{}", headers={"Content-Length": "50"})

    with pytest.raises(Exception, match="shorter"):
        bodies.read(req)


def test_what_cannot_be_read_writes_nothing(open_house: House, admin: str) -> None:
    before = open_house.bench.value("SELECT count(*) FROM message")

    for raw in (b"{", b"[]", b'{"design_id": "x", "quantity": 0}', b'{"design_id": "a\\u0000"}', b'{"x": 1}'):
        assert open_house.post(RUNS, raw, by=admin).status_code in (400, 422)

    assert open_house.bench.value("SELECT count(*) FROM message") == before


def test_every_answer_carries_its_headers(open_house: House, admin: str) -> None:
    for answer in (open_house.get("/auth/me", by=admin), open_house.get("/nothing"), open_house.get("/auth/me")):
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Request-Id"].startswith("req_")


def test_a_request_keeps_the_id_it_came_with(open_house: House) -> None:
    assert open_house.get("/auth/me", X_Request_Id="abc-1").headers["X-Request-Id"] == "abc-1"
    assert open_house.get("/auth/me", X_Request_Id="a b<").headers["X-Request-Id"].startswith("req_")


def test_who_has_it_already_gets_304(open_house: House, admin: str) -> None:
    first = open_house.get("/auth/me", by=admin)

    second = open_house.get("/auth/me", by=admin, If_None_Match=first.headers["ETag"])

    assert (second.status_code, second.content) == (304, b"")
