"""Planned against actual: a bar for every wait of a run, or for every part of a split one. Bars stand on one axis, in percent."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import msgspec

from services.api.pages import words
from services.api.pages.console import run_family
from services.api.queries.families import Member
from shared.domain.deadlines import Gate
from shared.domain.policy import Deadlines
from shared.domain.runs import TERMINAL, Run, Status

MOST_ROWS = 20

TITLES: Mapping[str, str] = {
    Gate.TEMPLATES: "Choose templates",
    Gate.ACCEPT: "Accept",
    Gate.START: "Start",
    Gate.FINISH: "Finish",
    Gate.COMPLETE: "Settle",
}
STAMPS = {
    Gate.TEMPLATES: ("dispatch_started_at", "dispatch_completed_at"),
    Gate.ACCEPT: ("dispatch_completed_at", "accepted_at"),
    Gate.START: ("accepted_at", "started_at"),
    Gate.FINISH: ("started_at", "finished_at"),
    Gate.COMPLETE: ("finished_at", "completed_at"),
}
"""Gate → the stamp that begins the wait, and the one that ends it."""

_OPEN_WHILE = {
    Gate.TEMPLATES: Status.APPROVED,
    Gate.ACCEPT: Status.SENT_TO_PARTNER,
    Gate.START: Status.IN_PROGRESS,
    Gate.FINISH: Status.IN_PROGRESS,
    Gate.COMPLETE: Status.IN_PROGRESS,
}
"""A wait that began and did not end is waited for in this status only: in any other it was broken off."""


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One wait. due: the latest that the policy allows; late: how far behind it the end (or now) is, negative for ahead."""

    title: str
    planned_from: datetime | None
    due: datetime | None
    began: datetime | None
    ended: datetime | None
    is_open: bool
    late: timedelta | None
    address: str = ""

    @property
    def tone(self) -> str:
        if self.late is not None and self.late > timedelta(0):
            return "bad"
        return "accent" if self.is_open else "good"


class Bar(msgspec.Struct, frozen=True):
    """Left edge and width, in percent of the axis; None where there is no bar."""

    planned: tuple[str, str] | None
    actual: tuple[str, str] | None


class Chart(msgspec.Struct, frozen=True):
    rows: list[tuple[Row, Bar]]
    begins: datetime
    ends: datetime
    now: str | None
    left_out: int


def of_run(run: Run, deadlines: Deadlines, *, now: datetime) -> Chart | None:
    """The five waits of a run that is worked on itself."""
    rows: list[Row] = []
    planned: datetime | None = None
    for gate in Gate:
        row = _wait(run, gate, deadlines, planned=planned, now=now)
        rows.append(row)
        planned = row.ended or row.due
    return _chart(rows, now=now, left_out=0)


def of_parts(parts: Sequence[Member], deadlines: Deadlines, *, now: datetime) -> Chart | None:
    """A bar for each part; a later stage is planned behind the stage before it."""
    rows, ends = [], dict[str, datetime]()
    for part in parts[:MOST_ROWS]:
        row = _part(part, deadlines, before=[ends[each] for each in part.depends_on if each in ends], now=now)
        rows.append(row)
        end = row.ended or row.due
        if end:
            ends[part.id] = end
    return _chart(rows, now=now, left_out=max(0, len(parts) - MOST_ROWS))


def _wait(run: Run, gate: Gate, deadlines: Deadlines, *, planned: datetime | None, now: datetime) -> Row:
    began, ended = (getattr(run, name) for name in STAMPS[gate])
    is_open = began is not None and ended is None and run.status is _OPEN_WHILE[gate]
    due = run.waiting_until if run.waiting_for == gate else _due(run, gate, began, deadlines)
    if began is None:
        planned = None if run.is_terminal or run.status is Status.AWAITING_REASSIGNMENT else planned
        due = planned + timedelta(seconds=getattr(deadlines, gate.value)) if planned else None
    end = ended or (run.cancelled_at if began else None)
    return Row(
        title=TITLES[gate],
        planned_from=began or planned,
        due=due,
        began=began,
        ended=end,
        is_open=is_open,
        late=_late(due, end, is_open=is_open, now=now),
    )


def _due(run: Run, gate: Gate, began: datetime | None, deadlines: Deadlines) -> datetime | None:
    """As the wait was armed by today's policy; start counts from the day of the dispatch unless that is over."""
    if began is None:
        return None
    length = timedelta(seconds=getattr(deadlines, gate.value))
    sent = run.dispatch_completed_at
    return sent + length if gate is Gate.START and sent and sent + length > began else began + length


def _part(part: Member, deadlines: Deadlines, *, before: Sequence[datetime], now: datetime) -> Row:
    began = part.dispatch_completed_at or part.accepted_at
    ended = part.completed_at or part.cancelled_at
    is_settled = part.status in TERMINAL
    start = began or (None if is_settled else max([*before, part.dispatch_started_at or part.created_at]))
    due = start + _whole(deadlines) if start else None
    is_open = part.status in (Status.SENT_TO_PARTNER, Status.IN_PROGRESS)
    return Row(
        title=run_family.called(part),
        planned_from=start,
        due=due,
        began=began if began or not ended else part.created_at,
        ended=ended,
        is_open=is_open,
        late=_late(due, ended, is_open=is_open, now=now),
        address=f"/console/runs/{part.id}",
    )


def _whole(deadlines: Deadlines) -> timedelta:
    """From before the partner to settled, at the latest."""
    return timedelta(seconds=deadlines.accept + deadlines.start + deadlines.finish + deadlines.complete)


def _late(due: datetime | None, ended: datetime | None, *, is_open: bool, now: datetime) -> timedelta | None:
    if due is None or not (ended or is_open):
        return None
    return (ended or now) - due


def _chart(rows: Sequence[Row], *, now: datetime, left_out: int) -> Chart | None:
    """All bars on one axis, from the first instant to the last. None when there is nothing to show."""
    instants = [at for row in rows for at in (row.planned_from, row.due, row.began, row.ended) if at]
    if not instants:
        return None
    is_open = any(row.is_open for row in rows)
    begins, ends = min(instants), max([*instants, *([now] if is_open else [])])
    length = (ends - begins) or timedelta(seconds=1)

    def bar(left: datetime | None, right: datetime | None) -> tuple[str, str] | None:
        if left is None or right is None:
            return None
        share = (max(right, left) - left) / length
        return _percent((left - begins) / length), _percent(max(share, 0.006))

    bars = [
        (row, Bar(bar(row.planned_from, row.due), bar(row.began, row.ended or (now if row.is_open else row.began))))
        for row in rows
    ]
    shown_now = _percent((now - begins) / length) if is_open and begins <= now <= ends else None
    return Chart(bars, begins, ends, shown_now, left_out)


def _percent(share: float) -> str:
    return f"{min(share, 0.994) * 100:.2f}%"


def in_words(row: Row, clock: words.Clock) -> str:
    """How the wait stands, for the table."""
    if row.began is None and row.ended is None:
        return "Not begun"
    if row.late is None:
        return "Ended" if row.ended else "Broken off"
    span = clock.span(abs(row.late))
    if row.is_open:
        return f"{span} overdue" if row.late > timedelta(0) else f"{span} left"
    return f"{span} late" if row.late > timedelta(0) else f"{span} before it was due"
