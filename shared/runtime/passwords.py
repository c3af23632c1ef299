"""Passwords: Argon2id, and one way to check them that takes as long for people who do not exist."""

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_NOBODY = _hasher.hash("nobody signs in with this")


def hashed(password: str) -> str:
    """The Argon2id hash to store."""
    return _hasher.hash(password)


def fits(password: str, stored: str | None) -> bool:
    """The password is right. Without a stored hash it takes the same time and is never right."""
    try:
        _hasher.verify(stored or _NOBODY, password)
    except (VerifyMismatchError, InvalidHashError):
        return False
    return stored is not None
