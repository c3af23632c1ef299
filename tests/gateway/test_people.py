"""What people decide, over HTTP: hold and resume, flags, retried lines, routes in the policy."""

from typing import Any

import pytest

from shared.domain import commands
from tests.gateway.house import House

RUNS = "/admin/production-runs"
MINE = "/partners/production-runs"
POLICY = "/admin/production-run-policy"


def ids_of(answer: Any) -> list[str]:
    return [run["id"] for run in answer.json["production_runs"]]


def test_a_run_is_held_and_resumed_and_its_buttons_say_so(house: House) -> None:
    child = house.bench.a_sent_run()
    admin, person = house.an_admin(), house.a_person_of("ptnr_weaver")

    with house.open_workshop():
        without = house.post(f"{RUNS}/{child}/hold", {}, by=admin)
        held = house.post(f"{RUNS}/{child}/hold", {"reason": "the dye is late"}, by=admin)
        pressed = house.post(f"{MINE}/{child}/accept", by=person)
        listed = house.get(f"{RUNS}?held=true", by=admin)
        resumed = house.post(f"{RUNS}/{child}/resume", by=admin)

    assert without.status_code == 422
    assert held.json["production_run"]["allowed_actions"] == ["cancel", "resume"]
    assert held.json["production_run"]["held_reason"] == "the dye is late"
    assert (pressed.status_code, pressed.json["code"], pressed.json["allowed_actions"]) == (409, "on_hold", [])
    assert ids_of(listed) == [child]
    assert resumed.json["production_run"]["held_at"] is None
    assert "accept" in resumed.json["production_run"]["allowed_actions"]


def test_flagged_runs_are_listed_until_somebody_says_what_was_decided(house: House) -> None:
    child, admin = house.bench.a_sent_run(), house.an_admin()
    house.bench.done(commands.FlagRun(reason="the order is cancelled"), run_id=child)
    person = house.a_person_of("ptnr_weaver")

    with house.open_workshop():
        listed = house.get(f"{RUNS}?flagged=true", by=admin)
        seen = house.get(f"{MINE}/{child}", by=person)
        without = house.post(f"{RUNS}/{child}/resolve-flag", {"reason": " "}, by=admin)
        resolved = house.post(f"{RUNS}/{child}/resolve-flag", {"reason": "made for stock"}, by=admin)
        again = house.post(f"{RUNS}/{child}/resolve-flag", {"reason": "made for stock"}, by=admin)

    assert ids_of(listed) == [child]
    assert "flagged_reason" not in seen.json["production_run"]
    assert (without.status_code, resolved.status_code, again.status_code) == (422, 200, 409)
    assert resolved.json["production_run"]["flagged_at"] is None
    assert ids_of(house.get(f"{RUNS}?flagged=true", by=admin)) == []


@pytest.fixture
def line(house: House) -> str:
    """An order line whose product nobody makes."""
    house.bench.done(house.bench.an_order("order_1", ("a", "prod_1")))
    return str(house.bench.value("SELECT id FROM order_line"))


def test_a_retried_line_says_what_became_of_it(house: House, line: str) -> None:
    admin = house.an_admin()

    with house.open_workshop():
        before = house.post(f"/admin/order-lines/{line}/retry", by=admin)
        house.bench.a_product("prod_1", design_id=house.bench.a_design())
        after = house.post(f"/admin/order-lines/{line}/retry", by=admin)
        missing = house.post("/admin/order-lines/oline_0/retry", by=admin)

    assert (before.status_code, after.status_code, missing.status_code) == (200, 200, 404)
    assert (before.json["order_line"]["outcome"], after.json["order_line"]["outcome"]) == ("unmapped", "run")
    assert "prod_1" in before.json["order_line"]["reason"]
    assert after.json["order_line"]["production_run_id"]


@pytest.mark.parametrize("way", ["linked", "edited"])
def test_a_line_becomes_a_run_by_itself_when_its_product_is_linked(house: House, line: str, way: str) -> None:
    admin, design = house.an_admin(), house.bench.a_design()
    first = "prod_1" if way == "linked" else "prod_2"

    made = house.post("/admin/products", {"product_id": first, "design_id": design}, by=admin)
    if way == "edited":
        house.ask("PATCH", f"/admin/products/{made.json['product']['id']}", {"product_id": "prod_1"}, by=admin)
    house.bench.pump()

    assert house.bench.value("SELECT outcome FROM order_line") == "run"


def test_a_route_to_nobody_is_refused_with_its_place(house: House) -> None:
    admin = house.an_admin()
    house.bench.a_partner("weaver")

    wrong = house.ask("PATCH", POLICY, {"config": {"routes": {"designs": {"dsgn/1": "ptnr_x"}}}}, by=admin)
    right = house.ask("PATCH", POLICY, {"config": {"routes": {"designs": {"dsgn/1": "ptnr_weaver"}}}}, by=admin)
    gone = house.ask("PATCH", POLICY, {"config": {"routes": {"designs": {"dsgn/1": None}}}}, by=admin)

    assert (wrong.status_code, right.status_code, gone.status_code) == (422, 200, 200)
    assert wrong.json["errors"][0]["pointer"] == "/config/routes/designs/dsgn~11"
    assert right.json["effective_config"]["routes"]["designs"] == {"dsgn/1": "ptnr_weaver"}
    assert gone.json["effective_config"]["routes"]["designs"] == {}


def test_linked_partners_share_a_quantity_as_evenly_as_pieces_allow(house: House) -> None:
    admin, design = house.an_admin(), house.bench.a_design()
    for name in ("one", "two", "three"):
        house.post(f"/admin/designs/{design}/partners", {"partner_id": house.bench.a_partner(name)}, by=admin)

    with house.open_workshop():
        made = house.post(f"/admin/designs/{design}/production-runs", {"quantity": 10}, by=admin)

    assert made.status_code == 201
    assert sorted(child["quantity"] for child in made.json["children"]) == ["3", "3", "4"]


def test_the_old_partner_of_a_reassigned_run_sees_nothing_more_of_it(house: House) -> None:
    child = house.bench.a_sent_run()
    task = house.bench.tasks(child)[0]["id"]
    old = house.a_person_of("ptnr_weaver")
    new = house.a_person_of(house.bench.a_partner("second"))
    decline = commands.DeclineRun(reason=commands.DeclineReason.CAPACITY)
    house.bench.done(decline, run_id=child, tenant="ptnr_weaver")
    house.bench.done(commands.AssignPartner(partner_id="ptnr_second"), run_id=child)

    for path in (f"{MINE}/{child}", f"{MINE}/{child}/timeline"):
        assert house.get(path, by=old).status_code == 404
        assert house.get(path, by=new).status_code == 200
    assert house.get(MINE, by=old).json["production_runs"] == []
    assert house.post(f"{MINE}/{child}/accept", by=old).status_code == 404
    assert house.post(f"/partners/assigned-tasks/{task}/finish", by=old).status_code == 404
    assert house.get(f"/partners/assigned-tasks/{task}", by=old).status_code == 404
    assert house.get("/partners/assigned-tasks", by=old).json["tasks"] == []
