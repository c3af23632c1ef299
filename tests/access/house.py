"""A house where every address of the gateway leads to something, and everybody who may knock at its door."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any

from falcon import testing

from services.api import auth
from services.api.routes import Route
from shared.domain import commands
from shared.domain.allocation import Assignment
from shared.domain.runs import RunType
from shared.intake import amqp
from shared.runtime import clock, ids
from shared.storage import parking, tables
from tests import pictures
from tests.gateway.house import House
from tests.workshop import TestBench


class Caller(StrEnum):
    """Everybody who may knock."""

    NOBODY = "nobody"
    GARBAGE = "garbage token"
    EXPIRED = "expired session"
    REVOKED = "revoked session"
    REVOKED_API_TOKEN = "revoked API token"
    SWITCHED_OFF = "switched-off account"
    INACTIVE = "inactive partner"
    STRANGER = "stranger partner"
    OWNER = "right partner"
    ADMIN = "admin"


UNKNOWN = (
    Caller.NOBODY,
    Caller.GARBAGE,
    Caller.EXPIRED,
    Caller.REVOKED,
    Caller.REVOKED_API_TOKEN,
    Caller.SWITCHED_OFF,
)
"""Those whom the gateway does not know."""

BODIES: dict[str, Any] = {
    "/auth/tokens": {"name": "ci"},
    "/admin/operations/replay": {"message_id": "msg_of_nobody"},
    "decline": {"reason": "capacity"},
    "consumption-logs": {"quantity": 1, "consumption_type": "labor"},
    "correct-output": {"produced_quantity": 4, "reason": "counted again"},
    "attach": {"media_files": [{"url": "https://old.example/shawl.jpg"}]},
    "comments": {"comment": "Which thread?"},
    "hold": {"reason": "the loom is broken"},
    "resolve-flag": {"reason": "agreed with the shop"},
    "/partners/production-runs/{id}/tasks": {"template_names": ["mend"], "kind": "redo"},
}
"""Bodies that can be read, by path or its last word; `{}` is enough for the others."""


PAGES_OF = {
    "/portal/runs/": "/partners/production-runs/",
    "/portal/tasks/": "/partners/assigned-tasks/",
    "/portal/account/tokens/": "/auth/tokens/",
    "/pictures/": "/media/",
    "/on-its-way/": "/commands/",
    "/console/runs/": "/admin/production-runs/",
    "/console/designs/": "/admin/designs/",
    "/console/partners/": "/admin/partners/",
    "/console/products/": "/admin/products/",
    "/console/templates/": "/admin/task-templates/",
    "/console/templates/categories/": "/admin/task-template-categories/",
    "/console/inventory/": "/admin/inventory-items/",
    "/console/inventory/locations/": "/admin/stock-locations/",
    "/console/inventory/levels/": "/admin/stock-levels/",
    "/console/order-lines/": "/admin/order-lines/",
    "/console/notices/": "/admin/notices/",
    "/console/operations/dead-letters/": "/admin/operations/dead-letters/",
    "/console/account/tokens/": "/auth/tokens/",
    "/console/webhooks/": "/admin/webhook-endpoints/",
    "/console/today/runs/": "/admin/production-runs/",
    "/console/today/order-lines/": "/admin/order-lines/",
    "/console/today/notices/": "/admin/notices/",
    "/console/today/dead-letters/": "/admin/operations/dead-letters/",
    "/console/operations/parked/": "/admin/operations/parked-messages/",
}
"""How the path of a page begins, and the addresses of the API that are about the same things."""


class Premises:
    """One run before one partner, a thing of each kind, and accounts for every caller."""

    def __init__(self, url: str) -> None:
        self.bench = TestBench(url)
        self.house = House(self.bench)
        self.run = self.bench.a_sent_run(partner="owner", templates=2)
        self.bench.a_template("mend", kind="redo")
        self.partner = "ptnr_owner"
        self.accounts = {
            Caller.OWNER: self._account("owner", self.partner),
            Caller.STRANGER: self._account("stranger", self.bench.a_partner("stranger")),
            Caller.INACTIVE: self._account("inactive", self.bench.a_partner("inactive", status="inactive")),
            Caller.SWITCHED_OFF: self._account("off", self.partner, is_active=False),
            Caller.ADMIN: self._account("admin", None),
        }
        self._make_things()

    def close(self) -> None:
        self.house.close()
        self.bench.close()

    # Callers ----------------------------------------------------------------------------------------------------------

    def token_of(self, caller: Caller) -> str | None:
        """A fresh token of this caller's, good or not."""
        special: dict[Caller, Callable[[], str | None]] = {
            Caller.NOBODY: lambda: None,
            Caller.GARBAGE: lambda: auth.SESSION_PREFIX + "garbage",
            Caller.EXPIRED: lambda: self._session(Caller.OWNER, lasts=-timedelta(seconds=1)),
            Caller.REVOKED: lambda: self._session(Caller.OWNER, is_revoked=True),
            Caller.REVOKED_API_TOKEN: self._revoked_api_token,
        }
        return special.get(caller, lambda: self._session(caller))()

    def ask(self, method: str, route: Route, *, by: str | None) -> testing.Result:
        """Call the route about the owner's things; a command is left to be carried out later."""
        body = self.body(route) if method in ("POST", "PATCH", "PUT") or route.body is not None else None
        return self.house.ask(method, self.address(route), body, by=by, Prefer="respond-async")

    def _session(self, caller: Caller, *, lasts: timedelta = timedelta(hours=1), is_revoked: bool = False) -> str:
        token, now = auth.new_session_token(), clock.now()
        self.bench.change(
            """INSERT INTO session (token_hash, account_id, expires_at, revoked_at)
               VALUES (:hash, :account, :until, :revoked)""",
            hash=auth.sha256(token),
            account=self.accounts[caller],
            until=now + lasts,
            revoked=now if is_revoked else None,
        )
        return token

    def _revoked_api_token(self) -> str:
        admin = self.token_of(Caller.ADMIN)
        made = self.house.post("/auth/tokens", {"name": "lost"}, by=admin).json
        assert self.house.ask("DELETE", f"/auth/tokens/{made['token']['id']}", by=admin).status_code == 204
        return str(made["secret"])

    def _account(self, name: str, partner_id: str | None, *, is_active: bool = True) -> str:
        email = self.house.an_account(name, partner_id=partner_id)
        self.bench.change("UPDATE account SET is_active = :active WHERE email = :email", active=is_active, email=email)
        return str(self.bench.value("SELECT id FROM account WHERE email = :email", email=email))

    # Addresses --------------------------------------------------------------------------------------------------------

    def address(self, route: Route) -> str:
        """The route's path with the ids of what is there."""
        return route.path.format(**self.named(route.path))

    def named(self, path: str) -> dict[str, str]:
        """What can stand in a path's gaps."""
        begin = next((begin for begin in self.ids if path.startswith(begin)), None)
        named = {"id": self.ids[begin]} if begin else {}
        return named | {"subtask_id": self.subtask, "partner_id": self.partner, "code": "forbidden"}

    def page_address(self, route: Route) -> str:
        """The page's path with the ids of what is there: the same things as behind the addresses of the API."""
        begin = max((begin for begin in PAGES_OF if route.path.startswith(begin)), key=len, default=None)
        named = {"id": self.ids[PAGES_OF[begin]]} if begin else {}
        named |= {"subtask_id": self.subtask, "partner_id": self.partner, "version": "0", "name": "loomline.css"}
        return route.path.format(**named, token="none")

    def body(self, route: Route) -> Any:
        if route.path == "/admin/designs/{id}/partners":
            return {"partner_id": self.partner}
        return BODIES.get(route.path) or BODIES.get(route.path.rpartition("/")[2], {})

    def _make_things(self) -> None:
        self.task, other = (task["id"] for task in self.bench.tasks(self.run))
        self.subtask = self.bench.done(
            commands.CreateTask(partner_id=self.partner, title="Wind the bobbins", parent_task_id=self.task),
            run_id=self.run,
        )["task_id"]
        design = "dsgn_design_of_owner"
        item = self._made("inventory_item", {"sku": "YARN", "title": "Yarn"})
        place = self._made("stock_location", {"name": "Store"})
        self.ids = {
            "/auth/tokens/": self._token_id(),
            "/partners/production-runs/": self.run,
            "/partners/assigned-tasks/": self.task,
            "/commands/": self._command(other),
            "/admin/production-runs/": self.run,
            "/admin/designs/": design,
            "/admin/partners/": self.partner,
            "/admin/products/": self._made("product", {"product_id": "shop-1", "design_id": design}),
            "/admin/task-template-categories/": self._made("task_template_category", {"name": "weaving"}),
            "/admin/task-templates/": self._made("task_template", {"name": "press"}),
            "/admin/inventory-items/": item,
            "/admin/stock-locations/": place,
            "/admin/stock-levels/": self._made("stock_level", {"inventory_item_id": item, "location_id": place}),
            "/admin/operations/dead-letters/": self._dead_letter(),
            "/admin/operations/parked-messages/": self._parked_message(),
            "/admin/notices/": self._failed_notice(),
            "/admin/webhook-endpoints/": self._made("webhook_endpoint", {"url": "https://hooks.example/loomline"}),
            "/media/": self._picture(),
            "/admin/order-lines/": self._order_line(),
            "/partners/designs/": self._sample_of(design),
        }

    def link_partner(self) -> None:
        """An unlinked partner is linked again."""
        self.house.post(
            "/admin/designs/dsgn_design_of_owner/partners",
            {"partner_id": self.partner},
            by=self.token_of(Caller.ADMIN),
        )

    def _made(self, singular: str, body: Any) -> str:
        plural = singular[:-1] + "ies" if singular.endswith("y") else f"{singular}s"
        answer = self.house.post(f"/admin/{plural.replace('_', '-')}", body, by=self.token_of(Caller.ADMIN))
        assert answer.status_code == 201, answer.text
        return str(answer.json[singular]["id"])

    def _token_id(self) -> str:
        made = self.house.post("/auth/tokens", {"name": "loom"}, by=self.token_of(Caller.OWNER))
        return str(made.json["token"]["id"])

    def _command(self, task_id: str) -> str:
        """A command that the owner asked."""
        answer = self.house.post(
            f"/partners/assigned-tasks/{task_id}/comments",
            {"comment": "Later."},
            by=self.token_of(Caller.OWNER),
            Prefer="respond-async",
        )
        return answer.headers["Location"].rpartition("/")[2]

    def _sample_of(self, design_id: str) -> str:
        """A design of which the owner makes a sample."""
        share = Assignment(partner_id=self.partner, template_names=["owner_step_0"])
        self.bench.done(
            commands.CreateDesignRun(
                design_id=design_id, run_type=RunType.SAMPLE, quantity=Decimal(1), assignments=[share]
            )
        )
        return design_id

    def _order_line(self) -> str:
        """A line whose product nobody makes yet."""
        self.bench.done(self.bench.an_order("order_1", ("line_1", "prod_unknown")))
        return str(self.bench.value("SELECT id FROM order_line"))

    def _picture(self) -> str:
        path = f"/partners/production-runs/{self.run}/media"
        made = self.house.upload(path, ("shawl.jpg", pictures.a_picture()), by=str(self.token_of(Caller.OWNER)))
        return str(made.json["files"][0]["id"])

    def _dead_letter(self) -> str:
        message = self.bench.post(commands.AddNote(text="lost"), run_id=self.run, message_id=ids.fresh("msg"))
        self.bench.change("UPDATE delivery SET state = 'dead', done_at = now() WHERE message_id = :id", id=message)
        return str(self.bench.value("SELECT id FROM delivery WHERE message_id = :id", id=message))

    def _parked_message(self) -> str:
        """A message that could be read by now."""
        body = b'{"specversion":"1.0","id":"1","source":"shop","type":"order.placed","data":{"id":"o","items":[]}}'
        told = amqp.published(body, headers={}, content_type="application/cloudevents+json", routing_key="order.placed")
        with self.bench.engine.begin() as connection:
            return parking.park(connection, told, reason="It was too early.")

    def _failed_notice(self) -> str:
        self.bench.change("UPDATE notification SET state = 'failed' WHERE run_id = :run", run=self.run)
        return str(self.bench.value("SELECT id FROM notification WHERE run_id = :run", run=self.run))

    # What is stored ---------------------------------------------------------------------------------------------------

    def state(self) -> list[Any]:
        """Of every table how many rows it has, and the newest transaction that wrote one."""
        return self.bench.rows(_STATE)


_STATE = " UNION ALL ".join(
    f"SELECT '{table}' AS name, count(*) AS rows, max(xmin::text::bigint) AS newest FROM {table}"
    for table in sorted(tables.metadata.tables)
)
