"""Listening on PostgreSQL's NOTIFY: one connection of its own that comes back by itself. A notice is a hint, never a promise."""

import threading
from collections.abc import Iterator

import psycopg

from shared.runtime import logs
from shared.storage.database import driver_url

RECONNECT_SECONDS = 0.5


class Listener:
    """LISTEN on one channel; `close` from another thread ends it."""

    def __init__(self, url: str, channel: str) -> None:
        self._url = driver_url(url)
        self._channel = channel
        self._closed = threading.Event()
        self._connection: psycopg.Connection | None = None
        self._log = logs.get("listening")

    def payloads(self) -> Iterator[str]:
        """Every payload until closed. While the database is away it keeps trying; notices of that time are lost."""
        while not self._closed.is_set():
            try:
                for notify in self._connect().notifies(timeout=1.0):
                    yield notify.payload
            except psycopg.Error as gone:
                self._lost(gone)

    def close(self) -> None:
        self._closed.set()
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _connect(self) -> psycopg.Connection:
        if self._connection is None or self._connection.closed:
            self._connection = psycopg.connect(
                self._url, autocommit=True, connect_timeout=5, application_name="loomline-listen"
            )
            self._connection.execute(f'LISTEN "{self._channel}"')
        return self._connection

    def _lost(self, why: psycopg.Error) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if not self._closed.is_set():
            self._log.warning("listening_lost", channel=self._channel, why=str(why))
            self._closed.wait(RECONNECT_SECONDS)
