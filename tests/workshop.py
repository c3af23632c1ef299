"""A workshop without a broker: the real actors on the real ledger, one delivery after the other, in the test's own thread."""

import threading
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

from sqlalchemy import text

from services.workers.handling import Workshop
from shared.domain import commands
from shared.domain.commands import Command
from shared.domain.events import EVENTS
from shared.domain.orders import Line, Order
from shared.messages import Actor, ActorKind, opening
from shared.routing import ROOM_OF, addresses_of_command
from shared.runtime import clock, ids
from shared.storage import database, mail
from shared.storage.mail import Answer, DeliveryState

ADMIN = Actor(ActorKind.ADMIN, "acct_admin", "Asha")
SHOP = Actor(ActorKind.SHOP, "shop", "shop")


class TestBench:
    """Ask commands and see what became of them; builders make what they are about."""

    __test__ = False

    def __init__(self, url: str, *, threads: int = 8) -> None:
        self.url = url
        self.engine = database.connect(url, pool_size=threads)
        self.workshop = Workshop(url, threads=threads)
        self.hands = ThreadPoolExecutor(max_workers=threads)
        self._pumping = threading.Lock()

    def close(self) -> None:
        self.hands.shutdown()
        self.workshop.close()
        self.engine.dispose()

    # Asking ---------------------------------------------------------------------------------------------------------

    def post(
        self,
        command: Command,
        *,
        run_id: str | None = None,
        tenant: str | None = None,
        message_id: str | None = None,
        actor: Actor | None = None,
    ) -> str:
        """Store a command; nothing is carried out yet."""
        message_id = message_id or ids.fresh("msg")
        asker = actor or (Actor(ActorKind.PARTNER, f"acct_{tenant}", tenant) if tenant else ADMIN)
        message = opening(command, message_id=message_id, actor=asker, at=clock.now(), run_id=run_id, tenant=tenant)
        with self.engine.begin() as connection:
            mail.post(connection, message, addresses_of_command(command.kind, run_id=run_id), awaited=False)
        return message_id

    def ask(self, command: Command, *, run_id: str | None = None, tenant: str | None = None, **more: Any) -> Answer:
        """Store a command, carry out everything that is due, and return its answer."""
        message_id = self.post(command, run_id=run_id, tenant=tenant, **more)
        self.pump()
        return self.answer(message_id)

    def done(
        self, command: Command, *, run_id: str | None = None, tenant: str | None = None, **more: Any
    ) -> dict[str, Any]:
        """Ask, and insist that it was done; returns the result."""
        answer = self.ask(command, run_id=run_id, tenant=tenant, **more)
        assert answer.state is DeliveryState.DONE, (answer, self.errors())
        return answer.result or {}

    def refused(self, command: Command, *, run_id: str | None = None, tenant: str | None = None) -> dict[str, Any]:
        """Ask, and insist that it was refused; returns the refusal."""
        answer = self.ask(command, run_id=run_id, tenant=tenant)
        assert answer.state is DeliveryState.REFUSED, (answer, self.errors())
        return answer.refusal or {}

    def answer(self, message_id: str) -> Answer:
        with self.engine.connect() as connection:
            found = mail.answer(connection, message_id)
        assert found is not None
        return found

    def pump(self) -> None:
        """Carry out all that is due, until nothing is. One thread at a time: what another has claimed is done when it returns."""
        with self._pumping:
            while rings := self.claim():
                for delivery_id in rings:
                    self.workshop.carry_out(delivery_id)

    def claim(self) -> list[int]:
        with self.engine.begin() as connection:
            return [r.delivery_id for r in mail.claim_due(connection, actors=list(ROOM_OF), limit=100, sender="test")]

    # Looking --------------------------------------------------------------------------------------------------------

    def rows(self, sql: str, **parameters: Any) -> list[Any]:
        with self.engine.connect() as connection:
            return list(connection.execute(text(sql), parameters).mappings())

    def value(self, sql: str, **parameters: Any) -> Any:
        with self.engine.connect() as connection:
            return connection.execute(text(sql), parameters).scalar()

    def change(self, sql: str, **parameters: Any) -> None:
        """Set something up that no command makes."""
        with self.engine.begin() as connection:
            connection.execute(text(sql), parameters)

    def run(self, run_id: str) -> Any:
        return self.rows("SELECT * FROM production_run WHERE id = :id", id=run_id)[0]

    def tasks(self, run_id: str) -> list[Any]:
        return self.rows("SELECT * FROM task WHERE run_id = :id ORDER BY round, position, id", id=run_id)

    def events(self, run_id: str, kind: str = "%") -> list[str]:
        """The kinds of the run's events, in order."""
        found = self.rows(
            "SELECT kind FROM message WHERE run_id = :id AND kind LIKE :kind ORDER BY seq", id=run_id, kind=kind
        )
        return [row["kind"] for row in found if row["kind"] in EVENTS]

    def errors(self) -> list[str]:
        return [row["error"] for row in self.rows("SELECT error FROM delivery WHERE error IS NOT NULL")]

    # Building -------------------------------------------------------------------------------------------------------

    def a_partner(self, name: str, *, status: str = "active") -> str:
        partner_id = f"ptnr_{name}"
        self.change(
            "INSERT INTO partner (id, name, handle, status) VALUES (:id, :name, :name, :status)",
            id=partner_id,
            name=name,
            status=status,
        )
        return partner_id

    def a_design(self, name: str = "shawl", *, status: str = "Conceptual") -> str:
        design_id = f"dsgn_{name}"
        self.change(
            "INSERT INTO design (id, name, status) VALUES (:id, :name, :status)", id=design_id, name=name, status=status
        )
        return design_id

    def a_product(self, product_id: str, *, design_id: str, variant_id: str | None = None) -> None:
        self.change(
            "INSERT INTO product_link (id, product_id, variant_id, design_id) VALUES (:id, :product, :variant, :design)",
            id=ids.fresh("plink"),
            product=product_id,
            variant=variant_id,
            design=design_id,
        )

    def a_template(self, name: str, *, category: str | None = None, kind: str = "work", position: int = 0) -> str:
        template_id = f"tmpl_{name}_{category}"
        if category:
            self.change(
                "INSERT INTO template_category (id, name) VALUES (:id, :name) ON CONFLICT DO NOTHING",
                id=f"tcat_{category}",
                name=category,
            )
        self.change(
            "INSERT INTO task_template (id, name, category_id, kind, position) VALUES (:id, :name, :category, :kind, :position)",
            id=template_id,
            name=name,
            category=f"tcat_{category}" if category else None,
            kind=kind,
            position=position,
        )
        return template_id

    def a_run(self, design_id: str, *, quantity: str = "4", **more: Any) -> str:
        """A run waiting for review."""
        result = self.done(commands.CreateRun(design_id=design_id, quantity=Decimal(quantity), **more))
        return str(result["run_id"])

    def a_sent_run(self, *, templates: int = 2, partner: str = "weaver", **more: Any) -> str:
        """A run of one partner, put before them with so many tasks; returns the child."""
        partner_id = self.a_partner(partner)
        design_id = self.a_design(f"design_of_{partner}")
        names = [f"{partner}_step_{place}" for place in range(templates)]
        for place, name in enumerate(names):
            self.a_template(name, position=place)
        run_id = self.a_run(design_id, partner_id=partner_id, **more)
        approved = self.done(commands.ApproveRun(), run_id=run_id)
        child = str(approved["children"][0])
        self.done(commands.SendToProduction(template_names=names), run_id=child)
        return child

    def an_order(self, order_id: str, *lines: tuple[str, str | None], **more: Any) -> commands.PlaceOrder:
        """An order of lines (line id, product id)."""
        items = [Line(id=line_id, product_id=product_id, quantity=Decimal(2)) for line_id, product_id in lines]
        return commands.PlaceOrder(source="shop", order=Order(id=order_id, items=items, **more))
