"""Webhooks: takes pending deliveries to their endpoints, signed by Standard Webhooks. The herald leans on it.

No transaction is open while an endpoint is spoken to: claim and commit, send, record and commit. Several hands send at once,
few of them to the same endpoint. Each event goes out at least once, always under its own webhook-id.
"""

import random
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import partial
from types import TracebackType
from typing import Self

import msgspec
from sqlalchemy import Engine, text
from standardwebhooks import Webhook

from services.workers import outside
from services.workers.hands import Hands
from services.workers.outside import Caller, NotReached
from shared.domain import targets
from shared.runtime import clock, logs, settings
from shared.storage import webhook_store
from shared.storage.webhook_store import Outcome, Parcel

HANDS = 16
MOST_OF_ONE_ENDPOINT = 4
"""So many sends go to the same endpoint at once: one that hangs leaves hands for the others."""

_log = logs.get("webhooks")


class Sender:
    """The hands of one process. on_free: called from a hand that is done."""

    def __init__(
        self,
        engine: Engine,
        *,
        allow_private: bool,
        on_free: Callable[[], None] = lambda: None,
        limit: float = outside.SECONDS_IN_ALL,
        per_call: float = outside.SECONDS_PER_CALL,
    ) -> None:
        self._engine = engine
        self._caller = Caller(allow_private=allow_private, limit=limit, per_call=per_call)
        self._on_free = on_free
        self._hands = Hands[Parcel](HANDS, name="webhooks")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _fault: BaseException | None, _at: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Begin nothing more, and wait for what is under way: at most the time limit of a send."""
        self._hands.close()
        self._caller.close()

    def begin(self, *, at: datetime | None = None) -> int:
        """Give due deliveries to free hands, at an instant (the database's, if none is given). Returns how many. From one thread only."""
        self._hands.let_go()
        free = self._hands.free
        if not free:
            return 0
        busy = Counter(parcel.endpoint_id for parcel in self._hands.held)
        with self._engine.begin() as connection:
            now = at or connection.execute(_NOW).scalar_one()
            parcels = webhook_store.claim(connection, at=now, limit=free, most=MOST_OF_ONE_ENDPOINT, busy=busy)
        for parcel in parcels:
            self._hands.take(parcel, partial(self._carry, at=at), on_free=self._on_free)
        return len(parcels)

    def deliver(self, *, at: datetime | None = None) -> int:
        """Send all that is due at an instant, and wait until it is done. Returns how many attempts that took."""
        attempts = 0
        while (begun := self.begin(at=at)) or self._hands.held:
            attempts += begun
            self._hands.let_go(patience=None)
        return attempts

    def _carry(self, parcel: Parcel, *, at: datetime | None) -> None:
        """Send one and record how it ended."""
        outcome = self._attempt(parcel)
        with self._engine.begin() as connection:
            now = at or connection.execute(_NOW).scalar_one()
            off = webhook_store.record(connection, parcel, outcome, at=now, chance=_chance())
            if off is not None:
                channels = list(targets.by_channel(targets.of_setting(settings.read().admin_notify)))
                webhook_store.tell_admins(connection, parcel.endpoint_id, reason=off, channels=channels, at=now)
        if off is not None:
            _log.error("webhook_endpoint_off", endpoint=parcel.endpoint_id, why=off)
        elif not outcome.is_taken:
            _log.warning(
                "webhook_not_taken",
                endpoint=parcel.endpoint_id,
                message=parcel.message_id,
                attempt=parcel.attempts,
                why=outcome.error,
            )

    def _attempt(self, parcel: Parcel) -> Outcome:
        body = msgspec.json.encode(parcel.event)
        now = clock.now()
        try:
            answer = self._caller.post(parcel.url, body, headers=signed(parcel, body, at=now))
        except NotReached as why:
            return Outcome(error=f"{why}.")
        error = None if 200 <= answer.status < 300 else f"it answered {answer.status}."
        return Outcome(
            status=answer.status, error=error, answer=answer.text, retry_after=retry_after(answer.headers, at=now)
        )


def signed(parcel: Parcel, body: bytes, *, at: datetime) -> dict[str, str]:
    """The headers of one attempt, signed by every secret that lives."""
    signatures = [Webhook(secret).sign(parcel.message_id, at, body.decode()) for secret in parcel.secrets]
    return {
        "Content-Type": "application/cloudevents+json; charset=utf-8",
        "webhook-id": parcel.message_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


def retry_after(headers: Mapping[str, str], *, at: datetime) -> timedelta | None:
    """How long an answer asks to be left alone: seconds, or until an instant. None when it says neither."""
    asked = headers.get("retry-after", "").strip()
    if asked.isascii() and asked.isdigit():
        return timedelta(seconds=min(int(asked[:9]), 10**8))
    try:
        until = parsedate_to_datetime(asked)
    except (ValueError, IndexError, TypeError):
        return None
    return (until if until.tzinfo else until.replace(tzinfo=UTC)) - at


def _chance() -> float:
    return random.random()  # noqa: S311 - it spreads retries, it guards nothing


_NOW = text("SELECT clock_timestamp()")
