"""The embedded PostgreSQL keeps its data, never runs as root, and neither leaves nor minds orphans."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from services.operator.children import LOG_BYTES, Log
from services.operator.home import HomeInUse
from services.operator.postgres import EmbeddedPostgres
from tests import places

KEEPER = """
import sys, pathlib, signal
from services.operator.postgres import EmbeddedPostgres
server = EmbeddedPostgres(pathlib.Path(sys.argv[1]))
sys.stdout.write(f"{server.start()} {server.pid}\\n")
sys.stdout.flush()
signal.pause()
"""


@pytest.fixture
def home() -> Iterator[Path]:
    """A home that a plain user may enter."""
    with places.a_directory() as directory:
        yield directory


@pytest.fixture
def server(home: Path) -> Iterator[EmbeddedPostgres]:
    """A server of this test's own, not yet started."""
    server = EmbeddedPostgres(home)
    yield server
    server.stop()
    server.remove()


def ask(url: str, question: str) -> object:
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute(question).fetchone()
    return row and row[0]


def execute(url: str, statement: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement)


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def is_gone(pid: int) -> bool:
    return not is_alive(pid)


def test_a_restart_keeps_the_data_and_the_address(server: EmbeddedPostgres) -> None:
    first = server.start()
    execute(first, "create table kept as select 42 as answer")
    assert server.stop()

    second = server.start()

    assert second == first
    assert ask(second, "select answer from kept") == 42


def test_the_application_is_no_superuser_and_the_server_is_durable(server: EmbeddedPostgres) -> None:
    url = server.start()

    assert (
        ask(url, "select rolsuper or rolcreatedb or rolcreaterole from pg_roles where rolname = current_user") is False
    )
    assert [ask(url, f"show {name}") for name in ("fsync", "synchronous_commit", "timezone", "server_encoding")] == [
        "on",
        "on",
        "UTC",
        "UTF8",
    ]


def test_a_wrong_password_is_refused(server: EmbeddedPostgres) -> None:
    url = server.start()

    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        ask(url.replace("loomline:", "loomline:wrong"), "select 1")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has root to drop")
def test_root_is_dropped_and_only_our_own_directory_changes_hands(server: EmbeddedPostgres, home: Path) -> None:
    server.start()

    assert server.pid
    assert Path(f"/proc/{server.pid}").stat().st_uid != 0
    assert home.stat().st_uid == 0
    assert oct(home.stat().st_mode & 0o777) == "0o755"


@pytest.mark.skipif(os.geteuid() != 0, reason="a plain user's server reaches what the user reaches")
def test_a_home_that_plain_users_cannot_enter_stays_closed(home: Path) -> None:
    home.chmod(0o700)
    server = EmbeddedPostgres(home)

    try:
        assert ask(server.start(), "select 1") == 1
        assert oct(home.stat().st_mode & 0o777) == "0o700"
        place = Path((home / "postgres" / "place").read_text().strip())
        assert oct(place.stat().st_mode & 0o777) == "0o700"
    finally:
        server.stop()
        server.remove()


def test_a_second_server_in_the_same_home_is_refused(server: EmbeddedPostgres, home: Path) -> None:
    url = server.start()

    with pytest.raises(HomeInUse, match="LOOMLINE_HOME"):
        EmbeddedPostgres(home).start()

    assert ask(url, "select 1") == 1


def test_a_crashed_server_is_started_again(server: EmbeddedPostgres) -> None:
    url = server.start()
    execute(url, "create table kept as select 42 as answer")
    server.kill()

    notes = places.eventually(lambda: server.tend() or False, within=10)

    assert "started again" in notes[0]
    assert places.eventually(lambda: ask(url, "select answer from kept"), within=20) == 42


def test_a_killed_supervisor_leaves_no_orphan_and_the_next_start_recovers(server: EmbeddedPostgres, home: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", KEEPER, str(home)], stdout=subprocess.PIPE, text=True) as keeper:
        assert keeper.stdout
        url, pid = keeper.stdout.readline().split()
        execute(url, "create table kept as select 42 as answer")
        keeper.kill()

    assert ask(server.start(), "select answer from kept") == 42
    places.eventually(lambda: is_gone(int(pid)), within=5)


def test_an_orphan_in_our_directory_is_stopped_before_we_start(server: EmbeddedPostgres, home: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", KEEPER, str(home)], stdout=subprocess.PIPE, text=True) as keeper:
        assert keeper.stdout
        _, pid = keeper.stdout.readline().split()
        os.kill(int(pid), signal.SIGSTOP)  # it cannot obey the kernel when its supervisor dies
        keeper.kill()
    os.kill(int(pid), signal.SIGCONT)

    assert ask(server.start(), "select 1") == 1
    assert is_gone(int(pid))


def test_a_log_stays_small(home: Path) -> None:
    log = Log(home / "noisy.log")
    with log.open() as file:
        file.write(b"x" * LOG_BYTES + b"\nlast words\n")
        file.flush()
        assert log.news()[-1] == "last words"
        log.bound()
        file.write(b"after\n")
        file.flush()

        assert log.path.stat().st_size == len("after\n")
        assert log.news() == ["after"]
        assert "last words" in (home / "noisy.log.1").read_text()
