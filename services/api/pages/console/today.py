"""Today: everything that needs a person, the oldest of each kind first, each with what can be done about it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection

from services.api.forms import Filled
from services.api.pages import acts, frame
from services.api.pages.acts import Act
from services.api.pages.console import alarms
from services.api.queries import boards, operations
from services.api.routes import Call, Reply, Who

PATH = "/console"


class Section(msgspec.Struct, frozen=True):
    """One kind of things that wait. part: how its rows are drawn; all: where all of them stand."""

    name: str
    title: str
    about: str
    all: str
    part: str = "runs"
    is_bad: bool = False


SECTIONS = (
    Section("letters", "Dead letters", "Something failed too often and stands still until you decide.", "/console/operations/dead-letters?sort=created_at", "letters", True),
    Section("parking", "Messages nobody could read", "A shop published them, and they were not understood.", "/console/operations/parked", "parking", True),
    Section("notices", "Messages that did not arrive", "Somebody does not hear what concerns them.", "/console/notices?state=failed&sort=created_at", "notices", True),
    Section("unmapped", "Order lines without a design", "Their products are linked to no design, so nothing is made.", "/console/order-lines?outcome=unmapped&sort=created_at", "lines", True),
    Section("parked", "Orders whose lines are wanted", "The shop told us of the order and not of its lines.", "/console/order-lines?outcome=parked&sort=created_at", "lines"),
    Section("flagged", "Flagged", "Something changed outside after the run was made. Decide what to do.", "/console/runs?flagged=true&sort=created_at", is_bad=True),
    Section("stuck", "Stuck", "An earlier stage was cancelled or the dispatch failed. Only a person can move them on.", "/console/runs?stuck=true&sort=created_at", is_bad=True),
    Section("declined", "Waiting for a new partner", "The partner declined or stayed silent.", "/console/runs?status=awaiting_reassignment&sort=created_at"),
    Section("overdue", "Overdue", "A deadline passed. Every step stays open.", "/console/runs?overdue=true&sort=created_at"),
    Section("templates", "Waiting for templates", "The dispatch has begun; choose what the partner is to do.", "/console/runs?dispatch_state=awaiting_templates&sort=created_at"),
    Section("review", "To review", "New runs that wait for your approval.", "/console/runs?phase=review&sort=created_at"),
)  # fmt: skip
"""In the order of the page: what stands still before what only waits."""


def read(call: Call, form: Filled | None = None) -> Reply:
    """The board."""
    with call.desk.engine.connect() as connection:
        stuck = boards.stuck(connection)
        counts = {**boards.counts(connection), "stuck": len(stuck)}
        raised = alarms.told(operations.alarms(connection))
        rows = _rows(connection, counts, stuck)
    waiting = [(section, counts[section.name], rows[section.name]) for section in SECTIONS if counts[section.name]]
    return frame.page(
        call, "console/today.html", form=form, alarms=raised, sections=SECTIONS, waiting=waiting, counts=counts
    )


def _rows(connection: Connection, counts: Mapping[str, int], stuck: Sequence[str]) -> dict[str, Any]:
    """The oldest of every section that has any; a part without any is not asked for."""
    parts: Mapping[str, Callable[[], dict[str, Any]]] = {
        "runs": lambda: boards.oldest_runs(connection, stuck),
        "lines": lambda: boards.oldest_lines(connection),
        "notices": lambda: {"notices": boards.oldest_notices(connection)},
        "parking": lambda: {"parking": boards.oldest_parked(connection)},
        "letters": lambda: {"letters": boards.oldest_letters(connection)},
    }
    found: dict[str, Any] = {}
    for part in dict.fromkeys(section.part for section in SECTIONS if counts[section.name]):
        found |= parts[part]()
    return found


ACTS = (
    Act(
        name="approve",
        path="/console/today/runs/{id}/approve",
        api="POST /admin/production-runs/{id}/approve",
        page=read,
        back=PATH,
        said="board_approved",
    ),
    Act(
        name="retry",
        path="/console/today/order-lines/{id}/retry",
        api="POST /admin/order-lines/{id}/retry",
        page=read,
        back=PATH,
        said="judged_anew",
    ),
    Act(
        name="send_again",
        path="/console/today/notices/{id}/send-again",
        api="POST /admin/notices/{id}/send-again",
        page=read,
        back=PATH,
        said="sent_again",
    ),
    Act(
        name="replay",
        path="/console/today/dead-letters/{id}/replay",
        api="POST /admin/operations/dead-letters/{id}/replay",
        page=read,
        back=PATH,
        said="replayed",
    ),
)

ROUTES = (
    frame.route("GET", PATH, read, Who.ADMIN, "What needs a person today."),
    *acts.routes(ACTS, Who.ADMIN),
)
