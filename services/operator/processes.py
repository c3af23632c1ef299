"""The processes that make Loomline: which there are, and how they are started, watched, restarted and stopped together.

`up` and the tests start the same set by the same code. docker-compose.yml runs the same commands.
"""

import http.client
import os
import re
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from shared.runtime.settings import Settings

from .children import PATIENCE, Child, Log, Restarts, outside_environment

ROOT = Path(__file__).resolve().parents[2]


class Process(msgspec.Struct, frozen=True):
    """One kind of process. `python` is whichever Python runs us."""

    name: str
    command: tuple[str, ...]
    needs_amqp: bool = False


# In the order in which they are stopped: first nobody asks, then nobody sweeps or sends, then the work ends, and its news.
PROCESSES = (
    Process("gateway", ("python", "-m", "gunicorn", "-c", "deploy/gunicorn.conf.py", "services.api.app:create()")),
    Process("bridge", ("python", "-m", "services.workers.bridge"), needs_amqp=True),
    Process("sweeper", ("python", "-m", "services.workers.sweeper")),
    Process("relay", ("python", "-m", "services.workers.relay"), needs_amqp=True),
    Process("worker", ("python", "-m", "services.workers.main")),
    Process("herald", ("python", "-m", "services.workers.herald")),
)

WITHHELD = frozenset({"admin_password"})
"""Settings that only `up` itself needs."""

_ALARM = re.compile(r"\b(warning|error|critical|traceback)\b", re.IGNORECASE)

_LINES_AT_ONCE = 5
"""The screen is for people: the rest of a flood is in the log."""


class ProcessSet:
    """One running Loomline, without its database and broker. Use it from one thread."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.url = f"http://{_reachable(settings.host)}:{settings.port}"
        self._children = [child for process in PROCESSES for child in self._copies(process)]
        self._restarts = {child.name: Restarts() for child in self._children}

    @property
    def names(self) -> list[str]:
        """Every process of this set; workers are numbered."""
        return [child.name for child in self._children]

    def start(self) -> None:
        """Start all of them at once. None waits for another."""
        for child in self._children:
            child.start()

    def is_ready(self) -> bool:
        """Whether the gateway answers /readyz with 200."""
        connection = http.client.HTTPConnection(_reachable(self.settings.host), self.settings.port, timeout=5)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def await_readiness(self, *, within: float = 60.0, tell: Callable[[str], None] = lambda _: None) -> bool:
        """Wait until the gateway is ready, restarting what dies meanwhile. False when the time is over."""
        deadline = time.monotonic() + within
        while not self.is_ready():
            if time.monotonic() > deadline:
                return False
            for line in self.tend():
                tell(line)
            threading.Event().wait(0.05)
        return True

    def tend(self) -> list[str]:
        """Look at each process once: start the dead again when due. Returns what an operator should read now."""
        return [line for child in self._children for line in self._tend(child)]

    def stop(self) -> list[str]:
        """Stop all, one kind after the other, each with its patience. Returns the names of those that had to be killed."""
        refused = []
        for process in PROCESSES:
            children = list(self._called(process.name))
            for child in children:
                child.ask_to_stop()
            deadline = time.monotonic() + PATIENCE
            refused += [child.name for child in children if not child.await_end(max(0.0, deadline - time.monotonic()))]
        return refused

    def kill(self, name: str) -> None:
        """Kill by kind or by name, for fault tests. `tend` or `restart` brings it back."""
        for child in self._called(name):
            child.kill()

    def restart(self, name: str) -> None:
        """Start again, by kind or by name; a running one is stopped first."""
        for child in self._called(name):
            child.stop()
            child.start()

    def pids(self, name: str) -> list[int]:
        """The process ids behind a kind or a name."""
        return [child.pid for child in self._called(name) if child.pid]

    def is_running(self, name: str) -> bool:
        """Whether all processes of that kind or name run."""
        return all(child.is_running() for child in self._called(name))

    def report(self, *, lines: int = 30) -> str:
        """The end of every log, for a person who looks for a fault."""
        return "\n".join(
            f"--- {child.name} (exit code {child.exit_code})\n{child.log.tail(lines)}" for child in self._children
        )

    def _copies(self, process: Process) -> Iterator[Child]:
        if process.needs_amqp and not self.settings.amqp_url:
            return
        if process.name != "worker":
            yield self._child(process, name=process.name, settings=self.settings)
            return
        for number in range(self.settings.worker_processes):
            port = self.settings.worker_metrics_port
            settings = msgspec.structs.replace(self.settings, worker_metrics_port=port and port + number)
            yield self._child(process, name=f"worker-{number + 1}", settings=settings)

    def _child(self, process: Process, *, name: str, settings: Settings) -> Child:
        python, *arguments = process.command
        assert python == "python"
        return Child(
            name,
            command=[sys.executable, *arguments],
            log=Log(settings.home / "log" / f"{name}.log"),
            environment=environment(settings),
            directory=ROOT,
        )

    def _called(self, name: str) -> Iterator[Child]:
        found = [child for child in self._children if name in (child.name, child.name.partition("-")[0])]
        assert found or any(process.name == name for process in PROCESSES), f"no process is called {name!r}"
        return iter(found)

    def _tend(self, child: Child) -> Iterator[str]:
        alarms = [line for line in child.log.news() if is_alarming(line)]
        yield from (f"{child.name}: {_short(line)}" for line in alarms[-_LINES_AT_ONCE:])
        child.log.bound()
        if child.pid and not child.is_running():
            code = child.exit_code
            if self._restarts[child.name].is_due(child):
                child.kill()
                child.start()
                yield f"{child.name} ended (exit code {code}) and was started again; see {child.log.path}"


def environment(settings: Settings) -> dict[str, str]:
    """What a process of ours gets: the settings as its environment, and of the outside all but other settings."""
    own = {
        f"LOOMLINE_{name.upper()}": str(value)
        for name, value in msgspec.structs.asdict(settings).items()
        if name not in WITHHELD
    }
    return outside_environment(os.environ) | {name: value for name, value in own.items() if value}


def is_alarming(line: str) -> bool:
    """Whether a log line is a warning or worse. Ours are JSON with a level; others are read as people do."""
    try:
        fields = msgspec.json.decode(line, type=dict[str, object])
    except msgspec.DecodeError:
        return bool(_ALARM.search(line))
    return str(fields.get("level", "")).lower() in ("warning", "error", "critical")


def _short(line: str) -> str:
    try:
        fields = msgspec.json.decode(line, type=dict[str, object])
    except msgspec.DecodeError:
        return line[:200]
    return str(fields.get("event", line))[:200]


def _reachable(host: str) -> str:
    """Where to call a server that listens on every address."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)  # noqa: S104
