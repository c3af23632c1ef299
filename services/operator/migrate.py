"""Bring a database to the schema of this release. `loomline migrate`, `up` and the tests use it; two at once do no harm."""

import re
import threading
from pathlib import Path

import psycopg

ROOT = Path(__file__).resolve().parents[2]

VERSIONS = ROOT / "migrations" / "versions"

LOCK = 7_305_806_031
"""The advisory lock of migrations: any number, but always the same."""

_REVISION = re.compile(r"^(revision|down_revision)\b[^=]*=\s*['\"]([^'\"]+)['\"]", re.MULTILINE)


def upgrade(url: str) -> bool:
    """Upgrade to the head. False means that there was nothing to do."""
    with psycopg.connect(url, autocommit=True) as connection:
        if current(connection) == head():
            return False
        _lock(connection)
        _run_alembic(url)
    return True


def head(versions: Path = VERSIONS) -> str | None:
    """The newest revision, read from the files' text: to import alembic takes longer than most starts may."""
    found = _revisions(versions)
    ancestors = {revision for name, revision in found if name == "down_revision"}
    return next((revision for name, revision in found if name == "revision" and revision not in ancestors), None)


def is_behind(at: object) -> bool:
    """A database there lacks something this release needs. One ahead of us was made to serve us as well."""
    return at is None or (at != head() and ("revision", at) in _revisions(VERSIONS))


def current(connection: "psycopg.Connection[tuple[object, ...]]") -> object:
    """The revision that the database is at, None when it is empty."""
    try:
        row = connection.execute("select version_num from alembic_version").fetchone()
    except psycopg.errors.UndefinedTable:
        return None
    return row[0] if row else None


def _revisions(versions: Path) -> list[tuple[str, str]]:
    return [match for file in versions.glob("*.py") for match in _REVISION.findall(file.read_text())]


def _lock(connection: "psycopg.Connection[tuple[object, ...]]") -> None:
    """Wait for our turn by asking again and again: a waiting statement would hold up `create index concurrently`."""
    while True:
        row = connection.execute("select pg_try_advisory_lock(%s)", [LOCK]).fetchone()
        if row and row[0]:
            return
        threading.Event().wait(0.2)


def _run_alembic(url: str) -> None:
    from alembic import command
    from alembic.config import Config
    from sqlalchemy import create_engine
    from sqlalchemy.pool import NullPool

    from shared.storage import database

    config = Config(toml_file=str(ROOT / "pyproject.toml"))
    engine = create_engine(database.sqlalchemy_url(url), poolclass=NullPool)
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
