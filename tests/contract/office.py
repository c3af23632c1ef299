"""A gateway without a server: the real application on a real database, called in the test's own threads."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any

import falcon.testing

from services.api import app
from shared.runtime import clock, settings
from shared.storage import directory
from tests.places import ADMIN_EMAIL, ADMIN_PASSWORD

EVENT_KEY = b"twenty-four bytes of key"
EVENT_SECRET = "whsec_" + base64.b64encode(EVENT_KEY).decode()


class Office:
    """The gateway of one database. `admin` calls as an admin, `client` as nobody."""

    def __init__(self, database_url: str, **given: str) -> None:
        told = {"LOOMLINE_DATABASE_URL": database_url, "LOOMLINE_EVENT_SECRET": EVENT_SECRET, **given}
        self.desk = app.desk_of(settings.read(told))
        self.client = falcon.testing.TestClient(app.build(self.desk, app.routes()))
        directory.ensure_admin(self.desk.engine, email=ADMIN_EMAIL, password=ADMIN_PASSWORD)
        self.token = self.log_in(ADMIN_EMAIL, password=ADMIN_PASSWORD)

    def close(self) -> None:
        self.desk.gate.close()
        self.desk.engine.dispose()

    def log_in(self, email: str, *, password: str) -> str:
        answer = self.client.simulate_post("/auth/login", json={"email": email, "password": password})
        assert answer.status_code == 200, answer.text
        return str(answer.json["token"])

    def ask(
        self, method: str, path: str, body: Any = None, *, headers: Mapping[str, str] | None = None
    ) -> falcon.testing.Result:
        """Call as the admin. The path may carry a query."""
        address, _, query = path.partition("?")
        raw = body if isinstance(body, (bytes, str)) or body is None else json.dumps(body)
        told = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json", **(headers or {})}
        return self.client.simulate_request(method, address, query_string=query, body=raw, headers=told)

    def add(self, path: str, body: Any) -> dict[str, Any]:
        """Make a thing; it must work. Returns the thing itself."""
        answer = self.ask("POST", path, body)
        assert answer.status_code == 201, answer.text
        thing: dict[str, Any] = next(iter(answer.json.values()))
        return thing

    def rows(self, statement: str, **parameters: Any) -> list[tuple[Any, ...]]:
        """What the database says."""
        with self.desk.engine.begin() as connection:
            found = connection.exec_driver_sql(statement, parameters)
            return [tuple(row) for row in found] if found.returns_rows else []


def signed(
    raw: bytes, *, key: bytes = EVENT_KEY, message_id: str = "msg_1", seconds_ago: float = 0, version: str = "v1"
) -> dict[str, str]:
    """The headers of Standard Webhooks for a body."""
    timestamp = str(int(clock.now().timestamp() - seconds_ago))
    mac = hmac.new(key, f"{message_id}.{timestamp}.".encode() + raw, hashlib.sha256).digest()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": f"{version},{base64.b64encode(mac).decode()}",
        "Content-Type": "application/cloudevents+json",
    }
