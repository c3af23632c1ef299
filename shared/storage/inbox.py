"""Events from outside, taken in once for ever: the event's name and the message it becomes are written together."""

import msgspec
from sqlalchemy import Connection

from shared.domain.commands import Command, OfTask
from shared.messages import Actor, ActorKind, opening
from shared.routing import addresses_of_command
from shared.runtime import clock
from shared.storage import mail


class UnknownTask(Exception):
    """The event is about a task that does not exist."""


class TakenIn(msgspec.Struct, frozen=True):
    """What became of an event."""

    message_id: str
    is_duplicate: bool


def take_in(connection: Connection, command: Command, *, source: str, event_id: str, message_id: str) -> TakenIn:
    """Store the event's command, in the caller's transaction; a copy of an event changes nothing. Raises UnknownTask.

    Copies at the same instant wait here for the first one's commit.
    """
    is_new = connection.exec_driver_sql(
        """INSERT INTO inbound_event (source, delivery_id, message_id) VALUES (%(source)s, %(event)s, %(message)s)
           ON CONFLICT DO NOTHING""",
        {"source": source, "event": event_id, "message": message_id},
    ).rowcount
    if not is_new:
        return TakenIn(message_id, is_duplicate=True)
    run_id = _run_of(connection, command)
    shop = Actor(ActorKind.SHOP, source, source)
    message = opening(command, message_id=message_id, actor=shop, at=clock.now(), run_id=run_id)
    mail.post(connection, message, addresses_of_command(message.kind, run_id=run_id), awaited=False)
    return TakenIn(message_id, is_duplicate=False)


def _run_of(connection: Connection, command: Command) -> str | None:
    """The run whose lane the command keeps; a stand-alone task has none."""
    if not isinstance(command, OfTask):
        return None
    found = connection.exec_driver_sql("SELECT run_id FROM task WHERE id = %(id)s", {"id": command.task_id}).first()
    if found is None:
        raise UnknownTask
    run_id: str | None = found[0]
    return run_id
