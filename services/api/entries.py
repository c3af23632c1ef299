"""What was used, as it comes over the wire: in our own spelling or in the old API's. Logs and completions are read here."""

from typing import Annotated, Any

import msgspec

from shared.domain import commands
from shared.domain.commands import CompleteRun
from shared.domain.consumption import Entry

OLD_SPELLINGS = {
    "inventory_item_id": "inventoryItemId",
    "unit_of_measure": "unitOfMeasure",
    "consumption_type": "consumptionType",
    "quantity_basis": "quantityBasis",
    "unit_cost": "unitCost",
    "location_id": "locationId",
    "production_run_id": "productionRunId",
}
"""How the old API spelled the fields of a log: taken in here, never answered."""


def entry(body: Any) -> Entry:
    """The entry of a body in either spelling. Raises ValueError naming the field that is wrong or came twice."""
    given = {name: value for name, value in msgspec.structs.asdict(body).items() if value is not None}
    for name, old in OLD_SPELLINGS.items():
        if f"old_{name}" in given:
            if name in given:
                raise ValueError(f"{name}: came twice, as {name} and as {old}")
            given[name] = given.pop(f"old_{name}")
    return Entry(**{name: value for name, value in given.items() if name in Entry.__struct_fields__})


def completion(body: Any) -> CompleteRun:
    """The command of a completion's body."""
    told = msgspec.structs.asdict(body)
    consumptions = None if body.consumptions is None else [entry(one) for one in body.consumptions]
    return CompleteRun(**{**told, "consumptions": consumptions})


def run_named(body: Any) -> str | None:
    """The run that a log of a design names, if it does."""
    run_id: str | None = body.production_run_id or body.old_production_run_id
    return run_id


def log_body(name: str, *more: tuple[str, Any], lets_unknown_by: bool = False) -> type[msgspec.Struct]:
    """A body with the fields of an entry, each in both spellings. Null counts as left out."""
    own = [(field.name, field.type) for field in msgspec.structs.fields(Entry) if field.name != "quantity"]
    twice: list[tuple[str, Any, Any]] = [
        made for field, kind in (*own, *more) for made in ((field, kind | None, None), *_old_field(field, kind))
    ]
    return msgspec.defstruct(
        name,
        [("quantity", Entry.__annotations__["quantity"]), *twice],
        namespace={"__doc__": Entry.__doc__, "__post_init__": _check},
        module=__name__,
        frozen=True,
        kw_only=True,
        forbid_unknown_fields=not lets_unknown_by,
    )


def completion_body(name: str, *, lets_unknown_by: bool = False) -> type[msgspec.Struct]:
    """The body of a completion, its consumptions in both spellings."""
    each = log_body(f"{name}Entry", lets_unknown_by=True) if lets_unknown_by else LogBody
    consumptions = Annotated[list[each], msgspec.Meta(max_length=commands.MOST_CONSUMPTIONS)] | None  # type: ignore[valid-type]
    return msgspec.defstruct(
        name,
        [("consumptions", consumptions, None)],
        bases=(CompleteRun,),
        namespace={"__doc__": CompleteRun.__doc__},
        module=__name__,
        frozen=True,
        kw_only=True,
        forbid_unknown_fields=not lets_unknown_by,
    )


def _check(body: msgspec.Struct) -> None:
    entry(body)


def _old_field(name: str, kind: Any) -> list[tuple[str, Any, Any]]:
    if name not in OLD_SPELLINGS:
        return []
    return [(f"old_{name}", kind | None, msgspec.field(default=None, name=OLD_SPELLINGS[name]))]


LogBody = log_body("ConsumptionLogBody")
DesignLogBody = log_body("DesignConsumptionLogBody", ("production_run_id", str))
CompleteBody = completion_body("CompleteRunBody")
