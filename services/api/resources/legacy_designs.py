"""The retired send-to-partner flow: its old addresses over today's commands. It decides nothing and writes no run.

A design at these addresses is the partner's current sample run of it, or only linked to the partner so far. Every answer
names its end and its successor.
"""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import format_datetime
from typing import Any

import msgspec

from services.api import asking, entries, errors
from services.api.asking import Outcome
from services.api.queries import exists, legacy_designs, lists, runs
from services.api.queries.legacy_designs import Entry
from services.api.resources import milestones
from services.api.routes import Call, Endpoint, Reply, Route, Who
from shared.domain import allocation, commands, legacy, lifecycle
from shared.domain.allocation import Assignment
from shared.domain.commands import Command
from shared.domain.lifecycle import Verb
from shared.domain.runs import RunType, Status
from shared.domain.tasks import TaskKind
from shared.storage import legacy_templates
from shared.storage.directory import Directory

PATH = "/partners/designs"
TAG = "Retired: send to partner"

DEPRECATED_AT = datetime(2026, 11, 1, tzinfo=UTC)
SUNSET_AT = datetime(2027, 11, 1, tzinfo=UTC)
MARKS = {
    "Deprecation": f"@{int(DEPRECATED_AT.timestamp())}",
    "Sunset": format_datetime(SUNSET_AT, usegmt=True),
}
"""RFC 9745 and RFC 8594: since when, and until when."""


class OldBody(msgspec.Struct, frozen=True, kw_only=True):
    """A body of the retired flow; fields it does not know are let by, here and nowhere else."""

    notes: str | None = None


class SendBody(OldBody, frozen=True, kw_only=True):
    """To whom a design is sent, in either spelling."""

    partner_id: str | None = None
    partner_id_: str | None = msgspec.field(default=None, name="partnerId")


CompleteBody = entries.completion_body("OldCompleteBody", lets_unknown_by=True)
"""What a partner completes with; all of it may be left out."""


# Endpoints ----------------------------------------------------------------------------------------------------------


def send(call: Call) -> Reply:
    """One sample piece for one partner, approved and dispatched with the templates of the old flow."""
    design_id, partner_id = call.params["id"], call.body.partner_id or call.body.partner_id_
    _check_names(call, design_id, partner_id)
    with call.desk.engine.begin() as connection:
        legacy_templates.ensure(connection)
    share = Assignment(partner_id=partner_id, quantity=Decimal(1), template_ids=legacy.template_ids(*legacy.SENT))
    command = commands.CreateDesignRun(
        design_id=design_id,
        quantity=Decimal(1),
        run_type=RunType.SAMPLE,
        assignments=[share],
        metadata={"source": "send-to-partner", **({"notes": call.body.notes} if call.body.notes else {})},
    )
    return asking.ask(call, command, render=lambda outcome: _sent(call, design_id, partner_id, outcome))


def list_designs(call: Call) -> Reply:
    """The partner's designs, by the old paging."""
    limit = min(_number(call, "limit", default=lists.DEFAULT_LIMIT, low=1), lists.LARGEST_LIMIT)
    offset = _number(call, "offset", default=0, low=0)
    with call.desk.engine.connect() as connection:
        found, count = legacy_designs.page(connection, partner_id=_partner(call), limit=limit, offset=offset)
    designs = [{**_design(entry), "production_run_id": entry.run_id} for entry in found]
    return Reply({"designs": designs, "count": count, "limit": limit, "offset": offset})


def details(call: Call) -> Reply:
    return _shown(_own(call))


def start(call: Call) -> Reply:
    """Work starts; a run that was not accepted yet is accepted with it."""
    run = _own_run(call)
    is_new = run.run.status is Status.SENT_TO_PARTNER
    first: list[Command] = [commands.AcceptRun()] if is_new else []
    _guard(run, Verb.ACCEPT if is_new else Verb.START)
    return _ask(call, run, [*_note(call), *first, commands.StartRun()])


def finish(call: Call) -> Reply:
    run = _own_run(call)
    _guard(run, Verb.FINISH)
    return _ask(call, run, [commands.FinishRun(notes=call.body.notes)])


def redo(call: Call) -> Reply:
    """A round of rework: the run waits until it is closed."""
    run = _own_run(call)
    with call.desk.engine.begin() as connection:
        legacy_templates.ensure(connection)
    chosen = legacy.template_ids(*legacy.REWORK)
    rework = commands.AddTasks(template_ids=chosen, task_kind=TaskKind.REDO, piece=call.body.notes)
    return _ask(call, run, [rework])


def refinish(call: Call) -> Reply:
    """All open rework is done."""
    run = _own_run(call)
    with call.desk.engine.connect() as connection:
        task_ids = legacy_designs.open_rework(connection, run.run.id)
    if not task_ids:
        raise errors.conflict("There is no open rework on this design.", extra=run.standing(for_partner=True))
    return _ask(call, run, [*_note(call), *(commands.FinishTask(task_id=task_id) for task_id in task_ids)])


def complete(call: Call) -> Reply:
    run = _own_run(call)
    _guard(run, Verb.COMPLETE)
    return _ask(call, run, [entries.completion(call.body)])


# Asking -------------------------------------------------------------------------------------------------------------


def _ask(call: Call, run: runs.View, asked: Sequence[Command]) -> Reply:
    """Ask one after the other; the last one's answer is the answer. The run's lane keeps their order."""
    run_id = run.run.id
    given: str | None = getattr(call.req.context, "message_id", None)
    for place, command in enumerate(asked[:-1]):
        call.desk.gate.ask(
            command,
            actor=call.who.actor,
            tenant=call.who.tenant,
            run_id=run_id,
            wait_seconds=0,
            message_id=f"{given}_{place}" if given else None,
        )

    return asking.ask(call, asked[-1], run_id=run_id, run=run, render=lambda _: _shown(_own(call)))


def _note(call: Call) -> list[Command]:
    """A note for which today's verb has no field goes on the timeline."""
    notes = (call.body.notes or "").strip()
    return [commands.AddNote(text=notes)] if notes else []


def _guard(run: runs.View, verb: Verb) -> None:
    no = lifecycle.refusal(run.run, verb, run.facts)
    if no:
        raise errors.refused(no.record(), standing=run.standing(for_partner=True))


def _check_names(call: Call, design_id: str, partner_id: str | None) -> None:
    with call.desk.engine.connect() as connection:
        if not exists.design(connection, design_id):
            raise errors.not_found("design")
        if not partner_id:
            raise errors.field("/partner_id", "partner_id is missing.")
        known = Directory(connection).partners([partner_id])
    allocation.check_partner(partner_id, known, pointer="/partner_id")


def _once(do: Endpoint) -> Endpoint:
    """The endpoint, unless an earlier request with the same key asked already: then its answer is told again."""

    def answer(call: Call) -> Reply:
        given: str | None = getattr(call.req.context, "message_id", None)
        if given is None or call.desk.gate.answer(given) is None:
            return do(call)
        # The ledger has a message of this id, so the command named here is never stored.
        return _ask(call, _own_run(call), [commands.StartRun()])

    return answer


# Answers ------------------------------------------------------------------------------------------------------------


def _own(call: Call) -> Entry:
    """The design of the address, as far as this partner is linked to it or it was sent to them. Raises a 404 problem."""
    with call.desk.engine.connect() as connection:
        found = legacy_designs.find(connection, call.params["id"], partner_id=_partner(call))
    if found is None:
        raise errors.not_found("design")
    return found


def _own_run(call: Call) -> runs.View:
    """The run that stands for the design. Raises a 409 problem when the design was not sent yet."""
    run = _own(call).run
    if run is None:
        raise errors.conflict("This design was not sent to you yet.", extra={"allowed_actions": []})
    return run


def _design(entry: Entry) -> dict[str, Any]:
    """The design as the old flow told it: how far it is stands inside."""
    return {**entry.design, "partner_info": entry.info}


def _shown(entry: Entry) -> Reply:
    headers = _successor(entry.run_id) if entry.run_id else {}
    body = {"design": _design(entry), "partner_info": entry.info, "production_run_id": entry.run_id}
    return Reply(body, headers=headers)


def _sent(call: Call, design_id: str, partner_id: str | None, outcome: Outcome) -> Reply:
    run_id = outcome["children"][0]
    run = milestones.shown(call, run_id)
    with call.desk.engine.connect() as connection:
        entry = legacy_designs.find(connection, design_id, partner_id=partner_id or "")
    return Reply(
        {
            "design": _design(entry) if entry else None,
            "partner_info": entry.info if entry else None,
            "production_run": run,
            "dispatch": outcome["dispatch"],
            "transaction_id": run["transaction_id"],
        },
        status=201,
        headers={"Location": f"/admin/production-runs/{run_id}"},
    )


def _partner(call: Call) -> str:
    return call.who.partner_id or ""


def _successor(run_id: str) -> dict[str, str]:
    """The run itself takes the design's place."""
    return {"Link": _link(f"/partners/production-runs/{run_id}")}


def _link(address: str) -> str:
    return f'<{address}>; rel="successor-version"'


def _number(call: Call, name: str, *, default: int, low: int) -> int:
    text = call.query.get(name, str(default))
    if not re.fullmatch(r"\d{1,9}", text, re.ASCII) or int(text) < low:
        raise errors.parameter(name, f"{name} must be a whole number of {low} or more.")
    return int(text)


# Routes -------------------------------------------------------------------------------------------------------------


def _unless_gone(successor: str) -> Callable[[Call], None]:
    """Turns everybody away once the house has switched the old addresses off, whatever they ask."""

    def turn_away(call: Call) -> None:
        if call.desk.settings.legacy_design_routes == "gone":
            raise errors.gone(f"The send-to-partner flow was retired; use {successor} instead.")

    return turn_away


def _route(method: str, path: str, do: Endpoint, successor: str, summary: str, **more: Any) -> Route:
    return Route(
        method=method,
        path=path,
        do=do,
        before_body=_unless_gone(successor),
        who=Who.ADMIN if path.startswith("/admin/") else Who.PARTNER,
        summary=summary,
        headers={**MARKS, "Link": _link(successor)},
        answers={**more.pop("answers", {}), 410: "The old flow was switched off; `Link` names its successor."},
        tag=TAG,
        **more,
    )


_ANSWERS = {
    200: "Carried out: the design with how far it is.",
    202: milestones.ANSWERS[202],
    404: "There is no such design, or it is none of yours.",
    409: milestones.ANSWERS[409],
    422: "A field is wrong.",
}
_RUNS = "/partners/production-runs"
_VERBS: tuple[tuple[str, Callable[[Call], Reply], Any, str], ...] = (
    # path       do        body          what it says
    ("start",    start,    OldBody,      "Work starts; the assignment is accepted with it."),
    ("finish",   finish,   OldBody,      "The piece is finished."),
    ("redo",     redo,     OldBody,      "Something must be made again: three rework tasks."),
    ("refinish", refinish, OldBody,      "The rework is done: its tasks are closed."),
    ("complete", complete, CompleteBody, "The piece is settled."),
)  # fmt: skip

ROUTES: tuple[Route, ...] = (
    _route(
        "POST",
        "/admin/designs/{id}/send-to-partner",
        send,
        "/admin/production-runs",
        "Send a design to a partner: a sample run of one piece, approved and dispatched.",
        body=SendBody,
        answers={201: "The partner's run.", 202: _ANSWERS[202], 404: "There is no such design."},
    ),
    _route("GET", PATH, list_designs, _RUNS, "My designs, with how far each is.", query=("limit", "offset")),
    _route(
        "GET", f"{PATH}/{{id}}", details, _RUNS, "One of my designs.", answers={404: _ANSWERS[404]}
    ),
    *(
        _route("POST", f"{PATH}/{{id}}/{name}", _once(do), _RUNS, summary, body=body, answers=_ANSWERS)
        for name, do, body, summary in _VERBS
    ),
)  # fmt: skip
