"""Links in messages: signed, so that nobody can make one up, and good for a while. A link names one run before one partner."""

import base64
import binascii
import hashlib
import hmac
from datetime import UTC, datetime, timedelta

import msgspec

GOOD_FOR = timedelta(days=14)


class RunLink(msgspec.Struct, frozen=True, array_like=True):
    """What a link opens, and until when (whole seconds of UTC)."""

    run_id: str
    partner_id: str
    until: int

    def is_over(self, *, at: datetime) -> bool:
        return at >= datetime.fromtimestamp(self.until, UTC)


def token(run_id: str, *, partner_id: str, at: datetime, secret: str) -> str:
    """The token of a link that is made now."""
    link = RunLink(run_id, partner_id, int((at + GOOD_FOR).timestamp()))
    told = msgspec.json.encode(link)
    return _text(told + _seal(told, secret))


def opened(text: str, *, secret: str) -> RunLink | None:
    """The link of a token, None when it is not one of ours. Whether it is over is asked of the link."""
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        told, seal = raw[:-_SEAL_BYTES], raw[-_SEAL_BYTES:]
        is_ours = bool(secret) and hmac.compare_digest(seal, _seal(told, secret))
        return msgspec.json.decode(told, type=RunLink) if is_ours else None
    except (ValueError, binascii.Error, msgspec.MsgspecError):
        return None


def _seal(told: bytes, secret: str) -> bytes:
    return hmac.digest(secret.encode(), b"run link " + told, hashlib.sha256)[:_SEAL_BYTES]


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


_SEAL_BYTES = 16
