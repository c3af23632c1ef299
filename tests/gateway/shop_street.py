"""A gateway that every shop may call, and workers that carry out what they ask."""

from collections.abc import Mapping
from typing import Any

from falcon import testing

from tests.contract.office import Office
from tests.intake import shops
from tests.intake.shops import Sample
from tests.workshop import TestBench

SETTINGS = {
    "LOOMLINE_EVENT_SECRET": shops.EVENT_SECRET,
    "LOOMLINE_SHOPIFY_SECRET": f"an older one, {shops.SECRET}",
    "LOOMLINE_WOOCOMMERCE_SECRET": shops.SECRET,
    "LOOMLINE_SALEOR_SECRET": shops.SECRET,
    "LOOMLINE_SALEOR_JWKS": shops.jwks(shops.a_key()),
}


class Street:
    """The shops of one database, with a design for every product that is asked for."""

    def __init__(self, database_url: str, **given: str) -> None:
        self.office = Office(database_url, **{**SETTINGS, **given})
        self.bench = TestBench(database_url)

    def close(self) -> None:
        self.bench.close()
        self.office.close()

    def make(self, *product_ids: str) -> None:
        """Link products to a design, so that their lines become runs."""
        design_id = self.bench.a_design(f"of_{product_ids[0]}")
        for product_id in product_ids:
            self.bench.a_product(product_id, design_id=design_id)

    def send(self, told: Sample, **headers: str) -> testing.Result:
        """Send a delivery with the shop's signature."""
        return self.post(told.vendor, told.raw, {**shops.signed(told.vendor, told.raw, told.headers), **headers})

    def post(self, vendor: str, raw: bytes, headers: Mapping[str, str]) -> testing.Result:
        """Send bytes with exactly these headers."""
        path = "/events" if vendor == "canonical" else f"/events/{vendor}"
        return self.office.client.simulate_post(path, body=raw, headers=dict(headers))

    def deliver(self, told: Sample) -> dict[str, tuple[str, str]]:
        """Send a delivery that must be taken in, and carry it out: each line's outcome and reason."""
        answer = self.send(told)
        assert answer.status_code == 202, answer.text
        self.bench.pump()
        assert self.bench.errors() == []
        return self.lines()

    def lines(self) -> dict[str, tuple[str, str]]:
        rows = self.bench.rows("SELECT order_line_item_id AS line, outcome, reason FROM order_line ORDER BY id")
        return {row["line"]: (row["outcome"], row["reason"]) for row in rows}

    def runs(self) -> list[Any]:
        return self.bench.rows("SELECT * FROM production_run ORDER BY order_line_item_id")

    def kept(self) -> list[Any]:
        return self.bench.rows("SELECT * FROM inbound_event ORDER BY created_at, delivery_id")
