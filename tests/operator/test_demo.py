"""The demo walks its order to finished goods on a running system, goes on where it was cut off, and walks only once."""

import contextlib
import io
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from rich.console import Console

from services.operator import demo
from services.operator.children import free_port, outside_environment
from services.operator.processes import ROOT
from tests import places
from tests.places import System


@pytest.fixture
def home() -> Iterator[Path]:
    with places.a_directory() as directory:
        yield directory


def walk(
    system: System, home: Path, *, password: str | None = places.ADMIN_PASSWORD, screen: io.StringIO | None = None
) -> str:
    """Walk the demo; returns what stood on the screen."""
    screen = screen or io.StringIO()
    demo.walk(
        system.url,
        home=home,
        email=places.ADMIN_EMAIL,
        password=password,
        event_secret=system.event_secret,
        console=Console(file=screen, width=80),
    )
    return screen.getvalue()


def parents(system: System) -> dict[str, str]:
    """Phase of the demo order's runs by their order line."""
    found = system.admin.get("/admin/production-runs", params={"order_id": demo.ORDER["id"], "limit": "200"}).json()
    return {run["order_line_item_id"]: run["phase"] for run in found["production_runs"] if run["parent_run_id"] is None}


def counts(system: System) -> list[tuple[str, int]]:
    """How many rows there are of everything a walk makes."""
    tables = ("partner", "account", "design", "task_template", "stock_level", "production_run", "task", "task_comment")
    with psycopg.connect(system.database_url) as connection:
        return [(table, connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]) for table in tables]


class CutOff(Exception):
    """Somebody pulled the plug."""


class FaultyScreen(io.StringIO):
    """A screen that ends the walk at a line."""

    def __init__(self, line: str) -> None:
        super().__init__()
        self._line = line

    def write(self, text: str) -> int:
        if self._line in text:
            raise CutOff
        return super().write(text)


def test_a_walk_cut_off_goes_on_ends_with_finished_goods_and_is_not_repeated(shared_system: System, home: Path) -> None:
    told = ""
    for line in ("Karim signs in", "places order", "starts the weaving", "finishes “Mark the pieces”"):
        screen = FaultyScreen(line)
        with pytest.raises(CutOff):
            walk(shared_system, home, screen=screen)
        told += screen.getvalue()

    told += walk(shared_system, home, password=None)

    assert "closes the parent run" in told
    assert parents(shared_system) == {demo.WALKED: "completed", demo.LEFT_OPEN: "approved"}
    assert [line for line in told.splitlines() if len(line) > 80 and str(home) not in line] == []
    before = counts(shared_system)
    again = walk(shared_system, home, password=None)
    assert "was walked before" in again
    assert "completes" not in again
    assert counts(shared_system) == before


def test_a_home_that_was_lost_is_no_obstacle(shared_system: System, home: Path) -> None:
    assert "finished run" in walk(shared_system, home)


def test_without_a_token_and_a_password_it_says_what_to_do(shared_system: System, home: Path) -> None:
    with pytest.raises(demo.DemoFailed, match="LOOMLINE_ADMIN_PASSWORD"):
        walk(shared_system, home, password=None)


def test_passwords_are_for_their_owner_only(shared_system: System, home: Path) -> None:
    walk(shared_system, home)

    for file in home.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_gateway_that_is_away_is_a_sentence(home: Path) -> None:
    with pytest.raises(demo.DemoFailed, match="did not answer"):
        demo.walk(
            f"http://127.0.0.1:{free_port()}",
            home=home,
            email=places.ADMIN_EMAIL,
            password="any",
            event_secret="",
            console=Console(file=io.StringIO()),
        )


@contextlib.contextmanager
def an_up(home: Path, database: str) -> Iterator[subprocess.Popen[str]]:
    """`up` with the demo, killed if the test leaves it running."""
    given = {"HOME": str(home), "PORT": str(free_port()), "DATABASE_URL": database, "WORKER_PROCESSES": "1"}
    with subprocess.Popen(
        [sys.executable, "-m", "services.operator.main", "up"],
        env=outside_environment(os.environ) | {f"LOOMLINE_{name}": value for name, value in given.items()},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    ) as running:
        try:
            yield running
        finally:
            running.kill()


def read_until(running: subprocess.Popen[str], words: str) -> str:
    """What it prints, up to the line with these words."""
    told = ""
    assert running.stdout
    for line in running.stdout:
        told += line
        if words in line:
            return told
    raise AssertionError(f"{words!r} never came:\n{told}")


def test_up_that_was_killed_goes_on_with_the_demo_and_stops_cleanly(home: Path, database: str) -> None:
    with an_up(home, database) as first:
        read_until(first, "Admin account")
        first.kill()
    with an_up(home, database) as second:
        read_until(second, "dispatches the first stage")
        second.kill()

    with an_up(home, database) as third:
        told = read_until(third, "Loomline is at")
        third.send_signal(signal.SIGINT)
        assert third.wait(30) == 0

    assert "closes the parent run" in told
    assert {file.name for file in home.iterdir()} == {
        "lock",
        "log",
        "event_secret",
        "link_secret",
        demo.TOKEN_FILE,
        demo.PEOPLE_FILE,
    }
