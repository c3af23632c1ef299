"""A message on its way: the envelope around a command or an event. Append-only; also the timeline and the replay log."""

from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

from shared.domain.commands import COMMANDS, Command
from shared.domain.events import EVENTS, Event

VERSION = 1
"""The version written on new messages; older ones are read as well."""


class ActorKind(StrEnum):
    """Who is behind a message."""

    PARTNER = "partner"
    ADMIN = "admin"
    SHOP = "shop"
    SYSTEM = "system"


class Actor(msgspec.Struct, frozen=True):
    """Who asked or did it: a person's account, a shop, or the system itself."""

    kind: ActorKind
    id: str | None = None
    name: str | None = None


SYSTEM = Actor(ActorKind.SYSTEM, None, "Loomline")


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One command or event with its envelope.

    run_id: the run it concerns. tenant: the partner whose own things only may be touched, None for everybody's.
    correlation: the first message of the chain. cause: the message that led to this one.
    """

    id: str
    kind: str
    body: dict[str, Any]
    actor: Actor
    correlation: str
    created_at: datetime
    version: int = VERSION
    run_id: str | None = None
    tenant: str | None = None
    cause: str | None = None

    @property
    def is_command(self) -> bool:
        return self.kind in COMMANDS

    def content(self) -> Command | Event:
        """The command or event inside. Raises msgspec.ValidationError when the body does not fit its kind."""
        return msgspec.convert(self.body, COMMANDS.get(self.kind) or EVENTS[self.kind], strict=False)


def opening(
    command: Command,
    *,
    message_id: str,
    actor: Actor,
    at: datetime,
    run_id: str | None = None,
    tenant: str | None = None,
) -> Message:
    """The message that opens a chain: asked from outside or by a sweep, caused by no other."""
    return Message(
        id=message_id,
        kind=command.kind,
        body=pack(command),
        actor=actor,
        tenant=tenant,
        run_id=run_id,
        correlation=message_id,
        created_at=at,
    )


def pack(content: Command | Event) -> dict[str, Any]:
    """The body of a message: plain JSON values, decimals and times as strings."""
    packed: dict[str, Any] = msgspec.to_builtins(content)
    return packed
