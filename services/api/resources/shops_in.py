"""Shops' own events in: verified on the raw bytes by the shop's own signature, then one adapter reads them into a command, once."""

import functools
from collections.abc import Callable, Mapping

import msgspec

from services.api.resources.events_in import check_event_signature, not_configured, problem_of, unsigned
from services.api.routes import Call, Reply, Route, Who
from shared.domain.commands import Command
from shared.intake import deliveries, medusa, saleor, shop_signatures, shopify, woocommerce
from shared.intake.deliveries import Name
from shared.intake.pointers import Unreadable
from shared.intake.signatures import BadSignature, UnusableSecret
from shared.runtime import logs
from shared.runtime.settings import Settings
from shared.storage import inbox

Headers = Mapping[str, str]


class Shop(msgspec.Struct, frozen=True):
    """One kind of shop. verify raises Problem, name_of and command_of raise Unreadable. Headers come with names in lower case.

    wanted: the order that a command only names, where it can be fetched.
    """

    verify: Callable[[bytes, Headers, Settings], None]
    name_of: Callable[[bytes, Headers], Name]
    command_of: Callable[..., Command]
    wanted: Callable[[Command], str | None] = lambda _: None


def take_medusa(call: Call) -> Reply:
    """Store what Medusa's forwarder sends; an order that is only named is parked, and fetched where that is configured."""
    return _take(call, MEDUSA)


def take_shopify(call: Call) -> Reply:
    """Store what Shopify sends; 202 means that it will happen exactly once."""
    return _take(call, SHOPIFY)


def take_woocommerce(call: Call) -> Reply:
    """Store what WooCommerce sends; its ping, which it sends when a webhook is saved, changes nothing."""
    headers = _headers(call)
    if woocommerce.is_ping(call.body, headers):
        _woocommerce_secrets(call.desk.settings)
        return Reply({"accepted": True, "note": "the ping of a new webhook; nothing is made of it"})
    return _take(call, WOOCOMMERCE)


def take_saleor(call: Call) -> Reply:
    """Store what Saleor sends, signed by its own key or by the webhook's secret."""
    return _take(call, SALEOR)


def _take(call: Call, shop: Shop) -> Reply:
    raw, headers = call.body, _headers(call)
    shop.verify(raw, headers, call.desk.settings)
    try:
        name = shop.name_of(raw, headers)
        command = _command_of(call, shop, raw, headers, name=name)
    except Unreadable as wrong:
        raise problem_of(wrong) from None
    note = deliveries.note_of(command)
    kept = msgspec.structs.replace(_kept(raw, headers, name, reason=note), order_id=shop.wanted(command))
    with call.desk.engine.begin() as connection:
        taken = inbox.take_in(
            connection, command, source=name.source, event_id=name.event_id, message_id=name.message_id, kept=kept
        )
    told = {
        "accepted": True,
        "duplicate": taken.is_duplicate,
        "event_id": name.event_id,
        "message_id": taken.message_id,
    }
    return Reply({**told, **({"note": f"Nothing is made: {note}."} if note else {})}, status=202)


def _command_of(call: Call, shop: Shop, raw: bytes, headers: Headers, *, name: Name) -> Command:
    """What the delivery asks for. An order that cannot be read is kept with the reason; what is no order is not."""
    try:
        return shop.command_of(raw, headers, name=name)
    except Unreadable as wrong:
        if wrong.code != deliveries.NOT_TAKEN:
            kept = _kept(raw, headers, name, reason=f"{wrong.detail} ({wrong.pointer})")
            with call.desk.engine.begin() as connection:
                inbox.keep_refused(connection, kept, source=name.source, event_id=name.event_id)
        raise


def _kept(raw: bytes, headers: Headers, name: Name, *, reason: str | None) -> inbox.Kept:
    return inbox.Kept(body=raw, headers=deliveries.without_secrets(headers), topic=name.topic, reason=reason)


def _headers(call: Call) -> dict[str, str]:
    return {name.lower(): value for name, value in call.req.headers.items()}


# Signatures ---------------------------------------------------------------------------------------------------------


def _verify_medusa(raw: bytes, headers: Headers, settings: Settings) -> None:
    check_event_signature(raw, headers, setting=settings.event_secret)


def _verify_shopify(raw: bytes, headers: Headers, settings: Settings) -> None:
    secrets = shop_signatures.secrets(settings.shopify_secret)
    if not secrets:
        raise not_configured("LOOMLINE_SHOPIFY_SECRET is not set")
    try:
        shop_signatures.verify_base64(raw, headers.get(shopify.SIGNATURE, ""), secrets=secrets)
    except BadSignature:
        raise unsigned(_DETAIL) from None


def _verify_woocommerce(raw: bytes, headers: Headers, settings: Settings) -> None:
    secrets = _woocommerce_secrets(settings)
    try:
        shop_signatures.verify_base64(raw, headers.get(woocommerce.SIGNATURE, ""), secrets=secrets)
    except BadSignature:
        raise unsigned(_DETAIL) from None


def _woocommerce_secrets(settings: Settings) -> tuple[bytes, ...]:
    secrets = shop_signatures.secrets(settings.woocommerce_secret)
    if not secrets:
        raise not_configured("LOOMLINE_WOOCOMMERCE_SECRET is not set")
    return secrets


def _verify_saleor(raw: bytes, headers: Headers, settings: Settings) -> None:
    secrets = shop_signatures.secrets(settings.saleor_secret)
    try:
        keys = _public_keys(settings.saleor_jwks)
    except UnusableSecret as why:
        _log.error("saleor_jwks_unusable", setting="LOOMLINE_SALEOR_JWKS", why=str(why))
        raise not_configured("LOOMLINE_SALEOR_JWKS cannot be used") from None
    if not (secrets or keys):
        raise not_configured("neither LOOMLINE_SALEOR_SECRET nor LOOMLINE_SALEOR_JWKS is set")
    given = saleor.signature_of(headers)
    try:
        if shop_signatures.is_jws(given):
            shop_signatures.verify_jws(raw, given, keys=keys)
        else:
            shop_signatures.verify_hex(raw, given, secrets=secrets)
    except BadSignature:
        raise unsigned(_DETAIL) from None


_public_keys = functools.lru_cache(maxsize=8)(shop_signatures.public_keys)
_DETAIL = "The signature is missing, or was not made of these bytes with one of our secrets."
_log = logs.get("shops_in")


MEDUSA = Shop(_verify_medusa, medusa.name_of, medusa.command_of, medusa.wanted_order)
SHOPIFY = Shop(_verify_shopify, shopify.name_of, shopify.command_of)
WOOCOMMERCE = Shop(_verify_woocommerce, woocommerce.name_of, woocommerce.command_of)
SALEOR = Shop(_verify_saleor, saleor.name_of, saleor.command_of)


def _route(shop: str, do: Callable[[Call], Reply], *, summary: str, more: Mapping[int, str] | None = None) -> Route:
    answers = {
        202: "Stored; it happens once.",
        401: "Not signed by us.",
        422: "Not an order, or one that cannot be read; the detail says why.",
        503: "The shop's secret is not set.",
    }
    return Route(
        method="POST",
        path=f"/events/{shop}",
        do=do,
        who=Who.ANYBODY,
        tag="events",
        summary=summary,
        body=bytes,
        answers={**(more or {}), **answers},
    )


ROUTES: tuple[Route, ...] = (
    _route("medusa", take_medusa, summary="Take an event of Medusa's forwarder in."),
    _route("shopify", take_shopify, summary="Take a webhook of Shopify in."),
    _route("woocommerce", take_woocommerce, summary="Take a webhook of WooCommerce in.", more={200: "A ping."}),
    _route("saleor", take_saleor, summary="Take a webhook of Saleor in."),
)
