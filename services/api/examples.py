"""Examples of the contract: made from the types by the names of their fields, by hand where a type has a check of its own. Tests parse them all."""

import re
from collections.abc import Mapping
from typing import Any

from msgspec import inspect

from services.api import schemas
from shared.domain import news

_ULID = "01m82vbjzfky4e7rpwftbxtr64"
_AT = "2026-03-02T08:00:00Z"

VALUES: dict[str, Any] = {
    "quantity": "4",
    "produced_quantity": "4",
    "ordered_quantity": "4",
    "rejected_quantity": "0",
    "short_quantity": "0",
    "email": "meera@weavers.example",
    "password": "warp and weft 2026",
    "name": "Meera",
    "handle": "weavers",
    "title": "Weave the border",
    "comment": "Which thread?",
    "reason": "capacity",
    "text": "The shop agreed by telephone.",
    "sku": "LIN-1",
    "unit_of_measure": "Meter",
    "url": "https://shop.example/hooks/loomline",
    "time_zone": "Asia/Kolkata",
    "language": "en",
    "role": "weaving",
    "category": "weaving",
    "cost_currency": "INR",
    "partner_cost": "1200",
    "unit_cost": "350",
    "file_name": "shawl.jpg",
    "content_type": "image/jpeg",
    "secret": "llt_…",
    "token": "lls_…",
    "next_cursor": None,
    "source": "north-shop",
    "product_id": "shawl",
    "variant_id": "shawl-red",
    "order_id": "1001",
    "order_line_item_id": "1",
    "template_names": ["weave"],
    "colours": ["indigo"],
    "sizes": ["200 × 100 cm"],
    "event_types": ["production_run.completed"],
    "allowed_actions": ["accept", "decline"],
    "verb": "accepted",
    "summary": "The partner accepted the run.",
    "correlationid": f"msg_{_ULID}",
    "sequence": "0000000007",
    "waiting_for": "accept",
    "openapi": "3.1.0",
    "asyncapi": "3.0.0",
}
"""What stands in a field of this name."""

BODIES: dict[str, Any] = {
    "ApproveRun": {"assignments": [{"partner_id": f"ptnr_{_ULID}", "quantity": "4", "role": "weaving", "template_names": ["weave"]}]},
    "SplitRun": {"assignments": [{"partner_id": f"ptnr_{_ULID}", "quantity": "4", "role": "weaving", "template_names": ["weave"]}]},
    "CreateDesignRunBody": {"quantity": "4", "assignments": [{"partner_id": f"ptnr_{_ULID}", "template_names": ["weave"]}]},
    "ConfirmDispatch": {"template_names": ["weave"]},
    "SendToProduction": {"template_names": ["weave"]},
    "AddTasks": {"template_names": ["mend"], "kind": "redo", "piece": "2"},
    "CompleteBody": {"produced_quantity": "4", "partner_cost": "1200", "cost_type": "total", "cost_currency": "INR"},
    "CorrectOutput": {"produced_quantity": "3", "rejected_quantity": "1", "rejection_reason": "stitching_defect", "reason": "counted again"},
    "AttachMedia": {"media_files": [{"id": f"media_{_ULID}", "is_thumbnail": True}]},
    "ConsumptionLogBody": {"inventory_item_id": f"item_{_ULID}", "quantity": "2.5", "unit_of_measure": "Meter"},
    "DesignConsumptionLogBody": {"inventory_item_id": f"item_{_ULID}", "quantity": "2.5", "unit_of_measure": "Meter"},
    "operations.ReplayBody": {"order_id": "1001"},
    "webhooks.ReplayBody": {"failed": True},
    "DeclineRun": {"reason": "capacity"},
    "AssignPartner": {"partner_id": f"ptnr_{_ULID}", "note": "They have a free loom."},
    "PolicyChange": {"config": {"auto_dispatch": {"enabled": True}}},
}  # fmt: skip
"""By the name of a body's type, where the fields alone do not say what makes sense."""

EVENTS: dict[str, Any] = {
    "order.placed": {"id": "1001", "display_id": "1001", "items": [{"id": "1", "product_id": "shawl", "title": "Shawl", "quantity": 4}]},
    "order.updated": {"id": "1001", "updated_at": _AT, "items": [{"id": "1", "product_id": "shawl", "quantity": 6}]},
    "order.cancelled": {"id": "1001", "cancelled_at": _AT, "reason": "The customer changed their mind."},
    "task.updated": {"task_id": f"task_{_ULID}", "status": "accepted"},
}  # fmt: skip
"""The data of what shops send."""


def of(kind: Any) -> Any:
    """A body as somebody would send it."""
    name, room = getattr(kind, "__name__", ""), getattr(kind, "__module__", "").rpartition(".")[2]
    made = BODIES.get(f"{room}.{name}", BODIES.get(name))
    return _required(kind) if made is None else made


def of_shape(shape: schemas.Shape) -> Any:
    """An answer as it comes."""
    if schemas.ANY_OF in shape:
        return of_shape(shape[schemas.ANY_OF][0])
    return {name: _value(inspect.type_info(kind), name) for name, kind in shape.items() if not name.endswith("?")}


def of_event(kind: str) -> Any:
    """An event as those outside are told."""
    told = _value(inspect.type_info(schemas.EventTold), "")
    return {**told, "type": news.type_of(kind), "subject": f"run_{_ULID}"}


def _required(kind: Any) -> Any:
    """The fields without which a body is refused; where there are none, an empty one."""
    info = inspect.type_info(kind)
    if not isinstance(info, inspect.StructType):
        return {}
    return {each.encode_name: _value(each.type, each.encode_name) for each in info.fields if each.required}


def _value(info: inspect.Type, name: str) -> Any:
    if isinstance(info, inspect.UnionType):
        return _value(next(each for each in info.types if not isinstance(each, inspect.NoneType)), name)
    if isinstance(info, inspect.StructType):
        return {each.encode_name: _value(each.type, each.encode_name) for each in info.fields}
    if isinstance(info, (inspect.ListType, inspect.VarTupleType)):
        return VALUES[name] if isinstance(VALUES.get(name), list) else [_value(info.item_type, re.sub("s$", "", name))]
    if isinstance(info, (inspect.DictType, inspect.AnyType)):
        return {}
    if isinstance(info, inspect.EnumType):
        return next(iter(info.cls)).value
    if isinstance(info, inspect.LiteralType):
        return info.values[0]
    return _plain(info, name)


def _plain(info: inspect.Type, name: str) -> Any:
    """Text, numbers and times."""
    if isinstance(info, inspect.DateTimeType):
        return _AT
    if isinstance(info, inspect.BoolType):
        return False
    if isinstance(info, inspect.IntType):
        return max(1, info.ge or 0)
    if isinstance(info, inspect.FloatType):
        return 0.5
    if isinstance(info, inspect.DecimalType):
        return VALUES.get(name, "10")
    return VALUES.get(name) or _text(name)


def _text(name: str) -> str:
    """An id says of what it is; any other text says its own name."""
    thing = name.removesuffix("_ids").removesuffix("_id")
    return (
        f"{_PREFIXES.get(thing, thing)}_{_ULID}" if name in ("id", "ids") or thing != name else name.replace("_", " ")
    )


_PREFIXES: Mapping[str, str] = {
    "production_run": "run",
    "parent_run": "run",
    "partner": "ptnr",
    "design": "dsgn",
    "message": "msg",
    "inventory_item": "item",
    "location": "sloc",
    "template": "tmpl",
    "work_order": "wo",
    "transaction": "disp",
}
