"""A gateway in the test's own process on a real database, with people who can sign in and a workshop that opens on demand."""

import contextlib
import tempfile
import threading
from collections.abc import Iterator
from typing import Any

from falcon import testing

from services.api import app
from services.api.routes import Route
from shared.runtime import ids, passwords, settings
from tests.workshop import TestBench

PASSWORD = "right horse"
_HASH = passwords.hashed(PASSWORD)


class House:
    """The gateway, the ledger behind it, and the people at its door."""

    def __init__(
        self, bench: TestBench, *, extra: tuple[Route, ...] = (), files_url: str = "", link_secret: str = ""
    ) -> None:
        self.bench = bench
        self._home = tempfile.TemporaryDirectory()
        told = {
            "LOOMLINE_DATABASE_URL": bench.url,
            "LOOMLINE_HOME": self._home.name,
            "LOOMLINE_FILES_URL": files_url,
            "LOOMLINE_LINK_SECRET": link_secret,
        }
        self.desk = app.desk_of(settings.read(told))
        self.http = testing.TestClient(app.build(self.desk, [*app.routes(), *app.pages(), *extra]))

    def close(self) -> None:
        self.desk.gate.close()
        self.desk.engine.dispose()
        self._home.cleanup()

    def an_account(self, name: str, *, partner_id: str | None = None) -> str:
        """A person who can sign in; returns the address. Without a partner it is an admin."""
        email = f"{name}@{ids.fresh('x')}.test"
        self.bench.change(
            """INSERT INTO account (id, email, name, role, partner_id, password_hash)
               VALUES (:id, :email, :name, :role, :partner, :hash)""",
            id=ids.fresh("acct"),
            email=email,
            name=name,
            role="partner" if partner_id else "admin",
            partner=partner_id,
            hash=_HASH,
        )
        return email

    def token(self, email: str) -> str:
        answer = self.post("/auth/login", {"email": email, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        return str(answer.json["token"])

    def an_admin(self) -> str:
        """The token of a new admin."""
        return self.token(self.an_account("asha"))

    def a_person_of(self, partner_id: str) -> str:
        """The token of somebody of this partner."""
        return self.token(self.an_account("pia", partner_id=partner_id))

    def get(self, path: str, *, by: str | None = None, **headers: str) -> testing.Result:
        return self.ask("GET", path, by=by, **headers)

    def post(self, path: str, body: Any = None, *, by: str | None = None, **headers: str) -> testing.Result:
        return self.ask("POST", path, body, by=by, **headers)

    def upload(
        self, path: str, *files: tuple[str, bytes], by: str, field: str = "files", **headers: str
    ) -> testing.Result:
        """Send files (name, bytes) as a browser's form does."""
        parts = [
            f'--seam\r\nContent-Disposition: form-data; name="{field}"; filename="{name}"\r\n\r\n'.encode() + content
            for name, content in files
        ]
        body = b"\r\n".join([*parts, b"--seam--\r\n"])
        return self.ask("POST", path, body, by=by, Content_Type="multipart/form-data; boundary=seam", **headers)

    def ask(self, method: str, path: str, body: Any = None, *, by: str | None = None, **headers: str) -> testing.Result:
        """One request. body: bytes go as they are, anything else as JSON. headers: with '_' for '-'."""
        told = {name.replace("_", "-"): value for name, value in headers.items()}
        if by:
            told["Authorization"] = f"Bearer {by}"
        if isinstance(body, bytes):
            return self.http.simulate_request(
                method, path, body=body, headers={"Content-Type": "application/json", **told}
            )
        return self.http.simulate_request(method, path, headers=told, **({} if body is None else {"json": body}))

    @contextlib.contextmanager
    def open_workshop(self) -> Iterator[None]:
        """Actors carry out what is asked while this lasts."""
        closed = threading.Event()

        def work() -> None:
            while not closed.is_set():
                self.bench.pump()
                closed.wait(0.01)

        thread = threading.Thread(target=work)
        thread.start()
        try:
            yield
        finally:
            closed.set()
            thread.join()
