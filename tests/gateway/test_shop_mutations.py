"""Bent bodies through the real gateway and the real workers: a run, a recorded reason or a 4xx for each, and never a fault."""

import os

import pytest

from shared.storage.mail import DeliveryState
from tests.gateway.shop_street import Street
from tests.intake import mutations, shops

BODIES = int(os.environ.get("MUTATED_BODIES_SENT", "60"))
"""Of each vendor."""

PRODUCTS = ("632910392", "93", "22", "55", "61", "UHJvZHVjdDoxNTM=", "prod_01JENFNXSXN0E5XAWDRQ1JBGTJ", "scarf")


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("vendor", [*shops.ADAPTERS, "canonical"])
def test_a_bent_body_is_taken_in_or_refused_and_every_one_taken_in_is_settled(street: Street, vendor: str) -> None:
    street.make(*PRODUCTS)
    samples = shops.samples(vendor)

    answers = [
        street.send(mutations.mutated(samples[number % len(samples)], seed=f"sent:{vendor}:{number}"))
        for number in range(BODIES)
    ]
    street.bench.pump()

    assert {answer.status_code for answer in answers} <= {200, 202, 400, 401, 422}, {a.status_code for a in answers}
    assert any(answer.status_code == 202 for answer in answers)
    assert all(answer.json["detail"] for answer in answers if answer.status_code >= 400)
    assert street.bench.errors() == []
    settled = {row["state"] for row in street.bench.rows("SELECT DISTINCT state FROM delivery")}
    assert settled <= {DeliveryState.DONE, DeliveryState.REFUSED}
    assert all(reason for _, reason in street.lines().values())
