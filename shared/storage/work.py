"""One unit of work: what one actor reads, decides and leaves to be written, told and asked, in one transaction."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from shared.domain import refusals
from shared.domain.commands import Command
from shared.domain.events import Event
from shared.domain.policy import Policy
from shared.domain.runs import Run
from shared.messages import SYSTEM, Actor, Message, pack
from shared.routing import Address, addresses_of_command, addresses_of_event
from shared.runtime import ids
from shared.storage import mail
from shared.storage.directory import Directory
from shared.storage.mail import Claimed
from shared.storage.media_store import MediaStore
from shared.storage.notice_store import NoticeStore
from shared.storage.order_store import OrderStore
from shared.storage.reminder_store import ReminderStore
from shared.storage.run_store import RunStore
from shared.storage.stock import StockStore
from shared.storage.task_store import TaskStore
from shared.storage.writes import Writes


class Work:
    """The only thing an actor is given besides its command. Nothing is written before the actor returns."""

    def __init__(self, connection: Connection, claimed: Claimed) -> None:
        self.connection = connection
        self.message: Message = claimed.message
        self.policy: Policy = claimed.policy
        self.now: datetime = claimed.now
        self.runs = RunStore(connection, locked=claimed.run)
        self.runs.at(claimed.now)
        self.tasks = TaskStore(connection)
        self.directory = Directory(connection)
        self.stock = StockStore(connection)
        self.order_lines = OrderStore(connection)
        self.media = MediaStore(connection)
        self.notices = NoticeStore(connection)
        self.reminders = ReminderStore(connection)
        self.actor: Actor = claimed.message.actor if claimed.message.is_command else SYSTEM
        """Who is behind what happens now: the asker of a command; the system when an event leads on."""
        self._claimed = claimed
        self._posts: list[tuple[Message, Sequence[Address]]] = []
        self._result: dict[str, Any] | None = None

    @property
    def by_admin(self) -> bool:
        """An admin (or the system) asked, not the run's partner."""
        return self.message.tenant is None

    @property
    def run(self) -> Run:
        """The locked run of this message's lane; a partner's own, or it does not exist for them. Raises NotFound."""
        run = self._claimed.run
        if run is None or (self.message.tenant is not None and run.partner_id != self.message.tenant):
            raise refusals.NotFound(thing="production run")
        return run

    @property
    def run_of_lane(self) -> Run:
        """The locked run of this lane, whoever's message led here: for the cascade, which serves the whole family."""
        if self._claimed.run is None:
            raise refusals.NotFound(thing="production run")
        return self._claimed.run

    def new_id(self, prefix: str, *key: object) -> str:
        """The id of something this message makes; the same for the same key when the message comes again."""
        return ids.derived(prefix, self.message.id, prefix, *key, at=self.message.created_at)

    def tell(self, *told: Event, run: Run | None = None) -> list[str]:
        """Something happened (to a run). Returns the ids of the messages."""
        first = len(self._posts)
        for event in told:
            place = len(self._posts)
            message = Message(
                id=self.new_id("msg", place),
                kind=event.kind,
                body=pack(event),
                run_id=run.id if run else None,
                tenant=run.partner_id if run else None,
                actor=self.actor,
                correlation=self.message.correlation,
                cause=self.message.id,
                created_at=self.now,
            )
            self._posts.append((message, addresses_of_event(event, run)))
        return [message.id for message, _ in self._posts[first:]]

    def ask(self, command: Command, *, run_id: str | None, once: str | None = None, by: Actor | None = None) -> None:
        """Ask for something, as whoever is behind this work. once: a name under which it is asked only once, ever."""
        message = Message(
            id=f"msg_{once}" if once else self.new_id("msg", len(self._posts)),
            kind=command.kind,
            body=pack(command),
            run_id=run_id,
            actor=by or self.actor,
            correlation=self.message.correlation,
            cause=self.message.id,
            created_at=self.now,
        )
        self._posts.append((message, addresses_of_command(command.kind, run_id=run_id)))

    def answer(self, **result: Any) -> None:
        """What the asker gets to see."""
        self._result = result

    def commit(self) -> None:
        """Write, tell, ask and answer in one statement; the caller commits the transaction."""
        writes = Writes()
        self.directory.flush(writes)
        self.runs.flush(writes)
        self.tasks.flush(writes, at=self.now)
        self.order_lines.flush(writes)
        self.stock.flush(writes, at=self.now)
        self.media.flush(writes)
        self.notices.flush(writes)
        self.reminders.flush(writes)
        ring = mail.add_messages(writes, self._posts)
        mail.finish(self.connection, self._claimed, writes, result=self._result, ring=ring)

    def refuse(self, refusal: refusals.Refusal) -> None:
        """Leave everything as it was and keep the refusal as the answer."""
        mail.finish(self.connection, self._claimed, Writes(), refusal=refusal)
