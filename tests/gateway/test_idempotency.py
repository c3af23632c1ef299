"""Idempotency-Key: the first answer again, and never a second effect."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.gateway.house import House

LATER = "respond-async"


def runs_of(house: House) -> int:
    return int(house.bench.value("SELECT count(*) FROM production_run"))


def commands_of(house: House) -> int:
    return int(house.bench.value("SELECT count(*) FROM message WHERE kind = 'run.create'"))


def test_the_same_key_and_body_give_the_first_answer_again(house: House) -> None:
    admin, body = house.an_admin(), {"design_id": house.bench.a_design()}

    with house.open_workshop():
        first = house.post("/admin/production-runs", body, by=admin, Idempotency_Key="k")
        second = house.post("/admin/production-runs", body, by=admin, Idempotency_Key="k")

    assert first.status_code == second.status_code == 201
    assert first.json == second.json
    assert first.headers["Location"] == second.headers["Location"]
    assert "Idempotency-Replayed" not in first.headers
    assert second.headers["Idempotency-Replayed"] == "true"
    assert runs_of(house) == 1


def test_another_body_under_the_same_key_is_refused(house: House) -> None:
    admin, body = house.an_admin(), {"design_id": house.bench.a_design()}
    house.post("/admin/production-runs", body, by=admin, Idempotency_Key="k", Prefer=LATER)

    answer = house.post("/admin/production-runs", {**body, "quantity": 2}, by=admin, Idempotency_Key="k")

    assert (answer.status_code, answer.json["code"]) == (422, "idempotency_key_reused")


def test_the_same_key_of_another_account_is_another_key(house: House) -> None:
    body = {"design_id": house.bench.a_design()}

    for _ in range(2):
        house.post("/admin/production-runs", body, by=house.an_admin(), Idempotency_Key="k", Prefer=LATER)

    assert commands_of(house) == 2


def test_not_answered_yet_becomes_the_final_answer_once_there_is_one(house: House) -> None:
    admin, body = house.an_admin(), {"design_id": house.bench.a_design()}

    def again(prefer: str) -> tuple[int, str | None]:
        answer = house.post("/admin/production-runs", body, by=admin, Idempotency_Key="k", Prefer=prefer)
        return answer.status_code, answer.headers.get("Location")

    first, second = again(LATER), again(LATER)
    house.bench.pump()
    third, fourth = again(LATER), again("wait=1")

    assert first == second
    assert first[0] == 202
    assert third == fourth
    assert third[0] == 201
    assert (commands_of(house), runs_of(house)) == (1, 1)


def test_after_a_crash_the_repeated_request_asks_the_very_same_command(house: House) -> None:
    admin, body = house.an_admin(), {"design_id": house.bench.a_design()}
    house.post("/admin/production-runs", body, by=admin, Idempotency_Key="k", Prefer=LATER)
    house.bench.change("UPDATE idempotency_key SET status = NULL, headers = NULL, answer = NULL")

    at_once = house.post("/admin/production-runs", body, by=admin, Idempotency_Key="k")
    house.bench.change("UPDATE idempotency_key SET created_at = created_at - interval '61 seconds'")
    house.bench.pump()
    later = house.post("/admin/production-runs", body, by=admin, Idempotency_Key="k")

    assert (at_once.status_code, at_once.json["code"]) == (409, "request_in_flight")
    assert later.status_code == 201
    assert (commands_of(house), runs_of(house)) == (1, 1)


def test_a_step_that_was_taken_meanwhile_is_not_refused_as_a_repeat(house: House) -> None:
    child = house.bench.a_sent_run()
    person = house.a_person_of("ptnr_weaver")
    path = f"/partners/production-runs/{child}/accept"
    assert house.post(path, by=person, Idempotency_Key="k", Prefer=LATER).status_code == 202
    house.bench.pump()

    answer = house.post(path, by=person, Idempotency_Key="k")

    assert answer.status_code == 200
    assert answer.json["production_run"]["phase"] == "accepted"


def test_a_refusal_is_an_answer_and_is_kept(house: House) -> None:
    admin, body = house.an_admin(), {"design_id": "dsgn_none"}
    with house.open_workshop():
        first = house.post("/admin/production-runs", body, by=admin, Idempotency_Key="k")
    second = house.post("/admin/production-runs", body, by=admin, Idempotency_Key="k")

    assert first.status_code == second.status_code == 422
    assert first.json == second.json
    assert second.headers["Content-Type"] == "application/problem+json"


def test_a_body_that_was_wrong_does_not_use_the_key_up(house: House) -> None:
    admin, design_id = house.an_admin(), house.bench.a_design()

    wrong = house.post("/admin/production-runs", {}, by=admin, Idempotency_Key="k")
    right = house.post("/admin/production-runs", {"design_id": design_id}, by=admin, Idempotency_Key="k", Prefer=LATER)

    assert (wrong.status_code, right.status_code) == (422, 202)


def test_ten_at_once_write_once(house: House) -> None:
    admin = house.an_admin()

    def make(_: int) -> int:
        return house.post("/auth/tokens", {"name": "ci"}, by=admin, Idempotency_Key="k").status_code

    with ThreadPoolExecutor(10) as hands:
        statuses = list(hands.map(make, range(10)))

    assert set(statuses) <= {201, 409}
    assert 201 in statuses
    assert house.bench.value("SELECT count(*) FROM api_token") == 1


def test_ten_at_once_ask_one_command(house: House) -> None:
    admin, body = house.an_admin(), {"design_id": house.bench.a_design()}

    def make(_: int) -> int:
        return house.post("/admin/production-runs", body, by=admin, Idempotency_Key="k", Prefer=LATER).status_code

    with ThreadPoolExecutor(10) as hands:
        statuses = list(hands.map(make, range(10)))

    assert set(statuses) <= {202, 409}
    assert commands_of(house) == 1


def test_a_key_is_forgotten_after_seven_days(house: House) -> None:
    admin = house.an_admin()
    house.post("/auth/tokens", {"name": "one"}, by=admin, Idempotency_Key="k")
    house.bench.change("UPDATE idempotency_key SET created_at = created_at - interval '8 days'")

    answer = house.post("/auth/tokens", {"name": "two"}, by=admin, Idempotency_Key="k")

    assert answer.status_code == 201
    assert answer.json["token"]["name"] == "two"


@pytest.mark.parametrize("key", ["", "x" * 256, "ü", "a\tb"])
def test_a_key_that_cannot_be_kept_is_refused(house: House, key: str) -> None:
    answer = house.post("/auth/tokens", {"name": "ci"}, by=house.an_admin(), Idempotency_Key=key)

    assert answer.status_code == 400
    assert house.bench.value("SELECT count(*) FROM api_token") == 0
