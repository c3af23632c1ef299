"""A town to walk through in a browser: a running Loomline with partners, designs with pictures, stock, orders, and runs at every stage."""

import io
from typing import Any

import httpx
import psycopg
from PIL import Image, ImageDraw

from tests.places import System, eventually

PASSWORD = "a password to walk in with"
RUNS = "/admin/production-runs"
MINE = "/partners/production-runs"


class Town:
    """What stands in it, by name. Everything was made over HTTP, as people would."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.url = system.url
        self.partners: dict[str, str] = {}
        self.people: dict[str, str] = {}
        self.designs: dict[str, str] = {}
        self.items: dict[str, str] = {}
        self.runs: dict[str, str] = {}
        self._tokens: dict[str, str] = {}

    # Asking -------------------------------------------------------------------------------------------------------------

    def get(self, path: str, **query: str) -> Any:
        answer = self.system.admin.get(path, params=query)
        assert answer.is_success, answer.text
        return answer.json()

    def post(self, path: str, body: Any = None, *, by: str = "") -> Any:
        """As the admin, or as somebody of a partner."""
        who = self.system.client if by else self.system.admin
        answer = who.post(path, json=body or {}, headers=self._headers(by), timeout=30)
        assert answer.is_success, answer.text
        return answer.json()

    def _headers(self, partner: str) -> dict[str, str]:
        if partner and partner not in self._tokens:
            self._tokens[partner] = self.system.log_in(self.people[partner], password=PASSWORD)
        return {"Authorization": f"Bearer {self._tokens[partner]}"} if partner else {}

    # Building -----------------------------------------------------------------------------------------------------------

    def build(self) -> "Town":
        """Lay everything out."""
        self.a_partner("Meera Looms", person="Meera", time_zone="Asia/Kolkata")
        self.a_partner("Rangrez Dye House", person="Imran", time_zone="Asia/Kolkata", language="hi")
        self.a_partner("Blue Needle Tailors", person="Tara")
        for name, category, kind in (
            ("Warp the loom", "weaving", "work"),
            ("Weave", "weaving", "work"),
            ("Dye", "dyeing", "work"),
            ("Cut and stitch", "tailoring", "work"),
            ("Mend the seam", "rework", "redo"),
        ):
            self.post(
                "/admin/task-templates", {"name": name, "category": category, "kind": kind, "estimated_cost": "120"}
            )
        store = self.post("/admin/stock-locations", {"name": "Our store"})["stock_location"]["id"]
        for sku, title, unit, cost in (
            ("YARN-1", "Cotton yarn", "Kilogram", "410"),
            ("INDIGO", "Indigo", "Gram", "3.2"),
        ):
            item = self.post(
                "/admin/inventory-items", {"sku": sku, "title": title, "unit_of_measure": unit, "unit_cost": cost}
            )
            self.items[sku] = item["inventory_item"]["id"]
            self.post(
                "/admin/stock-levels", {"inventory_item_id": self.items[sku], "location_id": store, "stocked": "500"}
            )
        self.a_design("Indigo shawl", "Commerce_Ready")
        self.a_design("Madder stole", "In_Development")
        self.post("/admin/products", {"product_id": "prod_shawl", "design_id": self.designs["Indigo shawl"]})
        self._runs()
        self._orders()
        self._letters()
        endpoint = {"url": "https://hooks.example/loomline", "description": "Tells the shop how far its orders are."}
        self.webhook = str(self.post("/admin/webhook-endpoints", endpoint)["webhook_endpoint"]["id"])
        self.token = str(self.post("/auth/tokens", {"name": "weekly report"})["token"]["id"])
        self.partner_token = str(self.post("/auth/tokens", {"name": "loom counter"}, by="Meera Looms")["token"]["id"])
        return self

    def a_partner(self, name: str, *, person: str, **more: Any) -> str:
        """A partner with somebody who can sign in."""
        handle = name.lower().replace(" ", "-")
        made = self.post("/admin/partners", {"name": name, "handle": handle, **more})["partner"]["id"]
        email = f"{person.lower()}@{handle}.test"
        self.post(f"/admin/partners/{made}/accounts", {"name": person, "email": email, "password": PASSWORD})
        self.partners[name], self.people[name] = made, email
        return str(made)

    def a_design(self, name: str, status: str) -> str:
        body = {
            "name": name,
            "status": status,
            "description": "Hand-woven, soft, with a narrow border in a second colour.",
            "specifications": {"width": "90 cm", "length": "200 cm", "weave": "2/2 twill"},
            "colours": ["Indigo", "Undyed"],
            "sizes": ["One size"],
            "planned_materials": [{"inventory_item_id": self.items["YARN-1"], "quantity": "0.4"}],
        }
        made = self.post("/admin/designs", body)["design"]["id"]
        self.designs[name] = made
        return str(made)

    def a_run(self, name: str, design: str, *shares: dict[str, Any], quantity: str = "10", **more: Any) -> list[str]:
        """A run of a design that is approved and split; returns its parts. Both are kept by name."""
        body = {"design_id": self.designs[design], "quantity": quantity, **more}
        run = self.post(RUNS, body)["production_run"]["id"]
        parts = self.post(f"{RUNS}/{run}/approve", {"assignments": list(shares)})["children"]
        self.runs[name] = run
        return [str(part["id"]) for part in parts]

    def share(self, partner: str, role: str, **more: Any) -> dict[str, Any]:
        return {"partner_id": self.partners[partner], "role": role, **more}

    def _runs(self) -> None:
        weave = {"template_names": ["Warp the loom", "Weave"]}
        (self.runs["incoming"],) = self.a_run(
            "incoming root", "Indigo shawl", self.share("Meera Looms", "weaving", **weave)
        )
        (sample,) = self.a_run(
            "sample root",
            "Madder stole",
            self.share("Meera Looms", "weaving", **weave),
            quantity="1",
            run_type="sample",
        )
        self.runs["sample"] = sample
        self.post(f"{MINE}/{sample}/accept", by="Meera Looms")
        (self.runs["working"],) = self.a_run(
            "working root", "Indigo shawl", self.share("Meera Looms", "weaving", **weave), quantity="24"
        )
        self.post(f"{MINE}/{self.runs['working']}/accept", by="Meera Looms")
        self.post(f"{MINE}/{self.runs['working']}/start", by="Meera Looms")
        log = {
            "inventory_item_id": self.items["YARN-1"],
            "quantity": "0.4",
            "quantity_basis": "per_piece",
            "unit_of_measure": "Kilogram",
        }
        self.post(f"{MINE}/{self.runs['working']}/consumption-logs", log, by="Meera Looms")
        self._picture(self.runs["working"], by="Meera Looms")
        (done,) = self.a_run("done root", "Indigo shawl", self.share("Meera Looms", "weaving", **weave), quantity="6")
        self.runs["done"] = done
        for step in ("accept", "start", "finish"):
            self.post(f"{MINE}/{done}/{step}", by="Meera Looms")
        self.post(
            f"{MINE}/{done}/complete",
            {
                "produced_quantity": "5",
                "rejected_quantity": "1",
                "rejection_reason": "fabric_flaw",
                "partner_cost": "900",
                "cost_type": "total",
                "cost_currency": "INR",
            },
            by="Meera Looms",
        )
        (finished,) = self.a_run(
            "finished root", "Indigo shawl", self.share("Meera Looms", "weaving", **weave), quantity="8"
        )
        self.runs["finished"] = finished
        for step in ("accept", "start", "finish"):
            self.post(f"{MINE}/{finished}/{step}", by="Meera Looms")
        stages = self.a_run(
            "staged",
            "Indigo shawl",
            self.share("Meera Looms", "weaving", order=1, quantity="20"),
            self.share("Rangrez Dye House", "dyeing", order=2, quantity="12", template_names=["Dye"]),
            self.share("Blue Needle Tailors", "dyeing", order=2, quantity="8", template_names=["Dye"]),
            self.share("Blue Needle Tailors", "tailoring", order=3, quantity="20", template_names=["Cut and stitch"]),
            quantity="20",
        )
        self.post(f"{RUNS}/{stages[0]}/send-to-production", {"template_names": ["Weave"]})
        (declined,) = self.a_run(
            "declined root",
            "Madder stole",
            self.share("Rangrez Dye House", "dyeing", template_names=["Dye"]),
            quantity="3",
        )
        self.runs["declined"] = declined
        self.post(
            f"{MINE}/{declined}/decline", {"reason": "capacity", "notes": "The vats are full."}, by="Rangrez Dye House"
        )
        (held,) = self.a_run("held root", "Indigo shawl", self.share("Blue Needle Tailors", "tailoring"), quantity="2")
        self.post(f"{RUNS}/{held}/hold", {"reason": "The customer wants another border."})
        self.runs["held"] = held
        self.runs["review"] = self.post(RUNS, {"design_id": self.designs["Madder stole"], "quantity": "4"})[
            "production_run"
        ]["id"]

    def _picture(self, run: str, *, by: str) -> None:
        files = [("files", (f"shawl-{place}.jpg", a_shawl(place), "image/jpeg")) for place in range(2)]
        answer = self.system.client.post(f"{MINE}/{run}/media", files=files, headers=self._headers(by))
        assert answer.is_success, answer.text
        named = [{"id": each["id"], "is_thumbnail": not place} for place, each in enumerate(answer.json()["files"])]
        self.post(f"{MINE}/{run}/media/attach", {"media_files": named}, by=by)

    def _orders(self) -> None:
        """One order with a line that makes a run and a line that nobody makes."""
        from standardwebhooks import Webhook

        from shared.runtime import clock

        event = {
            "specversion": "1.0", "id": "order-77", "source": "shop.test", "type": "order.placed", "datacontenttype": "application/json",
            "data": {"id": "order-77", "display_id": "#77", "items": [
                {"id": "line-1", "product_id": "prod_shawl", "quantity": 2, "title": "Indigo shawl"},
                {"id": "line-2", "product_id": "prod_mug", "quantity": 1, "title": "Mug"},
            ]},
        }  # fmt: skip
        raw = httpx.Request("POST", "http://x", json=event).content
        now = clock.now()
        signature = Webhook(self.system.event_secret).sign("evt_77", now, raw.decode())
        headers = {
            "Content-Type": "application/cloudevents+json",
            "webhook-id": "evt_77",
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": signature,
        }
        answer = self.system.client.post("/events", content=raw, headers=headers)
        assert answer.status_code == 202, answer.text
        eventually(lambda: len(self.get("/admin/order-lines")["order_lines"]) == 2)

    def _letters(self) -> None:
        """One delivery that failed too often, and one notice that nobody took. Only time makes those by itself."""
        with psycopg.connect(self.system.database_url) as connection:
            connection.execute(
                """UPDATE delivery SET state = 'dead', attempts = 10, error = 'OperationalError: the disk is full'
                   WHERE id = (SELECT max(id) FROM delivery WHERE state = 'done' AND room = 'effects')"""
            )
            connection.execute(
                """UPDATE notification SET state = 'failed', attempts = 6, error = 'mailto: the target answered 550'
                   WHERE id = (SELECT min(id) FROM notification)"""
            )


def a_shawl(place: int = 0) -> bytes:
    """A picture that looks a little like cloth."""
    told = io.BytesIO()
    image = Image.new("RGB", (640, 480), "#2b3f73" if place % 2 == 0 else "#7a2f2a")
    draw = ImageDraw.Draw(image)
    for x in range(0, 640, 16):
        draw.line([(x, 0), (x, 480)], fill="#3f5797" if place % 2 == 0 else "#96433b", width=6)
    for y in range(20, 480, 90):
        draw.rectangle([0, y, 640, y + 14], fill="#e3b650")
    image.save(told, "JPEG", quality=70)
    return told.getvalue()
