"""Material over HTTP: logs in both spellings, lists, commits by hand, costs, corrections; a stranger sees none of it."""

from collections.abc import Iterator
from typing import Any

import pytest

from shared.storage import invariants
from tests.gateway.house import House
from tests.material import a_level, an_item, stocked
from tests.places import eventually

RUNS = "/admin/production-runs"
MINE = "/partners/production-runs"


class Shop:
    """A sent run, its partner and an admin at the door of a gateway whose workshop is open."""

    def __init__(self, house: House) -> None:
        self.house, self.bench = house, house.bench
        self.run = self.bench.a_sent_run(quantity="4")
        self.design = str(self.bench.run(self.run)["design_id"])
        self.admin = house.an_admin()
        self.partner = house.a_person_of("ptnr_weaver")

    def log(self, **body: Any) -> Any:
        return self.house.post(f"{MINE}/{self.run}/consumption-logs", body, by=self.partner)

    def shelf(self) -> str:
        """What an admin reads off the only stock level."""
        (level,) = self.house.get("/admin/stock-levels", by=self.admin).json["stock_levels"]
        return str(level["stocked"])

    def walk(self, *steps: str, **last: Any) -> Any:
        """Take these steps, the last with a body."""
        for step in steps[:-1]:
            self.house.post(f"{MINE}/{self.run}/{step}", by=self.partner)
        return self.house.post(f"{MINE}/{self.run}/{steps[-1]}", last, by=self.partner)


@pytest.fixture
def shop(house: House) -> Iterator[Shop]:
    opened = Shop(house)
    with house.open_workshop():
        yield opened


def test_a_partner_logs_and_the_completion_settles_it(shop: Shop) -> None:
    a_level(shop.bench, stock="100")
    made = shop.log(inventory_item_id="item_yarn", quantity=5, unit_of_measure="Meter", notes="warp")

    completed = shop.walk(
        "accept", "start", "finish", "complete", consumptions=[{"inventory_item_id": "item_yarn", "quantity": "2.5"}]
    )

    assert made.status_code == 201
    told = made.json["consumption_log"]
    assert (told["production_run_id"], told["design_id"], told["quantity"]) == (shop.run, shop.design, "5")
    assert (told["consumption_type"], told["is_committed"], told["consumed_by"]) == ("production", False, "partner")
    assert (completed.status_code, completed.json["consumptions_logged"]) == (200, 1)
    assert str(stocked(shop.bench).normalize()) == "92.5"


def test_stock_of_100_is_92_5_after_logs_of_5_and_2_5_and_stays_so(shop: Shop) -> None:
    a_level(shop.bench, stock="100")
    shop.log(inventory_item_id="item_yarn", quantity=5)
    shop.log(inventory_item_id="item_yarn", quantity="2.5")

    completed = shop.walk("accept", "start", "finish", "complete")
    assert (completed.status_code, shop.shelf()) == (200, "92.5")

    again = shop.walk("complete")
    committed = shop.house.post(f"{RUNS}/{shop.run}/consumption-logs/commit", {"commit_all": True}, by=shop.admin)
    assert again.status_code == 409
    assert (committed.status_code, committed.json) == (200, {"committed_count": 0, "movements": []})
    assert shop.shelf() == "92.5"


def test_the_old_spellings_are_taken_in_and_never_answered(shop: Shop) -> None:
    an_item(shop.bench)
    made = shop.log(
        inventoryItemId="item_yarn", quantity=1, unitOfMeasure="Roll", consumptionType="wastage", unitCost="2.5",
        quantityBasis="per_piece",
    )  # fmt: skip
    twice = shop.log(inventoryItemId="item_yarn", inventory_item_id="item_yarn", quantity=1)

    told = made.json["consumption_log"]
    assert (told["unit_of_measure"], told["consumption_type"], told["unit_cost"]) == ("Roll", "wastage", "2.5")
    assert "inventoryItemId" not in told
    assert (twice.status_code, twice.json["errors"][0]["pointer"]) == (422, "/inventory_item_id")


@pytest.mark.parametrize("path", [MINE, RUNS])
def test_a_completion_reads_the_old_spellings_as_a_log_does(shop: Shop, path: str) -> None:
    a_level(shop.bench, stock="100", location="sloc_b")
    a_level(shop.bench, stock="100")
    shop.walk("accept", "start", "finish")
    by = shop.partner if path == MINE else shop.admin
    old = {
        "inventoryItemId": "item_yarn", "quantity": "2.5", "unitOfMeasure": "Roll", "consumptionType": "wastage",
        "quantityBasis": "per_piece", "unitCost": 3, "locationId": "sloc_b",
    }  # fmt: skip

    twice = shop.house.post(f"{path}/{shop.run}/complete", {"consumptions": [{**old, "unit_cost": 3}]}, by=by)
    done = shop.house.post(f"{path}/{shop.run}/complete", {"consumptions": [old]}, by=by)

    assert (twice.status_code, twice.json["errors"][0]["pointer"]) == (422, "/consumptions/0/unit_cost")
    assert (done.status_code, done.json["consumptions_logged"]) == (200, 1)
    (told,) = shop.house.get(f"{RUNS}/{shop.run}/consumption-logs", by=shop.admin).json["consumption_logs"]
    assert {name: told[name] for name in ("unit_of_measure", "consumption_type", "quantity_basis", "unit_cost")} == {
        "unit_of_measure": "Roll", "consumption_type": "wastage", "quantity_basis": "per_piece", "unit_cost": "3",
    }  # fmt: skip
    assert (stocked(shop.bench), stocked(shop.bench, "sloc_b")) == (100, 90)
    assert not any(name in told for name in old if name != "quantity")


@pytest.mark.parametrize(
    ("entry", "pointer"),
    [
        ({"quantity": 1}, "/consumptions/0/inventory_item_id"),
        ({"quantity": 1, "inventoryItemId": "item_no"}, "/consumptions/0/inventory_item_id"),
        ({"quantity": 1, "consumptionType": "tea"}, "/consumptions/0/consumptionType"),
        ({"quantity": 1, "consumptionType": "labor", "colour": "red"}, "/consumptions/0/colour"),
        ({"quantity": 1, "consumptionType": "labor", "productionRunId": "run_x"}, "/consumptions/0/productionRunId"),
    ],
)
def test_a_wrong_field_of_a_completions_consumption_is_pointed_at(
    shop: Shop, entry: dict[str, Any], pointer: str
) -> None:
    answer = shop.walk("accept", "start", "finish", "complete", consumptions=[entry])

    assert (answer.status_code, answer.json["errors"][0]["pointer"]) == (422, pointer)


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"quantity": 1}, "/inventory_item_id"),
        ({"quantity": 0, "consumption_type": "labor"}, "/quantity"),
        ({"quantity": 1, "consumption_type": "tea"}, "/consumption_type"),
        ({"quantity": 1, "inventory_item_id": "item_no"}, "/inventory_item_id"),
        ({"quantity": 1, "consumption_type": "labor", "location_id": "sloc_no"}, "/location_id"),
        ({"quantity": 1, "consumption_type": "labor", "unit_of_measure": "Mile"}, "/unit_of_measure"),
        ({"quantity": 1, "consumption_type": "labor", "colour": "red"}, "/colour"),
    ],
)
def test_a_wrong_field_is_pointed_at(shop: Shop, body: dict[str, Any], pointer: str) -> None:
    answer = shop.log(**body)

    assert (answer.status_code, answer.json["errors"][0]["pointer"]) == (422, pointer)


def test_a_stranger_neither_logs_nor_reads(shop: Shop) -> None:
    stranger = shop.house.a_person_of(shop.bench.a_partner("stranger"))
    path = f"{MINE}/{shop.run}/consumption-logs"

    assert shop.house.post(path, {"quantity": 1, "consumption_type": "labor"}, by=stranger).status_code == 404
    assert shop.house.get(path, by=stranger).status_code == 404


def test_a_run_on_hold_still_takes_logs_and_they_can_be_committed(shop: Shop) -> None:
    a_level(shop.bench, stock="100")
    shop.walk("accept", "start")
    held = shop.house.post(f"{RUNS}/{shop.run}/hold", {"reason": "the dye is late"}, by=shop.admin)

    made = shop.log(inventory_item_id="item_yarn", quantity=5)
    committed = shop.house.post(f"{RUNS}/{shop.run}/consumption-logs/commit", {"commit_all": True}, by=shop.admin)
    refused = shop.walk("finish")

    assert (held.status_code, made.status_code, committed.json["committed_count"]) == (200, 201, 1)
    assert (refused.status_code, refused.json["code"]) == (409, "on_hold")
    assert shop.shelf() == "95"


def test_logs_are_listed_and_narrowed(shop: Shop) -> None:
    a_level(shop.bench, stock="100")
    shop.log(inventory_item_id="item_yarn", quantity=5)
    shop.house.post(f"{RUNS}/{shop.run}/consumption-logs/commit", {"commit_all": True}, by=shop.admin)
    shop.house.post(f"{RUNS}/{shop.run}/consumption-logs", {"quantity": 2, "consumption_type": "labor"}, by=shop.admin)
    narrowed = {
        "": 2, "consumption_type=labor": 1, "is_committed=true": 1, "consumed_by=admin": 1,
        "inventory_item_id=item_yarn": 1, "consumption_type=labor,production": 2, "is_committed=false&consumed_by=partner": 0,
    }  # fmt: skip

    for by, path in (
        (shop.partner, f"{MINE}/{shop.run}/consumption-logs"),
        (shop.admin, f"{RUNS}/{shop.run}/consumption-logs"),
        (shop.admin, f"/admin/designs/{shop.design}/consumption-logs"),
    ):
        found = {query: len(shop.house.get(f"{path}?{query}", by=by).json["consumption_logs"]) for query in narrowed}
        assert found == narrowed
    assert shop.house.get(f"{MINE}/{shop.run}/consumption-logs?is_committed=maybe", by=shop.partner).status_code == 422


def test_a_design_is_logged_on_and_committed_by_hand(shop: Shop) -> None:
    a_level(shop.bench, stock="100")
    path = f"/admin/designs/{shop.design}/consumption-logs"
    made = shop.house.post(path, {"inventoryItemId": "item_yarn", "quantity": 5}, by=shop.admin)
    named = {"inventory_item_id": "item_yarn", "quantity": "2.5", "production_run_id": shop.run}
    shop.house.post(path, named, by=shop.admin)
    log_id = made.json["consumption_log"]["id"]

    first = shop.house.post(f"{path}/commit", {"log_ids": [log_id]}, by=shop.admin)
    rest = shop.house.post(f"{path}/commit", {"commit_all": True, "default_location_id": "sloc_a"}, by=shop.admin)
    none = shop.house.post(f"{path}/commit", {"commit_all": True}, by=shop.admin)

    assert made.json["consumption_log"]["production_run_id"] == shop.run
    assert (first.json["committed_count"], first.json["movements"][0]["quantity"]) == (1, "-5")
    assert (rest.json["committed_count"], rest.json["movements"][0]["quantity"]) == (1, "-2.5")
    assert (none.status_code, none.json) == (200, {"committed_count": 0, "movements": []})
    unknown = shop.house.post(f"{path}/commit", {"log_ids": ["clog_no"]}, by=shop.admin)
    assert (unknown.status_code, unknown.json["errors"][0]["pointer"]) == (422, "/log_ids/0")


def test_a_design_with_several_open_runs_wants_to_know_which(shop: Shop) -> None:
    shop.bench.a_run(shop.design)
    path = f"/admin/designs/{shop.design}/consumption-logs"
    labour = {"quantity": 1, "consumption_type": "labor"}

    for body in (labour, {**labour, "production_run_id": "run_no"}):
        answer = shop.house.post(path, body, by=shop.admin)
        assert (answer.status_code, answer.json["errors"][0]["pointer"]) == (422, "/production_run_id")
    assert shop.house.post("/admin/designs/dsgn_no/consumption-logs", labour, by=shop.admin).status_code == 404


def test_what_a_run_cost_is_summed_up(shop: Shop) -> None:
    a_level(shop.bench, stock="100", unit_cost="4")
    config = {"rates": {"labor": "15", "energy_water": 2}}
    assert shop.house.ask("PATCH", "/admin/production-run-policy", {"config": config}, by=shop.admin).status_code == 200
    shop.log(inventory_item_id="item_yarn", quantity=5)
    shop.log(quantity=2, consumption_type="labor")
    shop.log(quantity="0.5", consumption_type="energy_water")
    shop.walk("accept", "start", "finish", "complete", partner_cost="2.5", cost_type="per_unit")
    parent = shop.bench.run(shop.run)["parent_run_id"]
    wanted = {
        "material_cost": "20", "energy_cost": "1", "labor_cost": "30", "partner_cost": "10", "total_cost": "61",
        "cost_per_piece": "15.25",
    }  # fmt: skip

    def summary(run_id: str) -> dict[str, str]:
        told: dict[str, str] = shop.house.get(f"{RUNS}/{run_id}/cost-summary", by=shop.admin).json["cost_summary"]
        return told

    assert summary(shop.run) == wanted
    eventually(lambda: summary(parent) == wanted)  # the parent is closed by the cascade, a moment later


def test_an_admin_corrects_the_output(shop: Shop) -> None:
    path = f"{RUNS}/{shop.run}/correct-output"
    body = {"produced_quantity": 3, "short_quantity": 1, "short_reason": "lost", "reason": "counted again"}

    early = shop.house.post(path, body, by=shop.admin)
    shop.walk("accept", "start", "finish", "complete")
    done = shop.house.post(path, body, by=shop.admin)
    wrong = shop.house.post(path, {"produced_quantity": 2, "reason": "counted again"}, by=shop.admin)

    assert (early.status_code, done.status_code, wrong.status_code) == (409, 200, 422)
    assert done.json["production_run"]["produced_quantity"] == "3"
    story = shop.house.get(f"{RUNS}/{shop.run}/timeline", by=shop.admin).json["activities"]
    (corrected,) = [each for each in story if each.get("reason") == "counted again"]
    assert (corrected["before"]["produced_quantity"], corrected["after"]["produced_quantity"]) == ("4", "3")
    assert shop.house.post(path, {"produced_quantity": 3}, by=shop.admin).status_code == 422


def test_a_level_set_by_hand_is_the_sum_of_its_movements(house: House) -> None:
    admin = house.an_admin()
    an_item(house.bench)
    an_item(house.bench, "item_silk")
    place = house.post("/admin/stock-locations", {"name": "Store"}, by=admin).json["stock_location"]["id"]
    body = {"inventory_item_id": "item_yarn", "location_id": place, "stocked": "10"}
    level = house.post("/admin/stock-levels", body, by=admin).json["stock_level"]["id"]

    for change in ({"stocked": "7.5"}, {"reserved": "1"}, {"inventory_item_id": "item_silk"}, {"stocked": "0"}):
        assert house.ask("PATCH", f"/admin/stock-levels/{level}", change, by=admin).status_code == 200
        assert_in_step(house)
    assert house.ask("DELETE", f"/admin/stock-levels/{level}", by=admin).status_code == 200
    house.post("/admin/stock-levels", body, by=admin)

    assert_in_step(house)
    moved = house.bench.rows("SELECT quantity FROM stock_movement ORDER BY seq")
    assert [float(row["quantity"]) for row in moved] == [10, -2.5, -7.5, 7.5, -7.5, 10]


def assert_in_step(house: House) -> None:
    with house.bench.engine.connect() as connection:
        assert not invariants.check(connection)["stock_out_of_step_with_its_movements"]


def test_a_completion_by_the_last_task_settles_too(shop: Shop) -> None:
    a_level(shop.bench, stock="100")
    shop.log(inventory_item_id="item_yarn", quantity=5)
    shop.walk("accept")

    for task in shop.bench.tasks(shop.run):
        shop.house.post(f"/partners/assigned-tasks/{task['id']}/finish", {}, by=shop.partner)

    assert shop.bench.run(shop.run)["completion_source"] == "tasks"
    assert stocked(shop.bench) == 95
