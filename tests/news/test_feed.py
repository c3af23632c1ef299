"""The feed: nothing is skipped however transactions end, nothing is read twice, and one copy reads at a time."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from sqlalchemy import Connection, text

from shared.domain.events import EVENTS
from shared.runtime import ids
from shared.storage import feed
from shared.storage.feed import Batch
from tests.news.house import PressOffice
from tests.places import eventually
from tests.workshop import TestBench

READER = "tests"


@pytest.fixture
def begun(workshop: TestBench) -> TestBench:
    with workshop.engine.begin() as connection:
        feed.begin(connection, READER)
    return workshop


def read_all(bench: TestBench, count: int, *, limit: int = 100) -> list[str]:
    """The ids of the next events, as soon as there are so many: the server's own upkeep holds a feed back for a moment."""
    seen: list[str] = []
    eventually(lambda: seen.extend(read(bench, limit=limit)) or len(seen) >= count)
    assert read(bench) == []
    return seen


def read(bench: TestBench, *, limit: int = 100) -> list[str]:
    """The ids of the next events; the reader moves on behind them."""
    with bench.engine.begin() as connection:
        place = feed.take(connection, READER)
        assert place is not None
        batch: Batch = feed.read(connection, place, limit=limit)
        if batch.behind:
            feed.advance(connection, READER, batch.behind)
        return [event.id for event in batch.events]


@contextmanager
def a_transaction(bench: TestBench) -> Iterator[Connection]:
    """Commits when it is left."""
    with bench.engine.begin() as connection:
        yield connection


def write(connection: Connection, name: str, *, kind: str = "production_run.noted", run_id: str | None = None) -> str:
    connection.execute(
        text(
            """INSERT INTO message (id, kind, version, body, run_id, actor, correlation)
               VALUES (:id, :kind, 1, '{}', :run, '{"kind": "system"}', :id)"""
        ),
        {"id": name, "kind": kind, "run": run_id},
    )
    return name


def test_a_transaction_that_commits_late_is_not_skipped(begun: TestBench) -> None:
    with a_transaction(begun) as late:
        write(late, "first_written")
        with a_transaction(begun) as early:
            write(early, "second_written")
        assert read(begun) == []

    assert read_all(begun, 2) == ["first_written", "second_written"]


def test_one_that_takes_its_number_early_and_writes_late_is_not_skipped(begun: TestBench) -> None:
    with ExitStack() as ends_last:
        slow = ends_last.enter_context(a_transaction(begun))
        slow.exec_driver_sql("SELECT pg_current_xact_id()")
        for number in range(5):
            with a_transaction(begun) as quick:
                write(quick, f"quick_{number}")
        assert read(begun) == []
        write(slow, "slow")

    assert sorted(read_all(begun, 6)) == ["quick_0", "quick_1", "quick_2", "quick_3", "quick_4", "slow"]


def test_what_was_rolled_back_is_never_read(begun: TestBench) -> None:
    with begun.engine.connect() as connection:
        write(connection, "never")
        connection.rollback()
    with a_transaction(begun) as connection:
        write(connection, "always")

    assert read_all(begun, 1) == ["always"]


def test_a_reader_that_dies_reads_the_same_again(begun: TestBench) -> None:
    with a_transaction(begun) as connection:
        write(connection, "told")
    with begun.engine.connect() as dying:
        place = feed.take(dying, READER)
        assert place is not None
        behind = eventually(lambda: feed.read(dying, place, limit=10).behind or False)
        feed.advance(dying, READER, behind)
        dying.rollback()

    assert read_all(begun, 1) == ["told"]


def test_one_copy_reads_at_a_time_and_holds_up_no_other_reader(begun: TestBench) -> None:
    with begun.engine.begin() as connection:
        feed.begin(connection, "other")
    with begun.engine.begin() as first:
        assert feed.take(first, READER) is not None
        with begun.engine.begin() as second:
            assert feed.take(second, READER) is None
            assert feed.take(second, "other") is not None
        with a_transaction(begun) as connection:
            write(connection, "meanwhile")
        with begun.engine.begin() as third:
            place = feed.take(third, "other")
            assert place is not None
            told = eventually(lambda: feed.read(third, place, limit=10).events or False)
            assert [event.id for event in told] == ["meanwhile"]


def test_batches_leave_nothing_out_and_repeat_nothing(begun: TestBench) -> None:
    names = []
    for number in range(10):
        with a_transaction(begun) as connection:
            names += [write(connection, f"event_{number}_{place}") for place in range(number % 3 + 1)]

    seen = read_all(begun, len(names), limit=4)

    assert sorted(seen) == sorted(names)
    assert len(seen) == len(set(seen))


def test_commands_and_what_nobody_knows_are_no_news(begun: TestBench) -> None:
    with a_transaction(begun) as connection:
        for kind in ("run.accept", "task.accept", "order.placed", "webhook_endpoint.turned_off"):
            write(connection, ids.fresh("msg"), kind=kind)
        write(connection, "news", kind="task.accepted")

    assert read_all(begun, 1) == ["news"]


def test_no_event_is_called_what_the_feed_leaves_out() -> None:
    assert [kind for kind in EVENTS if kind.startswith("run.")] == []


def test_rows_older_than_feeds_are_not_read(begun: TestBench) -> None:
    with a_transaction(begun) as connection:
        write(connection, "old")
        connection.exec_driver_sql("UPDATE message SET xid = NULL")

    assert read(begun) == []


def test_a_reader_begins_now(workshop: TestBench) -> None:
    with a_transaction(workshop) as connection:
        write(connection, "before")
    with workshop.engine.connect() as under_way:
        write(under_way, "under_way")
        with workshop.engine.begin() as connection:
            feed.begin(connection, READER)
        under_way.commit()
    with a_transaction(workshop) as connection:
        feed.begin(connection, READER)
        write(connection, "after")

    assert read_all(workshop, 2) == ["under_way", "after"]


def test_the_events_of_a_run_are_numbered_from_one_without_a_gap(office: PressOffice, begun: TestBench) -> None:
    run = begun.a_sent_run()
    for _ in range(3):
        office.a_note(run)

    with begun.engine.begin() as connection:
        place = feed.take(connection, READER)
        assert place is not None
        events = [event for event in feed.read(connection, place, limit=500).events if event.run_id == run]

    assert [event.number for event in events] == list(range(1, len(events) + 1))
    assert [event.kind for event in events] == begun.events(run)
    assert {event.design_id for event in events} == {begun.run(run)["design_id"]}


def test_the_lag_is_that_of_the_oldest_event_not_told(begun: TestBench) -> None:
    with begun.engine.connect() as connection:
        assert feed.lags(connection) == {READER: 0.0}
    with a_transaction(begun) as connection:
        write(connection, "old")
        connection.exec_driver_sql("UPDATE message SET created_at = now() - interval '1 hour'")

    with begun.engine.connect() as connection:
        lag: dict[str, Any] = feed.lags(connection)
    assert 3_600 <= lag[READER] < 3_700
    with begun.engine.begin() as connection:
        feed.skip(connection, READER)
        assert feed.lags(connection) == {READER: 0.0}
    assert read(begun) == []


def test_the_feed_reads_by_its_index(begun: TestBench) -> None:
    with begun.engine.connect() as connection:
        connection.exec_driver_sql("SET enable_seqscan = off")
        plan = connection.exec_driver_sql(
            f"EXPLAIN {feed._READ}", {"xid": "1", "seq": 0, "kinds": feed.KINDS, "limit": 10}
        ).scalars()
        assert any("ix_message_xid_seq" in line for line in plan)


def test_a_ledger_restored_into_another_server_tells_what_was_not_told(begun: TestBench) -> None:
    with a_transaction(begun) as connection:
        write(connection, "told")
    assert read_all(begun, 1) == ["told"]
    with a_transaction(begun) as connection:
        write(connection, "not_told")
    for table in ("message", "feed"):
        begun.change(
            f"UPDATE {table} SET xid = CAST(CAST(CAST(CAST(xid AS text) AS bigint) + 1000000000 AS text) AS xid8)"
        )
    with a_transaction(begun) as connection:
        write(connection, "since")
    assert read(begun) == []

    with begun.engine.connect() as writing:
        write(writing, "meanwhile")
        with begun.engine.begin() as connection:
            assert feed.settle_in(connection)
        writing.commit()
    with begun.engine.begin() as connection:
        assert not feed.settle_in(connection)

    assert read_all(begun, 3) == ["not_told", "since", "meanwhile"]
