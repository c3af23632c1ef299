"""One child process: started in its own group, told to die with us, stopped with patience, its output in a bounded file.

Everything the operator's hand starts (PostgreSQL, RabbitMQ, Loomline's own processes) is a `Child`. Start children from a
thread that lives as long as they should: the kernel's death signal is bound to the thread that forked.
"""

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

PATIENCE = 25.0
"""Seconds a child has to stop after it was asked to."""

LOG_BYTES = 5_000_000
"""A child's log is moved to `<name>.log.1` when it grows over this."""

_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)


class User(msgspec.Struct, frozen=True):
    """The plain user a child runs as when we are root."""

    uid: int
    gid: int


class Log:
    """The file one child writes to. We only look at it: the child holds its own descriptor, opened for appending."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._seen = 0
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)

    def open(self) -> BinaryIO:
        """A descriptor for the child. What earlier starts wrote is not news."""
        self.bound()
        log = self.path.open("ab")
        self._seen = log.tell()
        return log

    def news(self) -> list[str]:
        """The whole lines written since the last look."""
        with self.path.open("rb") as log:
            log.seek(self._seen)
            text = log.read()
        whole = text[: text.rfind(b"\n") + 1]
        self._seen += len(whole)
        return whole.decode(errors="replace").splitlines()

    def tail(self, lines: int = 20) -> str:
        """The last lines, for a report."""
        if not self.path.exists():
            return ""
        with self.path.open("rb") as log:
            log.seek(max(0, self.path.stat().st_size - 16_000))
            return "\n".join(log.read().decode(errors="replace").splitlines()[-lines:])

    def bound(self) -> None:
        """Keep the file small. Emptied in place, because the child goes on appending to it."""
        if self.path.exists() and self.path.stat().st_size > LOG_BYTES:
            self.path.with_suffix(".log.1").write_bytes(self.path.read_bytes())
            os.truncate(self.path, 0)
            self._seen = 0


class Child:
    """A process of ours. `farewell` asks it to stop; `orphaned` is sent by the kernel when we are gone."""

    def __init__(
        self,
        name: str,
        *,
        command: Sequence[str],
        log: Log,
        environment: Mapping[str, str],
        directory: Path | None = None,
        user: User | None = None,
        farewell: signal.Signals = signal.SIGTERM,
        orphaned: signal.Signals = signal.SIGTERM,
    ) -> None:
        self.name = name
        self.command = list(command)
        self.log = log
        self.started_at = 0.0
        self._environment = dict(environment)
        self._directory = directory
        self._user = user
        self._farewell = farewell
        self._orphaned = orphaned
        self._process: subprocess.Popen[bytes] | None = None
        self._is_swept = True

    @property
    def pid(self) -> int | None:
        """The process id, or None before the first start."""
        return self._process.pid if self._process else None

    @property
    def exit_code(self) -> int | None:
        """None while running; negative is the signal that ended it. Looking also reaps."""
        return self._process.poll() if self._process else None

    def is_running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start it, as the plain user if there is one, in a process group of its own."""
        with self.log.open() as log:
            self._process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self._environment,
                cwd=self._directory,
                process_group=0,
                preexec_fn=die_with_parent(self._orphaned),
                **as_user(self._user),
            )
        self._is_swept = False
        self.started_at = time.monotonic()

    def ask_to_stop(self) -> None:
        """Send the farewell to the process itself; it tells its own children."""
        if self._process and self._process.poll() is None:
            self._process.send_signal(self._farewell)

    def stop(self, *, patience: float = PATIENCE) -> bool:
        """Stop it. False means that it refused and was killed."""
        self.ask_to_stop()
        return self.await_end(patience)

    def await_end(self, patience: float) -> bool:
        """Wait for the end and sweep up the group. False means that it was killed."""
        obeyed = self._has_ended(patience)
        self.kill()
        return obeyed

    def kill(self) -> None:
        """Kill the whole group at once, and reap. A group may outlive its leader; its number must not be used twice."""
        if self._process and not self._is_swept:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._is_swept = True

    def _has_ended(self, patience: float) -> bool:
        if self._process is None:
            return True
        try:
            self._process.wait(patience)
        except subprocess.TimeoutExpired:
            return False
        return True


class Restarts:
    """When a dead child may start again: after 1, 2, 4 … 30 seconds, or at once when it had been well for a minute."""

    def __init__(self) -> None:
        self._delay = 0.0
        self._due: float | None = None

    def is_due(self, child: Child) -> bool:
        """Ask for a dead child until it says yes; start it then."""
        now = time.monotonic()
        if self._due is None:
            self._delay = 0.0 if now - child.started_at > 60 else min(30.0, self._delay * 2 or 1.0)
            self._due = now + self._delay
        if now < self._due:
            return False
        self._due = None
        return True


def die_with_parent(number: signal.Signals) -> Callable[[], None]:
    """What the forked child runs before exec. After the change of user, because that clears the death signal."""
    parent = os.getpid()

    def ask_the_kernel() -> None:
        prctl = getattr(_LIBC, "prctl", None)
        if prctl is not None and prctl(_SET_PDEATHSIG, int(number)) == 0 and os.getppid() != parent:
            os._exit(1)

    return ask_the_kernel


def as_user(user: User | None) -> dict[str, Any]:
    """Arguments of `subprocess` that drop root for good."""
    if user is None:
        return {}
    return {"user": user.uid, "group": user.gid, "extra_groups": []}


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_free(port: int, *, host: str = "127.0.0.1") -> bool:
    """Whether a server could listen there."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True


def outside_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Our environment without our own settings: what a child gets beside those meant for it."""
    return {name: value for name, value in environ.items() if not name.startswith("LOOMLINE_")}
