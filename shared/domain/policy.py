"""The house's policy: one document with defaults. What an admin stores is merged over it; unknown keys are refused."""

from decimal import Decimal
from enum import StrEnum
from typing import Any

import msgspec

from shared.domain import amounts

DAY = 24 * 60 * 60


class OnAllTasksDone(StrEnum):
    """What the last finished task does to its run."""

    COMPLETE = "complete"
    FINISH = "finish"


class OnStockShort(StrEnum):
    """What becomes of consumption that stock does not cover."""

    RECORD = "record"
    REFUSE = "refuse"


class Rates(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a unit of energy, water or labour costs where the log does not say; null: it costs nothing."""

    energy_electricity: Decimal | None = None
    energy_water: Decimal | None = None
    energy_gas: Decimal | None = None
    labor: Decimal | None = None

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            amounts.not_negative(getattr(self, name), name)


class AutoDispatch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whether an order-born run may go out without a person. template_category: its templates; null: they are chosen by a person."""

    enabled: bool = False
    template_category: str | None = None


class Routes(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The partner (by id) who makes a design (by id) or a category of designs (by name); the design's own route wins."""

    designs: dict[str, str] = {}
    categories: dict[str, str] = {}


class OnUnaccepted(StrEnum):
    """What becomes of a run that was not accepted in time."""

    FLAG = "flag"
    REASSIGN = "reassign"


class Deadlines(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Seconds each wait may last, counted from when it is armed; and what a lapsed wait for acceptance does."""

    templates: int = 60 * 60
    accept: int = 23 * DAY
    start: int = 23 * DAY
    finish: int = 23 * DAY
    complete: int = 23 * DAY
    on_unaccepted: OnUnaccepted = OnUnaccepted.FLAG

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if isinstance(value, int) and not 1 <= value <= 3660 * DAY:
                raise ValueError(f"{name}: must be from 1 second to ten years, in seconds")


class Reminders(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When a silent partner is reminded: hours of silence per stage, how often, and from which hour of a weekday on."""

    enabled: bool = True
    accept_hours: int = 24
    start_hours: int = 24
    idle_hours: int = 72
    most_per_stage: int = 2
    hour: int = 10

    def __post_init__(self) -> None:
        for name, (least, most) in _REMINDER_BOUNDS.items():
            if not least <= getattr(self, name) <= most:
                raise ValueError(f"{name}: must be from {least} to {most}")


_REMINDER_BOUNDS = {
    "accept_hours": (1, 24 * 366),
    "start_hours": (1, 24 * 366),
    "idle_hours": (1, 24 * 366),
    "most_per_stage": (1, 20),
    "hour": (0, 23),
}


class SampleDesign(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The status a sample run moves its design to, per milestone; null moves nothing."""

    start: str | None = "In_Development"
    finish: str | None = "Technical_Review"
    complete: str | None = "Approved"


class Policy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The effective policy. The defaults here are the house's."""

    auto_dispatch: AutoDispatch = AutoDispatch()
    auto_dispatch_first_stage: bool = False
    deadlines: Deadlines = Deadlines()
    on_all_tasks_done: OnAllTasksDone = OnAllTasksDone.COMPLETE
    on_stock_short: OnStockShort = OnStockShort.RECORD
    over_yield_tolerance: Decimal = Decimal("0.05")
    rates: Rates = Rates()
    reminders: Reminders = Reminders()
    routes: Routes = Routes()
    sample_design: SampleDesign = SampleDesign()

    def __post_init__(self) -> None:
        amounts.not_negative(self.over_yield_tolerance, "over_yield_tolerance")


def effective(config: dict[str, Any]) -> Policy:
    """The stored document over the defaults. Raises msgspec.ValidationError with a path for unknown or wrong entries."""
    return msgspec.convert(config, Policy, strict=False)


def merge(stored: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    """The stored document after an edit: objects merge, values replace, null takes an entry back to its default.

    In `sample_design` null is a value of its own: that milestone moves no design.
    """
    merged = dict(stored)
    for key, value in change.items():
        if value is None:
            merged.pop(key, None)
        elif key == "sample_design" and isinstance(value, dict):
            merged[key] = {**stored.get(key, {}), **value}
        elif isinstance(value, dict):
            below = stored.get(key)
            merged[key] = merge(below if isinstance(below, dict) else {}, value)
        else:
            merged[key] = value
    return merged
