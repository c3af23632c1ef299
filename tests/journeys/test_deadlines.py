"""Time is a message too: the running sweeper ends a wait that nobody answered, and the step stays open."""

from collections.abc import Iterator

import pytest

from tests.house import House, ok, step
from tests.places import eventually


@pytest.fixture
def short_waits(house: House) -> Iterator[None]:
    """Waits of one second for templates and accept while the test lasts."""
    deadlines = {"templates": 1, "accept": 1}
    ok(house.admin.patch("/admin/production-run-policy", json={"config": {"deadlines": deadlines}}))
    yield
    ok(house.admin.patch("/admin/production-run-policy", json={"config": {"deadlines": dict.fromkeys(deadlines)}}))


@pytest.mark.usefixtures("short_waits")
def test_a_dispatch_without_a_choice_returns_to_idle_and_can_be_opened_again(house: House) -> None:
    partner, _ = house.a_partner()
    run = house.a_run(house.a_design())
    (child,) = (part["id"] for part in house.approve(run, {"partner_id": partner})["children"])

    opened = ok(house.admin.post(f"/admin/production-runs/{child}/dispatch", json={}), 202)

    assert opened["dispatch"]["state"] == "awaiting_templates"
    eventually(lambda: house.run(child)["dispatch_state"] == "idle", within=20)
    verbs = [entry["verb"] for entry in ok(house.admin.get(f"/admin/production-runs/{child}/timeline"))["activities"]]
    assert "dispatch_lapsed" in verbs
    late = house.admin.post(
        f"/admin/production-runs/{child}/dispatch/confirm", json={"template_names": [house.a_template()]}
    )
    assert late.status_code == 409
    ok(house.admin.post(f"/admin/production-runs/{child}/dispatch", json={}), 202)


@pytest.mark.usefixtures("short_waits")
def test_a_lapsed_wait_is_flagged_and_its_step_stays_open(house: House) -> None:
    partner, phone = house.a_partner()
    run = house.a_run(house.a_design())
    (child,) = house.approve(run, {"partner_id": partner, "template_names": [house.a_template()]})["dispatch"][
        "dispatched"
    ]

    eventually(lambda: house.run(child)["overdue_at"] is not None, within=20)

    overdue = ok(house.admin.get("/admin/production-runs", params={"overdue": "true", "limit": 200}))["production_runs"]
    assert child in [each["id"] for each in overdue]
    assert "accept" in house.run(child)["allowed_actions"]
    assert step(phone, child, "accept")["production_run"]["overdue_at"] is None
