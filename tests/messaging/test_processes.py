"""The two processes as they are started: they wait for absent servers, say so once, and stop when they are asked to."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.messaging.notes import Notebook
from tests.messaging.wire import Wire
from tests.places import eventually

ROOT = Path(__file__).resolve().parents[2]
NO_DATABASE = "postgresql://postgres@127.0.0.1:1/nothing"
NO_BROKER = "amqp://guest:guest@127.0.0.1:1"


class Running:
    """A process of ours and what it logged."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self.process = process
        self._log = log

    def log(self) -> str:
        return self._log.read_text()

    def has_said(self, event: str) -> bool:
        return f'"{event}"' in self.log()

    def stop(self) -> int:
        """Ask it to stop; its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(10)


@contextlib.contextmanager
def a_process(
    module: str, *, directory: Path, database_url: str, amqp_url: str = "", namespace: str = "test"
) -> Iterator[Running]:
    """`python -m services.workers.<module>` until the block ends, whatever it does then."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LOOMLINE_")} | {
        "LOOMLINE_HOME": str(directory),
        "LOOMLINE_DATABASE_URL": database_url,
        "LOOMLINE_AMQP_URL": amqp_url,
        "LOOMLINE_NAMESPACE": namespace,
    }
    log = directory / f"{module}-{len(list(directory.iterdir()))}.log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", f"services.workers.{module}"], env=environment, cwd=ROOT, stderr=file, stdout=file
        )
    try:
        yield Running(process, log)
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize(
    ("module", "amqp_url"),
    [
        ("main", ""),
        ("main", NO_BROKER),
        ("relay", NO_BROKER),
        ("bridge", NO_BROKER),
        ("herald", ""),
        ("herald", NO_BROKER),
    ],
    ids=["embedded", "rabbitmq", "relay", "bridge", "herald", "herald with rabbitmq"],
)
def test_without_servers_a_process_waits_says_so_once_and_stops_cleanly(tmp_path, module, amqp_url):
    with a_process(module, directory=tmp_path, database_url=NO_DATABASE, amqp_url=amqp_url) as running:
        eventually(lambda: running.has_said("server_away"))
        with pytest.raises(subprocess.TimeoutExpired):
            running.process.wait(1.5)

        assert running.stop() == 0

    servers = ("PostgreSQL", "RabbitMQ")
    assert all(running.log().count(f'"server": "{server}') <= 1 for server in servers), running.log()


def test_a_relay_that_loses_its_broker_says_so_once_and_comes_back(tmp_path, database, wire: Wire, namespace):
    with a_process(
        "relay", directory=tmp_path, database_url=database, amqp_url=wire.url, namespace=namespace
    ) as running:
        eventually(lambda: running.has_said("relay_ready"))
        wire.cut()
        eventually(lambda: running.has_said("server_away"))
        wire.mend()
        eventually(lambda: running.has_said("server_back"))

        assert running.stop() == 0
    assert running.log().count("server_away") == 1


def test_a_relay_without_a_broker_to_ring_says_what_to_do(tmp_path, database):
    with a_process("relay", directory=tmp_path, database_url=database) as running:
        assert running.process.wait(10) == 2
    assert "LOOMLINE_AMQP_URL" in running.log()


def test_a_killed_workers_deliveries_are_begun_by_the_next_one_at_once(tmp_path, notebook: Notebook):
    """Its seat tells: nobody waits for the leases of the dead to run out."""
    notebook.post(3, actor="place_order")
    with a_process("main", directory=tmp_path, database_url=notebook.url) as running:
        eventually(lambda: running.has_said("worker_ready"))
        running.process.kill()
        running.process.wait()
    notebook.hand_out(sender="embedded:0", actor="place_order")

    with a_process("main", directory=tmp_path, database_url=notebook.url) as running:
        eventually(lambda: notebook.attempts() >= 3)
        assert running.stop() == 0
