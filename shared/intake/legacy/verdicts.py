"""What an import says of each row, and what it leans on: the outcomes, the run a row became, what is here already."""

from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

from shared.domain import events
from shared.domain.consumption import Consumption
from shared.domain.dispatch import WorkOrder
from shared.domain.orders import DesignFacts
from shared.domain.runs import Run
from shared.domain.tasks import Task
from shared.intake.legacy.rows import Row


class Outcome(StrEnum):
    """What became of a row."""

    IMPORTED = "imported"
    KNOWN = "known"
    """The thing itself is here already."""
    JOINED = "joined"
    """It is part of what another row brought."""
    IGNORED = "ignored"
    """It is none of what is taken over."""
    REFUSED = "refused"
    """It should be here and cannot be; the reason says what is missing."""
    REPEATED = "repeated"
    """It was taken over before; nothing is done."""


SETTLED = frozenset({Outcome.IMPORTED, Outcome.KNOWN, Outcome.JOINED})
"""Outcomes that stand; the others are tried again by the next import."""


class Taken(msgspec.Struct):
    """A run with all that it brings along. told: its events, each at its old instant."""

    run: Run
    design: DesignFacts
    metadata: dict[str, Any]
    captured_at: datetime
    told: list[tuple[events.Event, datetime]]
    order: WorkOrder | None = None
    tasks: list[Task] = []


class Verdict(msgspec.Struct):
    """A row's outcome. makes: rows of the catalogue to write, by table; taken, consumption: what a run or a log becomes."""

    row: Row
    outcome: Outcome
    reason: str
    run_id: str | None = None
    makes: dict[str, dict[str, Any]] = {}
    taken: Taken | None = None
    consumption: Consumption | None = None


class Known(msgspec.Struct):
    """What is here already. records: the rows of earlier imports with their outcome and run. runs: those runs' design, and whether it is completed."""

    partners: dict[str, str]
    designs: dict[str, DesignFacts]
    items: dict[str, str]
    location_ids: set[str]
    records: dict[tuple[str, str], tuple[str, str | None]]
    runs: dict[str, tuple[str, bool]]


class Refused(Exception):
    """A row cannot be taken over; the message is its reason."""
