"""Migrations: two at once do no harm, the short cut tells the truth, and the schema is the one in the tables' module."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from services.operator import migrate
from shared.storage import database as databases
from shared.storage import tables
from tests import places


@pytest.fixture
def empty(postgres: places.Server) -> Iterator[str]:
    """A database without our schema."""
    url = postgres.create_database()
    yield url
    postgres.drop_database(url)


def test_the_head_read_from_the_files_is_the_one_alembic_finds() -> None:
    scripts = ScriptDirectory.from_config(Config(toml_file=str(migrate.ROOT / "pyproject.toml")))

    assert [migrate.head()] == scripts.get_heads()


def test_two_migrations_at_once_do_the_work_once(empty: str) -> None:
    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(migrate.upgrade, empty) for _ in range(2)]:
            done.result()

    with psycopg.connect(empty) as connection:
        assert migrate.current(connection) == migrate.head()


def test_a_database_at_the_head_is_left_alone(database: str) -> None:
    assert migrate.upgrade(database) is False


def test_the_migrated_schema_is_the_one_in_the_tables(database: str) -> None:
    engine = create_engine(databases.sqlalchemy_url(database), poolclass=NullPool)

    with engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), tables.metadata)

    assert differences == []
