"""A press office: endpoints, the herald's two halves called by hand, and what the delivery log says."""

import base64
import json
import secrets
from datetime import datetime, timedelta
from typing import Any

from services.workers import herald
from services.workers.webhooks import Sender
from shared.domain import commands
from shared.runtime import clock, ids
from shared.storage import feed
from tests.places import eventually
from tests.workshop import TestBench

SOURCE = "https://loom.test"


class PressOffice:
    """Over one bench. Time is an argument; the herald's process is not needed."""

    def __init__(self, bench: TestBench) -> None:
        self.bench = bench
        self.began = clock.now()
        with bench.engine.begin() as connection:
            feed.begin(connection, feed.WEBHOOKS)

    def an_endpoint(
        self, url: str, *, event_types: tuple[str, ...] = (), partner_id: str | None = None
    ) -> tuple[str, str]:
        """A new endpoint; its id and its secret."""
        endpoint_id, secret = ids.fresh("whe"), a_secret()
        self.bench.change(
            """INSERT INTO webhook_endpoint (id, url, event_types, partner_id, secret, begins_xid)
               VALUES (:id, :url, CAST(:types AS jsonb), :partner, :secret, pg_snapshot_xmin(pg_current_snapshot()))""",
            id=endpoint_id,
            url=url,
            types=json.dumps(event_types),
            partner=partner_id,
            secret=secret,
        )
        return endpoint_id, secret

    def fan_out(self) -> None:
        """Write the deliveries of all that happened."""

        def is_done() -> bool:
            herald.fan_out(self.bench.engine, source=SOURCE)
            with self.bench.engine.connect() as connection:
                return feed.lags(connection)[feed.WEBHOOKS] == 0.0

        eventually(is_done)

    def send(self, *, at: datetime | None = None, limit: float = 5.0, per_call: float = 2.0, **later: float) -> int:
        """So much time has passed: send what is due then. Returns how many attempts that took."""
        instant = at or clock.now() + timedelta(seconds=1) + timedelta(**later)
        with Sender(self.bench.engine, allow_private=True, limit=limit, per_call=per_call) as sender:
            return sender.deliver(at=instant)

    def tell(self, **later: float) -> int:
        """Fan out, then send what is due."""
        self.fan_out()
        return self.send(**later)

    def deliveries(self, endpoint_id: str = "%") -> list[Any]:
        return self.bench.rows("SELECT * FROM webhook_delivery WHERE endpoint_id LIKE :id ORDER BY id", id=endpoint_id)

    def states(self, endpoint_id: str = "%") -> set[str]:
        return {row["state"] for row in self.deliveries(endpoint_id)}

    def endpoint(self, endpoint_id: str) -> Any:
        return self.bench.rows("SELECT * FROM webhook_endpoint WHERE id = :id", id=endpoint_id)[0]

    def a_note(self, run_id: str, text: str = "soft yarn") -> None:
        """Something happens to a run."""
        self.bench.done(commands.AddNote(text=text), run_id=run_id)

    def events_of(self, run_id: str) -> list[Any]:
        """The events of the ledger about a run, in order."""
        kinds = self.bench.events(run_id)
        rows = self.bench.rows("SELECT id, kind FROM message WHERE run_id = :id ORDER BY seq", id=run_id)
        return [row["id"] for row in rows if row["kind"] in kinds]


def a_secret() -> str:
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
