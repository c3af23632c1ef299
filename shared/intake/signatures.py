"""Standard Webhooks: whether raw bytes were signed by somebody who knows one of our secrets, within five minutes of now.

Written here and not taken from the library because the instant is an argument, and several secrets live side by side.
"""

import base64
import binascii
import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime

TOLERANCE_SECONDS = 5 * 60
LEAST_BYTES = 16
LEAST_CHARACTERS = 24
MOST_SIGNATURES = 20
PREFIX = "whsec_"


class BadSignature(Exception):
    """There is no signature, or it is wrong, too old or from the future. Which one is nobody's business."""


class UnusableSecret(ValueError):
    """The setting's value cannot be used; the message says why, without the value."""


def keys(setting: str) -> tuple[bytes, ...]:
    """The keys of a setting: secrets with commas between, all of them good at once. None for an empty setting.

    `whsec_` and base64 of at least 16 bytes, as Standard Webhooks writes them; or plain text of at least 24 characters,
    used as its bytes (and, where it happens to be base64, as what it encodes: some senders decode it unasked).
    """
    return tuple(key for secret in setting.split(",") if secret.strip() for key in _keys_of(secret.strip()))


def verify(raw: bytes, headers: Mapping[str, str], *, keys: Sequence[bytes], at: datetime) -> None:
    """Raise BadSignature unless one signature in the headers (names in lower case) fits one key, at this instant."""
    message_id = headers.get("webhook-id", "")
    timestamp = headers.get("webhook-timestamp", "")
    if not (message_id and timestamp.isascii() and timestamp.isdigit() and len(timestamp) < 15):
        raise BadSignature
    if abs(at.timestamp() - int(timestamp)) > TOLERANCE_SECONDS:
        raise BadSignature
    signed = message_id.encode("latin-1", "replace") + b"." + timestamp.encode() + b"." + raw
    given = _signatures(headers.get("webhook-signature", ""))
    wanted = [hmac.digest(key, signed, "sha256") for key in keys]
    # Every pair is compared, each in constant time: how long it takes says nothing about where a match was.
    if not sum(hmac.compare_digest(one, other) for one in given for other in wanted):
        raise BadSignature


def _signatures(header: str) -> list[bytes]:
    """The `v1` signatures; other versions and what is not base64 are passed over."""
    found = []
    for each in header.split(" ")[:MOST_SIGNATURES]:
        version, _, text = each.partition(",")
        signature = _decoded(text) if version == "v1" else None
        if signature:
            found.append(signature)
    return found


def _keys_of(secret: str) -> list[bytes]:
    if secret.startswith(PREFIX):
        key = _decoded(secret.removeprefix(PREFIX))
        if key is None or len(key) < LEAST_BYTES:
            raise UnusableSecret(
                f"a secret that begins with {PREFIX} goes on with base64 of {LEAST_BYTES} bytes or more"
            )
        return [key]
    if len(secret) < LEAST_CHARACTERS:
        raise UnusableSecret(f"a plain secret has {LEAST_CHARACTERS} characters or more")
    key = _decoded(secret)
    return [secret.encode(), *([key] if key and len(key) >= LEAST_BYTES else [])]


def _decoded(text: str) -> bytes | None:
    """Base64, with or without its padding."""
    try:
        return base64.b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None
