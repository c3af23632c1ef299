"""API tokens: how one is written, and what of it is stored. The gateway and the operator's command make the same ones."""

import hashlib
import secrets
import zlib

API_TOKEN_PREFIX = "llt_"  # noqa: S105 - how a token begins, not one


def sha256(token: str) -> str:
    """What is stored of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def new_api_token(token_id: str) -> str:
    """`llt_<id>_<32 random bytes>_<checksum>`: the id tells which one leaked, the checksum tells a typing error."""
    told = f"{API_TOKEN_PREFIX}{token_id.partition('_')[2]}_{secrets.token_hex(32)}"
    return f"{told}_{checksum(told)}"


def is_well_formed(token: str) -> bool:
    """The checksum fits: nobody mistyped it."""
    told, _, given = token.rpartition("_")
    return secrets.compare_digest(checksum(told).encode(), given.encode())


def checksum(told: str) -> str:
    return f"{zlib.crc32(told.encode()):08x}"
