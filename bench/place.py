"""Where the benchmark runs: a private PostgreSQL (and RabbitMQ) and the real worker processes, all gone afterwards."""

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from services.operator import migrate
from services.operator.postgres import EmbeddedPostgres
from services.operator.rabbitmq import PrivateRabbitMQ

ROOT = Path(__file__).resolve().parents[1]
WORKERS = 2


@dataclass
class Place:
    """The database and the processes under measurement."""

    database_url: str
    processes: list[psutil.Process]

    def cpu_seconds(self) -> float:
        """CPU time of workers and relay so far."""
        return sum(sum(process.cpu_times()[:2]) for process in self.processes)


@contextlib.contextmanager
def open_place(*, rabbitmq: bool) -> Iterator[Place]:
    """Start everything, yield it, stop everything."""
    with contextlib.ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="loomline-bench-")))
        postgres = EmbeddedPostgres(home)
        url = postgres.start()
        stack.callback(postgres.stop)
        migrate.upgrade(url)
        environment = {**os.environ, "LOOMLINE_DATABASE_URL": url, "LOOMLINE_AMQP_URL": "", "LOOMLINE_HOME": str(home)}
        names = ["services.workers.main"] * WORKERS
        if rabbitmq:
            node = PrivateRabbitMQ()
            environment["LOOMLINE_AMQP_URL"] = node.start()
            stack.callback(node.stop)
            names.append("services.workers.relay")
        yield Place(url, [_start(stack, name, environment) for name in names])


def _start(stack: contextlib.ExitStack, module: str, environment: dict[str, str]) -> psutil.Process:
    child = subprocess.Popen([sys.executable, "-m", module], env=environment, cwd=ROOT)
    stack.callback(child.wait, 30)
    stack.callback(child.terminate)
    return psutil.Process(child.pid)
