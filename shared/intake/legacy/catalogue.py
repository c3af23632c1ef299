"""The old catalogue: partners, designs, their links, inventory items. What the runs refer to is looked up here."""

from typing import Any

import msgspec

from shared.domain.orders import DesignFacts
from shared.intake.legacy.rows import OldDesign, OldItem, OldLink, OldPartner, Row
from shared.intake.legacy.verdicts import Known, Outcome, Refused, Verdict

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
_PARTNER_STATUSES = ("active", "inactive", "pending")


class Catalogue:
    """What is here and what the rows so far add to it."""

    def __init__(self, known: Known) -> None:
        self._known = known
        self._handles = set(known.partners.values())
        self._skus = set(known.items.values())

    def partner(self, row: Row, old: OldPartner) -> Verdict:
        if old.id in self._known.partners:
            return Verdict(row, Outcome.KNOWN, "a partner of this id is here")
        handle = _free(old.handle or old.name or old.id, old.id, self._handles)
        is_known = old.status in _PARTNER_STATUSES
        made = {
            "id": old.id,
            "name": old.name or handle,
            "handle": handle,
            "status": old.status if is_known else "active",
        }
        self._known.partners[old.id] = handle
        said = "made" if is_known or not old.status else f"made as active; {old.status!r} is no status here"
        return Verdict(row, Outcome.IMPORTED, said, makes={"partner": made})

    def design(self, row: Row, old: OldDesign) -> Verdict:
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

    def link(self, row: Row, old: OldLink) -> Verdict:
        design, partner_id = self.design_of(old.design_id), self.partner_of(old.partner_id)
        return Verdict(row, Outcome.IMPORTED, "linked", makes=link_of(design.id, partner_id))

    def item(self, row: Row, old: OldItem) -> Verdict:
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

    def design_of(self, design_id: str | None) -> DesignFacts:
        """The design. Raises Refused when it is neither here nor in the source."""
        found = self._known.designs.get(design_id or "")
        if found is None:
            raise Refused(
                f"there is no design {design_id!r} here and none in the source" if design_id else "it names no design"
            )
        return found

    def partner_of(self, partner_id: Any) -> str:
        """The partner's id. Raises Refused when there is no such partner."""
        if not isinstance(partner_id, str) or not partner_id:
            raise Refused("it names no partner")
        if partner_id not in self._known.partners:
            raise Refused(f"there is no partner {partner_id!r} here and none in the source")
        return partner_id

    def has_item(self, item_id: str | None) -> bool:
        return item_id in self._known.items

    def location_of(self, location_id: str | None) -> str | None:
        """The location's id, None when there is no such location."""
        return location_id if location_id in self._known.location_ids else None


def link_of(design_id: str, partner_id: str) -> dict[str, dict[str, Any]]:
    """The link between the two, as a row to make."""
    return {"design_partner": {"design_id": design_id, "partner_id": partner_id}}


def _free(wanted: str, key: str, taken: set[str]) -> str:
    """The wanted name, told apart by the row's id when somebody has it."""
    name = wanted if wanted not in taken else f"{wanted}-{key}"
    taken.add(name)
    return name


def _of_kind(value: Any, kind: type) -> Any:
    """The value when it has the shape that a design's part must have, else an empty one."""
    return value if isinstance(value, kind) else kind()
