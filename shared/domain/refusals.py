"""Refusals: a rule said no. Recorded as the answer, shown to the asker, never retried. The docstring is the sentence."""

from enum import StrEnum
from inspect import cleandoc
from typing import Any, ClassVar

import msgspec


class Kind(StrEnum):
    """What a refusal speaks about; the gateway's table turns it into a status."""

    STATE = "state"
    """The run's state forbids it."""
    REFERENCE = "reference"
    """The request names something that does not exist or does not fit."""
    MISSING = "missing"
    """There is no such thing, or it is somebody else's."""


class FieldError(msgspec.Struct, frozen=True):
    """One wrong place in a request: a JSON pointer and a sentence."""

    pointer: str
    detail: str


class Refusal(Exception):
    """The rules do not allow this."""

    code: ClassVar[str] = "refused"
    kind: ClassVar[Kind] = Kind.STATE

    def __init__(self, *, pointer: str | None = None, errors: tuple[FieldError, ...] = (), **facts: Any) -> None:
        self.detail = cleandoc(self.__doc__ or "").replace("\n", " ").format(**facts)
        self.errors = errors or ((FieldError(pointer, self.detail),) if pointer else ())
        super().__init__(self.detail)

    def record(self) -> dict[str, Any]:
        """The refusal as it is stored: code, kind, detail, errors."""
        return {
            "code": self.code,
            "kind": self.kind.value,
            "detail": self.detail,
            "errors": [{"pointer": error.pointer, "detail": error.detail} for error in self.errors],
        }


class WrongState(Refusal):
    """{verb} is not possible: {why}"""

    code = "wrong_state"


class RepeatedStep(Refusal):
    """{verb} was done already at {at}; it cannot be done twice."""

    code = "already_done"


class IsContainer(Refusal):
    """This run was split among partners; work on its parts instead."""

    code = "run_is_a_container"


class NotSplit(Refusal):
    """This run was split among partners already; cancel or reassign its parts instead."""

    code = "already_allocated"


class NoPartner(Refusal):
    """No partner is assigned to this run; assign one first."""

    code = "no_partner"


class WaitsForPredecessors(Refusal):
    """This run waits for {count} earlier run(s) that are not settled yet: {ids}."""

    code = "predecessors_not_settled"


class OpenRedo(Refusal):
    """Rework is still open: {titles}. Finish it first."""

    code = "open_redo_tasks"


class OnHold(Refusal):
    """This run is on hold; resume it first."""

    code = "on_hold"


class NotFlagged(Refusal):
    """Nothing is flagged on this run."""

    code = "not_flagged"


class StaleTransaction(Refusal):
    """This choice belongs to another dispatch than the one that is waiting; read the run again."""

    code = "stale_dispatch"


class TaskClosed(Refusal):
    """This task is {status}; it cannot be {verb} any more."""

    code = "task_closed"


class RunNotAccepted(Refusal):
    """Accept the run first; its tasks open with it."""

    code = "run_not_accepted"


class TaskOfOldWorkOrder(Refusal):
    """This task belongs to an earlier work order and counts no more."""

    code = "old_work_order"


class StockShort(Refusal):
    """Only {stocked} of {item} are in stock and {wanted} were used; correct the log or the stock first."""

    code = "stock_short"


class NotFound(Refusal):
    """There is no such {thing}."""

    code = "not_found"
    kind = Kind.MISSING


class Unknown(Refusal):
    """There is no {thing} {value!r}."""

    code = "unknown_reference"
    kind = Kind.REFERENCE


class InactivePartner(Refusal):
    """{name} is {status} and takes no new work; choose an active partner."""

    code = "inactive_partner"
    kind = Kind.REFERENCE


class AmbiguousName(Refusal):
    """The name {name!r} fits several templates ({candidates}); choose by id."""

    code = "ambiguous_template"
    kind = Kind.REFERENCE


class NoSelection(Refusal):
    """Choose exactly one of template_names, template_ids and template_category, and not an empty one."""

    code = "no_template_choice"
    kind = Kind.REFERENCE


class OnlyRedo(Refusal):
    """{name!r} is not a rework template; only rework can be added here."""

    code = "not_a_redo_template"
    kind = Kind.REFERENCE


class WrongSum(Refusal):
    """The quantities of stage {stage} add up to {total}, and {expected} is ordered."""

    code = "wrong_sum"
    kind = Kind.REFERENCE


class Unbalanced(Refusal):
    """Ordered {ordered}, but produced {produced} + rejected {rejected} + short {short} = {total}."""

    code = "yield_does_not_balance"
    kind = Kind.REFERENCE


class OverYield(Refusal):
    """Produced {produced} is more than {limit}, the most that {ordered} ordered pieces allow; an admin can record it."""

    code = "over_yield"
    kind = Kind.REFERENCE


class ReasonMissing(Refusal):
    """{field} needs {reason}."""

    code = "reason_missing"
    kind = Kind.REFERENCE


class InvalidField(Refusal):
    """{sentence}"""

    code = "invalid_field"
    kind = Kind.REFERENCE
