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


class AutoDispatch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whether an order-born run may go out without a person."""

    enabled: bool = False


class Deadlines(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Seconds each wait may last, counted from when it is armed."""

    templates: int = 60 * 60
    accept: int = 23 * DAY
    start: int = 23 * DAY
    finish: int = 23 * DAY
    complete: int = 23 * DAY

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            if not 1 <= getattr(self, name) <= 3660 * DAY:
                raise ValueError(f"{name}: must be from 1 second to ten years, in seconds")


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
    over_yield_tolerance: Decimal = Decimal("0.05")
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
