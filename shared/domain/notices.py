"""Notices: which event tells whom, as a table, and how it is said. The texts stand in `notice_texts`; sending is somebody else's."""

from collections.abc import Callable, Mapping
from datetime import datetime, tzinfo
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from shared.domain import amounts, events
from shared.domain.notice_texts import TEXTS, Language
from shared.domain.runs import Run

ADMINS = "admin"
"""The audience of a notice that is for the house; every other audience is a partner's id."""

LONGEST_VALUE = 500
NOTHING = "–"


class NoticeState(StrEnum):
    """How far the sending of a notice is. `STATE_SENTENCES` says each in a sentence."""

    PENDING = "pending"
    SENT = "sent"
    FAILED = "failed"
    SUPERSEDED = "superseded"


STATE_SENTENCES = {
    NoticeState.PENDING: "It is on its way: it waits to be sent, or to be tried again.",
    NoticeState.SENT: "Its target took it.",
    NoticeState.FAILED: "No attempt reached its target; a person is asked to look.",
    NoticeState.SUPERSEDED: "It was not sent any more: what it asks for was answered, or the run moved on.",
}


class Audience(StrEnum):
    """To whom an event is told."""

    PARTNER = "partner"
    """The partner whose run it was when it happened."""
    PREVIOUS_PARTNER = "previous_partner"
    """The partner from whom the run was taken."""
    ADMINS = "admins"


class Occasion(msgspec.Struct, frozen=True, kw_only=True):
    """An event as its notice sees it. partner_id: whose run it was then; by_partner: a partner did it."""

    event: events.Event
    run: Run | None
    partner_id: str | None
    by_partner: bool = False


Question = Callable[[Occasion], bool]


class Telling(msgspec.Struct, frozen=True):
    """One row: the event, who is told, with which text, and when at all."""

    event: type[events.Event]
    audience: Audience
    key: str
    when: Question | None = None


class Recipient(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who is told: the house, or a partner with what its directory entry says."""

    audience: str
    language: str = Language.ENGLISH
    time_zone: str = "UTC"


class Notice(msgspec.Struct, frozen=True):
    """What is said, ready to be sent."""

    title: str
    text: str
    language: str


def _was_put_before_them(occasion: Occasion) -> bool:
    """A partner hears the end of what they had; not of a container, nor of what was never sent."""
    left = (occasion.event.before or {}).get("status")
    return left in ("sent_to_partner", "in_progress") and not (occasion.run and occasion.run.is_container)


def _went_to_another(occasion: Occasion) -> bool:
    return (occasion.event.before or {}).get("partner_id") != (occasion.event.after or {}).get("partner_id")


def _not_their_own_doing(occasion: Occasion) -> bool:
    return not occasion.by_partner


E, A = events, Audience
TABLE = (
    #       event                 who                  text               when
    Telling(E.RunSentToPartner,   A.PARTNER,           "sent"),
    Telling(E.RunReminded,        A.PARTNER,           "reminded"),
    Telling(E.RunReassigned,      A.PREVIOUS_PARTNER,  "reassigned",      _went_to_another),
    Telling(E.RunCancelled,       A.PARTNER,           "cancelled",       _was_put_before_them),
    Telling(E.TasksAdded,         A.PARTNER,           "rework",          _not_their_own_doing),
    Telling(E.RunDeclined,        A.ADMINS,            "declined"),
    Telling(E.RunOverdue,         A.ADMINS,            "overdue"),
    Telling(E.RunDispatchLapsed,  A.ADMINS,            "dispatch_lapsed"),
    Telling(E.RunDispatchFailed,  A.ADMINS,            "dispatch_failed"),
    Telling(E.RunEscalated,       A.ADMINS,            "escalated"),
    Telling(E.RunParked,          A.ADMINS,            "parked"),
    Telling(E.RunFlagged,         A.ADMINS,            "flagged"),
    Telling(E.StockShort,         A.ADMINS,            "stock_short"),
)  # fmt: skip


def tellings(occasion: Occasion) -> list[tuple[str, str]]:
    """Who hears of it and with which text: pairs of an audience and a key of the texts."""
    rows = [row for row in TABLE if isinstance(occasion.event, row.event) and (row.when is None or row.when(occasion))]
    pairs = [(_audience(row.audience, occasion), _key(row, occasion.event)) for row in rows]
    return [(audience, key) for audience, key in pairs if audience]


def compose(key: str, values: Mapping[str, str], *, language: str) -> Notice:
    """The text of a key with plain values in it. A language we have no texts in is told in English."""
    spoken = Language(language) if language in set(Language) else Language.ENGLISH
    title, text = TEXTS[spoken][key]
    return Notice(title.substitute(values), text.substitute(values), spoken.value)


def values_of(occasion: Occasion, *, design: str | None, partner: str | None, time_zone: str) -> dict[str, str]:
    """What a text may name, as one-line words: a title may become a mail's header."""
    run, event = occasion.run, occasion.event
    found = {
        "run": run.id[-8:] if run else None,
        "role": run.role if run else None,
        "quantity": amounts.plain(run.quantity) if run else None,
        "design": design,
        "partner": partner,
        "reason": event.reason,
        "due": local_time(run.waiting_until, time_zone) if run and run.waiting_until else None,
        "tasks": ", ".join((event.after or {}).get("titles", [])),
    }
    return {name: one_line(value) for name, value in found.items()}


def local_time(at: datetime, time_zone: str) -> str:
    """An instant as the clock on the recipient's wall shows it."""
    known = zone(time_zone)
    return f"{at.astimezone(known):%Y-%m-%d %H:%M} ({known})"


def zone(name: str) -> tzinfo:
    """The time zone of a name; one that is not known is UTC."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return ZoneInfo("UTC")


def one_line(value: Any) -> str:
    """A value without line breaks and not too long, or a dash."""
    words = " ".join(str(value or "").split())
    return (words if len(words) <= LONGEST_VALUE else f"{words[: LONGEST_VALUE - 1]}…") or NOTHING


def _audience(audience: Audience, occasion: Occasion) -> str | None:
    if audience is Audience.ADMINS:
        return ADMINS
    if audience is Audience.PREVIOUS_PARTNER:
        return (occasion.event.before or {}).get("partner_id")
    return occasion.partner_id


def _key(row: Telling, event: events.Event) -> str:
    """A reminder speaks of what it waits for."""
    return f"{row.key}_{(event.after or {})['stage']}" if row.event is events.RunReminded else row.key
