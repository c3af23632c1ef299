"""Rows of the old system, read tolerantly: fields that are not known are let by, what cannot be read is a row with its reason.

docs/legacy-import.md says which kinds there are and what they hold. The judges of this folder say what becomes of each.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec

from shared.domain.consumption import ConsumptionType, QuantityBasis, Unit
from shared.domain.runs import RunType

LONGEST_ID = 255

WORKFLOW = "partner_design_assignment"
"""The workflow whose tasks are taken over."""


class Unreadable(Exception):
    """A row of the old system cannot be read; the message says why."""


class Old(msgspec.Struct, frozen=True, kw_only=True):
    """What every kind may have."""

    id: str = ""
    created_at: datetime | None = None
    metadata: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if isinstance(value, datetime) and value.tzinfo is None:
                msgspec.structs.force_setattr(self, name, value.replace(tzinfo=UTC))

    @property
    def key(self) -> str:
        """Under what the row is remembered."""
        return self.id

    @property
    def told(self) -> Mapping[str, Any]:
        return self.metadata or {}


class OldPartner(Old, frozen=True, kw_only=True):
    name: str | None = None
    handle: str | None = None
    status: str | None = None


class OldDesign(Old, frozen=True, kw_only=True):
    name: str | None = None
    description: str | None = None
    status: str | None = None


class OldLink(Old, frozen=True, kw_only=True):
    design_id: str
    partner_id: str

    @property
    def key(self) -> str:
        return f"{self.design_id}:{self.partner_id}"


class OldItem(Old, frozen=True, kw_only=True):
    sku: str | None = None
    title: str | None = None
    unit_of_measure: Unit = Unit.PIECE
    unit_cost: Decimal | None = None


class OldAssignment(Old, frozen=True, kw_only=True):
    """A task of the old system. Tasks of the workflow and one transaction are one assignment."""

    title: str | None = None
    status: str | None = None
    workflow_type: str | None = None
    transaction_id: str | None = None
    parent_task_id: str | None = None
    design_id: str | None = None
    partner_id: str | None = None

    @property
    def workflow(self) -> Any:
        return self.workflow_type or self.told.get("workflow_type")

    @property
    def transaction(self) -> str | None:
        found = self.transaction_id or self.told.get("transaction_id")
        return found if isinstance(found, str) and found else None

    @property
    def assignment(self) -> str | None:
        """The assignment that it is a part of, None when it is of none."""
        return self.transaction if self.workflow == WORKFLOW else None

    def named(self, field: str) -> str | None:
        """`design_id` or `partner_id`, from its own field or its metadata."""
        found = getattr(self, field) or self.told.get(field)
        return found if isinstance(found, str) and found else None


class OldRun(Old, frozen=True, kw_only=True):
    design_id: str | None = None
    partner_id: str | None = None
    parent_run_id: str | None = None
    status: str | None = None
    run_type: RunType = RunType.PRODUCTION
    quantity: Decimal = Decimal(1)
    role: str | None = None
    product_id: str | None = None
    variant_id: str | None = None
    order_id: str | None = None
    order_line_item_id: str | None = None
    accepted_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    completed_at: datetime | None = None
    cancelled_at: datetime | None = None
    produced_quantity: Decimal | None = None
    rejected_quantity: Decimal | None = None


class OldConsumption(Old, frozen=True, kw_only=True):
    design_id: str | None = None
    production_run_id: str | None = None
    inventory_item_id: str | None = None
    quantity: Decimal
    unit_of_measure: Unit | None = None
    consumption_type: ConsumptionType | None = None
    quantity_basis: QuantityBasis = QuantityBasis.TOTAL
    unit_cost: Decimal | None = None
    location_id: str | None = None
    consumed_by: str | None = None
    consumed_at: datetime | None = None
    is_committed: bool = False
    notes: str | None = None


KINDS: dict[str, type[Old]] = {
    "partner": OldPartner,
    "design": OldDesign,
    "design_partner": OldLink,
    "inventory_item": OldItem,
    "assignment": OldAssignment,
    "production_run": OldRun,
    "consumption_log": OldConsumption,
}
"""Every kind of row, in the order in which they build on each other."""


class Row(msgspec.Struct, frozen=True):
    """One row of the source. old: what it says, None where it cannot be read, and then `problem` says why."""

    kind: str
    legacy_id: str
    body: dict[str, Any]
    old: Old | None
    problem: str | None = None


_decode = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal).decode


def read(text: str, *, place: str, kind: str | None = None) -> Row:
    """A row from its JSON. place: what it is called when it has no id. kind: of all rows of this source."""
    try:
        body = _object(text)
    except Unreadable as why:
        return Row("unreadable", place, {"place": place}, None, str(why))
    named = kind or str(body.get("kind"))
    try:
        old = _parse(named, body)
    except Unreadable as why:
        return Row(named if named in KINDS else "unreadable", _id_of(body) or place, body, None, str(why))
    return Row(named, old.key, body, old)


def instant(value: Any) -> datetime | None:
    """A time of the old system, which it wrote as text here and there; None for none. Raises Unreadable."""
    if value in (None, ""):
        return None
    try:
        found = msgspec.convert(value, datetime, strict=False)
    except msgspec.ValidationError:
        raise Unreadable(f"{str(value)[:60]!r} is not a time") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _object(text: str) -> dict[str, Any]:
    if "\\u0000" in text or "\0" in text:
        raise Unreadable("it holds a NUL character, which the database cannot keep")
    try:
        return _decode(text)
    except (msgspec.DecodeError, msgspec.ValidationError, ArithmeticError, RecursionError) as wrong:
        raise Unreadable(f"it is not a JSON object: {wrong}") from None


def _parse(kind: str, body: Mapping[str, Any]) -> Old:
    if kind not in KINDS:
        raise Unreadable(f"there is no kind {kind!r}; known are {', '.join(KINDS)}")
    # A null says as little as a field that is not there.
    given = {name: value for name, value in body.items() if value is not None}
    try:
        old = msgspec.convert(given, KINDS[kind], strict=False)
    except (msgspec.ValidationError, ArithmeticError) as wrong:
        raise Unreadable(f"a field cannot be read: {wrong}") from None
    if not old.key or len(old.key.encode()) > LONGEST_ID:
        raise Unreadable(f"it needs an id of 1 to {LONGEST_ID} bytes")
    return old


def _id_of(body: Mapping[str, Any]) -> str:
    found = body.get("id")
    return found[:LONGEST_ID] if isinstance(found, str) else ""
