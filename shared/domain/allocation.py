"""Allocation: an approved run is split among partners. Stages, quantities and dependencies, as pure arithmetic."""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from itertools import pairwise
from typing import Any

import msgspec

from shared.domain import amounts, refusals
from shared.domain.dispatch import Selection
from shared.domain.runs import Run, Status


class Assignment(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A share of a run for one partner. `order` groups shares into stages; quantity defaults to the run's."""

    partner_id: str
    role: str | None = None
    quantity: Decimal | None = None
    order: int | None = None
    template_names: list[str] | None = None
    template_ids: list[str] | None = None
    template_category: str | None = None

    def __post_init__(self) -> None:
        amounts.positive(self.quantity, "quantity")
        if self.order is not None and not 0 <= self.order <= 10_000:
            raise ValueError("order: must be from 0 to 10000")

    @property
    def selection(self) -> Selection:
        return Selection(self.template_names, self.template_ids, self.template_category)


class PartnerStanding(msgspec.Struct, frozen=True):
    """What allocation needs to know of a partner."""

    id: str
    name: str
    status: str


class Allocation(msgspec.Struct, frozen=True):
    """The children of an approval and what each waits for."""

    children: list[Run]
    depends_on: dict[str, list[str]]
    is_ordered: bool


def check_partners(assignments: Sequence[Assignment], known: Mapping[str, PartnerStanding]) -> None:
    """Refuse an unknown or inactive partner, by name and place."""
    for position, assignment in enumerate(assignments):
        check_partner(assignment.partner_id, known, pointer=f"/assignments/{position}/partner_id")


def check_partner(partner_id: str, known: Mapping[str, PartnerStanding], *, pointer: str) -> None:
    """Refuse an unknown or inactive partner."""
    partner = known.get(partner_id)
    if partner is None:
        raise refusals.Unknown(pointer=pointer, thing="partner", value=partner_id)
    if partner.status != "active":
        raise refusals.InactivePartner(pointer=pointer, name=partner.name, status=partner.status)


def split(parent: Run, assignments: Sequence[Assignment], *, new_id: Callable[[int], str]) -> Allocation:
    """Make one child per assignment; each stage depends on all children of the stage just before.

    new_id: the id of the child at a position. Nothing is written; the parent learns its child count.
    """
    stages = _stages(assignments)
    children = [_child(parent, share, run_id=new_id(i), stage=stages[i]) for i, share in enumerate(assignments)]
    by_stage: dict[int, list[str]] = {}
    for child in children:
        if child.stage is not None:
            by_stage.setdefault(child.stage, []).append(child.id)
    ordered = sorted(by_stage)
    before = {stage: by_stage[earlier] for earlier, stage in pairwise(ordered)}
    depends_on = {
        child.id: before[child.stage] for child in children if child.stage is not None and child.stage in before
    }
    parent.child_count = len(children)
    return Allocation(children=children, depends_on=depends_on, is_ordered=len(ordered) > 1)


def check_sums(assignments: Sequence[Assignment], total: Decimal | None) -> Decimal:
    """The quantities of one stage add up to the total; without a total their sum is the total. Returns the total.

    Raises WrongSum. A share without a quantity takes the total, so it stands alone in its stage.
    """
    sums: dict[int | None, Decimal] = {}
    stages = _stages(assignments)
    for share, stage in zip(assignments, stages, strict=True):
        if share.quantity is not None:
            sums[stage] = sums.get(stage, Decimal(0)) + share.quantity
    if total is None:
        if not sums:
            raise refusals.InvalidField(pointer="/quantity", sentence="Say how many pieces: quantity is missing.")
        total = next(iter(sums.values()))
    for share, stage in zip(assignments, stages, strict=True):
        if share.quantity is None:
            sums[stage] = sums.get(stage, Decimal(0)) + total
    for stage, found in sums.items():
        if found != total:
            raise refusals.WrongSum(
                pointer="/assignments",
                stage="-" if stage is None else stage,
                total=amounts.plain(found),
                expected=amounts.plain(total),
            )
    return total


def share_evenly(total: Decimal, partner_ids: Sequence[str]) -> list[Assignment]:
    """Split a quantity as evenly as whole pieces allow, never negative, always summing; a share of nothing is left out.

    A fraction of a piece stays with the first.
    """
    if not partner_ids:
        return []
    whole = int(total)
    each, rest = divmod(whole, len(partner_ids))
    shares = [Decimal(each + (1 if position < rest else 0)) for position in range(len(partner_ids))]
    shares[0] += total - whole
    return [
        Assignment(partner_id=partner_id, quantity=share)
        for partner_id, share in zip(partner_ids, shares, strict=True)
        if share > 0
    ]


def provenance_of(run: Run) -> dict[str, Any]:
    """What a child takes over from its parent."""
    return {name: getattr(run, name) for name in _INHERITED}


_INHERITED = (
    "design_id",
    "run_type",
    "product_id",
    "variant_id",
    "source",
    "order_id",
    "order_line_item_id",
    "snapshot_id",
)


def _child(parent: Run, share: Assignment, *, run_id: str, stage: int | None) -> Run:
    return Run(
        id=run_id,
        status=Status.APPROVED,
        quantity=parent.quantity if share.quantity is None else share.quantity,
        parent_run_id=parent.id,
        role=share.role,
        stage=stage,
        partner_id=share.partner_id,
        dispatch_template_names=share.template_names,
        dispatch_template_ids=share.template_ids,
        dispatch_template_category=share.template_category,
        **provenance_of(parent),
    )


def _stages(assignments: Sequence[Assignment]) -> list[int | None]:
    """A share without an order stands beside the stages when none is ordered, else in the first of them."""
    given = [share.order for share in assignments if share.order is not None]
    return [share.order if share.order is not None else (min(given) if given else None) for share in assignments]
