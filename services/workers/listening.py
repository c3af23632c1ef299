"""Sessions with PostgreSQL that wait: hear a channel, hold a seat, and say once when a server is away.

The relay and the embedded broker lean on it. What is missed while a session is down is found by their polls.
"""

import contextlib
import os
import random
import selectors
import threading
import time
from collections.abc import Callable
from typing import Any, Self

import psycopg
from psycopg import sql

from shared.runtime import logs
from shared.storage import database

Session = psycopg.Connection[tuple[Any, ...]]

FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 5.0
CONNECT_SECONDS = 3
KEEPALIVE_SECONDS = 30


class Reachability:
    """Whether a server answers: logs each change once, and says how long to pause before the next try."""

    def __init__(self, server: str) -> None:
        self._server = server
        self._failures = 0
        self._lock = threading.Lock()
        self._log = logs.get(__name__)

    def lost(self, error: BaseException | str) -> float:
        """It did not answer. Returns the seconds to pause: longer each time, never the same for all of us."""
        with self._lock:
            self._failures += 1
            failures = self._failures
        if failures == 1:
            self._log.warning("server_away", server=self._server, error=_in_one_line(error))
        longest = min(FIRST_PAUSE_SECONDS * 2 ** min(failures - 1, 10), LONGEST_PAUSE_SECONDS)
        return random.uniform(longest / 2, longest)  # noqa: S311 - it spreads retries, it guards nothing

    def back(self) -> None:
        """It answered."""
        with self._lock:
            failures, self._failures = self._failures, 0
        if failures:
            self._log.info("server_back", server=self._server, failures=failures)


class Listener:
    """Hears one NOTIFY channel over a connection of its own, and opens a new one when that breaks.

    on_session: called with each new connection before anything is heard on it; what it raises ends the wait.
    One thread waits; any may `wake` it.
    """

    def __init__(self, url: str, *, channel: str, on_session: Callable[[Session], None] | None = None) -> None:
        self._url = database.driver_url(url)
        self._channel = channel
        self._on_session = on_session
        self._session: Session | None = None
        self._database = Reachability("PostgreSQL, listening")
        self._try_again_at = 0.0
        self._reader, self._writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._reader, selectors.EVENT_READ)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def is_connected(self) -> bool:
        """Whether the session was there when it was last looked at."""
        return self._session is not None

    def wait(self, timeout: float) -> bool:
        """Wait for a notice, a `wake` or a new session. False when `timeout` seconds pass without, also while all is down."""
        if self._session is None and time.monotonic() >= self._try_again_at and self._connect():
            return True
        if self._session is None:
            timeout = min(timeout, max(0.0, self._try_again_at - time.monotonic()))
        ready = self._selector.select(timeout)
        was_woken = self._drain_wakes()
        was_rung = bool(ready) and self._drain_notices()
        return was_woken or was_rung

    def wake(self) -> None:
        """End the wait, or the next one. Safe from any thread and from a signal handler."""
        # A full pipe wakes as well, and a closed one has nobody to wake.
        with contextlib.suppress(OSError):
            os.write(self._writer, b"!")

    def close(self) -> None:
        """Hang up. It is used no more."""
        self._hang_up()
        self._selector.close()
        # The number may soon be another file's: a late `wake` must not write there.
        writer, self._writer = self._writer, -1
        os.close(writer)
        os.close(self._reader)

    def _connect(self) -> bool:
        try:
            session = self._open()
        except psycopg.Error as error:
            self._try_again_at = time.monotonic() + self._database.lost(error)
            return False
        self._session = session
        self._selector.register(session.fileno(), selectors.EVENT_READ)
        self._database.back()
        return True

    def _open(self) -> Session:
        session = psycopg.connect(
            self._url,
            autocommit=True,
            connect_timeout=CONNECT_SECONDS,
            keepalives_idle=KEEPALIVE_SECONDS,
            application_name="loomline listener",
        )
        try:
            if self._on_session:
                self._on_session(session)
            session.execute(sql.SQL("LISTEN {}").format(sql.Identifier(self._channel)))
        except BaseException:
            session.close()
            raise
        return session

    def _drain_wakes(self) -> bool:
        try:
            return bool(os.read(self._reader, 4096))
        except BlockingIOError:
            return False

    def _drain_notices(self) -> bool:
        if self._session is None:
            return False
        try:
            return len(list(self._session.notifies(timeout=0))) > 0
        except psycopg.Error as error:
            self._hang_up()
            self._try_again_at = time.monotonic() + self._database.lost(error)
            return False

    def _hang_up(self) -> None:
        session, self._session = self._session, None
        if session is None:
            return
        # A broken connection has lost its number; the selector still knows it.
        for key in [key for key in self._selector.get_map().values() if key.fd != self._reader]:
            self._selector.unregister(key.fd)
        session.close()


def take_seat(session: Session, name: str) -> str:
    """The lowest free seat under this name, such as `relay:loomline:0`. It is held as long as the session lives.

    Who starts after a crash gets the dead one's seat, and may reset the leases that were taken in its name.
    """
    number = 0
    while not _is_free(session, name, number):
        number += 1
    return f"{name}:{number}"


def _is_free(session: Session, name: str, number: int) -> bool:
    row = session.execute("SELECT pg_try_advisory_lock(hashtext(%s), %s)", [name, number]).fetchone()
    return bool(row and row[0])


def _in_one_line(error: BaseException | str) -> str:
    text = error if isinstance(error, str) else f"{type(error).__name__}: {error}"
    return " ".join(text.split())[:500]
