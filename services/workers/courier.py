"""The courier: takes pending notices to their targets. Any number of copies; each notice goes out at least once, under its own id.

No transaction is open while a target is spoken to: claim and commit, send, record and commit. Targets are Apprise URLs and
hold secrets, so what Apprise says of them is read here and nowhere written; errors are put in our own words.
"""

import logging
import re
import warnings
from collections.abc import Mapping
from datetime import datetime
from functools import cache

import apprise
from sqlalchemy import Engine, text

from shared.domain import targets
from shared.domain.notices import ADMINS
from shared.runtime import logs, settings
from shared.storage import notice_store
from shared.storage.notice_store import Parcel

BATCH = 10
"""Claimed at once: as many as can all be slow without the lease running out."""

ROUNDS = 50
"""Batches of one delivery round; the next round takes up the rest."""

_log = logs.get("courier")
_said_by_apprise = logging.getLogger("apprise")


class NotTaken(Exception):
    """The target did not take the notice; the message says why without naming it."""


def deliver(engine: Engine, *, at: datetime | None = None) -> int:
    """Send every notice that is due at an instant (the database's, if none is given). Returns how many were tried."""
    tried = 0
    for _ in range(ROUNDS):
        with engine.begin() as connection:
            now = at or connection.execute(text("SELECT clock_timestamp()")).scalar_one()
            parcels = notice_store.claim(connection, at=now, limit=BATCH)
        for parcel in parcels:
            _deliver_one(engine, parcel, at=now)
        tried += len(parcels)
        if len(parcels) < BATCH:
            break
    return tried


def _deliver_one(engine: Engine, parcel: Parcel, *, at: datetime) -> None:
    try:
        send(parcel, _targets_of(parcel))
    except NotTaken as why:
        with engine.begin() as connection:
            notice_store.record_failure(connection, parcel, error=f"{parcel.channel}: {why}", at=at)
        _log.warning(
            "notice_not_taken", notice=parcel.id, channel=parcel.channel, why=str(why), attempt=parcel.attempts
        )
    else:
        with engine.begin() as connection:
            notice_store.record_sent(connection, parcel, at=at)


def send(parcel: Parcel, found: Mapping[str, str]) -> None:
    """Send one notice to the target of its channel. Raises NotTaken."""
    if parcel.channel == targets.CONSOLE:
        _log.info("told", audience=parcel.audience, title=parcel.title, text=parcel.text, run_id=parcel.run_id)
        return
    if parcel.channel not in found:
        raise NotTaken("this target is not set any more")
    service = _service(found[parcel.channel])
    headers = getattr(service, "headers", None)
    if isinstance(headers, dict):
        headers["Idempotency-Key"] = parcel.id
    body = f"{parcel.text}\n\n[{parcel.id}]"
    with apprise.LogCapture(level=logging.WARNING) as said:  # type: ignore[no-untyped-call]
        try:
            taken = service.notify(body=body, title=parcel.title or "", body_format=apprise.NotifyFormat.TEXT)
        except Exception as fault:  # a plugin of a target may raise anything, and its words may hold the target
            raise NotTaken(f"the target ended in {type(fault).__name__}") from None
        if not taken:
            raise NotTaken(_in_our_words(said.getvalue()))


def _targets_of(parcel: Parcel) -> dict[str, str]:
    if parcel.audience == ADMINS:
        return targets.by_channel(targets.of_setting(settings.read().admin_notify))
    return targets.by_channel(targets.of_partner(parcel.contacts))


def _service(url: str) -> apprise.NotifyBase:
    _silence_apprise()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # modules its plugins import on first use
        service = apprise.Apprise.instantiate(url)
    if not isinstance(service, apprise.NotifyBase):
        raise NotTaken("the target's URL cannot be read")
    return service


def _in_our_words(said: str) -> str:
    """Only a status code is taken over: anything else could hold a part of the URL."""
    code = re.search(r"error=(\d{3})\b", said)
    if code:
        return f"the target answered {code[1]}"
    return "the target could not be reached" if "onnection" in said else "the target did not take it"


@cache
def _silence_apprise() -> None:
    """Its own log lines may hold targets; they are heard by nobody but the capture above."""
    _said_by_apprise.propagate = False
    _said_by_apprise.addHandler(logging.NullHandler())
