"""One act for several runs: a dry run first, then the API is asked once per run, and a report says what was done and what was refused.

All are handed over before any is waited for. To send the form again, with its same `once`, asks nothing twice: what was on
its way is looked at again.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

import msgspec

from services.api.forms import Form
from services.api.pages import acts, frame
from services.api.pages.console import runs as board
from services.api.queries import runs
from services.api.queries.runs import View
from services.api.routes import Call, Reply, Who
from shared.domain import lifecycle
from shared.domain.lifecycle import Verb
from shared.domain.runs import Status

PATH = "/console/runs/several"
MOST = board.ROWS
PATIENCE = 3.0
"""Seconds for all the answers together; what takes longer is on its way."""

Called = Mapping[str, Mapping[str, str]]


class Deed(msgspec.Struct, frozen=True):
    """What can be done with several runs. will: what will happen to one, in words."""

    verb: Verb
    api: str
    title: str
    button: str
    done: str
    will: Callable[[View, Called], str]
    takes_reason: bool = False


def choose(call: Call) -> Reply:
    """The list sends its checked boxes here; the dry run has an address of its own."""
    ids = _ids(call.body)
    deed = DEEDS.get(call.body.text("do"))
    if not ids or deed is None:
        return frame.see_other(board.PATH, said="none_chosen")
    return frame.see_other(f"{PATH}?{urlencode({'do': deed.verb.value, 'ids': ','.join(ids)})}")


def foresee(call: Call) -> Reply:
    """The dry run: what would happen to each, and which cannot and why."""
    deed = DEEDS.get(call.query.get("do", ""))
    ids = _chosen(call.query.get("ids", "").split(","))
    if deed is None or not ids:
        return frame.see_other(board.PATH)
    views = _views(call, ids)
    called = board.named(call, views)
    rows = [{**board.row(view, called), **_foreseen(deed, view, called)} for view in views]
    return frame.page(
        call,
        "console/several.html",
        deed=deed,
        possible=[row for row in rows if not row["why"]],
        impossible=[row for row in rows if row["why"]],
        missing=len(ids) - len(views),
    )


def confirm(call: Call) -> Reply:
    """Done, run by run; the report tells every one apart."""
    deed, ids = DEEDS.get(call.body.text("do")), _ids(call.body)
    if deed is None or not ids:
        return frame.see_other(board.PATH, said="none_chosen")
    reason = call.body.text("reason").strip()
    answers = _ask_all(call, deed, ids, {"reason": reason} if deed.takes_reason and reason else {})
    views = {view.run.id: view for view in _views(call, ids)}
    called = board.named(call, views.values())
    rows = [{**board.row(views[each], called), **_told(answers[each])} for each in ids if each in views]
    return frame.page(
        call,
        "console/several_done.html",
        deed=deed,
        reason=reason,
        ids=ids,
        sent=call.body.once,
        by_state={state: [row for row in rows if row["state"] == state] for state in ("done", "refused", "pending")},
        missing=len(ids) - len(rows),
    )


def to_the_list(call: Call) -> Reply:
    """Who comes back to a report without its form begins anew."""
    return frame.see_other(board.PATH)


def _ask_all(call: Call, deed: Deed, ids: Sequence[str], body: Mapping[str, Any]) -> dict[str, Reply]:
    """Hand all over, then wait for the answers while there is time."""

    def ask(run_id: str, patience: int) -> Reply:
        return acts.ask(call, deed.api, body, once=f"{call.body.once}-{run_id}", patience=patience, id=run_id)

    answers = {run_id: ask(run_id, 0) for run_id in ids}
    until = time.monotonic() + PATIENCE
    for run_id in ids:
        while _is_pending(answers[run_id]) and time.monotonic() < until:
            answers[run_id] = ask(run_id, 1)
    return answers


def _is_pending(reply: Reply) -> bool:
    """Stored and not carried out, or still in the hands of the first sending."""
    told = reply.body if isinstance(reply.body, Mapping) else {}
    return reply.status == 202 or told.get("code") == "request_in_flight"


def _told(reply: Reply) -> dict[str, Any]:
    told = reply.body if isinstance(reply.body, Mapping) else {}
    if _is_pending(reply):
        return {"state": "pending", "why": ""}
    if reply.status >= 400:
        return {"state": "refused", "why": str(told.get("detail", ""))}
    failed = told.get("dispatch", {}).get("failed", []) if isinstance(told.get("dispatch"), Mapping) else []
    return {"state": "done", "why": " ".join(str(each.get("reason", "")) for each in failed)}


def _foreseen(deed: Deed, view: View, called: Called) -> dict[str, str]:
    no = lifecycle.refusal(view.run, deed.verb, view.facts)
    return {"why": str(no) if no else "", "will": "" if no else deed.will(view, called)}


def _approved(view: View, called: Called) -> str:
    partner = called["partner"].get(view.run.partner_id or "")
    return f"Approved, all for {partner}." if partner else "Approved without a partner; allocate it afterwards."


def _cancelled(view: View, called: Called) -> str:
    run = view.run
    partner = called["partner"].get(run.partner_id or "")
    if run.is_container:
        return f"Cancelled with its open parts ({run.child_count} in all); partners who have one are told."
    if run.status in (Status.SENT_TO_PARTNER, Status.IN_PROGRESS) and partner:
        at_work = "is at work on it" if run.status is Status.IN_PROGRESS else "has it"
        return f"Cancelled. {partner} {at_work} and is told."
    return "Cancelled."


DEEDS = {
    deed.verb.value: deed
    for deed in (
        Deed(Verb.APPROVE, "POST /admin/production-runs/{id}/approve", "Approve", "Approve", "approved", _approved),
        Deed(Verb.CANCEL, "POST /admin/production-runs/{id}/cancel", "Cancel", "Cancel the runs", "cancelled", _cancelled, True),
    )
}  # fmt: skip


def _views(call: Call, ids: Sequence[str]) -> list[View]:
    with call.desk.engine.connect() as connection:
        return runs.several(connection, ids)


def _ids(form: Form) -> list[str]:
    return _chosen(form.values.get("ids[]", ()))


def _chosen(ids: Sequence[str]) -> list[str]:
    """Each once, in order, no more than can be chosen."""
    return list(dict.fromkeys(each.strip() for each in ids if each.strip()))[:MOST]


ROUTES = (
    frame.route("POST", PATH, choose, Who.ADMIN, "Form: choose several runs.", body=Form),
    frame.route("GET", PATH, foresee, Who.ADMIN, "What would happen to several runs.", query=("do", "ids")),
    frame.route("POST", f"{PATH}/confirm", confirm, Who.ADMIN, "Form: do it with several runs.", body=Form),
    frame.route("GET", f"{PATH}/confirm", to_the_list, Who.ADMIN, "Back to the list."),
)
