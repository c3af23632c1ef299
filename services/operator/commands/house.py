"""The house a command works on: its database, and the one way to ask it for something, which is a command in the ledger."""

import getpass
import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import psycopg
import typer
from sqlalchemy import Connection, Engine

from services.operator import connections, migrate
from services.operator.commands.telling import Ended, Stopped, Told, words
from shared.domain.commands import Command
from shared.messages import Actor, ActorKind, opening
from shared.routing import addresses_of_command
from shared.runtime import clock, ids
from shared.runtime import settings as known
from shared.runtime.settings import Settings
from shared.storage import database, mail
from shared.storage.mail import Answer, DeliveryState

T = TypeVar("T")

POLL_SECONDS = 0.1
WAIT_SECONDS = 10.0


class House:
    """One open house."""

    def __init__(self, settings: Settings, engine: Engine) -> None:
        self.settings = settings
        self.engine = engine
        self.actor = Actor(ActorKind.ADMIN, None, f"{_user()} (loomline)")

    def read(self, query: Callable[[Connection], T]) -> T:
        """What a query finds."""
        with self.engine.connect() as connection:
            return query(connection)

    def write(self, write: Callable[[Connection], T]) -> T:
        """A short write in a transaction of its own."""
        with self.engine.begin() as connection:
            return write(connection)

    def post(self, command: Command, *, run_id: str | None = None) -> str:
        """Store a command as the gateway does; returns its message id."""
        message = opening(command, message_id=ids.fresh("msg"), actor=self.actor, at=clock.now(), run_id=run_id)
        addresses = addresses_of_command(message.kind, run_id=run_id)
        self.write(lambda connection: mail.post(connection, message, addresses, awaited=False))
        return message.id

    def answers(
        self, message_ids: Collection[str], *, within: float, told: Callable[[], None] = lambda: None
    ) -> dict[str, Answer]:
        """The answers that came in time, by message id. told: called for each."""
        deadline, found, open_ = time.monotonic() + within, dict[str, Answer](), list(message_ids)
        while True:
            with self.engine.connect() as connection:
                for message_id in list(open_):
                    answer = mail.answer(connection, message_id)
                    if answer and answer.state is not DeliveryState.PENDING:
                        found[message_id] = answer
                        open_.remove(message_id)
                        told()
            if not open_ or time.monotonic() >= deadline:
                return found
            threading.Event().wait(POLL_SECONDS)

    def ask(self, command: Command, *, run_id: str | None, wait: float) -> Told | Answer:
        """Store a command and wait for the actor's word. Raises Stopped with a refusal; a Told when nobody answered yet."""
        message_id = self.post(command, run_id=run_id)
        answer = self.answers([message_id], within=wait).get(message_id)
        if answer is None:
            words(
                "It is safely stored, but nobody has carried it out yet. Is a worker running? `loomline doctor` looks."
            )
            return Told({"command": {"id": message_id, "state": "pending"}}, code=Ended.PENDING)
        check(answer)
        return answer


def check(answer: Answer) -> None:
    """Raise Stopped unless it was done."""
    if answer.state is DeliveryState.REFUSED:
        refusal: dict[str, Any] = answer.refusal or {}
        raise Stopped(refusal.get("detail", "It was refused."), name=refusal.get("code", "refused"))
    if answer.state is not DeliveryState.DONE:
        raise Stopped(
            "It failed too often and is a dead letter now; see `loomline dead-letters list`.", name="command_failed"
        )


@contextmanager
def opened() -> Iterator[House]:
    """The house of the settings, if its database answers and has this release's schema. Raises Unreachable."""
    settings = known.read()
    url = connections.reachable_database_url(settings)
    check_schema(url)
    engine = database.connect(url, pool_size=2, application="loomline-command")
    try:
        yield House(settings, engine)
    finally:
        engine.dispose()


def check_schema(url: str) -> None:
    """Raise Unreachable when the database is behind this release."""
    with psycopg.connect(url, connect_timeout=5) as connection:
        at = migrate.current(connection)
    if migrate.is_behind(at):
        standing = "has no schema yet" if at is None else f"is at {at}, before {migrate.head()}"
        raise connections.Unreachable(f"The database {standing}. Run `loomline migrate`.")


def meant(make: Callable[[], T]) -> T:
    """The command as its caller wrote it. What cannot be read is a usage error."""
    try:
        return make()
    except ValueError as wrong:
        raise typer.BadParameter(str(wrong)) from None


def _user() -> str:
    """Who sits at the machine, as far as it knows."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "operator"
