"""A wire that can be cut: a TCP proxy before a server that many tests share, so that it is away for one test only."""

import contextlib
import socket
import threading
from urllib.parse import urlsplit


class Wire:
    """Leads from `url` to the server of the given URL while it is whole."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._server = (parts.hostname or "127.0.0.1", parts.port or 5672)
        self._ends: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._listening: socket.socket | None = None
        self._port = 0
        self._said = threading.Event()
        self._said.set()
        self.mend()
        login = f"{parts.username}:{parts.password}@" if parts.username else ""
        self.url = parts._replace(netloc=f"{login}127.0.0.1:{self._port}").geturl()

    def mend(self) -> None:
        """Accept connections, on the same port as before."""
        self._said.set()
        self._listening = socket.create_server(("127.0.0.1", self._port))
        self._port = self._listening.getsockname()[1]
        threading.Thread(target=self._accept, args=[self._listening], daemon=True).start()

    def cut(self) -> None:
        """Break all connections and refuse new ones."""
        listening, self._listening = self._listening, None
        if listening:
            _close(listening)
        with self._lock:
            ends, self._ends = self._ends, set()
        for end in ends:
            _close(end)

    def hush(self) -> None:
        """Carry nothing more to the server; what the server says still arrives. `cut` and `mend` for a whole wire."""
        self._said.clear()

    def _accept(self, listening: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = listening.accept()
                far = socket.create_connection(self._server)
                with self._lock:
                    self._ends |= {near, far}
                for source, target, may in ((near, far, self._said), (far, near, _always())):
                    threading.Thread(target=self._carry, args=[source, target, may], daemon=True).start()

    def _carry(self, source: socket.socket, target: socket.socket, may: threading.Event) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if may.is_set():
                    target.sendall(data)
        for end in (source, target):
            with self._lock:
                self._ends.discard(end)
            _close(end)


def _always() -> threading.Event:
    event = threading.Event()
    event.set()
    return event


def _close(end: socket.socket) -> None:
    # Only a shutdown wakes a thread that waits on the same socket.
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()
