"""The page of a run: everything about it is read here, once, and handed to the template as plain values."""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from typing import Any

import msgspec
from sqlalchemy import Connection

from services.api.forms import Filled
from services.api.pages import frame, words
from services.api.pages.console import run_clock, run_family, run_rows, run_steps, run_story
from services.api.queries import families, material, media, run_choices, runs, tasks, timeline
from services.api.queries.families import Around, Family
from services.api.queries.runs import View
from services.api.resources import milestones
from services.api.routes import Call, Reply
from shared.domain import runs as run_rules
from shared.domain.commands import DeclineReason
from shared.domain.consumption import ConsumptionType, QuantityBasis, Unit
from shared.domain.policy import Policy
from shared.domain.runs import CompletionSource, CostType, DispatchState, RejectionReason, Status
from shared.domain.tasks import TaskKind

ENTRIES, LOGS, PARTS, MOST_SHOWN = 20, 15, 50, 40
"""Lines of the timeline, logs and parts on one page; tasks, pictures, materials and reported parts that are shown."""

QUERY = ("story", "logs", "parts")
"""Where the timeline, the logs and the list of parts go on."""


def show(call: Call, form: Filled | None = None) -> Reply:
    """The page, or the page with a form that comes back."""
    view = milestones.own_run(call)
    now = words.clock_of("UTC", str)
    with call.desk.engine.connect() as connection:
        family, around = families.family(connection, view.run.id), families.around(connection, view.run.id)
        choices = run_choices.read(connection, view.run.design_id)
        told = _told(connection, call, view, around, now) | _parts(connection, call, view, family)
    whys = run_steps.whys(view, family)
    return frame.page(
        call,
        "console/run.html",
        run=view.run,
        view=view,
        around=around,
        choices=choices,
        whys=whys,
        reasons=run_steps.grouped(whys),
        titles=run_steps.TITLES,
        form=_plain(form, told["names"], now),
        picture=run_family.picture(family, here=view.run.id),
        chart=_chart(view, family, around.policy, now=now.now),
        in_words=run_clock.in_words,
        reason_of=lambda text: run_story.spoken(text, told["names"], now),
        **_head(view, family, around),
        **told,
        **_rows(view, form),
        words_of=_WORDS_OF,
    )


def _told(connection: Connection, call: Call, view: View, around: Around, now: words.Clock) -> dict[str, Any]:
    """What was written about the run, with the names of all that is named in it."""
    run_id = view.run.id
    snapshot = runs.snapshot_of(connection, view.run) or {}
    story = timeline.page(connection, run_id, _part(call, "story", ENTRIES), partner_id=None)
    logs = material.of_run(connection, run_id, _part(call, "logs", LOGS))
    found = [snapshot, story["activities"], logs["consumption_logs"], _reasons(view, around)]
    names = families.names(connection, run_story.ids_in(found))
    work = tasks.of_run(connection, run_id, partner_id=None)
    return {
        "names": names,
        "goes_out_with": _choice(view, names),
        "snapshot": _snapshot(snapshot, view, names),
        "story": run_story.entries(story["activities"], names, now),
        "more_story": story["next_cursor"],
        "logs": logs["consumption_logs"],
        "more_logs": logs["next_cursor"],
        "open_logs": [each for each in logs["consumption_logs"] if not each["is_committed"]],
        "costs": material.summary(connection, run_id),
        "media": [_shown(each) for each in media.of_run(connection, run_id)[:MOST_SHOWN]],
        "tasks": [each for each in work if each["work_order_id"] == view.run.work_order_id][:MOST_SHOWN],
        "old_tasks": [each for each in work if each["work_order_id"] != view.run.work_order_id][:MOST_SHOWN],
    }


def _reasons(view: View, around: Around) -> list[Any]:
    """Sentences that were written for machines too, and may name things by id; and what goes out."""
    chosen = [*(view.run.dispatched_template_ids or ()), *(view.run.dispatch_template_ids or ())]
    return [view.run.flagged_reason, view.run.cancelled_reason, around.sending_failed, around.report, chosen]


def _parts(connection: Connection, call: Call, view: View, family: Family) -> dict[str, Any]:
    """The parts of a split run as a list, where there are more than are drawn."""
    if not view.run.is_container or family.count <= families.LARGEST:
        return {"parts": [], "more_parts": None}
    asked = {**_part(call, "parts", PARTS), "parent_run_id": view.run.id, "sort": "created_at"}
    found = runs.page(connection, asked, partner_id=None)
    return {"parts": found["production_runs"], "more_parts": found["next_cursor"]}


def _choice(view: View, names: Mapping[str, str]) -> str:
    """The templates that went out, else those that will."""
    run = view.run
    picked = run.dispatched_template_ids or run.dispatch_template_ids or ()
    named = [names[each] for each in picked if each in names] or run.dispatch_template_names or []
    return ", ".join(named) or (f"all of {run.dispatch_template_category}" if run.dispatch_template_category else "")


def _part(call: Call, name: str, limit: int) -> dict[str, str]:
    """The newest first, from where the address says."""
    cursor = call.query.get(name)
    return {"sort": "-created_at", "limit": str(limit), **({"cursor": cursor} if cursor else {})}


def _head(view: View, family: Family, around: Around) -> dict[str, Any]:
    """What stands on top."""
    run, members = view.run, family.by_id
    waited = [members[each] for each in view.facts.unsettled if each in members]
    above = [each for each in family.members if each.is_above and each.id != run.id]
    phase = run_rules.phase(run).value
    return {
        "phase": run_family.word(phase, is_container=run.is_container),
        "tone": run_family.TONES[phase],
        "sentence": run_steps.standing(run),
        "next": run_steps.next_of(run),
        "waits_for": run_clock.TITLES.get(run.waiting_for or "", words.label(run.waiting_for)),
        "settled_by": _SETTLED_BY.get(run.completion_source) if run.completion_source else "",
        "part_of": run_family.called(members[run.parent_run_id]) if run.parent_run_id in members else "",
        "waits_on": [(run_family.called(each), f"/console/runs/{each.id}") for each in waited[: run_family.MOST_NAMES]],
        "waits_more": len(view.facts.unsettled) - len(waited[: run_family.MOST_NAMES]),
        "is_held_above": any(each.held_at for each in above),
        "is_stuck": _is_stuck(view, family, around),
        "report": _report(around, family),
        "picture_address": _design_picture(around.design_media),
    }


def _is_stuck(view: View, family: Family, around: Around) -> str:
    """Why a run that was approved goes nowhere by itself, nothing when it does."""
    run, members = view.run, family.by_id
    if run.status is not Status.APPROVED or run.dispatch_state is not DispatchState.IDLE or run.is_container:
        return ""
    gone = [members[each] for each in view.depends_on_run_ids if each in members]
    cancelled = [each for each in gone if each.status == Status.CANCELLED]
    if cancelled and not view.facts.unsettled:
        return f"{run_family.list_called(cancelled)} was cancelled before it; decide whether this one goes on."
    return around.sending_failed or ""


def _report(around: Around, family: Family) -> dict[str, Any] | None:
    """What an approval or a split did: how many went which way, and each part by name, those that failed first."""
    told, members = (around.report or {}).get("dispatch") or {}, family.by_id
    outcomes = [
        *((each["production_run_id"], "Not sent", each["reason"]) for each in told.get("failed", ())),
        *((each, "Sent", "") for each in told.get("dispatched", ())),
        *((each, "Waits", "") for each in told.get("skipped", ())),
    ]
    if not outcomes:
        return None
    counts = Counter(word.lower() for _, word, _ in outcomes)
    rows = [
        (run_family.called(members[each]) if each in members else f"run {words.short(each)}", each, word, why)
        for each, word, why in outcomes[:MOST_SHOWN]
    ]
    return {"counts": ", ".join(f"{count} {word}" for word, count in counts.items()), "rows": rows}


def _chart(view: View, family: Family, policy: Policy, *, now: datetime) -> run_clock.Chart | None:
    if not view.run.is_container:
        return run_clock.of_run(view.run, policy.deadlines, now=now)
    parts = [member for member in family.members if member.parent_run_id == view.run.id]
    return run_clock.of_parts(parts, policy.deadlines, now=now)


def _rows(view: View, form: Filled | None) -> dict[str, Any]:
    """The rows of the forms that have some."""
    name = "split" if form and form.name == "split" else "approve"
    shares = run_rows.typed(form, name, "assignments", least=run_rows.SHARES)
    sums = run_rows.sums(shares, view.run.quantity)
    return {
        "shares": shares,
        "share_sums": run_rows.in_words(sums, view.run.quantity),
        "used": run_rows.typed(form, "complete", "consumptions", least=run_rows.MATERIALS),
    }


def _snapshot(snapshot: Mapping[str, Any], view: View, names: Mapping[str, str]) -> dict[str, Any] | None:
    """What was frozen, as facts and a table of materials."""
    if not snapshot:
        return None
    design = {name: value for name, value in snapshot["design"].items() if name not in ("id", "media")}
    order = {name: value for name, value in snapshot["provenance"].items() if not name.endswith("_id")}
    return {
        "captured_at": snapshot["captured_at"],
        "design": run_story.facts(design, names),
        "order": run_story.facts(order, names),
        "more": run_story.facts(view.metadata, names),
        "materials": [
            {
                **each,
                "name": names.get(str(each.get("inventory_item_id")), "") or "A material that is not listed any more",
            }
            for each in runs.materials(snapshot, view.run.quantity)[:MOST_SHOWN]
        ],
    }


def _plain(form: Filled | None, names: Mapping[str, str], now: words.Clock) -> Filled | None:
    """A form that comes back says what was wrong without machine words."""
    return msgspec.structs.replace(form, detail=run_story.spoken(form.detail, names, now)) if form else None


def _shown(one: Mapping[str, Any]) -> dict[str, Any]:
    """An attachment: a picture of ours at the address of pages, or an address elsewhere."""
    url, thumbnail = str(one["url"]), one["thumbnail_url"]
    return {
        **one,
        "url": _own(url),
        "picture": _own(thumbnail) if thumbnail else "",
        "is_ours": url.startswith("/media/"),
    }


def _design_picture(found: list[Any]) -> str:
    """The design's picture where it is a file of ours; pages show no others."""
    first = sorted((each for each in found if isinstance(each, dict)), key=lambda each: not each.get("is_thumbnail"))
    ours = [str(each["url"]) for each in first if str(each.get("url", "")).startswith("/media/")]
    return f"{_own(ours[0])}/thumbnail" if ours else ""


def _own(url: str) -> str:
    return f"/pictures/{url.removeprefix('/media/')}" if url.startswith("/media/") else url


def _pairs(kind: type[Enum]) -> list[tuple[str, str]]:
    return [(each.value, words.label(each.value)) for each in kind]


_SETTLED_BY = {
    CompletionSource.MILESTONE: "the partner",
    CompletionSource.TASKS: "its last task",
    CompletionSource.ADMIN: "an admin",
    CompletionSource.CHILDREN: "its last part",
}
_WORDS_OF = {
    "decline_reasons": _pairs(DeclineReason),
    "rejection_reasons": _pairs(RejectionReason),
    "cost_types": _pairs(CostType),
    "units": _pairs(Unit),
    "consumption_types": _pairs(ConsumptionType),
    "bases": _pairs(QuantityBasis),
    "kinds": _pairs(TaskKind),
}
"""Words to choose from: value and text."""
