"""Consumption: what an entry becomes, where it is taken from, what it leaves in stock."""

from decimal import Decimal
from typing import Any

import pytest

from shared.domain import consumption, events, refusals
from shared.domain.consumption import (
    WITHOUT_ITEM,
    ConsumedBy,
    Consumption,
    ConsumptionType,
    Entry,
    Level,
    QuantityBasis,
    Settled,
    Unit,
)
from shared.domain.policy import OnStockShort, Policy
from shared.domain.runs import Run, RunType, Status
from tests.domain.builders import NOON, a_run


def a_log(quantity: str = "5", **more: Any) -> Consumption:
    given: dict[str, Any] = {
        "id": "clog_1",
        "production_run_id": "run_1",
        "design_id": "dsgn_1",
        "quantity": Decimal(quantity),
        "unit_of_measure": Unit.METER,
        "consumption_type": ConsumptionType.PRODUCTION,
        "consumed_by": ConsumedBy.PARTNER,
        "consumed_at": NOON,
        "inventory_item_id": "item_1",
    }
    return Consumption(**{**given, **more})


def a_level(place: str = "sloc_a", stocked: str = "100", *, owner: str | None = None, item: str = "item_1") -> Level:
    return Level(
        id=f"slev_{place}", inventory_item_id=item, location_id=place, stocked=Decimal(stocked), partner_id=owner
    )


def a_settled_run(**more: Any) -> Run:
    pieces = {"produced_quantity": Decimal(3), "rejected_quantity": Decimal(1)}
    return a_run(Status.COMPLETED, **{**pieces, "completed_at": NOON, **more})


def settle(*logs: Consumption, levels: tuple[Level, ...] = (), **more: Any) -> Settled:
    given: dict[str, Any] = {"planned": [], "default_location_id": None, "policy": Policy()}
    return consumption.settle(logs, more.pop("run", a_settled_run()), levels=levels, at=NOON, **{**given, **more})


# Logging ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [None, *ConsumptionType])
def test_material_names_its_item_and_nothing_else_needs_one(kind: ConsumptionType | None) -> None:
    if kind in WITHOUT_ITEM:
        assert Entry(quantity=Decimal(1), consumption_type=kind).inventory_item_id is None
    else:
        with pytest.raises(ValueError, match="inventory_item_id"):
            Entry(quantity=Decimal(1), consumption_type=kind)


@pytest.mark.parametrize("quantity", ["0", "-1", "NaN", "1e13"])
def test_a_quantity_is_a_plain_number_above_nothing(quantity: str) -> None:
    with pytest.raises(ValueError, match="quantity"):
        Entry(quantity=Decimal(quantity), inventory_item_id="item_1")


@pytest.mark.parametrize("run_type", RunType)
def test_what_is_used_for_a_run_is_of_its_type_unless_said(run_type: RunType) -> None:
    entry = Entry(quantity=Decimal(1), inventory_item_id="item_1")

    written, told = consumption.log(
        entry, a_run(run_type=run_type), log_id="clog_1", units={"item_1": Unit.ROLL}, by_admin=True, at=NOON
    )

    assert (written.consumption_type, written.unit_of_measure) == (run_type.value, Unit.ROLL)
    assert written.consumed_by is ConsumedBy.ADMIN
    assert isinstance(told, events.ConsumptionLogged)


@pytest.mark.parametrize("status", Status)
def test_only_an_open_run_is_logged_on(status: Status) -> None:
    run = a_run(status)
    if run.is_terminal:
        with pytest.raises(refusals.WrongState):
            consumption.open_to_logs(run)
    else:
        consumption.open_to_logs(run)


@pytest.mark.parametrize(
    ("quantity", "pieces", "unit_cost", "field"),
    [
        ("1000000000", "1000000", None, "quantity"),
        ("999999999999.999999", "999999999999.999999", None, "quantity"),
        ("1000000", "1000", "1000", "unit_cost"),
        ("999999.999999", "1", "999999999999.999999", "unit_cost"),
    ],
)
def test_an_absurd_amount_per_piece_is_refused_when_it_is_logged(
    quantity: str, pieces: str, unit_cost: str | None, field: str
) -> None:
    entry = Entry(
        quantity=Decimal(quantity),
        inventory_item_id="i",
        quantity_basis=QuantityBasis.PER_PIECE,
        unit_cost=Decimal(unit_cost) if unit_cost else None,
    )

    with pytest.raises(refusals.InvalidField) as no:
        consumption.log(
            entry,
            a_run(quantity=Decimal(pieces)),
            log_id="c",
            units={},
            by_admin=True,
            at=NOON,
            pointer="/consumptions/1",
        )

    assert no.value.record()["errors"][0]["pointer"] == f"/consumptions/1/{field}"


def test_the_largest_amount_that_is_taken_is_kept_to_the_last_digit() -> None:
    done = settle(a_log("249999999999.999999", quantity_basis=QuantityBasis.PER_PIECE), levels=(a_level(),))

    assert done.logs[0].committed_quantity == Decimal("999999999999.999996")


# Where it is taken from ---------------------------------------------------------------------------------------------

PLANNED = [{"inventory_item_id": "item_1", "location_id": "sloc_plan"}]
LEVELS = (a_level("sloc_b"), a_level("sloc_a"), a_level("sloc_0", owner="ptnr_1"), a_level("sloc_9", item="item_2"))
PLACES = (
    # the log's    the body's    planned   levels        taken from
    ("sloc_log",   "sloc_body",  PLANNED,  LEVELS,       "sloc_log"),
    (None,         "sloc_body",  PLANNED,  LEVELS,       "sloc_body"),
    (None,         None,         PLANNED,  LEVELS,       "sloc_plan"),
    (None,         None,         [],       LEVELS[:1],   "sloc_b"),
    (None,         None,         [],       LEVELS,       "sloc_a"),
    (None,         None,         [],       (a_level("sloc_a", "0"), a_level("sloc_b")), "sloc_b"),
    (None,         None,         [],       (a_level("sloc_a", "0"), a_level("sloc_0", owner="ptnr_1")), "sloc_a"),
    (None,         None,         [],       LEVELS[2:],   "sloc_0"),
    (None,         None,         [],       LEVELS[3:],   None),
)  # fmt: skip


@pytest.mark.parametrize(("own", "default", "planned", "levels", "wanted"), PLACES)
def test_the_nearest_word_says_where_material_comes_from(
    own: str | None, default: str | None, planned: list[Any], levels: tuple[Level, ...], wanted: str | None
) -> None:
    assert consumption.location_for(a_log(location_id=own), levels, planned=planned, default=default) == wanted


# Settling -----------------------------------------------------------------------------------------------------------


def test_what_was_used_leaves_the_level_exactly() -> None:
    level = a_level(stocked="100")

    done = settle(a_log("5"), a_log("2.5", id="clog_2"), levels=(level,))

    assert level.stocked == Decimal("92.5")
    assert [movement.quantity for movement in done.movements] == [Decimal(-5), Decimal("-2.5")]
    assert all(log.is_committed and log.committed_at == NOON for log in done.logs)


def test_a_quantity_per_piece_is_times_good_and_rejected() -> None:
    done = settle(a_log("1.5", quantity_basis=QuantityBasis.PER_PIECE), levels=(a_level(),))

    assert done.logs[0].committed_quantity == 6


def test_a_quantity_per_piece_waits_while_pieces_are_not_counted() -> None:
    done = settle(a_log(quantity_basis=QuantityBasis.PER_PIECE), levels=(a_level(),), run=a_run())

    assert (done.logs, done.movements, done.told) == ([], [], [])


def test_a_committed_log_is_left_alone() -> None:
    assert settle(a_log(is_committed=True), levels=(a_level(),)).logs == []


def test_a_level_stops_at_nothing_and_the_rest_is_recorded_and_told() -> None:
    level = a_level(stocked="3")

    done = settle(a_log("5"), a_log("1", id="clog_2"), levels=(level,))

    assert level.stocked == 0
    assert [(movement.quantity, movement.shortfall) for movement in done.movements] == [(-3, 2), (0, 1)]
    assert [type(told) for told in done.told] == [events.ConsumptionCommitted, events.StockShort, events.StockShort]


def test_a_house_that_refuses_what_is_short_says_what_is_there() -> None:
    with pytest.raises(refusals.StockShort, match="Only 3"):
        settle(a_log("5"), levels=(a_level(stocked="3"),), policy=Policy(on_stock_short=OnStockShort.REFUSE))


@pytest.mark.parametrize(
    ("levels", "note"),
    [
        ((a_level(owner="ptnr_1"),), "not ours"),
        ((), "anywhere"),
        ((a_level(item="item_2"),), "anywhere"),
    ],
)
def test_what_cannot_move_is_settled_and_says_why(levels: tuple[Level, ...], note: str) -> None:
    done = settle(a_log("5"), levels=levels)

    assert done.movements == []
    assert done.logs[0].is_committed
    assert note in (done.logs[0].commit_note or "")
