"""Ids: prefixed and sortable by time. Ids made while carrying out a message follow from it, so a replay makes the same ones."""

import hashlib
from datetime import datetime

from ulid import ULID


def fresh(prefix: str) -> str:
    """A new id, unique and sortable by the time it was made."""
    return f"{prefix}_{str(ULID()).lower()}"


def derived(prefix: str, *key: object, at: datetime) -> str:
    """The id that follows from a key: the same key and time give the same id, sortable by that time."""
    digest = hashlib.sha256("\0".join(map(str, key)).encode()).digest()
    milliseconds = int(at.timestamp() * 1000)
    return f"{prefix}_{str(ULID(milliseconds.to_bytes(6, 'big') + digest[:10])).lower()}"
