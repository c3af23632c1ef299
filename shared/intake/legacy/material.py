"""Consumption logs of the old system: what was settled there is settled here, without moving stock a second time."""

from shared.domain.consumption import WITHOUT_ITEM, ConsumedBy, Consumption, ConsumptionType, Unit
from shared.intake.legacy.catalogue import Catalogue
from shared.intake.legacy.journey import Journey
from shared.intake.legacy.register import Register
from shared.intake.legacy.rows import OldConsumption, Row
from shared.intake.legacy.source import EARLIEST
from shared.intake.legacy.verdicts import Outcome, Refused, Verdict


class Material:
    """Judges the logs: each belongs to its old run, else to the design's run, an open one first."""

    def __init__(self, *, catalogue: Catalogue, register: Register, journey: Journey) -> None:
        self._catalogue = catalogue
        self._register = register
        self._journey = journey

    def judge(self, row: Row, old: OldConsumption) -> Verdict:
        run_id = self._register.find(old_run_id=old.production_run_id, design_id=old.design_id)
        if run_id is None:
            raise Refused(f"no run was taken over for the design {old.design_id!r}, so nothing used it")
        if old.quantity <= 0:
            raise Refused("its quantity is not more than 0")
        log = self._log(old, run_id)
        said = "settled in the old system" if log.is_committed else "open; it is settled with its run"
        return Verdict(row, Outcome.IMPORTED, said, run_id, consumption=log)

    def _log(self, old: OldConsumption, run_id: str) -> Consumption:
        kind = old.consumption_type or ConsumptionType.SAMPLE
        has_item = self._catalogue.has_item(old.inventory_item_id)
        if not has_item and kind not in WITHOUT_ITEM:
            raise Refused(f"there is no inventory item {old.inventory_item_id!r} here and none in the source")
        design_id, is_completed = self._register.about(run_id)
        at = self._journey.between(old.consumed_at or old.created_at, EARLIEST)
        is_settled = old.is_committed or is_completed
        return Consumption(
            id=self._journey.new_id("clog", "legacy", old.id, at=at),
            production_run_id=run_id,
            design_id=design_id,
            quantity=old.quantity,
            unit_of_measure=old.unit_of_measure or WITHOUT_ITEM.get(kind, Unit.PIECE),
            consumption_type=kind,
            consumed_by=ConsumedBy.ADMIN if old.consumed_by == "admin" else ConsumedBy.PARTNER,
            consumed_at=at,
            inventory_item_id=old.inventory_item_id if has_item else None,
            quantity_basis=old.quantity_basis,
            unit_cost=old.unit_cost,
            location_id=self._catalogue.location_of(old.location_id),
            is_committed=is_settled,
            committed_at=at if is_settled else None,
            committed_quantity=old.quantity if is_settled else None,
            commit_note="settled in the old system; no stock moved here" if is_settled else None,
            notes=old.notes,
        )
