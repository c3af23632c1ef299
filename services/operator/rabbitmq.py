"""A private RabbitMQ node for tests, the benchmark and runs by hand: Debian's release, our own name, ports and directory.

It never touches the machine's own node, works for root and for a plain user, and dies with us.
"""

import contextlib
import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path

from . import packages
from .children import Child, Log, free_port, outside_environment

SCRIPTS = Path("/usr/lib/rabbitmq/bin")
"""The release's own scripts: Debian's wrapper in /usr/sbin insists on its own users."""

START_SECONDS = 60.0


class RabbitMQFailed(Exception):
    """The private RabbitMQ cannot run; the message says why and what to do."""


class PrivateRabbitMQ:
    """One node in a directory of its own. `kill` and `restart` keep what it stored, as a machine would."""

    def __init__(self, directory: Path | None = None) -> None:
        self._is_scratch = directory is None
        self.directory = Path(directory or tempfile.mkdtemp(prefix="loomline-rabbitmq-"))
        self.log = Log(self.directory / "log" / "rabbitmq.log")
        self._user = "loomline"
        self._password = secrets.token_urlsafe(24)
        self._port = free_port()
        self._node = f"loomline-{self._port}@localhost"
        self._environment = self._make_environment(epmd_port=free_port(), distribution_port=free_port())
        self._epmd = Child(
            "epmd", command=[], log=Log(self.directory / "log" / "epmd.log"), environment=self._environment
        )
        self._server = Child(
            "rabbitmq", command=[str(SCRIPTS / "rabbitmq-server")], log=self.log, environment=self._environment
        )

    @property
    def url(self) -> str:
        """The node's AMQP address, with its only account."""
        return f"amqp://{self._user}:{self._password}@127.0.0.1:{self._port}/%2F"

    def start(self) -> str:
        """Start the node, installing RabbitMQ first where we may, and return the URL once it answers."""
        ensure_installed()
        self._write_configuration()
        # In the foreground and ours: the daemon that Erlang would start by itself outlives every node.
        self._epmd.command = [_epmd(), "-port", self._environment["ERL_EPMD_PORT"]]
        self._epmd.start()
        try:
            self._start_server()
        except BaseException:
            self.stop()
            raise
        return self.url

    def stop(self) -> bool:
        """Stop the node cleanly. False means that it had to be killed. A scratch directory goes too."""
        obeyed = self._server.stop()
        self._epmd.kill()
        if self._is_scratch:
            shutil.rmtree(self.directory, ignore_errors=True)
        return obeyed

    def kill(self) -> None:
        """Kill the node like a power cut would. What quorum queues confirmed stays on disk."""
        self._server.kill()

    def restart(self) -> str:
        """Start the same node again, after a kill or cleanly."""
        self._server.stop()
        self._start_server()
        return self.url

    def control(self, *arguments: str) -> str:
        """Run `rabbitmqctl` on this node and return what it prints."""
        command = [str(SCRIPTS / "rabbitmqctl"), "--quiet", "--node", self._node, *arguments]
        done = subprocess.run(command, env=self._environment, capture_output=True, text=True, timeout=60)
        if done.returncode:
            raise RabbitMQFailed(f"rabbitmqctl {' '.join(arguments)}: {done.stderr.strip() or done.stdout.strip()}")
        return done.stdout

    def _make_environment(self, *, epmd_port: int, distribution_port: int) -> dict[str, str]:
        here = self.directory
        outside = outside_environment(os.environ)
        return {name: value for name, value in outside.items() if not name.startswith(("RABBITMQ_", "ERL_"))} | {
            "HOME": str(here),
            "ERL_EPMD_PORT": str(epmd_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            # The script then becomes the server itself instead of guarding it, so that our signals reach it.
            "RUNNING_UNDER_SYSTEMD": "true",
            "RABBITMQ_NODENAME": self._node,
            "RABBITMQ_DIST_PORT": str(distribution_port),
            "RABBITMQ_CONF_ENV_FILE": str(here / "rabbitmq-env.conf"),
            "RABBITMQ_CONFIG_FILE": str(here / "rabbitmq"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(here / "advanced.config"),
            "RABBITMQ_CONFIG_FILES": str(here / "conf.d"),
            "RABBITMQ_MNESIA_BASE": str(here / "mnesia"),
            "RABBITMQ_LOG_BASE": str(here / "log"),
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(here / "enabled_plugins"),
            "RABBITMQ_PID_FILE": str(here / "pid"),
            "RABBITMQ_GENERATED_CONFIG_DIR": str(here / "generated"),
            "RABBITMQ_SERVER_START_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
        }

    def _write_configuration(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        (self.directory / "enabled_plugins").write_text("[].\n")
        (self.directory / "rabbitmq-env.conf").touch()
        _write_privately(self.directory / ".erlang.cookie", secrets.token_hex(20), mode=0o400)
        lines = (
            f"listeners.tcp.1 = 127.0.0.1:{self._port}",
            f"default_user = {self._user}",
            f"default_pass = {self._password}",
            "log.console = true",
            "log.console.level = warning",
        )
        _write_privately(self.directory / "rabbitmq.conf", "\n".join(lines) + "\n")

    def _start_server(self) -> None:
        self._server.start()
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if not self._server.is_running() or time.monotonic() > deadline:
                raise RabbitMQFailed(f"RabbitMQ does not start. Its log ends with:\n{self.log.tail()}")
            threading.Event().wait(0.1)

    def _answers(self) -> bool:
        """A port that listens is not enough: the node must speak. It opens its port after recovery, accounts and all."""
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self._port), timeout=5) as connection:
            connection.sendall(b"AMQP\x00\x00\x09\x01")
            return connection.recv(1) == b"\x01"
        return False


def ensure_installed() -> None:
    """Install Debian's RabbitMQ when it is missing and we may. Its service is not started."""
    try:
        packages.ensure_installed("rabbitmq-server", provides=SCRIPTS / "rabbitmq-server")
    except packages.NotInstalled as why:
        raise RabbitMQFailed(f"{why} Or set LOOMLINE_AMQP_URL to a running RabbitMQ.") from None


def _epmd() -> str:
    """Erlang's name server, which Debian has on the path."""
    found = shutil.which("epmd")
    if found is None:
        raise RabbitMQFailed("Erlang's `epmd` is not on the path. Install `rabbitmq-server` again.")
    return found


def _write_privately(path: Path, text: str, *, mode: int = 0o600) -> None:
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w") as file:
        file.write(text)
