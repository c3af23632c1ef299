"""The process's clock: the one place that reads it. Actors take the database's time instead."""

from datetime import UTC, datetime


def now() -> datetime:
    """This instant, aware UTC."""
    return datetime.now(UTC)  # noqa: TID251 - this is the place
