"""Partners: who makes things for the house, their people, what they work on, and tasks beside their runs."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any
from zoneinfo import available_timezones

from services.api.forms import Filled
from services.api.pages import frame
from services.api.pages.acts import Act
from services.api.pages.console import fields, reads, sheets
from services.api.pages.console.fields import Field, Kind
from services.api.pages.console.sheets import Column, Row, Sheet, Show
from services.api.queries import loads, names
from services.api.resources.catalogue import BY_NAME
from services.api.resources.catalogue_table import PartnerStatus
from services.api.routes import Call, Reply
from shared.domain.notice_texts import Language
from shared.domain.tasks import Priority, TaskStatus

AT, API = "/console/partners", "/admin/partners/{id}"
ONE, PEOPLE, TASKS = f"{AT}/{{id}}", f"{AT}/{{id}}/accounts", f"{AT}/{{id}}/tasks"
OPEN = ",".join(loads.OPEN)
OPEN_TASKS = ",".join(
    status.value for status in TaskStatus if status not in (TaskStatus.COMPLETED, TaskStatus.CANCELLED)
)

_LANGUAGES = ((Language.ENGLISH.value, "English"), (Language.HINDI.value, "Hindi"))
_STATUSES = fields.of_enum(PartnerStatus)
_FEW = {"limit": "10"}
_PRIORITIES = fields.of_enum(Priority)


def _loads(call: Call, partner_ids: Sequence[str]) -> Mapping[str, Row]:
    with call.desk.engine.connect() as connection:
        found = loads.of_partners(connection, partner_ids)
    return {key: {"open": load.open, "overdue": load.overdue, "open_statuses": OPEN} for key, load in found.items()}


@cache
def _zones() -> tuple[tuple[str, str], ...]:
    """Zones that people live in, and UTC."""
    named = sorted(zone for zone in available_timezones() if "/" in zone and not zone.startswith(("Etc/", "posix/", "right/", "SystemV/", "US/")))  # fmt: skip
    return tuple((zone, zone.replace("_", " ")) for zone in ("UTC", *named))


def _contact(row: dict[str, Any]) -> dict[str, Any]:
    """A contact with an address for notices is told what concerns the partner."""
    return {**row, "kind": "apprise"} if "url" in row else row


PARTNERS = Sheet(
    at=AT,
    thing=BY_NAME["partner"],
    title="Partners",
    one="partner",
    about="Who makes things for the house, and how much they have to do. Only an active partner takes new work.",
    empty="No partner here. Add one, then the people who sign in for it.",
    columns=(
        Column(name="name", title="Partner", show=Show.LINK),
        Column(name="status", title="Status", show=Show.STATUS),
        Column(name="open", title="Open runs", show=Show.LOAD),
        Column(name="overdue", title="Overdue", show=Show.OVERDUE),
        Column(name="handle", title="Handle"),
        Column(name="time_zone", title="Time zone"),
    ),
    fields=(
        Field(name="name", label="Name", required=True),
        Field(name="handle", label="Handle", required=True, hint="A short name that is theirs alone."),
        Field(name="status", label="Status", kind=Kind.CHOICE, choices=_STATUSES, hint="Only an active partner takes new work and signs in."),
        Field(name="language", label="Language", kind=Kind.CHOICE, choices=_LANGUAGES, hint="Of their pages and notices."),
        Field(name="time_zone", label="Time zone", kind=Kind.CHOICE, choices=_zones(), hint="Times are told and reminders sent by it."),
        Field(
            name="contacts", label="Contacts", kind=Kind.ROWS, each=_contact,
            hint="A contact with an Apprise URL, such as mailto://… or whatsapp://…, is told what concerns the partner. A URL that is set is shown masked; left as it is, it stays.",
            columns=(
                Field(name="name", label="Name"),
                Field(name="role", label="Role"),
                Field(name="email", label="E-mail"),
                Field(name="phone", label="Phone"),
                Field(name="url", label="Apprise URL"),
            ),
        ),
    ),
    filters=(Field(name="status", label="Status", kind=Kind.CHOICE, choices=_STATUSES, empty="Every status"),),
    sort="name",
    calls=lambda row: str(row["name"]),
    has_page=True,
    beside=_loads,
    end_question="A partner with runs, people or designs cannot be deleted; make it inactive instead.",
)  # fmt: skip


def details(call: Call, form: Filled | None = None) -> Reply:
    """A partner as a whole."""
    body, etag = reads.tagged(call, API)
    partner = body["partner"]
    here = {"partner_id": partner["id"]}
    found = reads.read(call, "/admin/production-runs", {**here, **_FEW, "status": OPEN})["production_runs"]
    with call.desk.engine.connect() as connection:
        named = names.of(connection, "design", (run["design_id"] for run in found))
    return frame.page(
        call,
        "console/partner.html",
        sheet=PARTNERS,
        partner=partner,
        etag=etag,
        form=form,
        load=_loads(call, [partner["id"]])[partner["id"]],
        languages=dict(_LANGUAGES),
        people=_people(call),
        designs=reads.read(call, "/admin/designs", here)["designs"],
        runs=found,
        names=named,
        tasks=reads.read(call, f"{API}/tasks", {"status": OPEN_TASKS, "limit": "50"})["tasks"],
        priorities=_PRIORITIES,
    )


def _people(call: Call) -> Row:
    """The partner's accounts, by name."""
    asked = {"cursor": call.query["cursor"]} if "cursor" in call.query else {}
    return reads.read(call, f"{API}/accounts", {"sort": "name", **asked})


ACTS: tuple[Act, ...] = (
    *sheets.acts_of(PARTNERS),
    Act(name="person", path=PEOPLE, api=f"POST {API}/accounts", page=details, back=ONE, said="added"),
    Act(name="task", path=TASKS, api=f"POST {API}/tasks", page=details, back=ONE, said="task_given"),
)

ROUTES = sheets.routes_with(
    (*sheets.routes_of(PARTNERS), sheets.shown("GET", ONE, details, "A partner.", query=("cursor",))), ACTS
)
