"""`up` says plainly what is in its way, which setting to change, and never a password."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.operator import home as homes
from services.operator.children import free_port, outside_environment
from services.operator.processes import ROOT
from tests import places


@pytest.fixture
def home() -> Iterator[Path]:
    """A home that a plain user may enter."""
    with places.a_directory() as directory:
        yield directory


def up(home: Path, **names: str) -> subprocess.CompletedProcess[str]:
    """Run `up` until it gives up."""
    given = {
        f"LOOMLINE_{name}": value for name, value in {"HOME": str(home), "PORT": str(free_port()), **names}.items()
    }
    return subprocess.run(
        [sys.executable, "-m", "services.operator.main", "up", "--bare"],
        env=outside_environment(os.environ) | given,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )


def sentence(ended: subprocess.CompletedProcess[str], *, code: int = 1) -> str:
    assert ended.returncode == code, ended.stdout + ended.stderr
    assert "Traceback" not in ended.stderr
    return ended.stderr


def test_a_taken_port_is_named(home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])

        said = sentence(up(home, PORT=port))

    assert port in said
    assert "LOOMLINE_PORT" in said


def test_a_setting_that_cannot_be_read_ends_with_2(home: Path) -> None:
    assert "LOOMLINE_PORT must be a whole number" in sentence(up(home, PORT="http"), code=2)


def test_an_unknown_setting_is_named(home: Path) -> None:
    assert "LOOMLINE_PROT is not a setting" in sentence(up(home, PROT="1"), code=2)


def test_a_second_up_in_the_same_home_is_refused(home: Path) -> None:
    with homes.hold(home / "lock"):
        said = sentence(up(home))

    assert f"already runs in {home}" in said
    assert "LOOMLINE_HOME" in said


def test_a_database_that_does_not_answer_is_named_without_its_password(home: Path) -> None:
    said = sentence(up(home, DATABASE_URL=f"postgresql://me:hunter2@127.0.0.1:{free_port()}/shop"), code=3)

    assert "LOOMLINE_DATABASE_URL: no PostgreSQL answers at 127.0.0.1" in said
    assert "hunter2" not in said


def test_a_wrong_database_password_and_a_missing_database_are_told_apart(home: Path, postgres: places.Server) -> None:
    role, _, rest = postgres.url.partition("://")[2].partition(":")
    where = rest.rpartition("@")[2].rpartition("/")[0]

    wrong = sentence(up(home, DATABASE_URL=f"postgresql://{role}:hunter2@{where}/loomline"), code=3)
    missing = sentence(up(home, DATABASE_URL=postgres.url.rpartition("/")[0] + "/nowhere"), code=3)

    assert "refuses this user or password" in wrong
    assert "hunter2" not in wrong
    assert "has no database 'nowhere'" in missing


def test_a_broker_that_does_not_answer_is_named_without_its_password(home: Path, database: str) -> None:
    said = sentence(up(home, DATABASE_URL=database, AMQP_URL=f"amqp://me:hunter2@127.0.0.1:{free_port()}/"), code=3)

    assert "LOOMLINE_AMQP_URL: no RabbitMQ answers at 127.0.0.1" in said
    assert "hunter2" not in said


def test_a_url_of_another_kind_is_explained(home: Path) -> None:
    assert "must look like postgresql://" in sentence(up(home, DATABASE_URL="mysql://me@there/x"), code=2)
