"""The main journey over HTTP, on the embedded broker and on RabbitMQ: a shop's order becomes finished goods."""

from concurrent.futures import ThreadPoolExecutor

from tests.house import House, ok, step, work_through
from tests.places import eventually


def test_an_order_becomes_finished_goods(house: House) -> None:
    design = house.a_design()
    known, unknown = house.a_product(design), "prod_nobody_knows"
    template = house.a_template()
    partner, phone = house.a_partner()
    order = house.an_order(known, unknown)

    assert house.place(order).status_code == 202

    lines = {line["order_line_item_id"]: line for line in eventually(lambda: house.lines_of(order) or False)}
    first, second = (lines[item["id"]] for item in order["items"])
    assert (first["outcome"], second["outcome"]) == ("run", "unmapped")
    assert second["reason"]
    parent = first["production_run_id"]
    assert house.run(parent)["phase"] == "review"
    assert "approve" in house.run(parent)["allowed_actions"]

    approved = house.approve(parent, {"partner_id": partner, "role": "weaving", "template_names": [template]})
    (child,) = approved["dispatch"]["dispatched"]
    listed = ok(phone.get("/partners/production-runs"))["production_runs"]
    assert [run["id"] for run in listed] == [child]
    assert listed[0]["allowed_actions"] == ["accept", "decline"]

    assert step(phone, child, "accept")["production_run"]["phase"] == "accepted"
    assert step(phone, child, "start")["production_run"]["phase"] == "started"
    assert step(phone, child, "finish", {"notes": "four shawls"})["production_run"]["phase"] == "finished"
    done = step(phone, child, "complete", {"produced_quantity": 4})["production_run"]
    assert (done["status"], done["produced_quantity"]) == ("completed", "4")

    closed = eventually(lambda: house.run(parent) if house.run(parent)["status"] == "completed" else False)
    assert closed["produced_quantity"] == "4"
    verbs = [entry["verb"] for entry in ok(phone.get(f"/partners/production-runs/{child}/timeline"))["activities"]]
    for verb in ("accepted", "started", "finished", "completed"):
        assert verbs.count(verb) >= 1


def test_the_last_finished_task_completes_the_run_and_its_parent(house: House) -> None:
    design = house.a_design()
    names = [house.a_template(), house.a_template()]
    partner, phone = house.a_partner()
    parent = house.a_run(design, quantity=3)
    (child,) = house.approve(parent, {"partner_id": partner, "template_names": names})["dispatch"]["dispatched"]
    step(phone, child, "accept")

    tasks = ok(phone.get(f"/partners/production-runs/{child}"))["production_run"]["tasks"]
    assert [task["title"] for task in tasks] == names
    for task in tasks:
        ok(phone.post(f"/partners/assigned-tasks/{task['id']}/finish", json={}))

    assert house.run(child)["status"] == "completed"
    assert house.run(child)["completion_source"] == "tasks"
    eventually(lambda: house.run(parent)["status"] == "completed")


def test_ten_copies_of_one_event_at_once_make_one_run(house: House) -> None:
    product = house.a_product(house.a_design())
    order = house.an_order(product)
    body = house.event(order, kind="order.placed", event_id=f"evt-{order['id']}")

    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda _: house.send(body).status_code, range(10)))

    assert answers == [202] * 10
    eventually(lambda: house.lines_of(order) or False)
    runs = ok(house.admin.get("/admin/production-runs", params={"order_id": order["id"]}))["production_runs"]
    assert len(runs) == 1


def test_ten_copies_of_one_order_in_ten_events_make_one_run(house: House) -> None:
    product = house.a_product(house.a_design())
    order = house.an_order(product)

    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda _: house.place(order).status_code, range(10)))

    assert answers == [202] * 10
    eventually(lambda: house.lines_of(order) or False)
    eventually(lambda: house.is_idle("orders"))
    runs = ok(house.admin.get("/admin/production-runs", params={"order_id": order["id"]}))["production_runs"]
    assert len(runs) == 1


def test_a_task_reported_by_another_system_moves_on(house: House) -> None:
    template = house.a_template()
    partner, phone = house.a_partner()
    run = house.a_run(house.a_design())
    (child,) = house.approve(run, {"partner_id": partner, "template_names": [template]})["dispatch"]["dispatched"]
    step(phone, child, "accept")
    (task,) = ok(phone.get(f"/partners/production-runs/{child}"))["production_run"]["tasks"]

    answer = house.send(house.event({"task_id": task["id"], "status": "completed"}, kind="task.updated"))

    assert answer.status_code == 202
    eventually(lambda: house.run(child)["status"] == "completed")


def test_the_same_key_gives_the_first_answer_again(house: House) -> None:
    template = house.a_template()
    partner, phone = house.a_partner()
    run = house.a_run(house.a_design())
    (child,) = house.approve(run, {"partner_id": partner, "template_names": [template]})["dispatch"]["dispatched"]

    key = {"Idempotency-Key": f"accept-{child}"}
    first = phone.post(f"/partners/production-runs/{child}/accept", json={}, headers=key)
    again = phone.post(f"/partners/production-runs/{child}/accept", json={}, headers=key)
    other = phone.post(f"/partners/production-runs/{child}/accept", json={})

    assert (first.status_code, again.status_code) == (200, 200)
    assert first.json() == again.json()
    assert other.status_code == 409
    assert other.json()["current_status"] == "in_progress"
    assert other.json()["allowed_actions"] == ["decline", "start"]


def test_a_command_can_be_left_and_asked_for_later(house: House) -> None:
    run = house.a_run(house.a_design())

    left = house.admin.post(f"/admin/production-runs/{run}/approve", json={}, headers={"Prefer": "respond-async"})

    assert left.status_code == 202
    where = left.headers["Location"]
    assert where.startswith("/commands/")
    found = eventually(lambda: body if (body := ok(house.admin.get(where)))["state"] != "pending" else False)
    assert (found["state"], found["production_run_id"]) == ("done", run)
    assert house.run(run)["status"] == "approved"


def test_a_family_closes_over_two_partners(house: House) -> None:
    template = house.a_template()
    (one, phone_one), (two, phone_two) = house.a_partner(), house.a_partner()
    run = house.a_run(house.a_design(), quantity=10)
    shares = [
        {"partner_id": who, "quantity": share, "template_names": [template]} for who, share in ((one, 6), (two, 4))
    ]
    first, second = house.approve(run, *shares)["dispatch"]["dispatched"]

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(work_through, phone_one, first), pool.submit(work_through, phone_two, second)]:
            done.result()

    closed = eventually(lambda: house.run(run) if house.run(run)["status"] == "completed" else False)
    assert closed["produced_quantity"] == "10"
    assert phone_one.get(f"/partners/production-runs/{second}").status_code == 404
    assert phone_one.get(f"/partners/production-runs/{run}").status_code == 404
