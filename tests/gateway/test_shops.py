"""Shops call the gateway with their own bodies and signatures: runs, reasons, and nothing twice."""

import base64
import hmac
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from shared.intake import deliveries
from shared.runtime import settings
from shared.runtime.settings import SettingsError
from tests.gateway.shop_street import Street
from tests.intake import shops
from tests.intake.shops import Sample, sample

FIRST_ORDERS = {
    "shopify": (sample("shopify", "orders_create"), ("632910392",)),
    "woocommerce": (sample("woocommerce", "order_created"), ("93", "22")),
    "saleor": (sample("saleor", "order_created_subscription"), ("UHJvZHVjdDoxNTM=",)),
    "medusa": (sample("medusa", "order_placed"), ("prod_01JENFNXSXN0E5XAWDRQ1JBGTJ",)),
}
PINK, PINK_TOO = "866550311766439020", "141249953214522974"


def with_body(told: Sample, **changes: Any) -> Sample:
    """The same order, with other fields."""
    return told._replace(raw=json.dumps({**told.body, **changes}).encode())


@pytest.mark.parametrize("vendor", FIRST_ORDERS)
def test_every_line_of_a_shops_order_becomes_a_run_and_a_copy_changes_nothing(street: Street, vendor: str) -> None:
    told, products = FIRST_ORDERS[vendor]
    street.make(*products)

    lines = street.deliver(told)
    again = street.send(told)
    street.bench.pump()

    assert {outcome for outcome, _ in lines.values()} == {"run"}
    assert len(street.runs()) == len(lines) == 2
    assert (again.status_code, again.json["duplicate"]) == (202, True)


@pytest.mark.parametrize("vendor", FIRST_ORDERS)
def test_the_same_order_under_another_delivery_makes_no_second_run(street: Street, vendor: str) -> None:
    told, products = FIRST_ORDERS[vendor]
    street.make(*products)
    street.deliver(told)
    header = {"shopify": "x-shopify-webhook-id", "woocommerce": "x-wc-webhook-delivery-id", "medusa": "webhook-id"}
    other = told._replace(raw=told.raw + b"\n", headers={**told.headers, header.get(vendor, "x"): "another"})

    answer = street.send(other)
    street.bench.pump()

    assert (answer.status_code, answer.json["duplicate"]) == (202, False)
    assert len(street.runs()) == 2


def test_customisation_and_exact_quantity_stand_in_the_snapshot(street: Street) -> None:
    street.make("55")

    street.deliver(sample("woocommerce", "order_created_addons"))

    found = street.bench.rows(
        "SELECT s.provenance, r.quantity FROM production_run r JOIN run_snapshot s ON s.id = r.snapshot_id ORDER BY r.order_line_item_id"
    )
    assert [row["quantity"] for row in found] == [Decimal("1.5"), Decimal(2)]
    properties = found[0]["provenance"]["line"]["properties"]
    assert [each["value"] for each in properties[:2]] == ["Für Mía", "second line"]
    assert properties[2]["value"][0] == {"key": "Engraving", "value": "Für Mía", "id": "1667"}


def test_of_a_bundle_only_the_parts_become_runs_and_the_whole_says_why(street: Street) -> None:
    street.make("60", "61", "62", "63")

    lines = street.deliver(sample("woocommerce", "order_created_bundle"))

    assert [outcome for outcome, _ in lines.values()].count("run") == 3
    assert lines["420"] == ("ignored", "a bundle is not made itself; its parts are")


def test_what_is_not_made_keeps_its_reason_through_an_update(street: Street) -> None:
    first = sample("shopify", "orders_create_customised")
    before = street.deliver(first)
    headers = {**first.headers, "x-shopify-topic": "orders/updated", "x-shopify-webhook-id": "later"}

    after = street.deliver(with_body(first, updated_at="2022-01-02T00:00:00Z")._replace(headers=headers))

    assert before["14000000000000004"] == ("ignored", "a gift card is not made")
    assert after == before


def test_an_older_word_of_the_shop_changes_nothing_however_late_it_comes(street: Street) -> None:
    street.make("632910392")
    first = sample("shopify", "orders_create")
    street.deliver(first)
    street.deliver(sample("shopify", "orders_cancelled"))
    late = with_body(first, updated_at="2021-12-31T19:30:00-05:00")

    street.deliver(
        late._replace(headers={**late.headers, "x-shopify-topic": "orders/updated", "x-shopify-webhook-id": "late"})
    )

    assert {row["status"] for row in street.runs()} == {"cancelled"}


def test_an_edit_and_a_refund_flag_the_runs_of_their_lines(street: Street) -> None:
    street.make("632910392")
    street.deliver(sample("shopify", "orders_create"))

    street.deliver(sample("shopify", "orders_edited"))
    lines = street.deliver(sample("shopify", "refunds_create"))

    flags = {row["order_line_item_id"]: row["flagged_reason"] for row in street.runs()}
    assert flags[PINK_TOO] == "order 820982911946154508: the shop took 1 off the line"
    assert "order 820982911946154508: the shop added 2 to the line" in flags[PINK]
    assert "order 820982911946154508: the shop refunded 1 of the line" in flags[PINK]
    assert lines["466157049"] == ("parked", "lines wanted: an edit added this line without its product")


def test_a_line_that_an_edit_only_named_is_made_when_the_order_tells_it(street: Street) -> None:
    street.make("632910392")
    street.deliver(sample("shopify", "orders_create"))
    street.deliver(sample("shopify", "orders_edited"))
    told = sample("shopify", "orders_updated_edited")
    body = told.body
    body["line_items"].append({**body["line_items"][0], "id": 466157049, "quantity": 1, "current_quantity": 1})

    lines = street.deliver(told._replace(raw=json.dumps(body).encode()))

    assert lines["466157049"][0] == "run"
    assert len(street.runs()) == 3


def test_a_refund_that_the_order_told_already_is_an_old_word(street: Street) -> None:
    street.make("632910392")
    street.deliver(sample("shopify", "orders_create"))
    told = sample("shopify", "orders_updated_edited")
    street.deliver(told)
    flags = [row["flagged_reason"] for row in street.runs()]

    street.deliver(sample("shopify", "refunds_create"))

    assert [row["flagged_reason"] for row in street.runs()] == flags


@pytest.mark.parametrize(
    ("told", "note"),
    [
        (sample("shopify", "orders_create_test"), "Nothing is made: the order is a test."),
        (sample("woocommerce", "order_created_draft"), "Nothing is made: the order is a draft."),
        (sample("saleor", "order_created_draft"), "Nothing is made: the order is a draft."),
        (sample("medusa", "order_placed_draft"), "Nothing is made: the order is a draft."),
        (sample("shopify", "orders_updated_refunded"), "Nothing is made: the order is refunded."),
        (sample("shopify", "orders_cancelled"), "Nothing is made: the order is cancelled."),
    ],
)
def test_an_order_that_is_off_is_taken_in_makes_nothing_and_says_so(street: Street, told: Sample, note: str) -> None:
    answer = street.send(told)
    street.bench.pump()

    assert (answer.status_code, answer.json["note"]) == (202, note)
    assert street.runs() == []
    assert {outcome for outcome, _ in street.lines().values()} == {"ignored"}


def test_a_saleor_order_that_is_confirmed_later_makes_its_runs_then(street: Street) -> None:
    street.make("UHJvZHVjdDoxNTM=")
    street.deliver(sample("saleor", "order_created_unconfirmed"))
    told = sample("saleor", "order_created_subscription", saleor_event="order_confirmed")
    body = told.body
    body["order"]["updatedAt"] = "2023-04-01T10:00:00+00:00"

    lines = street.deliver(told._replace(raw=json.dumps(body).encode()))

    assert {outcome for outcome, _ in lines.values()} == {"run"}


# Who sent it ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("vendor", FIRST_ORDERS)
def test_what_is_not_signed_by_the_shop_is_refused_unread(street: Street, vendor: str) -> None:
    told, _ = FIRST_ORDERS[vendor]
    good = shops.signed(vendor, told.raw, told.headers)
    by_another = shops.signed(vendor, told.raw + b" ", told.headers)

    for raw, headers in ((told.raw, told.headers), (told.raw, by_another), (told.raw + b" ", good), (b"{", good)):
        answer = street.post(vendor, raw, headers)
        assert (answer.status_code, answer.json["code"]) == (401, "bad_signature")
    assert street.kept() == []


def test_both_secrets_of_a_rotation_are_good(street: Street) -> None:
    told = sample("shopify", "orders_create")
    older = shops.signed("shopify", told.raw, told.headers, secret="an older one")
    wrong = shops.signed("shopify", told.raw, told.headers, secret="an older one, a secret of the shop")

    assert street.post("shopify", told.raw, older).status_code == 202
    assert street.post("shopify", told.raw, wrong).status_code == 401


def test_saleor_may_sign_by_its_own_key(street: Street) -> None:
    told = sample("saleor", "order_created")
    good = shops.signed_by_key(told.raw, told.headers, key=shops.a_key())
    anothers = shops.signed_by_key(told.raw, told.headers, key=shops.a_key(2))

    assert street.post("saleor", told.raw, anothers).status_code == 401
    assert street.post("saleor", told.raw, good).status_code == 202


def test_saleors_key_set_may_stand_in_a_file(database: str, tmp_path: Path) -> None:
    told = sample("saleor", "order_created")
    kept = tmp_path / "jwks.json"
    kept.write_text(shops.jwks(shops.a_key()))
    street = Street(database, LOOMLINE_SALEOR_SECRET="", LOOMLINE_SALEOR_JWKS=str(kept))

    answer = street.post("saleor", told.raw, shops.signed_by_key(told.raw, told.headers, key=shops.a_key()))
    by_secret = street.send(told)
    street.close()

    assert (answer.status_code, by_secret.status_code) == (202, 401)
    with pytest.raises(SettingsError, match="LOOMLINE_SALEOR_JWKS"):
        settings.read({"LOOMLINE_SALEOR_JWKS": str(tmp_path / "missing.json")})


def test_a_key_set_that_cannot_be_used_is_named_and_not_shown(database: str) -> None:
    street = Street(database, LOOMLINE_SALEOR_SECRET="", LOOMLINE_SALEOR_JWKS='{"keys": ["private"]}')

    answer = street.send(sample("saleor", "order_created"))
    street.close()

    assert answer.status_code == 503
    assert "LOOMLINE_SALEOR_JWKS" in answer.json["detail"]
    assert "private" not in answer.text


@pytest.mark.parametrize(
    ("vendor", "setting"),
    [
        ("medusa", "LOOMLINE_EVENT_SECRET"),
        ("shopify", "LOOMLINE_SHOPIFY_SECRET"),
        ("woocommerce", "LOOMLINE_WOOCOMMERCE_SECRET"),
        ("saleor", "LOOMLINE_SALEOR_SECRET"),
    ],
)
def test_without_its_setting_a_shop_is_not_heard_and_the_setting_is_named(
    database: str, vendor: str, setting: str
) -> None:
    told, _ = FIRST_ORDERS[vendor]
    street = Street(database, **{setting: "", "LOOMLINE_SALEOR_JWKS": ""})

    answer = street.send(told)
    street.close()

    assert (answer.status_code, answer.json["code"]) == (503, "not_configured")
    assert setting in answer.json["detail"]


def test_the_ping_of_woocommerce_is_answered_and_does_nothing(street: Street) -> None:
    form = {"content-type": "application/x-www-form-urlencoded"}

    answer = street.post("woocommerce", b"webhook_id=7", form)

    assert answer.status_code == 200
    assert street.post("woocommerce", b"webhook_id=7&x=1", form).status_code == 401
    assert street.kept() == []


# What is kept ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("vendor", FIRST_ORDERS)
def test_bytes_and_headers_are_kept_without_secrets_and_read_the_same_again(street: Street, vendor: str) -> None:
    told, _ = FIRST_ORDERS[vendor]
    secrets = {"Authorization": "Bearer abc", "Cookie": "session=abc"}
    street.send(told, **secrets)

    (kept,) = street.kept()
    again = shops.read_raw(vendor, bytes(kept["body"]), kept["headers"])

    assert bytes(kept["body"]) == told.raw
    assert (kept["outcome"], kept["topic"]) == ("taken", again.name.topic)
    assert kept["message_id"] == again.name.message_id
    assert not [
        name for name in kept["headers"] if any(word in name for word in ("auth", "cookie", "signature", "hmac"))
    ]
    stored = street.bench.value("SELECT body FROM message WHERE id = :id", id=kept["message_id"])
    assert stored["source"] == again.command.source


def test_an_order_that_cannot_be_read_is_kept_with_the_reason_and_taken_in_when_it_can(street: Street) -> None:
    told = sample("shopify", "orders_create")
    broken = with_body(told, line_items=[{"id": 1, "quantity": "two"}])

    refused = street.send(broken)
    (kept,) = street.kept()
    mended = street.send(told)

    assert (refused.status_code, refused.json["errors"][0]["pointer"]) == (422, "/line_items/0/quantity")
    assert (kept["outcome"], bytes(kept["body"])) == ("refused", broken.raw)
    assert kept["reason"].endswith("(/line_items/0/quantity)")
    assert (mended.status_code, mended.json["duplicate"]) == (202, False)
    assert street.kept()[0]["outcome"] == "taken"


def test_a_topic_that_is_no_orders_is_refused_with_the_reason_and_not_kept(street: Street) -> None:
    answer = street.send(sample("shopify", "orders_create", x_shopify_topic="products/update"))

    assert (answer.status_code, answer.json["code"]) == (422, deliveries.NOT_TAKEN)
    assert "products/update" in answer.json["detail"]
    assert street.kept() == []


def test_the_signature_is_of_the_very_bytes(street: Street) -> None:
    raw = b'{"line_items": [ {"quantity":1.50,"id":1e0} ],"id":\t7}'
    mac = base64.b64encode(hmac.digest(shops.SECRET.encode(), raw, "sha256")).decode()
    headers = {"x-shopify-topic": "orders/create", "x-shopify-hmac-sha256": mac}

    assert street.post("shopify", json.dumps(json.loads(raw)).encode(), headers).status_code == 401
    assert street.post("shopify", raw, headers).status_code in (202, 422)
