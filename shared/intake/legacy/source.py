"""The rows of one source, told apart: by kind, by design, by assignment. Only looks things up; the judges lean on it."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from shared.intake.legacy.rows import OldAssignment, OldDesign, OldLink, OldRun, Row

OldT = TypeVar("OldT")

EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
"""No instant before this is believed; it also stands for one that was never written."""


class Source:
    """All rows of an import."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self._by_kind: dict[str, list[Row]] = defaultdict(list)
        for row in rows:
            self._by_kind[row.kind].append(row)
        self._designs = {old.id: old.told for old in self._olds("design", OldDesign)}
        self._linked: dict[str, list[str]] = defaultdict(list)
        for link in self._olds("design_partner", OldLink):
            self._linked[link.design_id].append(link.partner_id)
        self._groups: dict[str, list[OldAssignment]] = defaultdict(list)
        for task in self._olds("assignment", OldAssignment):
            if task.assignment:
                self._groups[task.assignment].append(task)
        for group in self._groups.values():
            group.sort(key=lambda old: (old.parent_task_id is not None, old.created_at or EARLIEST, old.id))
        self._assigned = {self.design_of(group) for group in self._groups.values()}
        self._latest = self._find_latest()
        self._parents = {old.parent_run_id for old in self._olds("production_run", OldRun)}

    def rows(self, kind: str) -> Sequence[Row]:
        return self._by_kind[kind]

    def told_of(self, design_id: str) -> Mapping[str, Any]:
        """What a design says in its metadata."""
        return self._designs.get(design_id, {})

    def tasks_of(self, assignment: str) -> Sequence[OldAssignment]:
        """The tasks of an assignment, its subtasks last."""
        return self._groups[assignment]

    def design_of(self, group: Sequence[OldAssignment]) -> str | None:
        """The design that the tasks name."""
        return _named(group, "design_id")

    def partner_of(self, group: Sequence[OldAssignment]) -> str | None:
        """Whoever the tasks name, else the design, else the only one it is linked to."""
        design_id = self.design_of(group) or ""
        said = self.told_of(design_id).get("partner_id")
        return _named(group, "partner_id") or (said if isinstance(said, str) else None) or self._only_link(design_id)

    def is_assigned(self, design_id: str) -> bool:
        """Whether there are tasks of an assignment of the design."""
        return design_id in self._assigned

    def is_latest(self, assignment: str) -> bool:
        """Whether the partner got the design last by this assignment; what the design says is said of that one."""
        group = self._groups[assignment]
        return self._latest[self.design_of(group), self.partner_of(group)] == assignment

    def is_split(self, run_id: str) -> bool:
        """Whether other runs are parts of this one."""
        return run_id in self._parents

    def _find_latest(self) -> dict[tuple[str | None, str | None], str]:
        by_age = sorted(self._groups.items(), key=lambda item: (began(item[1]) or EARLIEST, item[0]))
        return {(self.design_of(group), self.partner_of(group)): assignment for assignment, group in by_age}

    def _only_link(self, design_id: str) -> str | None:
        linked = self._linked.get(design_id, ())
        return linked[0] if len(linked) == 1 else None

    def _olds(self, kind: str, of: type[OldT]) -> list[OldT]:
        return [row.old for row in self._by_kind[kind] if isinstance(row.old, of)]


def began(group: Sequence[OldAssignment]) -> datetime | None:
    """When the first of the tasks was made."""
    return min((old.created_at for old in group if old.created_at), default=None)


def _named(group: Sequence[OldAssignment], field: str) -> str | None:
    return next((found for old in group if (found := old.named(field))), None)
