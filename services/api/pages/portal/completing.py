"""Completing a run in small steps: pieces, cost, material, notes, a summary to check. Each step carries the earlier answers along.

Nothing is stored before the last one; then the JSON API is asked once, with everything.
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection

from services.api import entries, errors, forms
from services.api.forms import OWN_FIELDS, Filled, Form
from services.api.pages import acts, frame
from services.api.pages.portal import run as run_page
from services.api.pages.portal import shown, wording
from services.api.queries import lists, material, portal, runs
from services.api.queries.runs import View
from services.api.resources import milestones
from services.api.routes import Call, Reply, Route, Who
from shared.domain import completion, lifecycle
from shared.domain.consumption import WITHOUT_ITEM, QuantityBasis
from shared.domain.lifecycle import Verb
from shared.domain.refusals import Refusal
from shared.domain.runs import CostType, RejectionReason, Status
from shared.storage import mail

PATH = f"{run_page.PATH}/complete"
API = "POST /partners/production-runs/{id}/complete"
NAME = "complete"

STEPS: dict[str, tuple[str, ...]] = {
    "pieces": (
        "produced_quantity",
        "rejected_quantity",
        "rejection_reason",
        "rejection_notes",
        "short_quantity",
        "short_reason",
    ),
    "cost": ("partner_cost", "cost_type", "cost_currency"),
    "material": ("consumptions",),
    "notes": ("notes",),
    "check": (),
}
"""The steps in their order, with the fields that each asks for."""

_PACE = frozenset({"step", "go"})
"""Fields that say where the person is and where to."""


def show(call: Call) -> Reply:
    """The first step; for a completed run what came of it; else why it cannot be completed now."""
    view = milestones.own_run(call)
    if view.run.status is Status.COMPLETED:
        return _confirmation(call, view)
    no = lifecycle.refusal(view.run, Verb.COMPLETE, view.facts)
    if no:
        return _page(call, view, "portal/complete_not.html", why=wording.of_refusal(no))
    return _step(call, view, "pieces", _as_typed(Form({})))


def move(call: Call) -> Reply:
    """From step to step, and at the end the whole to the API."""
    view, form = milestones.own_run(call), call.body
    here = form.text("step") if form.text("step") in STEPS else "pieces"
    if form.text("go") == "send":
        return _send(call, view, form)
    there = form.text("go") if form.text("go") in STEPS else here
    order = list(STEPS)
    wrong = _wrong(call, view, form, here) if order.index(there) > order.index(here) else None
    return _step(call, view, here, wrong) if wrong else _step(call, view, there, _as_typed(form))


def _send(call: Call, view: View, form: Form) -> Reply:
    address = PATH.format(**call.params)
    body, places = completion_of(form)
    reply = acts.ask(call, API, body)
    if reply.status < 400:
        return run_page.onward(reply, address)
    told = reply.body if isinstance(reply.body, Mapping) else {}
    # A second tap of the same form: the first one is being carried out, and its page says what came of it.
    if told.get("code") == "request_in_flight" or milestones.own_run(call).run.status is Status.COMPLETED:
        return frame.see_other(address)
    wrong = _filled(form, told, reply.status, places)
    return _step(call, view, step_of(wrong), wrong)


def step_of(wrong: Filled) -> str:
    """The step that asks for the first wrong field; without one the summary."""
    first = next(iter(wrong.errors), "").partition(".")[0]
    return next((step for step, fields in STEPS.items() if first in fields), "check")


# Checking -------------------------------------------------------------------------------------------------------------


def completion_of(form: Form) -> tuple[dict[str, Any], list[int]]:
    """What the API is asked with: rows of material without an amount are left out. Also the form's number of each row kept."""
    told = {name: value for name, value in form.nested().items() if name not in _PACE}
    rows = told.pop("consumptions", None) or []
    numbered = [(place, row) for place, row in enumerate(rows) if isinstance(row, dict) and row.get("quantity")]
    kept = {"consumptions": [row for _, row in numbered]} if numbered else {}
    return {**told, **kept}, [place for place, _ in numbered]


def _wrong(call: Call, view: View, form: Form, step: str) -> Filled | None:
    """What is wrong with the answers of one step, None when nothing is."""
    body, places = completion_of(form)
    own = {name: value for name, value in body.items() if name in STEPS[step]}
    try:
        command = entries.completion(forms.parsed(own, entries.CompleteBody))
        if step == "pieces":
            completion.balance(view.run.quantity, command.outcome, tolerance=_tolerance(call), by_admin=False)
    except (errors.Problem, Refusal) as no:
        problem = errors.told_of(no)
        return _filled(form, problem.body(prefix="", instance=""), problem.status, places)
    return None


def _tolerance(call: Call) -> Decimal:
    with call.desk.engine.connect() as connection:
        return mail.policy(connection).over_yield_tolerance


def _filled(form: Form, told: Mapping[str, Any], status: int, places: list[int]) -> Filled:
    """The form as it comes back, with the rows of material numbered as they stand on the page."""
    found = forms.filled(NAME, form, told, status)
    renumbered = {
        f"consumptions.{kept}.{field}": f"consumptions.{place}.{field}"
        for kept, place in enumerate(places)
        for field in ("quantity", "quantity_basis", "inventory_item_id", "consumption_type")
    }
    plain = wording.plain(found, fields=renumbered)
    assert plain is not None
    return plain


def _as_typed(form: Form) -> Filled:
    """A form that is shown on, nothing wrong with it."""
    return Filled(name=NAME, form=form, status=200, detail="", code="")


# Showing --------------------------------------------------------------------------------------------------------------


def _step(call: Call, view: View, step: str, form: Filled) -> Reply:
    order = list(STEPS)
    place = order.index(step)
    with call.desk.engine.connect() as connection:
        more = _material(connection, call, view) if step in ("material", "check") else {}
    return _page(
        call,
        view,
        f"portal/complete_{step}.html",
        form=form,
        status=form.status,
        step=step,
        number=place + 1,
        steps=order,
        before=order[place - 1] if place else "",
        after=order[place + 1] if place + 1 < len(order) else "",
        carried=list(_carried(form.form, step)),
        reasons=[each.value for each in RejectionReason],
        cost_types=[each.value for each in CostType],
        **(_summary(call, view, form.form, more) if step == "check" else more),
    )


def _carried(form: Form, step: str) -> Iterator[tuple[str, str]]:
    """The answers of the other steps, as hidden fields."""
    told = {name: values[-1] for name, values in form.values.items() if name not in OWN_FIELDS | _PACE}
    return ((name, value) for name, value in told.items() if name.partition(".")[0] not in STEPS[step])


def _material(connection: Connection, call: Call, view: View) -> dict[str, Any]:
    """A row for each planned material and for energy, water and labour; and what was noted before."""
    planned = runs.materials(runs.snapshot_of(connection, view.run), view.run.quantity)
    logs = material.of_run(connection, view.run.id, {"limit": str(lists.LARGEST_LIMIT)})["consumption_logs"]
    wanted = [str(line["inventory_item_id"]) for line in (*planned, *logs) if line.get("inventory_item_id")]
    items = {item["id"]: item for item in portal.materials(connection, call.who.partner_id or "", wanted)}
    totals = {line["inventory_item_id"]: line["total_quantity"] for line in planned if line.get("inventory_item_id")}
    return {
        "rows": [
            *({"item": key, "title": item["title"], "unit": item["unit"], "planned": totals.get(key)} for key, item in items.items()),
            *({"item": None, "kind": kind.value, "unit": unit.value, "planned": None} for kind, unit in WITHOUT_ITEM.items()),
        ],
        "bases": [each.value for each in QuantityBasis],
        "logs": [shown.log(row, view, items) for row in logs],
    }  # fmt: skip


def _summary(call: Call, view: View, form: Form, more: Mapping[str, Any]) -> dict[str, Any]:
    """All answers, with the pieces added up. What cannot be read yet is shown as it was typed."""
    body, places = completion_of(form)
    balance = None
    try:
        pieces = {name: value for name, value in body.items() if name in STEPS["pieces"]}
        outcome = entries.completion(forms.parsed(pieces, entries.CompleteBody)).outcome
        balance = completion.balance(view.run.quantity, outcome, tolerance=_tolerance(call), by_admin=False)
    except (errors.Problem, Refusal):
        pass
    rows = more["rows"]
    used = [
        {**row, "quantity": told.get("quantity"), "basis": told.get("quantity_basis")}
        for place, told in zip(places, body.get("consumptions", []), strict=True)
        for row in ([rows[place]] if place < len(rows) else [])
    ]
    answers = {name: body.get(name, "") for fields in STEPS.values() for name in fields}
    return {"told": answers, "balance": balance, "used": used, "logs": more["logs"]}


def _confirmation(call: Call, view: View) -> Reply:
    with call.desk.engine.connect() as connection:
        logs = _material(connection, call, view)["logs"]
    return _page(call, view, "portal/completed.html", logs=logs)


def _page(call: Call, view: View, template: str, *, status: int = 200, **values: Any) -> Reply:
    with call.desk.engine.connect() as connection:
        card = portal.cards(connection, [view.run.id])[view.run.id]
    return frame.page(call, template, status=status, run=view.run, card=card, **values)


ROUTES: tuple[Route, ...] = (
    frame.route("GET", PATH, show, Who.PARTNER, "Complete a run, step by step."),
    frame.route("POST", PATH, move, Who.PARTNER, f"Form: {API}", body=Form),
)
