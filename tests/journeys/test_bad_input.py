"""Bad input gets a 4xx problem that names the field, and writes nothing."""

from typing import Any

import pytest

from tests.house import House, ok, step

QUANTITIES: tuple[tuple[bytes, str], ...] = (
    (b"0", "/quantity"),
    (b"-1", "/quantity"),
    (b"1e400", "/quantity"),
    (b'"NaN"', "/quantity"),
    (b'"many"', "/quantity"),
    (b"[]", "/quantity"),
    (b"1e-9", "/quantity"),
    (b"true", "/quantity"),
)


def problem(answer: Any, *statuses: int) -> dict[str, Any]:
    assert answer.status_code in statuses, answer.text
    assert answer.headers["content-type"].startswith("application/problem+json")
    body: dict[str, Any] = answer.json()
    assert {"type", "title", "status", "detail", "instance", "code"} <= body.keys()
    assert "Traceback" not in answer.text
    return body


def raw(house: House, path: str, body: bytes) -> Any:
    return house.admin.post(path, content=body, headers={"content-type": "application/json"})


def count(house: House, design: str) -> int:
    answer = ok(house.admin.get("/admin/production-runs", params={"design_id": design, "count": "true"}))
    return int(answer["count"])


@pytest.mark.parametrize(("quantity", "pointer"), QUANTITIES)
def test_a_quantity_that_is_none_is_refused_by_name(house: House, quantity: bytes, pointer: str) -> None:
    design = house.a_design()

    answer = raw(house, "/admin/production-runs", b'{"design_id": "%s", "quantity": %s}' % (design.encode(), quantity))

    assert pointer in [error["pointer"] for error in problem(answer, 422)["errors"]]
    assert count(house, design) == 0


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[1, 2]",
        b"null",
        b'"run"',
        b"\xff\xfe",
        b'{"design_id": NaN}',
        b"[" * 100_000,
        b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
    ],
)
def test_a_body_that_cannot_be_read_is_refused(house: House, body: bytes) -> None:
    problem(raw(house, "/admin/production-runs", body), 400, 422)


def test_wrong_types_unknown_fields_and_missing_fields_are_named(house: House) -> None:
    design = house.a_design()
    for body, pointer in (
        ({"design_id": 7}, "/design_id"),
        ({"design_id": design, "run_type": "toy"}, "/run_type"),
        ({"design_id": design, "colour": "red"}, "/colour"),
        ({"quantity": 1}, "/design_id"),
        ({"design_id": "dsgn_nobody"}, "/design_id"),
        ({"design_id": design, "partner_id": "ptnr_nobody"}, "/partner_id"),
        ({"design_id": design, "role": "we\u0000ave"}, "/role"),
    ):
        answer = house.admin.post("/admin/production-runs", json=body)
        assert pointer in [error["pointer"] for error in problem(answer, 422)["errors"]], body
    assert count(house, design) == 0


def test_a_wrong_share_is_named_by_its_place(house: House) -> None:
    partner, _ = house.a_partner()
    run = house.a_run(house.a_design())
    shares = [{"partner_id": partner}, {"partner_id": partner, "quantity": -2}]

    answer = house.admin.post(f"/admin/production-runs/{run}/approve", json={"assignments": shares})

    assert [error["pointer"] for error in problem(answer, 422)["errors"]] == ["/assignments/1/quantity"]
    assert house.run(run)["status"] == "pending_review"


def test_unknown_ids_are_not_found_and_foreign_ones_too(house: House) -> None:
    (mine, _), (_, stranger) = house.a_partner(), house.a_partner()
    run = house.a_run(house.a_design())
    (child,) = house.approve(run, {"partner_id": mine, "template_names": [house.a_template()]})["dispatch"][
        "dispatched"
    ]

    for run_id in (child, run, "run_nobody", "%00", "'; drop table production_run; --"):
        for verb in ("accept", "start", "finish", "complete", "decline"):
            body = {"reason": "capacity"} if verb == "decline" else {}
            problem(stranger.post(f"/partners/production-runs/{run_id}/{verb}", json=body), 404, 400)
        problem(stranger.get(f"/partners/production-runs/{run_id}"), 404, 400)
    assert house.run(child)["status"] == "sent_to_partner"


def test_ten_megabytes_are_too_large_and_nothing_is_read_into_a_run(house: House) -> None:
    design = house.a_design()
    body = b'{"design_id": "%s", "role": "%s"}' % (design.encode(), b"x" * 10_000_000)

    problem(raw(house, "/admin/production-runs", body), 413)

    assert count(house, design) == 0


def test_unknown_query_parameters_and_bad_limits_are_refused(house: House) -> None:
    for query in (
        "colour=red",
        "limit=-1",
        "limit=ten",
        "status=flying",
        "status=",
        "cursor=nonsense",
        "created_after=tuesday",
    ):
        problem(house.admin.get(f"/admin/production-runs?{query}"), 422)


def test_nobody_gets_in_without_a_token_and_a_partner_not_behind_the_counter(house: House) -> None:
    _, phone = house.a_partner()

    assert problem(house.system.client.get("/admin/production-runs"), 401)
    assert problem(house.system.client.get("/partners/production-runs", headers={"Authorization": "Bearer lls_x"}), 401)
    assert problem(phone.get("/admin/production-runs"), 403)


def test_an_event_with_a_wrong_or_old_signature_is_refused(house: House) -> None:
    order = house.an_order("prod")
    body = house.event(order, kind="order.placed")

    problem(house.send(body, secret="whsec_" + "A" * 32), 401)
    problem(house.send(body, at=1_700_000_000), 401)
    problem(house.system.client.post("/events", content=body), 401)

    assert house.lines_of(order) == []


def test_an_order_with_a_wrong_line_is_refused_whole_and_named(house: House) -> None:
    product = house.a_product(house.a_design())
    for quantity in (0, -1, "NaN", "many"):
        order = house.an_order(product, product)
        order["items"][1]["quantity"] = quantity

        body = problem(house.place(order), 422)

        assert any(error["pointer"].endswith("/items/1/quantity") for error in body["errors"]), body
        assert house.lines_of(order) == []


def test_a_yield_that_does_not_add_up_is_refused_with_the_arithmetic(house: House) -> None:
    partner, phone = house.a_partner()
    run = house.a_run(house.a_design(), quantity=4)
    (child,) = house.approve(run, {"partner_id": partner, "template_names": [house.a_template()]})["dispatch"][
        "dispatched"
    ]
    for verb in ("accept", "start", "finish"):
        step(phone, child, verb)

    answer = phone.post(f"/partners/production-runs/{child}/complete", json={"produced_quantity": 1})

    assert "Ordered 4" in problem(answer, 422)["detail"]
    assert house.run(child)["status"] == "in_progress"
