"""People who are told: partners with a language and targets, a real HTTP server as a target, and the courier's round."""

import contextlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import msgspec

from services.workers.courier import Courier
from shared.runtime import clock
from tests.actors.steps import a_family, a_share
from tests.workshop import TestBench


class Target:
    """A server that takes notices, or answers with another status for a while, or hangs, or answers letter by letter."""

    def __init__(self, server: ThreadingHTTPServer) -> None:
        self.status = 200
        self.answers = threading.Event()
        self.answers.set()
        self.is_endless = False
        self.hung_up = threading.Event()
        self.bodies: list[dict[str, Any]] = []
        self.keys: list[str] = []
        self.url = f"json://reader:sesame@127.0.0.1:{server.server_address[1]}/told"


@contextmanager
def a_target() -> Iterator[Target]:
    """A target on a free port."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if target.status == 200:
                target.bodies.append(msgspec.json.decode(body))
            target.keys.append(self.headers["Idempotency-Key"])
            if target.is_endless:
                self._answer_without_end()
            target.answers.wait(30)
            self.send_response(target.status)
            self.end_headers()

        def _answer_without_end(self) -> None:
            try:
                self.wfile.write(b"HTTP/1.1 200 ")
                while not closed.wait(0.01):
                    self.wfile.write(b"o")
            except OSError:
                target.hung_up.set()

        def handle_one_request(self) -> None:
            with contextlib.suppress(OSError):  # whom it talks to may have been ended
                super().handle_one_request()

        def log_message(self, *_: Any) -> None:
            """Tests are quiet."""

    closed = threading.Event()
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        target = Target(server)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield target
        finally:
            closed.set()
            target.answers.set()
            server.shutdown()
            thread.join()


def a_reader(
    workshop: TestBench, name: str, *, language: str = "en", zone: str = "UTC", targets: tuple[str, ...] = ()
) -> str:
    """A partner who is told in a language, at targets."""
    partner_id = workshop.a_partner(name)
    contacts = [{"name": name}, *({"kind": "apprise", "url": url} for url in targets)]
    workshop.change(
        "UPDATE partner SET language = :language, time_zone = :zone, contacts = CAST(:contacts AS jsonb) WHERE id = :id",
        id=partner_id,
        language=language,
        zone=zone,
        contacts=msgspec.json.encode(contacts).decode(),
    )
    return partner_id


def a_run_before(workshop: TestBench, name: str) -> str:
    """A run that was put before a known partner."""
    if not workshop.rows("SELECT 1 FROM task_template WHERE name = 'weave'"):
        workshop.a_template("weave")
    _, (child,) = a_family(workshop, a_share(workshop, name, template_names=["weave"], role="weaving"))
    return child


def deliver(workshop: TestBench, *, at: datetime | None = None, **later: float) -> int:
    """So much time has passed: the courier makes a round. Returns how many notices it tried."""
    with Courier(workshop.engine, patience=30) as courier:
        return courier.deliver(at=at or clock.now() + timedelta(seconds=1) + timedelta(**later))


def notices_of(workshop: TestBench, run_id: str, *, audience: str = "%") -> list[Any]:
    """The notices about a run, in order."""
    return workshop.rows(
        "SELECT * FROM notification WHERE run_id = :run AND audience LIKE :audience ORDER BY created_at, id",
        run=run_id,
        audience=audience,
    )
