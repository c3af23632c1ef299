"""Signatures of shops: whether raw bytes were signed by the shop that knows one of our secrets, or holds the key we know.

Shopify and WooCommerce send an HMAC in base64, Saleor one in hex or a detached JWS. Every comparison takes constant time.
"""

import base64
import binascii
import hmac
import json
from collections.abc import Sequence

import jwt
from jwt import PyJWK, PyJWKSet

from shared.intake.signatures import BadSignature, UnusableSecret

ALGORITHM = "RS256"
LONGEST_SIGNATURE = 10_000


def secrets(setting: str) -> tuple[bytes, ...]:
    """The secrets of a setting, commas between, all of them good at once."""
    return tuple(secret.strip().encode() for secret in setting.split(",") if secret.strip())


def verify_base64(raw: bytes, given: str, *, secrets: Sequence[bytes]) -> None:
    """Raise BadSignature unless the header is the base64 HMAC-SHA256 of the bytes by one of the secrets."""
    try:
        told = base64.b64decode(given.strip(), validate=True)
    except (binascii.Error, ValueError):
        raise BadSignature from None
    _check(raw, told, secrets=secrets)


def verify_hex(raw: bytes, given: str, *, secrets: Sequence[bytes]) -> None:
    """Raise BadSignature unless the header is the hexadecimal HMAC-SHA256 of the bytes by one of the secrets."""
    try:
        told = binascii.unhexlify(given.strip())
    except (binascii.Error, ValueError):
        raise BadSignature from None
    _check(raw, told, secrets=secrets)


def verify_jws(raw: bytes, given: str, *, keys: Sequence[PyJWK]) -> None:
    """Raise BadSignature unless the header is a detached JWS (RFC 7797) of the bytes by one of the keys, RS256 and nothing else."""
    if len(given) > LONGEST_SIGNATURE or not given.isascii():
        raise BadSignature
    for key in _those_of(given, keys):
        try:
            jwt.api_jws.decode(given, key, algorithms=[ALGORITHM], detached_payload=raw)
        except (jwt.PyJWTError, ValueError, TypeError):
            continue
        return
    raise BadSignature


def is_jws(given: str) -> bool:
    """A detached JWS has two dots with nothing between."""
    return ".." in given


def public_keys(setting: str) -> tuple[PyJWK, ...]:
    """The RSA keys of a JWKS document. Raises UnusableSecret, without the value."""
    if not setting.strip():
        return ()
    try:
        found = PyJWKSet.from_dict(json.loads(setting)).keys
    except (jwt.PyJWTError, ValueError, TypeError, AttributeError, KeyError, RecursionError):
        raise UnusableSecret("it is no JSON Web Key Set with a usable key") from None
    usable = tuple(key for key in found if key.key_type == "RSA")
    if not usable:
        raise UnusableSecret("it holds no RSA key")
    return usable


def _those_of(given: str, keys: Sequence[PyJWK]) -> list[PyJWK]:
    """The keys that the signature's header names; all where it names none."""
    try:
        key_id = jwt.get_unverified_header(given).get("kid")
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
        raise BadSignature from None
    return [key for key in keys if key_id is None or key.key_id is None or key.key_id == key_id]


def _check(raw: bytes, told: bytes, *, secrets: Sequence[bytes]) -> None:
    # Every secret is tried: how long it takes says nothing about which was right.
    if not sum(hmac.compare_digest(told, hmac.digest(secret, raw, "sha256")) for secret in secrets):
        raise BadSignature
