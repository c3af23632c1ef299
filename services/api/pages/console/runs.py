"""All runs: searched, narrowed and sorted by the address, chosen for something to be done with several, and new ones made by hand."""

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlencode

from sqlalchemy import Connection

from services.api.forms import Filled
from services.api.pages import acts, frame, words
from services.api.pages.acts import Act
from services.api.queries import names, runs
from services.api.queries.names import Choices
from services.api.queries.runs import View
from services.api.routes import Call, Reply, Who
from shared.domain import runs as runs_
from shared.domain.runs import DispatchState, Phase, RunType, Status

PATH = "/console/runs"
ROWS = 50
"""Of a page; so many can be chosen at once."""

DETAILS = 3
"""Rows for details of a new run's own."""

NARROWED_BY = (
    "q", "status", "phase", "run_type", "partner_id", "design_id", "order_id", "role", "dispatch_state",
    "overdue", "stuck", "flagged", "held", "created_after", "created_before", "sort",
)  # fmt: skip
SORTS = (
    ("-created_at", "Newest first"),
    ("created_at", "Oldest first"),
    ("waiting_until", "Due first (with a deadline)"),
)
FLAGS = (("overdue", "Overdue"), ("stuck", "Stuck"), ("flagged", "Flagged"), ("held", "On hold"))
TONES = {
    Phase.REVIEW: "warn", Phase.APPROVED: "accent", Phase.ASSIGNED: "accent", Phase.ACCEPTED: "accent", Phase.STARTED: "accent",
    Phase.FINISHED: "accent", Phase.COMPLETED: "good", Phase.CANCELLED: "", Phase.AWAITING_REASSIGNMENT: "bad",
}  # fmt: skip
"""How the chip of a phase is coloured."""


def read(call: Call) -> Reply:
    """A page of runs."""
    asked = {name: text for name in NARROWED_BY if (text := call.query.get(name, "").strip())}
    with call.desk.engine.connect() as connection:
        views, found = runs.views_of(connection, _query(call, asked), partner_id=None)
        known = called(connection, views)
        partners = names.choices(connection, "partner", always=asked.get("partner_id", "").split(","))
        designs = names.choices(connection, "design", always=asked.get("design_id", "").split(","))
    return frame.page(
        call,
        "console/runs.html",
        asked=asked,
        rows=[row(view, known) for view in views],
        next=_address({**asked, "cursor": found.next_cursor}) if found.next_cursor else "",
        first=_address(asked) if "cursor" in call.query else "",
        choices=_choices(partners, designs),
        flags=FLAGS,
        sorts=SORTS,
        narrowed=sum(name not in ("q", "sort") for name in asked),
    )


def row(view: View, known: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    """A run as a row says it."""
    run, phase = view.run, runs_.phase(view.run)
    return {
        "id": run.id,
        "design": known["design"].get(run.design_id, "A design that is gone"),
        "partner": known["partner"].get(run.partner_id or "", ""),
        "quantity": run.quantity,
        "role": run.role,
        "parts": run.child_count,
        "order_id": run.order_id,
        "is_sample": run.run_type is RunType.SAMPLE,
        "phase": phase,
        "tone": TONES[phase],
        "created_at": view.created_at,
        "due": None if run.is_terminal else run.waiting_until,
        "marks": [word for word, is_so in _marks(view) if is_so],
    }


def _marks(view: View) -> Iterable[tuple[str, bool]]:
    run = view.run
    yield "Overdue", run.overdue_at is not None and not run.is_terminal
    yield "On hold", run.held_at is not None
    yield "Flagged", run.flagged_at is not None
    yield "Templates wanted", run.dispatch_state is DispatchState.AWAITING_TEMPLATES


def named(call: Call, views: Iterable[View]) -> dict[str, dict[str, str]]:
    """The same, in a connection of its own."""
    with call.desk.engine.connect() as connection:
        return called(connection, views)


def called(connection: Connection, views: Iterable[View]) -> dict[str, dict[str, str]]:
    """What the designs and partners of runs are called."""
    shown = list(views)
    return {
        "design": names.of(connection, "design", (view.run.design_id for view in shown)),
        "partner": names.of(connection, "partner", (view.run.partner_id for view in shown)),
    }


def _query(call: Call, asked: Mapping[str, str]) -> dict[str, str]:
    """What the address asks, as the list of the JSON API is asked it. A day is meant whole."""
    told = {**asked, "limit": str(ROWS), **({"cursor": call.query["cursor"]} if "cursor" in call.query else {})}
    for name, end in (("created_after", "T00:00:00Z"), ("created_before", "T23:59:59.999999Z")):
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", told.get(name, "")):
            told[name] += end
    return told


def _address(asked: Mapping[str, Any]) -> str:
    return f"{PATH}?{urlencode(asked)}" if asked else PATH


def _choices(partners: Choices, designs: Choices) -> dict[str, list[tuple[str, str]]]:
    return {
        "status": [(each.value, words.label(each)) for each in Status],
        "phase": [(each.value, words.label(each)) for each in Phase],
        "run_type": [(each.value, words.label(each)) for each in RunType],
        "partner_id": partners.pairs,
        "design_id": designs.pairs,
    }


# New ----------------------------------------------------------------------------------------------------------------


def ask_for_new(call: Call, form: Filled | None = None) -> Reply:
    """The form of a new run. The address may name the design it is of."""
    design_id = form.form.text("design_id") if form else call.query.get("design_id", "")
    partner_id = form.form.text("partner_id") if form else call.query.get("partner_id", "")
    with call.desk.engine.connect() as connection:
        designs = names.choices(connection, "design", find=call.query.get("find", ""), always=[design_id])
        partners = names.choices(connection, "active_partner", always=[partner_id])
    return frame.page(
        call,
        "console/run_new.html",
        form=form,
        designs=designs,
        partners=partners,
        run_types=[(each.value, words.label(each)) for each in RunType],
        chosen={"design_id": design_id, "partner_id": partner_id},
        find=call.query.get("find", ""),
        details=range(DETAILS),
    )


def _new_run(call: Call) -> dict[str, Any]:
    """The body of a new run; details become its metadata."""
    told = call.body.nested()
    details = told.pop("details", [])
    metadata = {each["name"]: each.get("value", "") for each in details if isinstance(each, dict) and "name" in each}
    return {**told, **({"metadata": metadata} if metadata else {})}


ACTS = (
    Act(
        name="new",
        path=f"{PATH}/new",
        api="POST /admin/production-runs",
        page=ask_for_new,
        back=lambda call, told: f"{PATH}/{told['production_run']['id']}" if "production_run" in told else PATH,
        said="run_made",
        body=_new_run,
    ),
)

ROUTES = (
    frame.route("GET", PATH, read, Who.ADMIN, "All runs.", query=(*NARROWED_BY, "cursor")),
    frame.route("GET", f"{PATH}/new", ask_for_new, Who.ADMIN, "A new run.", query=("design_id", "partner_id", "find")),
    *acts.routes(ACTS, Who.ADMIN),
)
