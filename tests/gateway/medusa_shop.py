"""A Medusa that answers over HTTP, on this machine: orders by id, and the ways in which a shop can be in trouble."""

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple, Self
from urllib.parse import urlsplit


class Asked(NamedTuple):
    """A request that came."""

    path: str
    query: str
    authorization: str


class Answer(NamedTuple):
    """What the shop says."""

    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()


class MedusaShop:
    """Open while it is entered. `answers` may be replaced at any time."""

    def __init__(self, order: Any) -> None:
        self.asked: list[Asked] = []
        self.answer: Callable[[], Answer] = lambda: Answer(200, json.dumps(order).encode())
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def _handler(shop: MedusaShop) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            shop.asked.append(Asked(parts.path, parts.query, self.headers.get("Authorization", "")))
            told = shop.answer()
            self.send_response(told.status)
            for name, value in (*told.headers, ("Content-Length", str(len(told.body)))):
                self.send_header(name, value)
            self.end_headers()
            try:
                self.wfile.write(told.body)
            except ConnectionError:
                return

        def log_message(self, *_: Any) -> None:
            return

    return Handler
