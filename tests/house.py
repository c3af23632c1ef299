"""A house at work over HTTP: makes its catalogue, its partners and their sign-ins, and sends a shop's signed events."""

import base64
import hashlib
import hmac
import itertools
import json
import time
from typing import Any

import httpx

from tests.places import System

PASSWORD = "a partner's long password"
_numbers = itertools.count(1)


def unique(name: str) -> str:
    """A name nobody else uses in this test session."""
    return f"{name}-{time.time_ns():x}-{next(_numbers)}"


class House:
    """What a newcomer does through the public API. Closes the clients it opened."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.admin = system.admin
        self._clients: list[httpx.Client] = []

    def close(self) -> None:
        for client in self._clients:
            client.close()

    # Catalogue ------------------------------------------------------------------------------------------------------

    def a_design(self, **more: Any) -> str:
        return self._made("/admin/designs", "design", {"name": unique("shawl"), **more})

    def a_product(self, design_id: str, **more: Any) -> str:
        product_id = unique("prod")
        self._made("/admin/products", "product", {"product_id": product_id, "design_id": design_id, **more})
        return product_id

    def a_template(self, **more: Any) -> str:
        name = more.pop("name", None) or unique("weave")
        self._made("/admin/task-templates", "task_template", {"name": name, "description": "do it", **more})
        return str(name)

    def a_partner(self) -> tuple[str, httpx.Client]:
        """A partner and a client signed in as its person."""
        handle = unique("partner")
        partner_id = self._made("/admin/partners", "partner", {"name": handle, "handle": handle})
        email = f"{handle}@example.org"
        answer = self.admin.post(
            f"/admin/partners/{partner_id}/accounts", json={"name": "Meera", "email": email, "password": PASSWORD}
        )
        assert answer.status_code == 201, answer.text
        token = self.system.log_in(email, password=PASSWORD)
        client = httpx.Client(base_url=self.system.url, timeout=30, headers={"Authorization": f"Bearer {token}"})
        self._clients.append(client)
        return partner_id, client

    # Orders ---------------------------------------------------------------------------------------------------------

    def an_order(self, *product_ids: str, quantity: Any = 4) -> dict[str, Any]:
        """The body of an order with one line per product."""
        items = [
            {"id": unique("line"), "product_id": product_id, "quantity": quantity, "title": "Shawl"}
            for product_id in product_ids
        ]
        return {"id": unique("order"), "display_id": "1001", "items": items}

    def place(
        self, order: dict[str, Any], *, event_id: str | None = None, kind: str = "order.placed"
    ) -> httpx.Response:
        """Send the order as a signed CloudEvent."""
        return self.send(self.event(order, kind=kind, event_id=event_id))

    def event(self, data: Any, *, kind: str, event_id: str | None = None) -> bytes:
        """A CloudEvent in structured mode."""
        envelope = {
            "specversion": "1.0",
            "id": event_id or unique("evt"),
            "source": "shop.example",
            "type": kind,
            "datacontenttype": "application/json",
            "data": data,
        }
        return json.dumps(envelope).encode()

    def send(self, body: bytes, *, secret: str | None = None, at: int | None = None) -> httpx.Response:
        """Post raw bytes with a Standard Webhooks signature made here by hand."""
        message_id, stamp = unique("msg"), str(at or int(time.time()))
        key = base64.b64decode((secret or self.system.event_secret).removeprefix("whsec_"))
        signed = hmac.new(key, f"{message_id}.{stamp}.".encode() + body, hashlib.sha256).digest()
        return self.system.client.post(
            "/events",
            content=body,
            headers={
                "content-type": "application/cloudevents+json",
                "webhook-id": message_id,
                "webhook-timestamp": stamp,
                "webhook-signature": "v1," + base64.b64encode(signed).decode(),
            },
        )

    def lines_of(self, order: dict[str, Any]) -> list[dict[str, Any]]:
        """What became of an order's lines."""
        answer = self.admin.get("/admin/order-lines", params={"order_id": order["id"]})
        assert answer.status_code == 200, answer.text
        return list(answer.json()["order_lines"])

    def is_idle(self, room: str) -> bool:
        """Nothing waits in a room."""
        queues = {queue["room"]: queue for queue in ok(self.admin.get("/admin/operations"))["queues"]}
        return bool(queues[room]["ready"] == queues[room]["handed_out"] == 0)

    # Runs -----------------------------------------------------------------------------------------------------------

    def run(self, run_id: str) -> dict[str, Any]:
        answer = self.admin.get(f"/admin/production-runs/{run_id}")
        assert answer.status_code == 200, answer.text
        return dict(answer.json()["production_run"])

    def approve(self, run_id: str, *assignments: dict[str, Any]) -> dict[str, Any]:
        answer = self.admin.post(f"/admin/production-runs/{run_id}/approve", json={"assignments": list(assignments)})
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def a_run(self, design_id: str, **more: Any) -> str:
        answer = self.admin.post("/admin/production-runs", json={"design_id": design_id, **more})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["production_run"]["id"])

    def _made(self, path: str, name: str, body: dict[str, Any]) -> str:
        answer = self.admin.post(path, json=body)
        assert answer.status_code == 201, answer.text
        return str(answer.json()[name]["id"])


def ok(answer: httpx.Response, status: int = 200) -> dict[str, Any]:
    """The body of an answer that must be this status."""
    assert answer.status_code == status, (
        f"{answer.request.method} {answer.request.url}: {answer.status_code} {answer.text}"
    )
    return dict(answer.json())


def step(client: httpx.Client, run_id: str, verb: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """A partner takes a step of their own run."""
    return ok(client.post(f"/partners/production-runs/{run_id}/{verb}", json=body or {}))


def work_through(client: httpx.Client, run_id: str) -> None:
    """Accept, start, finish, complete."""
    for verb in ("accept", "start", "finish", "complete"):
        step(client, run_id, verb)
