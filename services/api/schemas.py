"""What each route answers: one table, its types made from the domain's structs and the tables' columns. The contract draws it, a test holds it."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from types import GenericAlias
from typing import Any, Literal

import msgspec
from sqlalchemy import ColumnElement
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.types import NullType

from services.api.errors import ProblemBody
from services.api.queries import notices, webhooks
from services.api.queries.runs import _HIDDEN, _NOT_FOR_PARTNERS
from services.api.resources import admin_runs, order_lines, parked_messages, partner_runs
from services.api.resources import operations as board
from services.api.resources.catalogue_table import CATALOGUE, Thing
from shared.domain.consumption import Consumption
from shared.domain.costs import Summary
from shared.domain.legacy import PartnerInfo
from shared.domain.policy import Policy
from shared.domain.runs import Phase, Run, Status
from shared.domain.tasks import Task
from shared.messages import ActorKind
from shared.routing import Room
from shared.storage import tables

Shape = Mapping[str, Any]
"""The members of an answer by name, with their types; a `?` behind the name says that it may be absent."""

ANY_OF = "any of"
"""Key of a shape that is one of several."""


# Types --------------------------------------------------------------------------------------------------------------


def _of_struct(name: str, kind: type[msgspec.Struct], *, without: Iterable[str] = (), **more: Any) -> Any:
    """The fields of a struct as they are answered: all are there, whatever their defaults were."""
    own = [(each.name, each.type) for each in msgspec.structs.fields(kind) if each.name not in set(without)]
    return msgspec.defstruct(name, [*own, *more.items()], kw_only=True, module=__name__)


def _of_columns(name: str, columns: Iterable[ColumnElement[Any]], **more: Any) -> Any:
    """The columns of a table or a query as they are answered. more: those whose column does not say it all."""
    own = {str(column.key): _type_of(column) for column in columns}
    return msgspec.defstruct(name, list((own | more).items()), kw_only=True, module=__name__)


def _many(kind: Any) -> Any:
    """A list of a type that is made here, which mypy cannot know."""
    return GenericAlias(list, (kind,))


def _type_of(column: ColumnElement[Any]) -> Any:
    if isinstance(column.type, (JSONB, NullType)):
        return Any
    kind: Any = list[str] if isinstance(column.type, ARRAY) else column.type.python_type
    return kind if getattr(column, "nullable", True) is False else kind | None


class ActorTold(msgspec.Struct, kw_only=True):
    """Who did it; a partner reads no names and ids of other partners."""

    kind: ActorKind
    id: str | None
    name: str | None


class TaskCounts(msgspec.Struct, kw_only=True):
    """How many tasks a run has; cancelled ones are not in the total."""

    total: int
    open: int
    completed: int
    cancelled: int


_STANDING: dict[str, Any] = {
    "transaction_id": str | None,
    "phase": Phase,
    "allowed_actions": list[str],
    "depends_on_run_ids": list[str],
    "task_counts": TaskCounts,
    "captured_at": datetime | None,
    "metadata": dict[str, Any],
    "created_at": datetime,
    "updated_at": datetime,
}
ProductionRun = _of_struct("ProductionRun", Run, without=_HIDDEN, **_STANDING)
OwnProductionRun = _of_struct("OwnProductionRun", Run, without=_HIDDEN | _NOT_FOR_PARTNERS, **_STANDING)

TaskTold = _of_struct(
    "Task", Task, without=["run_id"], created_at=datetime, updated_at=datetime, production_run_id=str | None
)
TaskWithSubtasks = _of_struct(
    "TaskWithSubtasks", Task, without=["run_id"], created_at=datetime, updated_at=datetime,
    production_run_id=str | None, subtasks=_many(TaskTold),
)  # fmt: skip
CommentTold = msgspec.defstruct(
    "Comment",
    [("id", str), ("task_id", str), ("author", ActorTold), ("comment", str), ("created_at", datetime)],
    module=__name__,
)
ConsumptionLog = _of_struct("ConsumptionLog", Consumption, created_at=datetime, updated_at=datetime)
StockMovement = _of_columns(
    "StockMovement",
    [tables.stock_movement.c[name] for name in ("id", "inventory_item_id", "location_id", "quantity", "shortfall", "reason", "consumption_log_id", "created_at")],
    production_run_id=str | None,
)  # fmt: skip
OrderLine = _of_columns("OrderLine", order_lines._SHOWN)
Notice = _of_columns("Notice", notices._SHOWN, audience=Literal["admins", "partner"], state_sentence=str)
ParkedMessage = _of_columns("ParkedMessage", parked_messages._SHOWN, headers=dict[str, Any], body=str)
DeadLetter = _of_columns("DeadLetter", board._SHOWN, id=str, body=dict[str, Any], asked_by=ActorTold)
WebhookEndpoint = _of_columns("WebhookEndpoint", webhooks._ENDPOINT, pending_deliveries=int)
WebhookDelivery = _of_columns("WebhookDelivery", webhooks._DELIVERY, id=str)
AccountRow = _of_columns("PartnerAccount", [c for c in tables.account.columns if c.name != "password_hash"])


class Account(msgspec.Struct, kw_only=True):
    """A person who signs in."""

    id: str
    name: str
    email: str
    role: str
    partner_id: str | None


class ApiToken(msgspec.Struct, kw_only=True):
    """A token for a machine, without its secret."""

    id: str
    name: str
    created_at: datetime
    last_used_at: datetime | None
    expires_at: datetime | None


class PendingCommand(msgspec.Struct, kw_only=True):
    """A command that is stored and not carried out yet."""

    id: str
    name: str
    state: Literal["pending"]


class Activity(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One entry of a run's timeline."""

    at: datetime
    actor: ActorTold
    verb: str
    summary: str
    reason: str | None = None
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None


class Snapshot(msgspec.Struct, kw_only=True):
    """What was frozen when the run was made."""

    captured_at: datetime
    design: Any
    planned_materials: Any
    provenance: Any


class Attached(msgspec.Struct, kw_only=True):
    """A picture on a run."""

    id: str | None
    url: str
    thumbnail_url: str | None
    content_type: str | None
    is_thumbnail: bool


class FileTold(msgspec.Struct, kw_only=True):
    """A stored file."""

    id: str
    url: str
    thumbnail_url: str | None
    content_type: str
    size: int
    width: int | None
    height: int | None


class Brief(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A run beside another one; of a run of another partner's, how far it is and not whose."""

    id: str
    status: Status
    phase: Phase
    role: str | None
    stage: int | None
    quantity: Decimal
    partner_id: str | None = None
    partner_name: str | None = None


class Related(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What stands around a run."""

    parent: Brief | None
    predecessors: list[Brief]
    waits_on_run_ids: list[str]
    dependents: list[Brief]
    children: list[Brief] = []


class Totals(msgspec.Struct, kw_only=True):
    """Pieces and tasks in sums."""

    ordered_quantity: Decimal
    produced_quantity: Decimal | None
    rejected_quantity: Decimal | None
    short_quantity: Decimal | None
    tasks: int
    tasks_completed: int


class FailedDispatch(msgspec.Struct, kw_only=True):
    """A run that was approved and could not be sent."""

    production_run_id: str
    reason: str


class DispatchReport(msgspec.Struct, kw_only=True):
    """What went out with an approval."""

    dispatched: list[str]
    skipped: list[str]
    failed: list[FailedDispatch]


class Dispatch(msgspec.Struct, kw_only=True):
    """An open dispatch, and until when templates can be chosen."""

    id: str
    state: str
    expires_at: datetime | None


class Queue(msgspec.Struct, kw_only=True):
    """A room of the ledger."""

    room: str
    ready: int
    handed_out: int
    dead: int
    oldest_seconds: float


class Ledger(msgspec.Struct, kw_only=True):
    """How late the ledger is."""

    lag_seconds: float


class Alarm(msgspec.Struct, kw_only=True):
    """What waits for a person."""

    name: str
    detail: str
    raised_at: datetime
    released_until: datetime | None


class Invariant(msgspec.Struct, kw_only=True):
    """A sentence that must be true, and its first offenders."""

    name: str
    sentence: str
    count: int
    ids: list[str]


class StandingStill(msgspec.Struct, kw_only=True):
    """A delivery that stood still."""

    id: str
    message_id: str
    kind: str
    actor: str
    room: Room
    state: str
    error: str | None
    attempts: int
    production_run_id: str | None
    created_at: datetime


LegacyDesign = msgspec.defstruct(
    "AssignedDesign",
    [
        *((name, _type_of(tables.design.c[name])) for name in ("id", "name", "description", "status", "category", "specifications", "colours", "sizes", "media", "created_at", "updated_at")),
        ("partner_info", PartnerInfo | None),
    ],
    module=__name__,
)  # fmt: skip
ListedDesign = msgspec.defstruct(
    "ListedDesign",
    [*((each.name, each.type) for each in msgspec.structs.fields(LegacyDesign)), ("production_run_id", str | None)],
    module=__name__,
)


class EventData(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What an event is about, and what it said. A partner's endpoint reads no parent and no order."""

    production_run_id: str | None
    design_id: str | None
    partner_id: str | None
    reason: str | None
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    actor: "EventActor"
    parent_run_id: str | None = None
    order_id: str | None = None
    order_line_item_id: str | None = None


class EventActor(msgspec.Struct, kw_only=True):
    """Which kind of somebody did it; outside nobody learns who."""

    kind: ActorKind


class EventTold(msgspec.Struct, kw_only=True, omit_defaults=True):
    """An event as those outside are told: a CloudEvent. Take each id once; sequence counts the events of one run."""

    specversion: Literal["1.0"]
    id: str
    source: str
    type: str
    time: datetime
    datacontenttype: Literal["application/json"]
    correlationid: str
    data: EventData
    subject: str | None = None
    causationid: str | None = None
    sequence: str | None = None


# Shapes -------------------------------------------------------------------------------------------------------------


def _page(plural: str, kind: Any) -> Shape:
    return {plural: _many(kind), "next_cursor": str | None, "count?": int}


PENDING: Shape = {"command": PendingCommand}
_STORED = {202: PENDING}
_DELETED: Shape = {"id": str, "deleted": Literal[True]}


def _details(run: Any) -> Shape:
    around = {
        "tasks": _many(TaskTold),
        "media": list[Attached],
        "snapshot": Snapshot | None,
    }
    whole = msgspec.defstruct(
        f"{run.__name__}Details",
        [*((each.name, each.type) for each in msgspec.structs.fields(run)), *around.items()],
        kw_only=True,
        module=__name__,
    )
    more = {"materials": list[dict[str, Any]], "related": Related, "totals": Totals}
    return {"production_run": whole, **around, **more}


def _of_runs(path: str, run: Any) -> dict[str, Mapping[int, Shape]]:
    """What the routes of both sides have in common."""
    with_media = msgspec.defstruct(
        f"{run.__name__}WithMedia",
        [*((each.name, each.type) for each in msgspec.structs.fields(run)), ("media", list[Attached])],
        kw_only=True,
        module=__name__,
    )
    one: Mapping[int, Shape] = {200: {"production_run": run}, **_STORED}
    return {
        f"GET {path}": {200: _page("production_runs", run)},
        f"GET {path}/{{id}}": {200: _details(run)},
        **{f"POST {path}/{{id}}/{verb}": one for verb in ("accept", "decline", "start", "finish")},
        f"POST {path}/{{id}}/complete": {200: {"production_run": run, "consumptions_logged": int}, **_STORED},
        f"GET {path}/{{id}}/timeline": {200: _page("activities", Activity)},
        f"POST {path}/{{id}}/tasks": {201: {"production_run": run, "tasks": _many(TaskTold)}, **_STORED},
        f"POST {path}/{{id}}/consumption-logs": {201: {"consumption_log": ConsumptionLog}, **_STORED},
        f"GET {path}/{{id}}/consumption-logs": {200: _page("consumption_logs", ConsumptionLog)},
        f"POST {path}/{{id}}/media": {201: {"files": list[FileTold]}},
        f"POST {path}/{{id}}/media/attach": {200: {"production_run": with_media, "media": list[Attached]}, **_STORED},
    }


def _of_admins_runs(path: str) -> dict[str, Mapping[int, Shape]]:
    run = {"production_run": ProductionRun}
    allocated = {**run, "children": _many(ProductionRun), "dispatch": DispatchReport}
    sent = {**run, "tasks": _many(TaskTold)}
    opened = {**run, "dispatch": Dispatch, "transaction_id": str}
    verbs = ("cancel", "hold", "resume", "resolve-flag", "assign-partner", "correct-output")
    committed = {"committed_count": int, "movements": _many(StockMovement)}
    costs = {"production_run_id": str, **_members(Summary), "cost_summary": Summary}
    return {
        **_of_runs(path, ProductionRun),
        f"POST {path}": {201: run, **_STORED},
        "POST /admin/designs/{id}/production-runs": {201: allocated, **_STORED},
        **{f"POST {path}/{{id}}/{name}": {200: allocated, **_STORED} for name in ("approve", "split")},
        **{f"POST {path}/{{id}}/{name}": {202: {ANY_OF: [opened, PENDING]}} for name in ("dispatch", "start-dispatch")},
        **{
            f"POST {path}/{{id}}/{name}": {200: sent, **_STORED}
            for name in ("dispatch/confirm", "resume-dispatch", "send-to-production")
        },
        **{f"POST {path}/{{id}}/{verb}": {200: run, **_STORED} for verb in verbs},
        f"POST {path}/{{id}}/notes": {201: _page("activities", Activity), **_STORED},
        f"POST {path}/{{id}}/consumption-logs/commit": {200: committed, **_STORED},
        "POST /admin/designs/{id}/consumption-logs": {201: {"consumption_log": ConsumptionLog}, **_STORED},
        "GET /admin/designs/{id}/consumption-logs": {200: _page("consumption_logs", ConsumptionLog)},
        "POST /admin/designs/{id}/consumption-logs/commit": {200: committed, **_STORED},
        f"GET {path}/{{id}}/cost-summary": {200: costs},
        "GET /admin/stock-movements": {200: _page("stock_movements", StockMovement)},
    }


def _of_tasks() -> dict[str, Mapping[int, Shape]]:
    path = "/partners/assigned-tasks"
    worked = {"task": TaskWithSubtasks, "parent_completed": bool, "run_completed": bool}
    steps = ("accept", "finish", "subtasks/{subtask_id}/complete")
    return {
        f"GET {path}": {200: _page("tasks", TaskTold)},
        f"GET {path}/{{id}}": {200: {"task": TaskWithSubtasks, "production_run": OwnProductionRun | None}},
        f"GET {path}/{{id}}/subtasks": {200: {"subtasks": _many(TaskTold)}},
        f"GET {path}/{{id}}/comments": {200: _page("comments", CommentTold)},
        f"POST {path}/{{id}}/comments": {201: {"task": TaskTold, "comment": CommentTold}, **_STORED},
        **{f"POST {path}/{{id}}/{step}": {200: worked, **_STORED} for step in steps},
        "GET /admin/partners/{id}/tasks": {200: _page("tasks", TaskTold)},
        "POST /admin/partners/{id}/tasks": {201: {"task": TaskTold}, **_STORED},
    }


def _of_thing(thing: Thing) -> dict[str, Mapping[int, Shape]]:
    shown = [column for column in thing.table.columns if column.name not in thing.hidden]
    kind = _of_columns(thing.singular.title().replace("_", ""), [*shown, *thing.derived])
    one = {thing.singular: kind}
    return {
        f"POST {thing.path}": {201: one},
        f"GET {thing.path}": {200: _page(thing.plural, kind)},
        f"GET {thing.path}/{{id}}": {200: one},
        f"PATCH {thing.path}/{{id}}": {200: one},
        f"DELETE {thing.path}/{{id}}": {200: one if thing.retires else _DELETED},
    }


def _of_legacy() -> dict[str, Mapping[int, Shape]]:
    path = "/partners/designs"
    shown = {"design": LegacyDesign, "partner_info": PartnerInfo | None, "production_run_id": str | None}
    sent = {
        "design": LegacyDesign | None,
        "partner_info": PartnerInfo | None,
        "production_run": ProductionRun,
        "dispatch": DispatchReport,
        "transaction_id": str | None,
    }
    verbs = ("start", "finish", "redo", "refinish", "complete")
    return {
        "POST /admin/designs/{id}/send-to-partner": {201: sent, **_STORED},
        f"GET {path}": {200: {"designs": _many(ListedDesign), "count": int, "limit": int, "offset": int}},
        f"GET {path}/{{id}}": {200: shown},
        **{f"POST {path}/{{id}}/{verb}": {200: shown, **_STORED} for verb in verbs},
    }


def _of_operations() -> dict[str, Mapping[int, Shape]]:
    path = "/admin/operations"
    figures = ("overdue_gates", "parked_messages", "failed_notifications", "refusals_last_day", "stuck_runs")
    whole = {
        "queues": list[Queue],
        "ledger": Ledger,
        **dict.fromkeys(figures, int),
        "alarms": list[Alarm],
        "invariants": list[Invariant],
    }
    letter, parked = {"dead_letter": DeadLetter}, {"parked_message": ParkedMessage}
    return {
        f"GET {path}": {200: whole},
        f"GET {path}/dead-letters": {200: _page("dead_letters", DeadLetter)},
        **{f"POST {path}/dead-letters/{{id}}/{verb}": {200: letter} for verb in ("replay", "discard")},
        f"POST {path}/replay": {200: {"dry_run": bool, "deliveries": list[StandingStill]}},
        f"GET {path}/parked-messages": {200: _page("parked_messages", ParkedMessage)},
        **{f"POST {path}/parked-messages/{{id}}/{verb}": {200: parked} for verb in ("retry", "discard")},
        "GET /admin/notices": {200: _page("notices", Notice)},
        "GET /admin/notices/{id}": {200: {"notice": Notice}},
        "POST /admin/notices/{id}/send-again": {200: {"notice": Notice}},
        "GET /admin/order-lines": {200: _page("order_lines", OrderLine)},
        "POST /admin/order-lines/{id}/retry": {200: {"order_line": OrderLine}, **_STORED},
    }


def _of_webhooks() -> dict[str, Mapping[int, Shape]]:
    path = "/admin/webhook-endpoints"
    one = {"webhook_endpoint": WebhookEndpoint}
    return {
        f"POST {path}": {201: {**one, "secret?": str}},
        f"GET {path}": {200: _page("webhook_endpoints", WebhookEndpoint)},
        f"GET {path}/{{id}}": {200: one},
        f"PATCH {path}/{{id}}": {200: one},
        f"DELETE {path}/{{id}}": {200: _DELETED},
        f"GET {path}/{{id}}/deliveries": {200: _page("webhook_deliveries", WebhookDelivery)},
        f"POST {path}/{{id}}/test-send": {202: {"webhook_delivery": WebhookDelivery}},
        f"POST {path}/{{id}}/rotate": {200: {**one, "secret?": str}},
        f"POST {path}/{{id}}/replay": {202: {**one, "replayed": int, "next_since": datetime | None}},
    }


def _of_accounts() -> dict[str, Mapping[int, Shape]]:
    return {
        "POST /auth/login": {200: {"token": str, "expires_at": datetime, "account": Account}},
        "GET /auth/me": {200: {"account": Account}},
        # A secret is told once: the same request again is answered without it.
        "POST /auth/tokens": {201: {"token": ApiToken, "secret?": str}},
        "GET /auth/tokens": {200: _page("tokens", ApiToken)},
        "POST /admin/partners/{id}/accounts": {201: {"account": AccountRow}},
        "GET /admin/partners/{id}/accounts": {200: _page("accounts", AccountRow)},
    }


def _members(kind: type[msgspec.Struct]) -> Shape:
    return {each.name: each.type for each in msgspec.structs.fields(kind)}


_THINGS = {route: shapes for thing in CATALOGUE for route, shapes in _of_thing(thing).items()}
_DESIGN = _THINGS["GET /admin/designs/{id}"][200]
_POLICY: Shape = {"config": dict[str, Any], "effective_config": Policy, "unknown": list[str]}
_TAKEN: Shape = {"accepted": Literal[True], "duplicate": bool, "event_id": str, "message_id": str, "note?": str}
_COMMAND: Shape = {
    "id": str,
    "name": str,
    "state": Literal["pending", "done", "refused", "failed"],
    "result": dict[str, Any] | None,
    "problem": ProblemBody | None,
    "production_run_id": str | None,
}

ANSWERS: dict[str, Mapping[int, Shape]] = {
    **_of_accounts(),
    **_of_runs(partner_runs.PATH, OwnProductionRun),
    **_of_admins_runs(admin_runs.PATH),
    **_of_tasks(),
    **_THINGS,
    "POST /admin/designs/{id}/partners": {201: _DESIGN},
    "DELETE /admin/designs/{id}/partners": {200: _DESIGN},
    "DELETE /admin/designs/{id}/partners/{partner_id}": {200: _DESIGN},
    **_of_operations(),
    **_of_webhooks(),
    **_of_legacy(),
    "GET /admin/production-run-policy": {200: _POLICY},
    "PATCH /admin/production-run-policy": {200: _POLICY},
    "GET /commands/{id}": {200: _COMMAND},
    **{f"POST /events{shop}": {202: _TAKEN} for shop in ("", "/medusa", "/shopify", "/saleor")},
    "POST /events/woocommerce": {200: {"accepted": bool, "note?": str}, 202: _TAKEN},
    "GET /livez": {200: {"status": Literal["alive"]}},
    "GET /readyz": {200: {"status": Literal["ready", "degraded"], "checks?": dict[str, Any]}},
    "GET /openapi.json": {200: {"openapi": str}},
    "GET /asyncapi.json": {200: {"asyncapi": str}},
}
"""By method and path: what stands in the answer of each success. What is not listed has no JSON body."""


def types() -> list[Any]:
    """Every type that stands in an answer."""
    return [kind for shapes in ANSWERS.values() for shape in shapes.values() for kind in _types_in(shape)]


def _types_in(shape: Shape) -> list[Any]:
    if ANY_OF in shape:
        return [kind for each in shape[ANY_OF] for kind in _types_in(each)]
    return list(shape.values())
