"""The `loomline` command as tests run it: in a process of its own, or in the test's own for breadth; and a house for it to work on."""

import contextlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from typer.testing import CliRunner

from services.operator import main
from services.operator.children import outside_environment
from services.operator.processes import ROOT
from shared.storage import mail
from tests.workshop import TestBench


class Ended(NamedTuple):
    """How a command ended and what it said where."""

    code: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        """The one JSON object on stdout."""
        (line,) = self.stdout.splitlines()
        return json.loads(line)


class Commander:
    """Runs commands on one database and one home."""

    def __init__(self, home: Path, *, database_url: str = "", **names: str) -> None:
        told = {"HOME": str(home), "DATABASE_URL": database_url, **names}
        self.environment = {f"LOOMLINE_{name}": value for name, value in told.items() if value}

    def process(self, *arguments: str, stdin: str | bytes = "") -> Ended:
        """In a process of its own, as a person would."""
        done = subprocess.run(
            [sys.executable, "-m", "services.operator.main", *arguments],
            env=outside_environment(os.environ) | self.environment,
            cwd=ROOT,
            input=stdin.encode() if isinstance(stdin, str) else stdin,
            capture_output=True,
            timeout=120,
        )
        return Ended(done.returncode, done.stdout.decode(), done.stderr.decode())

    def run(self, *arguments: str, stdin: str = "") -> Ended:
        """In the test's own process. Anything that is no exit code is the test's failure."""
        unset = {name: None for name in os.environ if name.startswith("LOOMLINE_")}
        done = CliRunner().invoke(main.app, list(arguments), input=stdin, env={**unset, **self.environment})
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return Ended(done.exit_code, done.stdout, done.stderr)

    def done(self, *arguments: str, stdin: str = "") -> Any:
        """Run it with --json and insist on success; returns the object."""
        ended = self.run(*arguments, "--json", stdin=stdin)
        assert ended.code == 0, ended
        return ended.json

    def refused(self, *arguments: str) -> dict[str, str]:
        """Run it with --json and insist on a refusal; returns the problem."""
        ended = self.run(*arguments, "--json")
        assert ended.code == 1, ended
        problem: dict[str, str] = ended.json["problem"]
        assert problem["detail"] in ended.stderr.replace("\n", " ")
        return problem


@contextlib.contextmanager
def at_work(bench: TestBench) -> Iterator[threading.Lock]:
    """Actors carry out what is asked while this lasts. Who holds the lock keeps them from it for a moment."""
    closed, hands = threading.Event(), threading.Lock()

    def work() -> None:
        while not closed.is_set():
            with hands:
                bench.pump()
            closed.wait(0.02)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield hands
    finally:
        closed.set()
        thread.join()


def a_dead_letter(bench: TestBench, message_id: str) -> int:
    """The delivery of a posted command, after it failed too often."""
    delivery_id: int = bench.value("SELECT id FROM delivery WHERE message_id = :id", id=message_id)
    for _ in range(mail.FAULTS_UNTIL_DEAD):
        with bench.engine.begin() as connection:
            mail.record_fault(connection, delivery_id, error="Traceback …\nZeroDivisionError: division by zero")
    return delivery_id
