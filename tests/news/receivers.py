"""Receivers: real HTTP servers that verify what they get with the `standardwebhooks` library, or fail in every way there is."""

import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks import Webhook, WebhookVerificationError


class Mood(StrEnum):
    """How a receiver behaves."""

    WELL = "takes what it gets"
    REFUSES = "answers with its status"
    HANGS = "takes it and never answers"
    RESETS = "breaks the connection"
    DRIPS = "answers letter by letter"
    FLOODS = "answers without an end"


class Receiver:
    """Keeps every verified event by its webhook-id, and counts how often each came."""

    def __init__(self, server: ThreadingHTTPServer, *, scheme: str = "http") -> None:
        self.mood = Mood.WELL
        self.status = 503
        self.headers: dict[str, str] = {}
        self.secrets: list[str] = []
        self.taken: list[dict[str, Any]] = []
        self.came: list[str] = []
        self.unverified: list[str] = []
        self.closed = threading.Event()
        self.lock = threading.Lock()
        self.url = f"{scheme}://127.0.0.1:{server.server_address[1]}/hooks"

    @property
    def ids(self) -> list[str]:
        """The events taken, each once, in the order of their first coming."""
        return list(dict.fromkeys(event["id"] for event in self.taken))

    def kinds(self) -> list[str]:
        """The types of the events taken."""
        return [event["type"] for event in self.taken]

    def take(self, body: bytes, headers: dict[str, str]) -> int:
        """The status that answers a request."""
        with self.lock:
            self.came.append(headers["webhook-id"])
            event = self._verified(body, headers)
            if event is None:
                self.unverified.append(headers["webhook-id"])
                return 401
            if self.mood is Mood.REFUSES:
                return self.status
            assert event["id"] == headers["webhook-id"]
            self.taken.append(event)
            return 204

    def _verified(self, body: bytes, headers: dict[str, str]) -> dict[str, Any] | None:
        for secret in self.secrets:
            with contextlib.suppress(WebhookVerificationError):
                event: dict[str, Any] = Webhook(secret).verify(body, headers)
                return event
        return None


@contextmanager
def a_receiver(*, tls: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    """A receiver on a free port of this machine."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            if receiver.mood in _BREAKS:
                with receiver.lock:
                    receiver.came.append(headers["webhook-id"])
                self._break()
                return
            self.send_response(receiver.take(body, headers))
            for name, value in receiver.headers.items():
                self.send_header(name, value)
            self.end_headers()

        def _break(self) -> None:
            if receiver.mood is Mood.HANGS:
                receiver.closed.wait(30)
            if receiver.mood is Mood.RESETS:
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.connection.close()
            if receiver.mood is Mood.DRIPS:
                self.wfile.write(b"HTTP/1.1 200 ")
                while not receiver.closed.wait(0.01):
                    self.wfile.write(b"o")
            if receiver.mood is Mood.FLOODS:
                self.wfile.write(b"HTTP/1.1 500 No\r\n\r\n")
                while not receiver.closed.is_set():
                    self.wfile.write(b"no " * 1000)

        def handle_one_request(self) -> None:
            with contextlib.suppress(OSError):  # whom it talks to may have hung up
                super().handle_one_request()

        def finish(self) -> None:
            with contextlib.suppress(OSError, ValueError):
                super().finish()

        def log_message(self, *_: Any) -> None:
            """Tests are quiet."""

    with _Server(("127.0.0.1", 0), Handler) as server:
        if tls:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        receiver = Receiver(server, scheme="https" if tls else "http")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield receiver
        finally:
            receiver.closed.set()
            server.shutdown()
            thread.join()


_BREAKS = (Mood.HANGS, Mood.RESETS, Mood.DRIPS, Mood.FLOODS)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, *_: Any) -> None:
        """A connection that breaks is what these tests are about."""
