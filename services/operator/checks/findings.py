"""A finding: how one thing stands, in a sentence, and what to do about it."""

from enum import StrEnum

import msgspec


class Standing(StrEnum):
    """How a thing stands."""

    OK = "ok"
    WARNING = "warning"
    WRONG = "wrong"


class Finding(msgspec.Struct, frozen=True):
    """One line of the doctor's. fix: what to do, unless all is well."""

    name: str
    standing: Standing
    detail: str
    fix: str | None = None


def ok(name: str, detail: str) -> Finding:
    return Finding(name, Standing.OK, detail)


def warning(name: str, detail: str, *, fix: str) -> Finding:
    """It works, and somebody should know."""
    return Finding(name, Standing.WARNING, detail, fix)


def wrong(name: str, detail: str, *, fix: str) -> Finding:
    """It does not work, or a promise is not kept."""
    return Finding(name, Standing.WRONG, detail, fix)
