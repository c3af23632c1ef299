"""Material on a running system: whoever settles it at the same instant, each log leaves the stock once."""

from concurrent.futures import ThreadPoolExecutor

from tests.house import House, ok, step, unique


def a_shelf(house: House, *, stocked: str) -> tuple[str, str]:
    """An item and the level of it at a new place of ours."""
    item = {"sku": unique("yarn"), "title": "Yarn", "unit_of_measure": "Meter"}
    item_id = ok(house.admin.post("/admin/inventory-items", json=item), 201)["inventory_item"]["id"]
    place = ok(house.admin.post("/admin/stock-locations", json={"name": unique("store")}), 201)["stock_location"]["id"]
    level = {"inventory_item_id": item_id, "location_id": place, "stocked": stocked}
    return item_id, ok(house.admin.post("/admin/stock-levels", json=level), 201)["stock_level"]["id"]


def test_twelve_commits_and_a_completion_at_once_move_each_log_once(house: House) -> None:
    partner, phone = house.a_partner()
    design = house.a_design()
    item, level = a_shelf(house, stocked="100")
    parent = house.a_run(design)
    share = {"partner_id": partner, "template_names": [house.a_template()]}
    (run,) = (part["id"] for part in house.approve(parent, share)["children"])
    for verb in ("accept", "start", "finish"):
        step(phone, run, verb)
    logs = f"/admin/production-runs/{run}/consumption-logs"
    for quantity in (5, "2.5"):
        ok(house.admin.post(logs, json={"inventory_item_id": item, "quantity": quantity}), 201)
    commits = [f"{logs}/commit", f"/admin/designs/{design}/consumption-logs/commit"] * 6

    with ThreadPoolExecutor(13) as door:
        asked = [door.submit(house.admin.post, path, json={"commit_all": True}) for path in commits]
        completed = door.submit(step, phone, run, "complete")
    moved = [movement["quantity"] for each in asked for movement in ok(each.result())["movements"]]
    again = ok(house.admin.post(commits[0], json={"commit_all": True}))

    assert completed.result()["production_run"]["status"] == "completed"
    assert len(moved) == len(set(moved)) <= 2, "no two commits answer with the same movement"
    assert again == {"committed_count": 0, "movements": []}
    assert phone.post(f"/partners/production-runs/{run}/complete", json={}).status_code == 409
    assert ok(house.admin.get(f"/admin/stock-levels/{level}"))["stock_level"]["stocked"] == "92.5"
    assert {each["committed_quantity"] for each in ok(house.admin.get(logs))["consumption_logs"]} == {"5", "2.5"}
