"""News: what happened, as those outside are told. An event of the ledger becomes a CloudEvent; retries have their table here.

Nothing in it changes once it was told: ids and what the event itself said, never how the run stands by now.
"""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec

TYPE_PREFIX = "com.loomline."
"""In front of every type: `production_run.completed` is told as `com.loomline.production_run.completed.v1`."""

TEST = "webhook_endpoint.test"
"""The kind of what a test-send tells. It is no event of the ledger."""

SEQUENCE_DIGITS = 10
"""So many digits, so that sequences compare as text too."""

PAUSES = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
"""Before each further attempt, as Standard Webhooks recommends; after the last one a delivery has failed."""

JITTER = 0.2
"""A pause is longer by up to this share, so that those who failed together do not come back together."""

PATIENCE = timedelta(days=5)
"""An endpoint at which every attempt failed for so long is turned off."""

FIRST_BREATHER = timedelta(seconds=5)
LONGEST_BREATHER = timedelta(hours=1)
LONGEST_WISH = timedelta(hours=24)
"""An endpoint that asked for less is left alone between these; its own `Retry-After` counts up to a day."""


class Happened(msgspec.Struct, frozen=True, kw_only=True):
    """One event of the ledger with what it is told with. number: the how-manieth event of its run. xid: the transaction that wrote it."""

    id: str
    kind: str
    version: int
    body: dict[str, Any]
    actor_kind: str
    created_at: datetime
    correlation: str
    cause: str | None = None
    run_id: str | None = None
    tenant: str | None = None
    number: int | None = None
    design_id: str | None = None
    order_id: str | None = None
    order_line_item_id: str | None = None
    parent_run_id: str | None = None
    run_partner_id: str | None = None
    is_container: bool = False
    xid: str | None = None


def is_for(event: Happened, partner_id: str | None) -> bool:
    """Whether an event is told to a partner's endpoint: what their timeline would show of a run of theirs. None is the house: all."""
    if partner_id is None:
        return True
    return not event.is_container and (event.tenant or event.run_partner_id) == partner_id and event.run_id is not None


def is_wanted(kind: str, kinds: Collection[str]) -> bool:
    """Whether an endpoint asked for this kind; one that named none asked for all."""
    return not kinds or kind in kinds


def type_of(kind: str, *, version: int = 1) -> str:
    """The CloudEvents type of an event."""
    return f"{TYPE_PREFIX}{kind}.v{version}"


def told(event: Happened, *, source: str, partner_id: str | None = None) -> dict[str, Any]:
    """The CloudEvent. partner_id: whom it is for when it is a partner's, who reads no id of another's and no order of the house's."""
    about = {} if event.run_id is None else {"subject": event.run_id}
    return {
        "specversion": "1.0",
        "id": event.id,
        "source": source,
        "type": type_of(event.kind, version=event.version),
        "time": event.created_at,
        **about,
        "datacontenttype": "application/json",
        **_extensions(event),
        "data": _data(event, partner_id=partner_id),
    }


def a_test(event_id: str, *, source: str, at: datetime) -> dict[str, Any]:
    """What a test-send tells: nothing happened."""
    return {
        "specversion": "1.0",
        "id": event_id,
        "source": source,
        "type": type_of(TEST),
        "time": at,
        "datacontenttype": "application/json",
        "data": {"text": "This is a test. Nothing happened."},
    }


def pause_after(attempts: int, *, chance: float) -> timedelta | None:
    """How long to wait after so many failed attempts; None when that was the last one. chance: from 0 to 1."""
    return PAUSES[attempts - 1] * (1 + JITTER * chance) if attempts <= len(PAUSES) else None


def breather(asked: timedelta | None, *, times: int, chance: float) -> timedelta:
    """How long an endpoint is left alone that said "slow down" so many times in a row. asked: its Retry-After."""
    if asked is not None:
        return min(max(asked, timedelta(seconds=1)), LONGEST_WISH)
    growing: timedelta = FIRST_BREATHER * 2 ** min(times - 1, 20)
    return min(growing, LONGEST_BREATHER) * (1 + JITTER * chance)


def _extensions(event: Happened) -> dict[str, str]:
    """CloudEvents' own names for what led to what, and for the order within a run."""
    found = {"correlationid": event.correlation, "causationid": event.cause, "sequence": _sequence(event.number)}
    return {name: value for name, value in found.items() if value is not None}


def _sequence(number: int | None) -> str | None:
    return None if number is None else f"{number:0{SEQUENCE_DIGITS}}"


def _data(event: Happened, *, partner_id: str | None) -> dict[str, Any]:
    houses = {
        "partner_id": event.tenant,
        "parent_run_id": event.parent_run_id,
        "order_id": event.order_id,
        "order_line_item_id": event.order_line_item_id,
    }
    return {
        "production_run_id": event.run_id,
        "design_id": event.design_id,
        **(houses if partner_id is None else {"partner_id": partner_id}),
        "reason": event.body.get("reason"),
        "before": _seen(event.body.get("before"), partner_id=partner_id),
        "after": _seen(event.body.get("after"), partner_id=partner_id),
        "actor": {"kind": event.actor_kind},
    }


def _seen(value: Any, *, partner_id: str | None) -> Any:
    """Before or after, at every depth without the ids of other partners."""
    if partner_id is None:
        return value
    if isinstance(value, Mapping):
        return {
            name: _seen(below, partner_id=partner_id)
            for name, below in value.items()
            if not name.endswith("partner_id") or below == partner_id
        }
    return [_seen(each, partner_id=partner_id) for each in value] if isinstance(value, list) else value
