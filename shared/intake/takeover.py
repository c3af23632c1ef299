"""What becomes of each row of the old system: pure, and the same for the same rows, so a dry run says what a real one does.

An assignment or run is taken over by going through today's lifecycle at the old instants: no state can come out of it that
the lifecycle does not know. Waits are armed from now, or every old deadline would lapse at once.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

import msgspec

from shared.domain import deadlines, dispatch, events, legacy, lifecycle, tasks
from shared.domain.consumption import WITHOUT_ITEM, ConsumedBy, Consumption, ConsumptionType, Unit
from shared.domain.dispatch import Selection, WorkOrder, WorkOrderState
from shared.domain.lifecycle import Facts, Verb
from shared.domain.orders import DesignFacts
from shared.domain.policy import Policy
from shared.domain.runs import CompletionSource, Run, RunType, Status
from shared.domain.tasks import Task, Template
from shared.intake.legacy import (
    KINDS,
    Old,
    OldAssignment,
    OldConsumption,
    OldDesign,
    OldItem,
    OldLink,
    OldPartner,
    OldRun,
    Row,
    Unreadable,
    instant,
)

WORKFLOW = "partner_design_assignment"
REASON = "imported"
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
"""No instant before this is believed; it also stands for one that was never written."""

Namer = Callable[..., str]
"""`new_id(prefix, *key, at=)`: the same id for the same key and time."""


class Outcome(StrEnum):
    """What became of a row."""

    IMPORTED = "imported"
    KNOWN = "known"
    """The thing itself is here already."""
    JOINED = "joined"
    """It is part of what another row brought."""
    IGNORED = "ignored"
    """It is none of what is taken over."""
    REFUSED = "refused"
    """It should be here and cannot be; the reason says what is missing."""
    REPEATED = "repeated"
    """It was taken over before; nothing is done."""


SETTLED = frozenset({Outcome.IMPORTED, Outcome.KNOWN, Outcome.JOINED})
"""Outcomes that stand; the others are tried again by the next import."""


class Taken(msgspec.Struct):
    """A run with all that it brings along. told: its events, each at its old instant."""

    run: Run
    design: DesignFacts
    metadata: dict[str, Any]
    captured_at: datetime
    told: list[tuple[events.Event, datetime]]
    order: WorkOrder | None = None
    tasks: list[Task] = []


class Verdict(msgspec.Struct):
    """A row's outcome. makes: rows of the catalogue to write, by table; taken, consumption: what a run or a log becomes."""

    row: Row
    outcome: Outcome
    reason: str
    run_id: str | None = None
    makes: dict[str, dict[str, Any]] = {}
    taken: Taken | None = None
    consumption: Consumption | None = None


class Known(msgspec.Struct):
    """What is here already. records: the rows of earlier imports with their outcome and run. runs: those runs' design, and whether it is completed."""

    partners: dict[str, str]
    designs: dict[str, DesignFacts]
    items: dict[str, str]
    location_ids: set[str]
    records: dict[tuple[str, str], tuple[str, str | None]]
    runs: dict[str, tuple[str, bool]]


class Refused(Exception):
    """A row cannot be taken over; the message is its reason."""


class Takeover:
    """One pass over all rows. It remembers what the rows so far brought."""

    def __init__(self, rows: Sequence[Row], known: Known, *, new_id: Namer, at: datetime, policy: Policy) -> None:
        self._known = known
        self._new_id = new_id
        self._now = at
        self._policy = policy
        self._by_kind: dict[str, list[Row]] = defaultdict(list)
        for row in rows:
            self._by_kind[row.kind].append(row)
        self._handles = set(known.partners.values())
        self._skus = set(known.items.values())
        self._seen: set[tuple[str, str]] = set()
        self._told: dict[str, Mapping[str, Any]] = {
            row.old.id: row.old.told for row in self._by_kind["design"] if isinstance(row.old, OldDesign)
        }
        self._linked: dict[str, list[str]] = defaultdict(list)
        self._transactions: dict[str, list[OldAssignment]] = defaultdict(list)
        self._parents = {
            row.old.parent_run_id for row in self._by_kind["production_run"] if isinstance(row.old, OldRun)
        }
        self._ended: dict[str, tuple[Outcome, str, str | None]] = {}
        self._run_of_design: dict[str, str] = {}
        self._run_of_old: dict[str, str] = {}
        self._judges: dict[type[Old], Callable[[Row, Any], Verdict]] = {
            OldPartner: self._partner,
            OldDesign: self._design,
            OldLink: self._design_partner,
            OldItem: self._inventory_item,
            OldAssignment: self._assignment,
            OldRun: self._production_run,
            OldConsumption: self._consumption_log,
        }
        self._group()

    def verdicts(self) -> Iterator[Verdict]:
        """Every row's outcome; rows come in the order in which they build on each other."""
        for kind in ("unreadable", *KINDS):
            for row in self._by_kind[kind]:
                yield self._judge(row)

    def _group(self) -> None:
        for row in self._by_kind["design_partner"]:
            if isinstance(row.old, OldLink):
                self._linked[row.old.design_id].append(row.old.partner_id)
        for row in self._by_kind["assignment"]:
            if isinstance(row.old, OldAssignment) and row.old.transaction:
                self._transactions[row.old.transaction].append(row.old)
        for group in self._transactions.values():
            group.sort(key=lambda old: (old.parent_task_id is not None, old.created_at or EARLIEST, old.id))

    def _judge(self, row: Row) -> Verdict:
        place = (row.kind, row.legacy_id)
        if place in self._seen:
            return Verdict(row, Outcome.REPEATED, "told twice by this source; the first one counts")
        self._seen.add(place)
        outcome, run_id = self._known.records.get(place, (None, None))
        if outcome in SETTLED:
            self._remember(row.old, run_id)
            return Verdict(row, Outcome.REPEATED, "taken over before", run_id)
        try:
            if row.old is None:
                raise Refused(row.problem or "it cannot be read")
            verdict: Verdict = self._judges[type(row.old)](row, row.old)
        except (Refused, Unreadable) as why:
            verdict = Verdict(row, Outcome.REFUSED, str(why))
        return verdict

    # Catalogue --------------------------------------------------------------------------------------------------------

    def _partner(self, row: Row, old: OldPartner) -> Verdict:
        if old.id in self._known.partners:
            return Verdict(row, Outcome.KNOWN, "a partner of this id is here")
        handle = _free(old.handle or old.name or old.id, old.id, self._handles)
        is_known = old.status in ("active", "inactive", "pending")
        made = {
            "id": old.id,
            "name": old.name or handle,
            "handle": handle,
            "status": old.status if is_known else "active",
        }
        self._known.partners[old.id] = handle
        said = "made" if is_known or not old.status else f"made as active; {old.status!r} is no status here"
        return Verdict(row, Outcome.IMPORTED, said, makes={"partner": made})

    def _design(self, row: Row, old: OldDesign) -> Verdict:
        if old.id in self._known.designs:
            return Verdict(row, Outcome.KNOWN, "a design of this id is here")
        is_known = old.status in _DESIGN_STATUSES
        design = DesignFacts(
            id=old.id,
            name=old.name or old.id,
            description=old.description,
            status=old.status or "Conceptual" if is_known else "Conceptual",
            **{name: _of_kind(row.body.get(name), kind) for name, kind in _DESIGN_PARTS.items()},
        )
        self._known.designs[old.id] = design
        said = "made" if is_known or not old.status else f"made as Conceptual; {old.status!r} is no status here"
        return Verdict(row, Outcome.IMPORTED, said, makes={"design": msgspec.structs.asdict(design)})

    def _design_partner(self, row: Row, old: OldLink) -> Verdict:
        design, partner_id = self._design_of(old.design_id), self._partner_of(old.partner_id)
        return Verdict(row, Outcome.IMPORTED, "linked", makes=_link(design.id, partner_id))

    def _inventory_item(self, row: Row, old: OldItem) -> Verdict:
        if old.id in self._known.items:
            return Verdict(row, Outcome.KNOWN, "an item of this id is here")
        sku = _free(old.sku or old.id, old.id, self._skus)
        made = {
            "id": old.id,
            "sku": sku,
            "title": old.title or sku,
            "unit_of_measure": old.unit_of_measure.value,
            "unit_cost": old.unit_cost,
        }
        self._known.items[old.id] = sku
        return Verdict(row, Outcome.IMPORTED, "made", makes={"inventory_item": made})

    # Assignments ------------------------------------------------------------------------------------------------------

    def _assignment(self, row: Row, old: OldAssignment) -> Verdict:
        transaction = old.transaction
        if old.workflow != WORKFLOW or transaction is None:
            why = "it has no transaction" if transaction is None else f"it is not of the workflow {WORKFLOW}"
            return Verdict(row, Outcome.IGNORED, f"not an assignment of a design: {why}")
        if transaction in self._ended:
            return self._part(row, transaction)
        leader = self._transactions[transaction][0]
        record = self._known.records.get(("assignment", leader.id))
        if record and record[0] in SETTLED:
            self._ended[transaction] = (Outcome.JOINED, "", record[1])
            return self._part(row, transaction)
        try:
            taken, state = self._assigned(transaction, self._transactions[transaction])
        except (Refused, Unreadable) as why:
            self._ended[transaction] = (Outcome.REFUSED, str(why), None)
            raise
        self._ended[transaction] = (Outcome.JOINED, "", taken.run.id)
        return self._brought(row, taken, f"{state} became {_standing(taken.run)}")

    def _part(self, row: Row, transaction: str) -> Verdict:
        outcome, why, run_id = self._ended[transaction]
        said = why or f"a task of the assignment {transaction}"
        return Verdict(row, outcome, said, run_id)

    def _assigned(self, transaction: str, group: Sequence[OldAssignment]) -> tuple[Taken, str]:
        design_id = _first(old.named("design_id") for old in group)
        design = self._design_of(design_id)
        of_design = self._told.get(design.id, {})
        named = _first(old.named("partner_id") for old in group)
        partner_id = self._partner_of(named or of_design.get("partner_id") or _only(self._linked[design.id]))
        told = dict(of_design) if of_design.get("partner_id") in (None, partner_id) else {}
        told |= {
            name: value for old in reversed(group) for name, value in old.told.items() if name.startswith("partner_")
        }
        state = str(told.get("partner_status") or _state_of(group))
        if state not in ASSIGNMENT_STEPS:
            raise Refused(f"{state!r} is not a state that can be carried on; known are {', '.join(ASSIGNMENT_STEPS)}")
        stamps = {
            Verb.START: instant(told.get("partner_started_at")),
            Verb.FINISH: instant(told.get("partner_finished_at")),
            Verb.COMPLETE: instant(told.get("partner_completed_at")),
        }
        taken = self._walk(
            ("assignment", transaction),
            Run(id="", status=Status.APPROVED, run_type=RunType.SAMPLE, quantity=Decimal(1), design_id=design.id, partner_id=partner_id),
            design,
            templates=[legacy.TEMPLATES[name] for name in legacy.SENT],
            steps=ASSIGNMENT_STEPS[state],
            stamps=stamps,
            made_at=min((old.created_at for old in group if old.created_at), default=None),
        )  # fmt: skip
        if told.get("partner_phase") == "redo" and not taken.run.is_terminal and taken.run.accepted_at:
            self._open_rework(taken)
        return taken, state

    def _open_rework(self, taken: Taken) -> None:
        """The partner was in the middle of a redo: its rework is before them."""
        rework = [legacy.TEMPLATES[name] for name in legacy.REWORK]
        taken.tasks += dispatch.lay_out(
            taken.run, rework, new_task_id=self._task_namer(taken.run, taken.captured_at), round_=1
        )

    # Production runs ----------------------------------------------------------------------------------------------------

    def _production_run(self, row: Row, old: OldRun) -> Verdict:
        if old.id in self._parents:
            return Verdict(row, Outcome.IGNORED, "split among partners: its parts are taken over one by one")
        state = old.status or ""
        if state not in RUN_STEPS:
            raise Refused(f"{state!r} is not a status that can be carried on; known are {', '.join(RUN_STEPS)}")
        if old.quantity <= 0:
            raise Refused("its quantity is not more than 0")
        design, steps = self._design_of(old.design_id), _steps_of(old, state)
        partner_id = self._partner_of(old.partner_id) if old.partner_id or steps is not None else None
        names = _names(old.told.get("dispatch_template_names"))
        taken = self._walk(
            ("production_run", old.id),
            _old_run(old, state, partner_id=partner_id, design_id=design.id, names=names),
            design,
            templates=_pseudo(names) or [legacy.TEMPLATES[name] for name in legacy.SENT],
            steps=steps,
            stamps=_stamps_of(old),
            made_at=old.created_at,
            sent_at=instant(_under(old.told, "dispatch").get("completed_at")),
        )
        if state == "cancelled":
            self._cancel(taken, old.cancelled_at)
        if taken.run.status is Status.COMPLETED:
            _settle(taken.run, produced=old.produced_quantity, rejected=old.rejected_quantity)
        return self._brought(row, taken, f"{state} became {_standing(taken.run)}")

    def _cancel(self, taken: Taken, at: datetime | None) -> None:
        when = self._between(at, taken.captured_at)
        taken.told.append((lifecycle.reach(taken.run, Verb.CANCEL, at=when, reason=REASON), when))
        taken.run.cancelled_reason = "cancelled in the old system"

    # Consumption ------------------------------------------------------------------------------------------------------

    def _consumption_log(self, row: Row, old: OldConsumption) -> Verdict:
        run_id = self._run_of(old)
        design_id, is_completed = self._known.runs[run_id]
        if old.quantity <= 0:
            raise Refused("its quantity is not more than 0")
        kind = old.consumption_type or ConsumptionType.SAMPLE
        if old.inventory_item_id not in self._known.items and kind not in WITHOUT_ITEM:
            raise Refused(f"there is no inventory item {old.inventory_item_id!r} here and none in the source")
        at = self._between(old.consumed_at or old.created_at, EARLIEST)
        is_settled = old.is_committed or is_completed
        log = Consumption(
            id=self._new_id("clog", "legacy", old.id, at=at),
            production_run_id=run_id,
            design_id=design_id,
            quantity=old.quantity,
            unit_of_measure=old.unit_of_measure or WITHOUT_ITEM.get(kind, Unit.PIECE),
            consumption_type=kind,
            consumed_by=ConsumedBy.ADMIN if old.consumed_by == "admin" else ConsumedBy.PARTNER,
            consumed_at=at,
            inventory_item_id=old.inventory_item_id if old.inventory_item_id in self._known.items else None,
            quantity_basis=old.quantity_basis,
            unit_cost=old.unit_cost,
            location_id=old.location_id if old.location_id in self._known.location_ids else None,
            is_committed=is_settled,
            committed_at=at if is_settled else None,
            committed_quantity=old.quantity if is_settled else None,
            commit_note="settled in the old system; no stock moved here" if is_settled else None,
            notes=old.notes,
        )
        said = "settled in the old system" if is_settled else "open; it is settled with its run"
        return Verdict(row, Outcome.IMPORTED, said, run_id, consumption=log)

    def _run_of(self, old: OldConsumption) -> str:
        """The run that a log belongs to: the old run's own, else the design's, an open one first."""
        found = self._run_of_old.get(old.production_run_id or "") or self._run_of_design.get(old.design_id or "")
        if found is None:
            raise Refused(f"no run was taken over for the design {old.design_id!r}, so nothing used it")
        return found

    # Both -------------------------------------------------------------------------------------------------------------

    def _walk(
        self,
        key: tuple[str, str],
        run: Run,
        design: DesignFacts,
        *,
        templates: Sequence[Template],
        steps: Sequence[Verb] | None,
        stamps: Mapping[Verb, datetime | None],
        made_at: datetime | None,
        sent_at: datetime | None = None,
    ) -> Taken:
        """Make the run and take it through its steps, each at its old instant and none before the one before it."""
        at = self._between(made_at, EARLIEST)
        run.id = self._new_id("run", "legacy", *key, at=at)
        run.snapshot_id = self._new_id("snap", "legacy", *key, at=at)
        created = events.RunCreated(reason=REASON, after={"status": run.status.value, "partner_id": run.partner_id})
        metadata = {"source": "legacy", "legacy_kind": key[0], "legacy_id": key[1]}
        taken = Taken(run, design, metadata, at, [(created, at)])
        if steps is None:
            return taken
        at = self._between(sent_at, at)
        self._send(taken, templates, at=at)
        for verb in steps:
            at = self._between(stamps.get(verb), at)
            taken.told.append((lifecycle.reach(run, verb, at=at, reason=REASON), at))
            _work_on(taken, verb, at=at)
        deadlines.arm(run, [Verb.CONFIRM, *steps][-1], at=self._now, policy=self._policy)
        return taken

    def _send(self, taken: Taken, templates: Sequence[Template], *, at: datetime) -> None:
        run = taken.run
        ids_ = [template.id for template in templates]
        taken.order, taken.tasks, told = dispatch.send(
            run,
            dispatch_id=self._new_id("disp", run.id, at=at),
            templates=templates,
            selection=Selection(template_ids=ids_),
            work_order_id=self._new_id("wo", run.id, at=at),
            asked_by=None,
            new_task_id=self._task_namer(run, at),
            at=at,
            policy=self._policy,
            facts=Facts(),
        )
        if ids_ and ids_[0].startswith(_PSEUDO):
            run.dispatched_template_ids = None
            taken.order.selection = Selection(template_names=[template.name for template in templates])
            for task in taken.tasks:
                task.template_id = None
        taken.told.append((told, at))

    def _task_namer(self, run: Run, at: datetime) -> Callable[[Template], str]:
        return lambda template: self._new_id("task", run.id, template.id, at=at)

    def _brought(self, row: Row, taken: Taken, said: str) -> Verdict:
        run = taken.run
        self._known.runs[run.id] = (run.design_id, run.status is Status.COMPLETED)
        self._remember(row.old, run.id)
        makes = _link(run.design_id, run.partner_id) if run.partner_id else {}
        return Verdict(row, Outcome.IMPORTED, said, run.id, makes=makes, taken=taken)

    def _remember(self, old: Old | None, run_id: str | None) -> None:
        """For the logs that come after the runs."""
        if not isinstance(old, OldRun | OldAssignment) or run_id not in self._known.runs:
            return
        if isinstance(old, OldRun):
            self._run_of_old[old.id] = run_id
        design_id, is_completed = self._known.runs[run_id]
        if design_id not in self._run_of_design or not is_completed:
            self._run_of_design[design_id] = run_id

    def _design_of(self, design_id: str | None) -> DesignFacts:
        found = self._known.designs.get(design_id or "")
        if found is None:
            raise Refused(
                f"there is no design {design_id!r} here and none in the source" if design_id else "it names no design"
            )
        return found

    def _partner_of(self, partner_id: Any) -> str:
        if not isinstance(partner_id, str) or not partner_id:
            raise Refused("it names no partner")
        if partner_id not in self._known.partners:
            raise Refused(f"there is no partner {partner_id!r} here and none in the source")
        return partner_id

    def _between(self, at: datetime | None, earliest: datetime) -> datetime:
        """The instant, not before what came before it and not in the future."""
        return min(max(at or earliest, earliest), self._now)


# Tables -------------------------------------------------------------------------------------------------------------

_STARTED = (Verb.ACCEPT, Verb.START)
_FINISHED = (*_STARTED, Verb.FINISH)
_COMPLETED = (*_FINISHED, Verb.COMPLETE)

ASSIGNMENT_STEPS: dict[str, tuple[Verb, ...]] = {
    "incoming": (),
    "assigned": (),
    "in_progress": _STARTED,
    "finished": _FINISHED,
    "completed": _COMPLETED,
}
"""The old flow's states: the steps a run takes to get there. Any other state is refused."""

RUN_STEPS: dict[str, tuple[Verb, ...] | None] = {
    "draft": None,
    "pending_review": None,
    "approved": None,
    "sent_to_partner": (),
    "in_progress": (Verb.ACCEPT,),
    "finished": _FINISHED,
    "completed": _COMPLETED,
    "cancelled": None,
}
"""The old statuses of runs. None: it was not dispatched, or what was is of no use any more."""

_KEPT = ("run_type", "quantity", "role", "product_id", "variant_id", "order_id", "order_line_item_id")
_DESIGN_PARTS: dict[str, type] = {
    "specifications": dict,
    "colours": list,
    "sizes": list,
    "media": list,
    "planned_materials": list,
}
_DESIGN_STATUSES = frozenset(
    {
        "Conceptual",
        "In_Development",
        "Technical_Review",
        "Sample_Production",
        "Revision",
        "Approved",
        "Rejected",
        "On_Hold",
        "Commerce_Ready",
    }
)


def _state_of(group: Sequence[OldAssignment]) -> str:
    """What the tasks themselves say, where nothing else does."""
    statuses = [old.status or "" for old in group]
    if all(status == "completed" for status in statuses):
        return "completed"
    if all(status == "cancelled" for status in statuses):
        return "cancelled"
    done = {(old.title or "").rpartition("partner-design-")[2] for old in group if old.status == "completed"}
    states = {"completed": "completed", "finish": "finished", "start": "in_progress"}
    reached = next((state for name, state in states.items() if name in done), None)
    is_begun = not {"accepted", "in_progress"}.isdisjoint(statuses)
    return reached or ("in_progress" if is_begun else "assigned")


def _work_on(taken: Taken, verb: Verb, *, at: datetime) -> None:
    """What a step does beside the run's own stamps."""
    if verb is Verb.START:
        for task in taken.tasks:
            if task.template_id == legacy.TEMPLATES["start"].id:
                tasks.step(task, "finish", at=at)
    elif verb is Verb.FINISH:
        tasks.close_open_work(taken.tasks, taken.run, at=at)
    elif verb is Verb.COMPLETE:
        _settle(taken.run, produced=None, rejected=None)
        if taken.order:
            taken.order.state = WorkOrderState.CLOSED


def _settle(run: Run, *, produced: Decimal | None, rejected: Decimal | None) -> None:
    """The pieces as they were told; everything, when nothing was."""
    run.completion_source = CompletionSource.MILESTONE
    run.rejected_quantity = max(rejected or Decimal(0), Decimal(0))
    run.produced_quantity = max(run.quantity - run.rejected_quantity if produced is None else produced, Decimal(0))
    run.short_quantity = max(run.quantity - run.produced_quantity - run.rejected_quantity, Decimal(0))
    run.short_reason = REASON if run.short_quantity else None


def _old_run(old: OldRun, state: str, *, partner_id: str | None, design_id: str, names: list[str]) -> Run:
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
        return _FINISHED
    return _STARTED if state == "in_progress" and stamps[Verb.START] else RUN_STEPS[state]


def _stamps_of(old: OldRun) -> dict[Verb, datetime | None]:
    return {
        Verb.ACCEPT: instant(_under(old.told, "acceptance").get("accepted_at")) or old.accepted_at,
        Verb.START: old.started_at,
        Verb.FINISH: old.finished_at,
        Verb.COMPLETE: old.completed_at,
    }


# Small questions ----------------------------------------------------------------------------------------------------

_PSEUDO = "named:"


def _pseudo(names: Sequence[str]) -> list[Template]:
    """What stands for templates of the old system: their names are all that is left of them."""
    return [Template(id=f"{_PSEUDO}{name}", name=name, position=place) for place, name in enumerate(names)]


def _names(told: Any) -> list[str]:
    return [name for name in dict.fromkeys(told) if isinstance(name, str) and name] if isinstance(told, list) else []


def _standing(run: Run) -> str:
    return f"{run.status.value} and finished" if run.finished_at and not run.is_terminal else run.status.value


def _link(design_id: str, partner_id: str) -> dict[str, dict[str, Any]]:
    return {"design_partner": {"design_id": design_id, "partner_id": partner_id}}


def _free(wanted: str, key: str, taken: set[str]) -> str:
    """The wanted name, told apart by the row's id when somebody has it."""
    name = wanted if wanted not in taken else f"{wanted}-{key}"
    taken.add(name)
    return name


def _first(values: Iterator[str | None]) -> str | None:
    return next((value for value in values if value), None)


def _only(values: Sequence[str]) -> str | None:
    return values[0] if len(values) == 1 else None


def _under(told: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = told.get(name)
    return found if isinstance(found, dict) else {}


def _of_kind(value: Any, kind: type) -> Any:
    """The value when it has the shape that a design's part must have, else an empty one."""
    return value if isinstance(value, kind) else kind()
