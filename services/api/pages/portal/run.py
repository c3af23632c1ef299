"""One run on a phone: what is to be made and of what, the next step, tasks, material, pictures, what happened."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

from services.api import forms, uploads
from services.api.forms import Filled, Form
from services.api.pages import acts, frame
from services.api.pages.acts import Act
from services.api.pages.portal import shown, wording
from services.api.queries import material, media, portal, runs, tasks, timeline
from services.api.queries.runs import View
from services.api.resources import milestones
from services.api.routes import Call, Reply, Route, Who
from shared.domain import lifecycle
from shared.domain.commands import DeclineReason
from shared.domain.consumption import WITHOUT_ITEM, ConsumptionType, QuantityBasis, Unit
from shared.domain.lifecycle import Verb
from shared.domain.runs import phase as phase_of
from shared.domain.tasks import CLOSED, TaskKind

PATH = "/portal/runs/{id}"
_API = "POST /partners/production-runs/{id}"
SHOWN_AT_ONCE = 40
"""Events and notes of material: older ones are a page further."""

# The run --------------------------------------------------------------------------------------------------------------


def show(call: Call, form: Filled | None = None) -> Reply:
    """Everything about one run."""
    view = milestones.own_run(call)
    with call.desk.engine.connect() as connection:
        around = {
            **_design(connection, view, call),
            **_work(connection, view, call),
            "media": media.of_run(connection, view.run.id),
            "related": runs.related(connection, view, partner_id=call.who.tenant),
            "story": _story(connection, view, call),
            "partner_name": portal.partner_name(connection, call.who.partner_id or ""),
        }
    return _page(call, "portal/run.html", view, form, **around)


def _story(connection: Connection, view: View, call: Call) -> dict[str, Any]:
    """What happened, the newest first, a page at a time. `query.story` says where it begins."""
    begin = {"cursor": call.query["story"]} if call.query.get("story") else {}
    asked = {"limit": str(SHOWN_AT_ONCE), "sort": "-created_at", **begin}
    told = timeline.page(connection, view.run.id, asked, partner_id=call.who.tenant)
    return {**told, "is_later": bool(begin)}


def _design(connection: Connection, view: View, call: Call) -> dict[str, Any]:
    """What is to be made, from the snapshot, and the newest notes of what was used. `query.cursor` leads to older ones."""
    snapshot = runs.snapshot_of(connection, view.run)
    planned = runs.materials(snapshot, view.run.quantity)
    begin = {"cursor": call.query["cursor"]} if call.query.get("cursor") else {}
    logs = material.of_run(connection, view.run.id, {"limit": str(SHOWN_AT_ONCE), **begin})
    used = logs["consumption_logs"]
    items = _items(connection, call, [line.get("inventory_item_id") for line in (*planned, *used)])
    frozen = (snapshot or {}).get("design") or {}
    return {
        "description": frozen.get("description") or "",
        "specification": shown.lines(frozen.get("specifications")),
        "colours": shown.colours(frozen.get("colours")),
        "sizes": shown.sizes(frozen.get("sizes")),
        "planned": shown.planned(planned, items),
        "logs": [shown.log(row, view, items) for row in used],
        "older_logs": logs["next_cursor"],
        "are_later_logs": bool(begin),
    }


def _items(connection: Connection, call: Call, wanted: list[str | None]) -> dict[str, dict[str, Any]]:
    found = portal.materials(connection, call.who.partner_id or "", [each for each in wanted if each])
    return {item["id"]: item for item in found}


def _work(connection: Connection, view: View, call: Call) -> dict[str, Any]:
    """The tasks of the present work order, with what was said about them."""
    partner_id = call.who.partner_id or ""
    told = [
        task
        for task in tasks.of_run(connection, view.run.id, partner_id=partner_id)
        if task["work_order_id"] == view.run.work_order_id
    ]
    comments = portal.comments(connection, [task["id"] for task in told], partner_id=partner_id)
    return {"tasks": shown.families(told), "comments": comments}


def _page(call: Call, template: str, view: View, form: Filled | None, **values: Any) -> Reply:
    """A page about a run: beside its values, the run, its name and picture, its next step and why that is not open."""
    with call.desk.engine.connect() as connection:
        card = portal.cards(connection, [view.run.id])[view.run.id]
    step = shown.next_step(view)
    return frame.page(
        call,
        template,
        status=form.status if form else 200,
        form=form,
        run=view.run,
        phase=phase_of(view.run).value,
        card=card,
        next=step,
        allowed=view.allowed_actions(for_partner=True),
        why=wording.of_refusal(lifecycle.refusal(view.run, Verb(step), view.facts)) if step else "",
        sent_at=view.run.dispatch_completed_at or view.created_at,
        **values,
    )


# Steps ----------------------------------------------------------------------------------------------------------------


def decline(call: Call, form: Filled | None = None) -> Reply:
    """Why it is not taken."""
    view = milestones.own_run(call)
    return _step(call, "portal/decline.html", view, Verb.DECLINE, form, reasons=[each.value for each in DeclineReason])


def finish(call: Call, form: Filled | None = None) -> Reply:
    """What is still open, before the pieces are said to be finished."""
    view = milestones.own_run(call)
    with call.desk.engine.connect() as connection:
        told = tasks.of_run(connection, view.run.id, partner_id=call.who.tenant)
    is_open = [
        task for task in told if task["work_order_id"] == view.run.work_order_id and task["status"] not in CLOSED
    ]
    return _step(
        call,
        "portal/finish.html",
        view,
        Verb.FINISH,
        form,
        open_work=[task["title"] for task in is_open if task["kind"] == TaskKind.WORK],
        open_redo=[task for task in is_open if task["kind"] == TaskKind.REDO],
    )


def _step(call: Call, template: str, view: View, verb: Verb, form: Filled | None, **values: Any) -> Reply:
    no = wording.of_refusal(lifecycle.refusal(view.run, verb, view.facts))
    return _page(call, template, view, wording.plain(form), no=no, **values)


def rework(call: Call, form: Filled | None = None) -> Reply:
    """Which pieces need more work."""
    view = milestones.own_run(call)
    with call.desk.engine.connect() as connection:
        templates = portal.rework(connection)
    plain = wording.plain(form, fields={"template_names": "template_ids[]", "template_ids": "template_ids[]"})
    return _page(call, "portal/rework.html", view, plain, templates=templates)


# Material -------------------------------------------------------------------------------------------------------------


def material_page(call: Call, form: Filled | None = None) -> Reply:
    """What was used, and a form to note more."""
    view = milestones.own_run(call)
    with call.desk.engine.connect() as connection:
        design = _design(connection, view, call)
        items = _known_items(connection, view, call)
        places = portal.places(connection, call.who.partner_id or "")
    fields = {"inventory_item_id": "what", "consumption_type": "what"}
    return _page(
        call,
        "portal/material.html",
        view,
        wording.plain(form, fields=fields),
        what=[*((item["id"], item["title"], item["unit"]) for item in items)],
        energy=[(kind.value, unit.value) for kind, unit in WITHOUT_ITEM.items()],
        bases=[each.value for each in QuantityBasis],
        units=[each.value for each in Unit],
        places=places,
        **design,
    )


def _known_items(connection: Connection, view: View, call: Call) -> list[dict[str, Any]]:
    """What the design plans and what the partner stocks."""
    planned = runs.materials(runs.snapshot_of(connection, view.run), view.run.quantity)
    wanted = [str(line["inventory_item_id"]) for line in planned if line.get("inventory_item_id")]
    return portal.materials(connection, call.who.partner_id or "", wanted)


def used(call: Call) -> dict[str, Any]:
    """The form of material as the API's log: one choice says what it was."""
    told: dict[str, Any] = call.body.nested()
    what, is_waste = told.pop("what", None), told.pop("is_waste", None)
    if what in set(ConsumptionType):
        return {**told, "consumption_type": what}
    item = {"inventory_item_id": what} if what else {}
    return {**told, **item, **({"consumption_type": ConsumptionType.WASTAGE.value} if is_waste else {})}


# Pictures -------------------------------------------------------------------------------------------------------------


def add_pictures(call: Call) -> Reply:
    """Upload, then attach: two asks of one form."""
    stored = acts.ask(call, f"{_API}/media", {})
    if stored.status >= 400:
        return _not_added(call, stored)
    files = stored.body["files"] if isinstance(stored.body, Mapping) else []
    once = f"{call.body.fields.get('once', '')} attach"
    body = {"media_files": [{"id": file["id"]} for file in files]}
    attached = acts.ask(call, f"{_API}/media/attach", body, once=once)
    if attached.status >= 400:
        return _not_added(call, attached)
    return onward(attached, PATH.format(**call.params), said="uploaded")


def main_picture(call: Call) -> dict[str, Any]:
    """One of the attached pictures, to stand for the run from now on."""
    return {"media_files": [{"id": call.body.text("picture"), "is_thumbnail": True}]}


def _not_added(call: Call, reply: Reply) -> Reply:
    told = reply.body if isinstance(reply.body, Mapping) else {}
    filled = forms.filled("pictures", Form({}), told, reply.status)
    return show(call, wording.plain(filled, fields={f"files.{place}": "files" for place in range(uploads.MOST_FILES)}))


def onward(reply: Reply, address: str, *, said: str = "") -> Reply:
    """To the next page, which says what was done, or that it is on its way."""
    at = reply.headers.get("Location", "")
    if reply.status == 202 and at.startswith("/commands/"):
        return frame.see_other(address, command=at.rpartition("/")[2])
    return frame.see_other(address, said=said) if said else frame.see_other(address)


# Routes ---------------------------------------------------------------------------------------------------------------


def _act(step: str, page: acts.Page, said: str, **more: Any) -> Act:
    api = more.pop("api", f"{_API}/{step}")
    return Act(name=step, path=f"{PATH}/{step}", api=api, page=page, back=PATH, said=said, **more)


def _plain_show(call: Call, form: Filled | None) -> Reply:
    return show(call, wording.plain(form))


ACTS: tuple[Act, ...] = (
    _act("accept", _plain_show, "accepted"),
    _act("start", _plain_show, "started"),
    _act("decline", decline, "declined"),
    _act("finish", finish, "finished"),
    _act("rework", rework, "rework_added", api=f"{_API}/tasks"),
    _act("main-picture", _plain_show, "saved", api=f"{_API}/media/attach", body=main_picture),
    _act("material", material_page, "logged", api=f"{_API}/consumption-logs", body=used),
)

ROUTES: tuple[Route, ...] = (
    frame.route("GET", PATH, show, Who.PARTNER, "One of my runs.", query=("story",)),
    frame.route("GET", f"{PATH}/decline", decline, Who.PARTNER, "Decline a run."),
    frame.route("GET", f"{PATH}/finish", finish, Who.PARTNER, "Finish a run."),
    frame.route("GET", f"{PATH}/rework", rework, Who.PARTNER, "Add rework to a run."),
    frame.route("GET", f"{PATH}/material", material_page, Who.PARTNER, "Note what was used.", query=("cursor",)),
    frame.route(
        "POST",
        f"{PATH}/pictures",
        add_pictures,
        Who.PARTNER,
        "Form: upload and attach pictures.",
        body=uploads.Files,
        before_body=milestones.own_run,
    ),
    *acts.routes(ACTS, Who.PARTNER),
)
