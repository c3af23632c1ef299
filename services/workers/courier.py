"""The courier: takes pending notices to their targets. Any number of copies; each notice goes out at least once, under its own id.

No transaction is open while a target is spoken to: claim and commit, send, record and commit. Several hands send at once and
each send has a time limit, so a target that hangs delays nobody but itself. Targets are Apprise URLs and hold secrets, so
what Apprise says of them is read here and nowhere written; errors are put in our own words.
"""

import logging
import re
import threading
import warnings
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from types import TracebackType
from typing import Self

import apprise
from sqlalchemy import Connection, Engine, text

from services.workers import time_limits
from services.workers.hands import Hands
from shared.domain import targets
from shared.domain.events import RunReassigned, RunReminded
from shared.domain.notices import ADMINS
from shared.runtime import clock, links, logs, settings
from shared.storage import notice_store, reminder_store
from shared.storage.notice_store import Parcel

HANDS = 12
"""So many notices are under way at once in one process."""

MOST_OF_ONE_TARGET = 2
"""So many of them go to the same target: one that hangs leaves hands for the others."""

CLAIMS = 500
"""Of one round; the next round takes up the rest."""

SECONDS_PER_SEND = 20.0
"""A send that takes longer is ended. With the last call of it well below the lease, so nobody else has begun the same notice."""

SECONDS_PER_CALL = 10.0
"""The longest that one call of a send may wait for its target, whatever the target's URL says."""

_log = logs.get("courier")


class NotTaken(Exception):
    """The target did not take the notice; the message says why without naming it."""


class Courier:
    """The hands of one process. patience: a round waits so many seconds for one of them before it leaves them to themselves."""

    def __init__(self, engine: Engine, *, patience: float = 1.0, limit: float = SECONDS_PER_SEND) -> None:
        _know_apprise()
        self._engine = engine
        self._patience = patience
        self._limit = limit
        self._hands = Hands[Parcel](HANDS, name="courier")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _fault: BaseException | None, _at: TracebackType | None
    ) -> None:
        self.close()

    def stop(self) -> None:
        """Begin nothing more."""
        self._hands.stop()

    def close(self) -> None:
        """Begin nothing more, and wait for what is under way: at most the time limit of a send."""
        self._hands.close()

    def deliver(self, *, at: datetime | None = None) -> int:
        """A round: send what is due at an instant (the database's, if none is given). Returns how many were taken up.

        It ends when nothing is left that a free hand may take. One round at a time.
        """
        taken_up = 0
        for _ in range(CLAIMS):
            begun = self._begin(at)
            taken_up += begun
            # What kept a hand from recording how its send ended is raised here; the lease brings that notice back.
            if not (begun or self._hands.let_go(patience=self._patience)):
                break
        return taken_up

    def _begin(self, at: datetime | None) -> int:
        free = self._hands.free
        if not free:
            return 0
        with self._engine.begin() as connection:
            parcels = _claim(connection, at=at, limit=free, busy=[parcel.target for parcel in self._hands.held])
            overtaken = _overtaken(connection, parcels)
        for parcel in parcels:
            if parcel.id not in overtaken:
                self._hands.take(parcel, partial(_carry, self._engine, at=at, limit=self._limit))
        return len(parcels)


def _claim(connection: Connection, *, at: datetime | None, limit: int, busy: Sequence[str]) -> list[Parcel]:
    return notice_store.claim(
        connection, at=_now(connection, at), limit=limit, most_of_one_target=MOST_OF_ONE_TARGET, busy=busy
    )


def _overtaken(connection: Connection, parcels: Sequence[Parcel]) -> set[str]:
    """The claimed reminders that nobody needs any more: they are superseded and not sent."""
    reminders = [parcel for parcel in parcels if parcel.kind == RunReminded.kind]
    moot = reminder_store.overtaken(connection, [parcel.message_id for parcel in reminders]) if reminders else set()
    found = [parcel for parcel in reminders if parcel.message_id in moot]
    for parcel in found:
        notice_store.record_superseded(connection, parcel)
        _log.info("notice_superseded", notice=parcel.id, channel=parcel.channel, run_id=parcel.run_id)
    return {parcel.id for parcel in found}


def _carry(engine: Engine, parcel: Parcel, *, at: datetime | None, limit: float) -> None:
    """Send one and record how it ended."""
    try:
        send(parcel, _targets_of(parcel), limit=limit)
    except NotTaken as why:
        with engine.begin() as connection:
            now = _now(connection, at)
            notice_store.record_failure(connection, parcel, error=f"{parcel.channel}: {why}", at=now)
        _log.warning(
            "notice_not_taken", notice=parcel.id, channel=parcel.channel, why=str(why), attempt=parcel.attempts
        )
    else:
        with engine.begin() as connection:
            notice_store.record_sent(connection, parcel, at=_now(connection, at))


def send(parcel: Parcel, found: Mapping[str, str], *, limit: float = SECONDS_PER_SEND) -> None:
    """Send one notice to the target of its channel. Raises NotTaken."""
    if parcel.channel == targets.CONSOLE:
        _log.info("told", audience=parcel.audience, title=parcel.title, text=parcel.text, run_id=parcel.run_id)
        return
    if parcel.channel not in found:
        raise NotTaken("this target is not set any more")
    _ear.forget()
    try:
        with time_limits.within(limit):
            taken = _say(parcel, found[parcel.channel])
    except time_limits.TookTooLong:
        raise NotTaken("the target took too long") from None
    if not taken:
        raise NotTaken(_in_our_words(_ear.heard()))


def _say(parcel: Parcel, url: str) -> bool:
    """Whether the target took it."""
    try:
        service = _service(url)
        headers = getattr(service, "headers", None)
        if isinstance(headers, dict):
            headers["Idempotency-Key"] = parcel.id
        body = "\n\n".join(filter(None, [parcel.text, _link(parcel), f"[{parcel.id}]"]))
        return bool(service.notify(body=body, title=parcel.title or "", body_format=apprise.NotifyFormat.TEXT))
    except NotTaken:
        raise
    except Exception as fault:  # a plugin of a target may raise anything, and its words may hold the target
        raise NotTaken(f"the target ended in {type(fault).__name__}") from None


def _link(parcel: Parcel) -> str | None:
    """Straight to the run: signed for a partner, who may have no password at hand; by its address for an admin.

    It is made when the notice goes out and stands nowhere else: who has it gets in.
    """
    told = settings.read()
    if parcel.run_id is None:
        return None
    if parcel.audience == ADMINS:
        return f"{told.public_url}/console/runs/{parcel.run_id}"
    if not told.link_secret or parcel.kind == RunReassigned.kind:
        return None
    token = links.token(parcel.run_id, partner_id=parcel.audience, at=clock.now(), secret=told.link_secret)
    return f"{told.public_url}/l/{token}"


def _targets_of(parcel: Parcel) -> dict[str, str]:
    if parcel.audience == ADMINS:
        return targets.by_channel(targets.of_setting(settings.read().admin_notify))
    return targets.by_channel(targets.of_partner(parcel.contacts))


def _service(url: str) -> apprise.NotifyBase:
    service = apprise.Apprise.instantiate(url)
    if not isinstance(service, apprise.NotifyBase):
        raise NotTaken("the target's URL cannot be read")
    service.socket_connect_timeout = min(service.socket_connect_timeout, SECONDS_PER_CALL)
    service.socket_read_timeout = min(service.socket_read_timeout, SECONDS_PER_CALL)
    return service


def _in_our_words(said: str) -> str:
    """Only a status code is taken over: anything else could hold a part of the URL."""
    code = re.search(r"error=(\d{3})\b", said)
    if code:
        return f"the target answered {code[1]}"
    return "the target could not be reached" if "onnection" in said else "the target did not take it"


def _now(connection: Connection, at: datetime | None) -> datetime:
    """The database's time, unless an instant is given."""
    now: datetime = at or connection.execute(text("SELECT clock_timestamp()")).scalar_one()
    return now


# Apprise ------------------------------------------------------------------------------------------------------------


class _Ear(logging.Handler):
    """Hears what Apprise says, each hand its own, and repeats it to nobody: its words may hold targets."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._said = threading.local()

    def emit(self, record: logging.LogRecord) -> None:
        self._said.words = [*getattr(self._said, "words", []), record.getMessage()]

    def forget(self) -> None:
        self._said.words = []

    def heard(self) -> str:
        return "\n".join(getattr(self._said, "words", []))


_ear = _Ear()
_first = threading.Lock()


def _know_apprise() -> None:
    """Its plugins are loaded before the hands begin: what warnings are ignored holds for all threads of a process."""
    speaker = logging.getLogger("apprise")
    with _first:
        if _ear in speaker.handlers:
            return
        speaker.propagate = False
        speaker.setLevel(logging.WARNING)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            apprise.Apprise.instantiate("json://localhost")
        speaker.addHandler(_ear)
