"""The shops of the tests: their sample bodies, the headers they send with them, and how each of them signs."""

import base64
import hmac
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from shared.domain.commands import Command
from shared.intake import canonical, cloudevents, medusa, saleor, shopify, woocommerce
from shared.intake.deliveries import Name
from shared.runtime import clock

SAMPLES = Path(__file__).parent / "samples"
SECRET = "a secret of the shop"
EVENT_KEY = b"twenty-four bytes of key"
EVENT_SECRET = "whsec_" + base64.b64encode(EVENT_KEY).decode()
KEY_ID = "saleor-1"

ADAPTERS: Mapping[str, Any] = {"shopify": shopify, "woocommerce": woocommerce, "saleor": saleor, "medusa": medusa}


class Read(NamedTuple):
    """What an adapter made of a delivery."""

    name: Name
    command: Any


class Sample(NamedTuple):
    """One delivery of a shop, unsigned."""

    vendor: str
    name: str
    raw: bytes
    headers: dict[str, str]

    @property
    def body(self) -> Any:
        return json.loads(self.raw)


def sample(vendor: str, name: str, *, body: Any = None, **headers: str) -> Sample:
    """A sample as its shop sends it, under the topic that its file is named after. body: another than the file's."""
    raw = (SAMPLES / vendor / f"{name}.json").read_bytes() if body is None else json.dumps(body).encode()
    told = {header.replace("_", "-"): value for header, value in headers.items()}
    return Sample(vendor, name, raw, {"content-type": "application/json", **_headers(vendor, name), **told})


def samples(vendor: str) -> list[Sample]:
    """Every delivery of a vendor that we have."""
    names = sorted(path.stem for path in (SAMPLES / vendor).glob("*.json") if path.stem != "fetched")
    return [sample(vendor, name) for name in names]


def read(told: Sample) -> Read:
    """What the vendor's adapter makes of it. Raises Unreadable."""
    return read_raw(told.vendor, told.raw, told.headers)


def read_raw(vendor: str, raw: bytes, headers: Mapping[str, str]) -> Read:
    """The same for any bytes and headers."""
    if vendor == "canonical":
        event = cloudevents.read(raw, headers)
        return Read(Name(source=event.source, event_id=event.id, topic=event.type), canonical.command_of(event))
    adapter = ADAPTERS[vendor]
    name = adapter.name_of(raw, headers)
    command: Command = adapter.command_of(raw, headers, name=name)
    return Read(name, command)


def signed(vendor: str, raw: bytes, headers: Mapping[str, str], *, secret: str = SECRET) -> dict[str, str]:
    """The headers with the vendor's signature of these bytes."""
    if vendor in ("canonical", "medusa"):
        return {**headers, **_standard(raw, message_id=headers.get("webhook-id", "msg_1"))}
    mac = hmac.digest(secret.encode(), raw, "sha256")
    if vendor == "saleor":
        return {**headers, saleor.SIGNATURE: mac.hex()}
    return {**headers, ADAPTERS[vendor].SIGNATURE: base64.b64encode(mac).decode()}


def signed_by_key(
    raw: bytes, headers: Mapping[str, str], *, key: rsa.RSAPrivateKey, key_id: str = KEY_ID
) -> dict[str, str]:
    """The headers with a detached JWS, made as Saleor makes it."""
    token = jwt.api_jws.encode(
        raw, key, algorithm="RS256", headers={"kid": key_id, "crit": ["b64"]}, is_payload_detached=True
    )
    return {**headers, saleor.SIGNATURE: token}


@cache
def a_key(number: int = 1) -> rsa.RSAPrivateKey:
    """A private key of a Saleor instance; another number is another instance's."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def jwks(*keys: rsa.RSAPrivateKey, key_id: str = KEY_ID) -> str:
    """The public half of keys, as `/.well-known/jwks.json` tells it."""
    told = [jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key(), as_dict=True) for key in keys]
    return json.dumps({"keys": [{**each, "kid": key_id, "use": "sig", "alg": "RS256"} for each in told]})


def _headers(vendor: str, name: str) -> dict[str, str]:
    if vendor == "shopify":
        return {
            "x-shopify-topic": "/".join(name.split("_")[:2]),
            "x-shopify-shop-domain": "jsmith.myshopify.com",
            "x-shopify-webhook-id": f"wh-{name}",
            "x-shopify-event-id": f"ev-{name}",
            "x-shopify-triggered-at": "2022-01-01T00:00:00.000000000Z",
            "x-shopify-api-version": "2025-10",
        }
    if vendor == "woocommerce":
        return {
            "x-wc-webhook-topic": ".".join(name.split("_")[:2]),
            "x-wc-webhook-source": "https://shop.example/",
            "x-wc-webhook-id": "5",
            "x-wc-webhook-delivery-id": f"delivery-{name}",
        }
    if vendor == "saleor":
        event = "_".join(name.split("_")[:2])
        return {
            "saleor-event": event,
            "saleor-domain": "api.saleor.example",
            "saleor-api-url": "https://api.saleor.example/graphql/",
        }
    if vendor == "canonical":
        return {"content-type": "application/cloudevents+json"}
    return {"webhook-id": f"msg-{name}"}


def _standard(raw: bytes, *, message_id: str) -> dict[str, str]:
    stamp = str(int(clock.now().timestamp()))
    mac = hmac.digest(EVENT_KEY, f"{message_id}.{stamp}.".encode("latin-1", "replace") + raw, "sha256")
    signature = f"v1,{base64.b64encode(mac).decode()}"
    return {"webhook-id": message_id, "webhook-timestamp": stamp, "webhook-signature": signature}
