"""Migrations: two at once do no harm, the short cut tells the truth, and the schema is the one in the tables' module."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from services.operator import migrate
from shared.storage import database as databases
from shared.storage import invariants, tables
from tests import places


@pytest.fixture
def empty(postgres: places.Server) -> Iterator[str]:
    """A database without our schema."""
    url = postgres.create_database()
    yield url
    postgres.drop_database(url)


def walk(url: str, go: Callable[[Config, str], None], revision: str) -> None:
    """Let alembic upgrade or downgrade to a revision."""
    config = Config(toml_file=str(migrate.ROOT / "pyproject.toml"))
    engine = create_engine(databases.sqlalchemy_url(url), poolclass=NullPool)
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        go(config, revision)


def differences(url: str) -> list[Any]:
    """What the schema there has more, less or otherwise than the tables' module."""
    engine = create_engine(databases.sqlalchemy_url(url), poolclass=NullPool)
    with engine.connect() as connection:
        return list(compare_metadata(MigrationContext.configure(connection), tables.metadata))


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
    assert differences(database) == []


def test_a_release_taken_back_is_brought_again(empty: str) -> None:
    migrate.upgrade(empty)

    walk(empty, command.downgrade, "0001")
    assert differences(empty) != []
    migrate.upgrade(empty)

    assert differences(empty) == []


@pytest.mark.parametrize("name", ["ix_notification_next_at", "ix_notification_run_id", "ix_order_line_unmapped"])
def test_an_index_that_was_cut_off_is_made_again(empty: str, name: str) -> None:
    walk(empty, command.upgrade, "0002")
    with psycopg.connect(empty) as connection:
        connection.execute(f"create index {name} on message (id)")

    migrate.upgrade(empty)

    assert differences(empty) == []


SHELVES = {
    ("item_yarn", "sloc_a"): Decimal("100"),
    ("item_yarn", "sloc_b"): Decimal("0.000001"),
    ("item_silk", "sloc_a"): Decimal("0"),
    ("item_silk", "sloc_b"): Decimal("999999999999.999999"),
}


def test_the_ledger_opens_with_what_was_on_the_shelves(empty: str) -> None:
    walk(empty, command.upgrade, "0001")
    with psycopg.connect(empty) as connection:
        for item in ("item_yarn", "item_silk"):
            connection.execute(
                "insert into inventory_item (id, sku, title, unit_of_measure) values (%s, %s, 'x', 'Meter')",
                [item, item],
            )
        for place in ("sloc_a", "sloc_b"):
            connection.execute("insert into stock_location (id, name) values (%s, 'x')", [place])
        for number, ((item, place), stocked) in enumerate(SHELVES.items()):
            level = [f"slev_{number}", item, place, stocked]
            connection.execute(
                "insert into stock_level (id, inventory_item_id, location_id, stocked) values (%s, %s, %s, %s)", level
            )

    migrate.upgrade(empty)

    with psycopg.connect(empty) as connection:
        ledger = connection.execute(
            "select inventory_item_id, location_id, quantity, reason from stock_movement"
        ).fetchall()
        levels = connection.execute("select inventory_item_id, location_id, stocked from stock_level").fetchall()
    opened = {(item, place): quantity for item, place, quantity, _ in ledger}
    assert {(item, place): stocked for item, place, stocked in levels} == SHELVES
    assert opened == {shelf: stocked for shelf, stocked in SHELVES.items() if stocked}
    assert len(ledger) == len(opened)
    assert {reason for *_, reason in ledger} == {"opening balance"}
    engine = create_engine(databases.sqlalchemy_url(empty), poolclass=NullPool)
    with engine.connect() as looking:
        assert not any(invariants.check(looking).values())
