"""Runs of the old system: they keep their status, and one in progress is as far as its stamps say."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from shared.domain import legacy
from shared.domain.lifecycle import Verb
from shared.domain.runs import Run, Status
from shared.intake.legacy import journey
from shared.intake.legacy.catalogue import Catalogue
from shared.intake.legacy.journey import COMPLETED, FINISHED, STARTED, Journey
from shared.intake.legacy.register import Register
from shared.intake.legacy.rows import OldRun, Row, instant
from shared.intake.legacy.source import Source
from shared.intake.legacy.verdicts import Outcome, Refused, Verdict

STEPS: dict[str, tuple[Verb, ...] | None] = {
    "draft": None,
    "pending_review": None,
    "approved": None,
    "sent_to_partner": (),
    "in_progress": (Verb.ACCEPT,),
    "finished": FINISHED,
    "completed": COMPLETED,
    "cancelled": None,
}
"""The old statuses of runs. None: it was not dispatched, or what was is of no use any more."""

_KEPT = ("run_type", "quantity", "role", "product_id", "variant_id", "order_id", "order_line_item_id")


class OldRuns:
    """Judges the old production runs; one that was split is left out for its parts."""

    def __init__(self, source: Source, *, catalogue: Catalogue, register: Register, journey: Journey) -> None:
        self._source = source
        self._catalogue = catalogue
        self._register = register
        self._journey = journey

    def judge(self, row: Row, old: OldRun) -> Verdict:
        if self._source.is_split(old.id):
            return Verdict(row, Outcome.IGNORED, "split among partners: its parts are taken over one by one")
        state = old.status or ""
        if state not in STEPS:
            raise Refused(f"{state!r} is not a status that can be carried on; known are {', '.join(STEPS)}")
        if old.quantity <= 0:
            raise Refused("its quantity is not more than 0")
        design, steps = self._catalogue.design_of(old.design_id), _steps_of(old, state)
        partner_id = self._catalogue.partner_of(old.partner_id) if old.partner_id or steps is not None else None
        names = _names(old.told.get("dispatch_template_names"))
        taken = self._journey.walk(
            ("production_run", old.id),
            _run(old, state, partner_id=partner_id, design_id=design.id, names=names),
            design,
            templates=journey.named(names) or [legacy.TEMPLATES[name] for name in legacy.SENT],
            steps=steps,
            stamps=_stamps_of(old),
            made_at=old.created_at,
            sent_at=instant(_under(old.told, "dispatch").get("completed_at")),
        )
        if state == "cancelled":
            self._journey.cancel(taken, at=old.cancelled_at)
        if taken.run.status is Status.COMPLETED:
            journey.settle(taken.run, produced=old.produced_quantity, rejected=old.rejected_quantity)
        return self._register.bring(row, taken, f"{state} became {journey.standing(taken.run)}")


def _run(old: OldRun, state: str, *, partner_id: str | None, design_id: str, names: list[str]) -> Run:
    """The run as it was before anything was done with it; its id follows."""
    is_reviewed = state not in ("draft", "pending_review")
    return Run(
        id="",
        status=Status.APPROVED if is_reviewed else Status.PENDING_REVIEW,
        design_id=design_id,
        partner_id=partner_id,
        dispatch_template_names=names or None,
        **{name: getattr(old, name) for name in _KEPT},
    )


def _steps_of(old: OldRun, state: str) -> tuple[Verb, ...] | None:
    """The steps after the dispatch; None: it was not dispatched. The stamps say how far a run in progress is."""
    stamps = _stamps_of(old)
    if state == "in_progress" and stamps[Verb.FINISH]:
        return FINISHED
    return STARTED if state == "in_progress" and stamps[Verb.START] else STEPS[state]


def _stamps_of(old: OldRun) -> dict[Verb, datetime | None]:
    return {
        Verb.ACCEPT: instant(_under(old.told, "acceptance").get("accepted_at")) or old.accepted_at,
        Verb.START: old.started_at,
        Verb.FINISH: old.finished_at,
        Verb.COMPLETE: old.completed_at,
    }


def _names(told: Any) -> list[str]:
    return [name for name in dict.fromkeys(told) if isinstance(name, str) and name] if isinstance(told, list) else []


def _under(told: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = told.get(name)
    return found if isinstance(found, dict) else {}
