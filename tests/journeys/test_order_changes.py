"""A shop changes its mind, over HTTP and both brokers: lines are added, runs end or are flagged, lines wait for their product."""

from tests.house import House, ok, unique
from tests.places import eventually


def test_an_order_is_edited_and_then_cancelled(house: House) -> None:
    product = house.a_product(house.a_design())
    order = house.an_order(product)
    house.place(order)
    eventually(lambda: house.lines_of(order) or False)
    more = {**order, "items": [*order["items"], *house.an_order(product)["items"]]}

    assert house.place(more, kind="order.updated").status_code == 202
    both = eventually(lambda: lines if len(lines := house.lines_of(order)) == 2 else False)
    assert house.place({"id": order["id"]}, kind="order.cancelled").status_code == 202

    for line in both:
        eventually(lambda run=line["production_run_id"]: house.run(run)["status"] == "cancelled")


def test_a_line_waits_for_its_product_and_becomes_a_run_by_itself(house: House) -> None:
    product = unique("prod")
    order = house.an_order(product)
    house.place(order)
    (line,) = eventually(lambda: house.lines_of(order) or False)
    assert line["outcome"] == "unmapped"

    ok(house.admin.post("/admin/products", json={"product_id": product, "design_id": house.a_design()}), 201)

    eventually(lambda: house.lines_of(order)[0]["outcome"] == "run")
