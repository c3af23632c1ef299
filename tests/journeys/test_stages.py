"""A staged order: weave, cut, stitch over three partners, two runs per stage. Each stage is released by itself."""

from collections.abc import Callable

import httpx
import pytest

from tests.house import House, ok, step, work_through
from tests.places import eventually


def by_milestones(phone: httpx.Client, run_id: str) -> None:
    work_through(phone, run_id)


def by_tasks(phone: httpx.Client, run_id: str) -> None:
    step(phone, run_id, "accept")
    for task in ok(phone.get(f"/partners/production-runs/{run_id}"))["production_run"]["tasks"]:
        ok(phone.post(f"/partners/assigned-tasks/{task['id']}/finish", json={}))


@pytest.mark.parametrize("make", [by_milestones, by_tasks])
def test_each_stage_is_released_by_itself_and_the_parent_closes(
    house: House, make: Callable[[httpx.Client, str], None]
) -> None:
    partners = [house.a_partner() for _ in range(3)]
    template = house.a_template()
    run = house.a_run(house.a_design(), quantity=6)
    shares = [
        {"partner_id": partner, "role": role, "order": stage, "quantity": 3, "template_names": [template]}
        for stage, (role, (partner, _)) in enumerate(zip(("weaving", "cutting", "stitching"), partners, strict=True), 1)
        for _ in range(2)
    ]

    approved = house.approve(run, *shares)

    assert approved["dispatch"]["dispatched"] == []
    children = [house.run(child["id"]) for child in approved["children"]]
    stages = [
        [child["id"] for child in children if child["role"] == role] for role in ("weaving", "cutting", "stitching")
    ]
    assert [set(house.run(one)["depends_on_run_ids"]) for one in stages[1]] == [set(stages[0])] * 2
    too_early = house.admin.post(f"/admin/production-runs/{stages[1][0]}/dispatch", json={})
    assert too_early.status_code == 409
    for one in stages[0]:
        ok(house.admin.post(f"/admin/production-runs/{one}/send-to-production", json={"template_names": [template]}))
    for (_, phone), stage in zip(partners, stages, strict=True):
        for one in stage:
            eventually(lambda one=one: house.run(one)["status"] == "sent_to_partner")
        make(phone, stage[0])
        assert house.run(run)["status"] in ("approved", "in_progress")
        make(phone, stage[1])

    closed = eventually(lambda: house.run(run) if house.run(run)["status"] == "completed" else False)
    assert (closed["produced_quantity"], closed["quantity"]) == ("6", "6")
