"""The database: URLs, engines, and what to say when it is not there."""

from urllib.parse import urlsplit

import sqlalchemy

LOCK_TIMEOUT_MS = 5_000
"""No command waits longer for a row; then it is tried again."""

STATEMENT_TIMEOUT_MS = 30_000
"""No query of the product runs longer; a thread's time limit cannot interrupt one."""


def sqlalchemy_url(url: str) -> str:
    """The URL with SQLAlchemy's name for our driver in front."""
    scheme, _, rest = url.partition("://")
    return f"postgresql+psycopg://{rest}" if scheme in ("postgresql", "postgres") else url


def driver_url(url: str) -> str:
    """The URL as psycopg itself reads it."""
    return url.replace("postgresql+psycopg://", "postgresql://", 1)


def connect(url: str, *, pool_size: int = 5, application: str = "loomline") -> sqlalchemy.Engine:
    """An engine with bounded pool and timeouts. Make it after fork; connections open lazily."""
    return sqlalchemy.create_engine(
        sqlalchemy_url(url),
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=5,
        pool_pre_ping=False,
        pool_reset_on_return="rollback",
        hide_parameters=True,  # an error's text is logged, and values may be secrets
        connect_args={
            "connect_timeout": 5,
            "keepalives_idle": 30,
            "keepalives_interval": 10,
            "keepalives_count": 3,
            "application_name": application,
            "options": f"-c lock_timeout={LOCK_TIMEOUT_MS} -c statement_timeout={STATEMENT_TIMEOUT_MS} -c timezone=UTC -c jit=off",
        },
    )


def without_password(url: str) -> str:
    """The URL as it may be shown."""
    parts = urlsplit(url)
    if parts.password is None:
        return url
    return url.replace(f":{parts.password}@", ":***@", 1)
