"""The gate: hands a command over durably and waits for the actor's word. A broker that is away costs time here, never a click."""

import threading
from typing import Any

import msgspec
from sqlalchemy import Engine

from shared.domain.commands import Command
from shared.messages import Actor, opening
from shared.routing import addresses_of_command
from shared.runtime import clock, ids
from shared.storage import mail
from shared.storage.listening import Listener
from shared.storage.mail import Answer, DeliveryState

ANSWERED = frozenset({DeliveryState.DONE, DeliveryState.REFUSED, DeliveryState.DEAD, DeliveryState.DISCARDED})
POLL_SECONDS = 1.0
"""A notice that got lost costs this much and no more."""


class Gate:
    """One per process: one LISTEN connection wakes every request that waits."""

    def __init__(self, engine: Engine, listener: Listener) -> None:
        # Each step here is one statement, and so a transaction by itself.
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._listener = listener
        self._waiting: dict[str, _Waiter] = {}
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()

    def ask(
        self,
        command: Command,
        *,
        actor: Actor,
        tenant: str | None,
        run_id: str | None = None,
        wait_seconds: float,
        message_id: str | None = None,
    ) -> Answer | str:
        """Store the command, wait up to so many seconds. Returns its Answer, or its message id when none came in time.

        message_id: given where a repeated request must be the same command.
        """
        message = opening(
            command,
            message_id=message_id or ids.fresh("msg"),
            actor=actor,
            at=clock.now(),
            run_id=run_id,
            tenant=tenant,
        )
        waiter = self._expect(message.id)
        try:
            with self._engine.connect() as connection:
                addresses = addresses_of_command(message.kind, run_id=run_id)
                mail.post(connection, message, addresses, awaited=wait_seconds > 0)
            return self._await(message.id, waiter, wait_seconds=wait_seconds) or message.id
        finally:
            self._waiting.pop(message.id, None)

    def answer(self, message_id: str) -> Answer | None:
        """What became of a command so far."""
        with self._engine.connect() as connection:
            return mail.answer(connection, message_id)

    def close(self) -> None:
        self._listener.close()

    def _expect(self, message_id: str) -> "_Waiter":
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(target=self._listen, name="gate-listener", daemon=True)
                self._thread.start()
        return self._waiting.setdefault(message_id, _Waiter())

    def _await(self, message_id: str, waiter: "_Waiter", *, wait_seconds: float) -> Answer | None:
        left = wait_seconds
        while left > 0:
            slice_ = min(left, POLL_SECONDS)
            is_told = waiter.told.wait(slice_)
            if waiter.answer is not None:
                return waiter.answer
            left = 0 if is_told else left - slice_
            found = self.answer(message_id)
            if found and found.state in ANSWERED:
                return found
        return None

    def _listen(self) -> None:
        for payload in self._listener.payloads():
            answer = msgspec.json.decode(payload, type=Answer) if payload.startswith("{") else None
            waiter = self._waiting.get(answer.message_id if answer else payload)
            if waiter:
                waiter.answer = answer
                waiter.told.set()


class _Waiter:
    """A request that waits for its answer."""

    def __init__(self) -> None:
        self.told = threading.Event()
        self.answer: Answer | None = None


def outcome(answer: Answer) -> dict[str, Any]:
    """The result of a carried-out command; an empty one when the actor left nothing to say."""
    return msgspec.convert(answer.result or {}, dict[str, Any])
