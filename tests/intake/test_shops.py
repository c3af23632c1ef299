"""The shops' own bodies: what each becomes, line by line, and what is turned away with its reason."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from shared.domain.commands import CancelOrder, ChangeLines, PlaceOrder, UpdateOrder
from shared.domain.orders import DeltaKind, Line
from shared.intake import bundles, deliveries, medusa, woocommerce
from shared.intake.pointers import Unreadable
from tests.intake import shops
from tests.intake.shops import Sample, sample


def lines_of(told: Sample) -> list[Line]:
    return list(shops.read(told).command.order.items)


def made(told: Sample) -> list[str]:
    """The products that are made, in the order of the lines."""
    return [line.product_id or "?" for line in lines_of(told) if not line.not_made]


def refusal(told: Sample) -> Unreadable:
    with pytest.raises(Unreadable) as wrong:
        shops.read(told)
    return wrong.value


def changed(told: Sample, *path: Any, to: Any) -> Sample:
    """The sample with another value at one place."""
    body = told.body
    place = body
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = to
    return told._replace(raw=json.dumps(body).encode())


# Every shop -----------------------------------------------------------------------------------------------------------

FIRST_ORDERS = {
    "shopify": sample("shopify", "orders_create"),
    "woocommerce": sample("woocommerce", "order_created"),
    "saleor": sample("saleor", "order_created_subscription"),
    "medusa": sample("medusa", "order_placed"),
}
LINES_AT: dict[str, tuple[Any, ...]] = {
    "shopify": ("line_items",),
    "woocommerce": ("line_items",),
    "saleor": ("order", "lines"),
    "medusa": ("data", "items"),
}


def with_quantity(vendor: str, quantity: Any) -> Sample:
    told = FIRST_ORDERS[vendor]
    body = told.body
    place = body
    for step in LINES_AT[vendor]:
        place = place[step]
    place[0]["quantity"] = quantity
    return told._replace(raw=json.dumps(body).encode())


@pytest.mark.parametrize(
    ("vendor", "order_id", "placed", "quantities"),
    [
        ("shopify", "820982911946154508", datetime(2022, 1, 1, tzinfo=UTC), [1, 1]),
        ("woocommerce", "727", datetime(2017, 3, 22, 19, 28, 2, tzinfo=UTC), [2, 1]),
        ("saleor", "T3JkZXI6MmYyZTg4YjItZTI5NS00NjU2LWE5ODQtYmRhNTEzNmE2ZjA1", datetime(2023, 4, 1, 9, tzinfo=UTC), [1, 3]),
        ("medusa", "order_01JENGB7A1TZC5QMNZBGVWHTFE", datetime(2024, 12, 9, 9, 32, 48, 311_000, tzinfo=UTC), [1, 2]),
    ],
)  # fmt: skip
def test_a_new_order_is_placed_with_its_id_its_time_and_its_lines(
    vendor: str, order_id: str, placed: datetime, quantities: list[int]
) -> None:
    command = shops.read(FIRST_ORDERS[vendor]).command

    assert isinstance(command, PlaceOrder)
    assert (command.order.id, command.order.placed_at) == (order_id, placed)
    assert [line.quantity for line in command.order.items or []] == quantities


@pytest.mark.parametrize("vendor", FIRST_ORDERS)
def test_two_lines_of_one_product_stay_two_lines(vendor: str) -> None:
    told = FIRST_ORDERS[vendor]
    first, *_ = lines_of(told)
    body = told.body
    place = body
    for step in LINES_AT[vendor]:
        place = place[step]
    place.append({**place[0], "id": "another"})

    found = lines_of(told._replace(raw=json.dumps(body).encode()))

    assert found[-1].product_id == first.product_id
    assert len({line.id for line in found}) == len(found)


@pytest.mark.parametrize("vendor", FIRST_ORDERS)
@pytest.mark.parametrize(("told", "quantity"), [(1.5, "1.5"), ("2", "2"), ("0.25", "0.25"), (12, "12")])
def test_a_quantity_is_exact_and_may_be_text(vendor: str, told: Any, quantity: str) -> None:
    assert lines_of(with_quantity(vendor, told))[0].quantity == Decimal(quantity)


@pytest.mark.parametrize("vendor", FIRST_ORDERS)
@pytest.mark.parametrize("told", ["two", "NaN", "sNaN", "Infinity", -1, "", True, [2], {}, 1e-9, "1e400", 10**13])
def test_a_quantity_that_is_nonsense_is_refused_with_the_place(vendor: str, told: Any) -> None:
    assert refusal(with_quantity(vendor, told)).pointer.endswith("/0/quantity")


@pytest.mark.parametrize("vendor", FIRST_ORDERS)
def test_ids_are_kept_to_the_last_digit(vendor: str) -> None:
    told = FIRST_ORDERS[vendor]
    huge = 2**63 + 12345
    at = (*LINES_AT[vendor], 0, "id")

    assert lines_of(changed(told, *at, to=huge))[0].id == str(huge)
    assert lines_of(changed(told, *at, to="01JENGB7A1TZC5QMNZBGVWHTFE"))[0].id == "01JENGB7A1TZC5QMNZBGVWHTFE"
    assert lines_of(changed(told, *at, to=10**199))[0].id == str(10**199)
    assert refusal(changed(told, *at, to=10**200)).detail == "An id may have at most 200 characters."


@pytest.mark.parametrize("vendor", FIRST_ORDERS)
def test_a_list_of_orders_is_refused_with_the_reason(vendor: str) -> None:
    told = FIRST_ORDERS[vendor]
    body = told.body
    several = {**body, "data": [body["data"]] * 2} if vendor == "medusa" else [body, body]

    wrong = refusal(told._replace(raw=json.dumps(several).encode()))

    assert wrong.code == deliveries.NOT_TAKEN
    assert "list" in wrong.detail.lower()


@pytest.mark.parametrize(
    ("told", "word"),
    [
        (sample("shopify", "orders_create", x_shopify_topic="products/update"), "products/update"),
        (sample("shopify", "orders_create", x_shopify_topic="draft_orders/create"), "A draft is no order yet"),
        (sample("shopify", "orders_create", x_shopify_topic=""), "X-Shopify-Topic"),
        (sample("woocommerce", "order_created", x_wc_webhook_topic="customer.created"), "customer.created"),
        (sample("saleor", "order_created", saleor_event="product_updated"), "product_updated"),
        (sample("saleor", "order_created", saleor_event="draft_order_created"), "A draft is no order yet"),
        (sample("medusa", "order_placed", body={"name": "product.updated", "data": {"id": "p"}}), "product.updated"),
    ],
)
def test_a_topic_that_is_no_orders_is_refused_with_those_that_are(told: Sample, word: str) -> None:
    wrong = refusal(told)

    assert wrong.code == deliveries.NOT_TAKEN
    assert word in wrong.detail
    assert "Taken are: " in wrong.detail


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        (sample("shopify", "orders_create_test"), "the order is a test"),
        (sample("shopify", "orders_create", x_shopify_test="true"), "the order is a test"),
        (sample("shopify", "orders_cancelled"), "the order is cancelled"),
        (sample("shopify", "orders_updated_refunded"), "the order is refunded"),
        (changed(FIRST_ORDERS["shopify"], "financial_status", to="voided"), "the order is voided"),
        (sample("woocommerce", "order_updated_cancelled"), "the order is cancelled"),
        (sample("woocommerce", "order_updated_refunded"), "the order is refunded"),
        (sample("woocommerce", "order_created_draft"), "the order is a draft"),
        (changed(FIRST_ORDERS["woocommerce"], "status", to="failed"), "the order's payment failed"),
        (changed(FIRST_ORDERS["woocommerce"], "status", to="trash"), "the order was deleted"),
        (sample("saleor", "order_created_draft"), "the order is a draft"),
        (sample("saleor", "order_created_unconfirmed"), "the order is not confirmed yet"),
        (sample("saleor", "order_cancelled"), "the order is cancelled"),
        (sample("saleor", "order_created", saleor_event="order_expired"), "the order expired"),
        (sample("saleor", "order_created", saleor_event="order_fully_refunded"), "the order is refunded"),
        (changed(FIRST_ORDERS["saleor"], "order", "paymentStatus", to="FULLY_REFUNDED"), "the order is refunded"),
        (sample("medusa", "order_placed_draft"), "the order is a draft"),
        (changed(FIRST_ORDERS["medusa"], "data", "canceled_at", to="2025-01-01T00:00:00Z"), "the order is cancelled"),
        (changed(FIRST_ORDERS["medusa"], "data", "payment_status", to="refunded"), "the order is refunded"),
        (changed(FIRST_ORDERS["medusa"], "name", to="order.canceled"), "the order is cancelled"),
    ],
)
def test_an_order_that_is_off_makes_nothing_and_says_so(told: Sample, reason: str) -> None:
    assert deliveries.note_of(shops.read(told).command) == reason


@pytest.mark.parametrize("vendor", FIRST_ORDERS)
def test_an_order_that_stands_has_no_note(vendor: str) -> None:
    assert deliveries.note_of(shops.read(FIRST_ORDERS[vendor]).command) is None


def test_customisation_is_kept_as_the_shop_wrote_it() -> None:
    shopify, *_ = lines_of(sample("shopify", "orders_create_customised"))
    woocommerce_, *_ = lines_of(sample("woocommerce", "order_created_addons"))
    saleor, *_ = lines_of(sample("saleor", "order_created_subscription"))
    medusa_, *_ = lines_of(sample("medusa", "order_placed"))

    assert isinstance(shopify.properties, list)
    assert [each["value"] for each in shopify.properties] == [
        "für Mía",
        "2nd line",
        {"id": 12.5, "colours": ["indigo", "rust"]},
        1.75,
    ]
    assert isinstance(woocommerce_.properties, list)
    assert [each["key"] for each in woocommerce_.properties] == ["Engraving", "Engraving", "_pao_ids"]
    assert woocommerce_.properties[2]["value"][1] == {"key": "Depth", "value": 0.1, "id": "1668"}
    assert saleor.properties == [{"key": "gift", "value": "yes"}, {"key": "gift", "value": "wrapped"}]
    assert medusa_.properties == {"engraving": "für Mía", "lines": [1.5, {"deep": True}]}


@pytest.mark.parametrize("vendor", shops.ADAPTERS)
def test_a_copy_has_the_same_name_and_another_shop_or_event_has_not(vendor: str) -> None:
    names = [shops.read(each).name for each in [*shops.samples(vendor), *shops.samples(vendor)]]

    assert len({name.message_id for name in names}) == len(names) / 2


@pytest.mark.parametrize(
    ("header", "kept"),
    [
        ("x-shopify-hmac-sha256", False),
        ("x-wc-webhook-signature", False),
        ("saleor-signature", False),
        ("webhook-signature", False),
        ("authorization", False),
        ("cookie", False),
        ("x-api-key", False),
        ("x-shopify-topic", True),
        ("x-wc-webhook-delivery-id", True),
        ("webhook-id", True),
        ("saleor-event", True),
    ],
)
def test_no_header_is_kept_that_proves_or_opens_anything(header: str, kept: bool) -> None:
    assert (header in deliveries.without_secrets({header: "x"})) is kept


# Shopify --------------------------------------------------------------------------------------------------------------


def test_shopifys_retry_is_known_by_its_webhook_id_and_else_by_event_and_topic() -> None:
    def event_id(**headers: str) -> str:
        return shops.read(sample("shopify", "orders_create", **headers)).name.event_id

    assert event_id() == "wh-orders_create"
    assert event_id(x_shopify_webhook_id="") == "orders/create:ev-orders_create"
    assert len(event_id(x_shopify_webhook_id="", x_shopify_event_id="")) == 32


def test_an_edited_shopify_line_wants_what_is_left_of_it() -> None:
    first, second = lines_of(sample("shopify", "orders_updated_edited"))

    assert (first.quantity, first.not_made) == (2, None)
    assert second.not_made == "the line was taken out of the order"


@pytest.mark.parametrize("quantity", [-1, 0, "NaN", "sNaN", "two"])
def test_what_is_left_does_not_hide_an_order_of_nonsense(quantity: Any) -> None:
    told = changed(sample("shopify", "orders_updated_edited"), "line_items", 0, "quantity", to=quantity)

    assert refusal(told).pointer == "/line_items/0/quantity"


def test_a_shopify_edit_tells_additions_and_removals() -> None:
    command = shops.read(sample("shopify", "orders_edited")).command

    assert isinstance(command, ChangeLines)
    assert command.order_id == "820982911946154508"
    assert [(each.line_id, each.kind, each.quantity) for each in command.changes] == [
        ("866550311766439020", DeltaKind.ADDED, 2),
        ("466157049", DeltaKind.ADDED, 1),
        ("141249953214522974", DeltaKind.REMOVED, 1),
    ]


def test_a_shopify_refund_tells_its_lines_and_one_of_money_alone_none() -> None:
    command = shops.read(sample("shopify", "refunds_create")).command
    of_money = shops.read(changed(sample("shopify", "refunds_create"), "refund_line_items", to=[])).command

    assert [(each.line_id, each.kind) for each in command.changes] == [("866550311766439020", DeltaKind.REFUNDED)]
    assert deliveries.note_of(of_money) == "it names no lines"


def test_a_custom_item_names_no_product_and_a_gift_card_is_not_made() -> None:
    _, _, custom, gift_card = lines_of(sample("shopify", "orders_create_customised"))

    assert (custom.product_id, custom.not_made) == (None, None)
    assert gift_card.not_made == "a gift card is not made"


def test_the_parts_of_a_shopify_bundle_are_made_and_name_their_group() -> None:
    told = sample("shopify", "orders_create_bundle")

    assert made(told) == ["7777000000000021", "7777000000000022"]
    assert {line.part_of for line in lines_of(told)} == {"900000000000001"}


# WooCommerce ----------------------------------------------------------------------------------------------------------


def test_orders_of_one_second_share_woocommerces_delivery_id_and_are_two_deliveries() -> None:
    one = sample("woocommerce", "order_created")
    other = changed(one, "id", to=728)

    assert shops.read(one).name.event_id != shops.read(other).name.event_id


def test_orders_of_two_woocommerce_shops_do_not_meet() -> None:
    one = sample("woocommerce", "order_created", x_wc_webhook_source="https://One.example/")
    other = sample("woocommerce", "order_created", x_wc_webhook_source="https://one.example/fr")

    assert shops.read(one).name.source == "woocommerce:one.example"
    assert shops.read(other).name.source == "woocommerce:one.example/fr"


def test_woocommerces_topic_may_stand_in_two_halves() -> None:
    halves = {"x_wc_webhook_resource": "order", "x_wc_webhook_event": "updated"}

    assert (
        shops.read(sample("woocommerce", "order_created", x_wc_webhook_topic="", **halves)).name.topic
        == "order.updated"
    )


def test_no_variation_is_no_variant() -> None:
    plain, varied = lines_of(sample("woocommerce", "order_created"))

    assert (plain.variant_id, varied.variant_id) == (None, "23")


@pytest.mark.parametrize(
    ("name", "products"),
    [("order_created_bundle", ["61", "62", "63"]), ("order_created_composite", ["71", "73"])],
)
def test_of_bundles_and_composites_the_parts_are_made_and_never_the_whole(name: str, products: list[str]) -> None:
    told = sample("woocommerce", name)

    assert made(told) == products
    assert {line.not_made for line in lines_of(told)} == {None, bundles.PARTS_ARE_MADE}


def test_parts_that_are_known_only_by_their_keys_in_the_cart_are_found() -> None:
    told = sample("woocommerce", "order_created_composite")
    body = told.body
    for line in body["line_items"]:
        for field in ("composite_parent", "composite_children", "bundled_by", "bundled_items"):
            line.pop(field, None)

    assert made(told._replace(raw=json.dumps(body).encode())) == ["71", "73"]


def test_parts_that_are_known_only_by_ids_in_the_metadata_are_found() -> None:
    told = sample("woocommerce", "order_created_bundle")
    body = told.body
    for line in body["line_items"]:
        line["meta_data"] = [{"key": "_bundled_by", "value": line["bundled_by"]}]
        del line["bundled_by"], line["bundled_items"]

    assert made(told._replace(raw=json.dumps(body).encode())) == ["61", "62", "63"]


def test_a_whole_whose_parts_are_not_in_the_order_is_made() -> None:
    told = sample("woocommerce", "order_created_bundle")
    body = told.body
    body["line_items"] = body["line_items"][:1]

    assert made(told._replace(raw=json.dumps(body).encode())) == ["60"]


def test_lines_that_name_each_other_as_wholes_are_all_made() -> None:
    assert bundles.wholes({"a": "b", "b": "a", "c": "c", "d": "missing"}) == frozenset()
    assert bundles.wholes({"a": "b", "b": "a", "c": "a"}) == frozenset({"a", "b"})


def test_a_deleted_woocommerce_order_is_cancelled() -> None:
    command = shops.read(sample("woocommerce", "order_deleted")).command

    assert isinstance(command, CancelOrder)
    assert command.order_id == "727"


@pytest.mark.parametrize(
    ("raw", "headers", "is_ping"),
    [
        (b"webhook_id=7", {}, True),
        (b"webhook_id=7", {woocommerce.SIGNATURE: "x"}, False),
        (b"webhook_id=", {}, False),
        (b"webhook_id=7&x=1", {}, False),
    ],
)
def test_the_ping_of_woocommerce_is_known_by_its_form(raw: bytes, headers: dict[str, str], is_ping: bool) -> None:
    assert woocommerce.is_ping(raw, headers) is is_ping


# Saleor ---------------------------------------------------------------------------------------------------------------


def test_saleors_older_shape_names_the_variant_for_the_product() -> None:
    (line,) = lines_of(sample("saleor", "order_created"))

    assert line.product_id == line.variant_id == "UHJvZHVjdFZhcmlhbnQ6MzQ4"
    assert line.properties == {"engraving": "für Mía"}


def test_saleors_subscription_names_both_in_either_spelling() -> None:
    told = sample("saleor", "order_created_subscription")
    snake = told._replace(
        raw=told.raw.replace(b"productVariantId", b"product_variant_id").replace(b"updatedAt", b"updated_at")
    )

    for each in (told, snake):
        read = shops.read(each).command.order
        assert (read.items[0].product_id, read.items[0].variant_id) == ("UHJvZHVjdDoxNTM=", "UHJvZHVjdFZhcmlhbnQ6MzUz")
        assert read.updated_at == datetime(2023, 4, 1, 9, 0, 5, 123456, tzinfo=UTC)


def test_saleors_time_of_issue_counts_where_the_order_has_none() -> None:
    subscription = sample("saleor", "order_created_subscription")
    body = subscription.body
    del body["order"]["updatedAt"]

    assert shops.read(sample("saleor", "order_created")).command.order.updated_at == datetime(
        2022, 5, 4, 8, 44, 21, 100_000, tzinfo=UTC
    )
    assert shops.read(subscription._replace(raw=json.dumps(body).encode())).command.order.updated_at == datetime(
        2023, 4, 1, 9, 0, 6, tzinfo=UTC
    )


# Medusa ---------------------------------------------------------------------------------------------------------------


def test_a_thin_medusa_event_wants_its_lines_and_a_thin_cancel_does_not() -> None:
    thin = shops.read(sample("medusa", "order_placed_thin")).command
    edited = shops.read(sample("medusa", "order_edit_confirmed")).command
    cancelled = shops.read(sample("medusa", "order_canceled_thin")).command

    assert medusa.wanted_order(thin) == medusa.wanted_order(edited) == "order_01JENGB7A1TZC5QMNZBGVWHTFE"
    assert isinstance(cancelled, CancelOrder)
    assert medusa.wanted_order(cancelled) is None


@pytest.mark.parametrize(
    ("number", "raw", "quantity"),
    [(1.25, "1.250000", "1.25"), (0.1, "0.1", "0.1"), (2, "1", "2")],
)
def test_medusas_exact_number_counts_where_it_is_the_number_beside_it(number: float, raw: str, quantity: str) -> None:
    told = sample("medusa", "order_placed")
    body = told.body
    body["data"]["items"][0].update(quantity=number, raw_quantity={"value": raw})

    assert lines_of(told._replace(raw=json.dumps(body).encode()))[0].quantity == Decimal(quantity)


def test_a_medusa_item_without_a_quantity_of_its_own_takes_its_details() -> None:
    told = sample("medusa", "order_placed")
    body = told.body
    for item in body["data"]["items"]:
        del item["quantity"], item["raw_quantity"]

    assert [line.quantity for line in lines_of(told._replace(raw=json.dumps(body).encode()))] == [1, 2]


def test_a_fetched_order_is_an_update_and_another_order_is_refused() -> None:
    raw = (shops.SAMPLES / "medusa" / "fetched.json").read_bytes()

    command = medusa.fetched(raw, source="medusa", order_id="order_01JENGB7A1TZC5QMNZBGVWHTFE")

    assert isinstance(command, UpdateOrder)
    assert len(command.order.items or []) == 2
    with pytest.raises(Unreadable):
        medusa.fetched(raw, source="medusa", order_id="order_other")
