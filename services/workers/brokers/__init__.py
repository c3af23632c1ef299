"""The two transports under one face: RabbitMQ, or the ledger itself. Only the doors of the workshop lean on them."""

from contextvars import ContextVar
from typing import Any

import dramatiq

_redelivered: ContextVar[bool] = ContextVar("redelivered", default=False)


def redelivered() -> bool:
    """Whether the message at hand was handed out before and not acknowledged: its last worker may have died of it."""
    return _redelivered.get()


class Redelivered(dramatiq.Middleware):
    """Keeps the broker's own flag of the message at hand where the actor's thread can ask for it."""

    def before_process_message(self, broker: dramatiq.Broker, message: Any) -> None:
        _redelivered.set(bool(getattr(message, "redelivered", False)))
