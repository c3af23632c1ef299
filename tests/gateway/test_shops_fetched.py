"""A thin event of Medusa: parked at once, fetched when the shop answers, given up with a reason when it never does."""

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest

from services.workers import fetching
from shared.runtime import settings
from shared.runtime.settings import Settings
from shared.storage import inbox
from tests.gateway.medusa_shop import Answer, MedusaShop
from tests.gateway.shop_street import Street
from tests.intake import shops
from tests.intake.shops import sample

ORDER_ID = "order_01JENGB7A1TZC5QMNZBGVWHTFE"
PRODUCT = "prod_01JENFNXSXN0E5XAWDRQ1JBGTJ"
THIN = sample("medusa", "order_placed_thin")
WHOLE = json.loads((shops.SAMPLES / "medusa" / "fetched.json").read_text())


@pytest.fixture
def medusa_shop() -> Iterator[MedusaShop]:
    with MedusaShop(WHOLE) as opened:
        yield opened


def chosen(shop: MedusaShop, **more: str) -> Settings:
    told = {
        "LOOMLINE_MEDUSA_URL": f"{shop.url}/",
        "LOOMLINE_MEDUSA_TOKEN": "sk_1",
        "LOOMLINE_MEDUSA_ALLOW_PRIVATE": "yes",
    }
    return settings.read({**told, **more})


def fetch(street: Street, told: Settings) -> int:
    """One round of the sweeper's errand, at a time when everything that waits is due."""
    street.bench.change("UPDATE inbound_event SET fetch_at = clock_timestamp() WHERE fetch_at IS NOT NULL")
    came = fetching.fetch_orders(street.bench.engine, told)
    street.bench.pump()
    return came


def wanted(street: Street) -> Any:
    return street.bench.rows("SELECT * FROM inbound_event WHERE order_id IS NOT NULL ORDER BY created_at")[0]


def test_a_thin_order_is_parked_and_its_lines_become_runs_when_they_come(
    street: Street, medusa_shop: MedusaShop
) -> None:
    street.make(PRODUCT)
    parked = street.deliver(THIN)

    came = fetch(street, chosen(medusa_shop))

    assert [outcome for outcome, _ in parked.values()] == ["parked"]
    assert came == 1
    assert sorted(outcome for outcome, _ in street.lines().values()) == ["ignored", "run", "run"]
    assert (wanted(street)["outcome"], wanted(street)["fetch_at"]) == ("fetched", None)
    (asked,) = medusa_shop.asked
    assert asked.path == f"/admin/orders/{ORDER_ID}"
    assert "items" in asked.query
    assert asked.authorization == "Basic " + base64.b64encode(b"sk_1:").decode()
    assert fetch(street, chosen(medusa_shop)) == 0


def test_a_thin_change_of_a_known_order_is_fetched_and_flags_its_run(street: Street, medusa_shop: MedusaShop) -> None:
    street.make(PRODUCT)
    street.deliver(sample("medusa", "order_placed"))
    street.deliver(sample("medusa", "order_edit_confirmed"))
    later = json.loads(json.dumps(WHOLE))
    later["order"]["updated_at"] = "2024-12-10T09:00:00Z"
    later["order"]["items"][0].update(quantity=5, raw_quantity={"value": "5"})
    medusa_shop.answer = lambda: Answer(200, json.dumps(later).encode())

    fetch(street, chosen(medusa_shop))

    assert [row["flagged_reason"] for row in street.runs()] == [
        f"order {ORDER_ID}: the order now wants 5 instead of 1",
        None,
    ]


def test_two_thin_events_of_one_state_make_its_runs_once(street: Street, medusa_shop: MedusaShop) -> None:
    street.make(PRODUCT)
    street.deliver(THIN)
    street.deliver(sample("medusa", "order_placed_thin", webhook_id="another"))

    assert fetch(street, chosen(medusa_shop)) == 2

    assert len(street.runs()) == 2


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Answer(500, b""), "the shop could not be asked: it answered 500"),
        (Answer(404, b"{}"), "the shop could not be asked: it answered 404"),
        (Answer(302, b"", (("Location", "/elsewhere"),)), "the shop could not be asked: it answered 302"),
        (Answer(200, b"x" * (fetching.LONGEST_ORDER + 1)), "the shop could not be asked: its answer is too long"),
        (Answer(200, b"<html>"), "the shop's answer cannot be used: It is not valid JSON"),
        (Answer(200, b'{"order": {"id": "order_other", "items": []}}'), "the shop's answer cannot be used: The shop answered"),
        (Answer(200, b'{"order": {"id": "%s"}}' % ORDER_ID.encode()), "the shop's answer cannot be used: The shop answered"),
    ],
)  # fmt: skip
def test_a_shop_in_trouble_is_asked_again_later_and_the_reason_is_kept(
    street: Street, medusa_shop: MedusaShop, answer: Answer, reason: str
) -> None:
    street.make(PRODUCT)
    street.deliver(THIN)
    whole, medusa_shop.answer = medusa_shop.answer, lambda: answer

    assert fetch(street, chosen(medusa_shop)) == 0

    waiting = wanted(street)
    assert (waiting["outcome"], waiting["fetch_attempts"]) == ("wanted", 1)
    assert waiting["reason"].startswith(reason)
    assert len(medusa_shop.asked) == 1
    medusa_shop.answer = whole
    assert fetch(street, chosen(medusa_shop)) == 1
    assert len(street.runs()) == 2


def test_an_order_is_not_asked_for_before_its_pause_is_over(street: Street, medusa_shop: MedusaShop) -> None:
    street.deliver(THIN)
    medusa_shop.answer = lambda: Answer(500, b"")
    fetch(street, chosen(medusa_shop))

    fetching.fetch_orders(street.bench.engine, chosen(medusa_shop))

    assert len(medusa_shop.asked) == 1


def test_after_the_last_attempt_an_order_is_given_up(street: Street, medusa_shop: MedusaShop) -> None:
    street.deliver(THIN)
    medusa_shop.answer = lambda: Answer(500, b"")
    street.bench.change("UPDATE inbound_event SET fetch_attempts = :most", most=inbox.MOST_ATTEMPTS - 1)

    fetch(street, chosen(medusa_shop))

    assert (wanted(street)["outcome"], wanted(street)["fetch_at"]) == ("given_up", None)
    assert [outcome for outcome, _ in street.lines().values()] == ["parked"]


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"LOOMLINE_MEDUSA_ALLOW_PRIVATE": "no"}, "the URL must begin with https://"),
        ({"LOOMLINE_MEDUSA_ALLOW_PRIVATE": "no", "LOOMLINE_MEDUSA_URL": "https://127.0.0.1:9"}, "private or local"),
        ({"LOOMLINE_MEDUSA_ALLOW_PRIVATE": "no", "LOOMLINE_MEDUSA_URL": "https://localhost:9"}, "private or local"),
    ],
)
def test_no_private_address_is_asked_unless_a_setting_allows_it(
    street: Street, medusa_shop: MedusaShop, more: dict[str, str], reason: str
) -> None:
    street.deliver(THIN)

    fetch(street, chosen(medusa_shop, **more))

    assert reason in wanted(street)["reason"]
    assert medusa_shop.asked == []


@pytest.mark.parametrize("missing", ["LOOMLINE_MEDUSA_URL", "LOOMLINE_MEDUSA_TOKEN"])
def test_without_both_settings_nobody_is_asked(street: Street, medusa_shop: MedusaShop, missing: str) -> None:
    street.deliver(THIN)

    assert fetch(street, chosen(medusa_shop, **{missing: ""})) == 0

    assert medusa_shop.asked == []
    assert wanted(street)["fetch_attempts"] == 0


def test_an_id_that_is_none_of_medusas_is_not_made_an_address(street: Street, medusa_shop: MedusaShop) -> None:
    street.deliver(sample("medusa", "order_placed_thin", body={"name": "order.placed", "data": {"id": "../../store"}}))

    fetch(street, chosen(medusa_shop))

    assert medusa_shop.asked == []
    assert "no id of an order" in wanted(street)["reason"]
