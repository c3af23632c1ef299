"""What becomes of each row of the old system: pure, and the same for the same rows, so a dry run says what a real one does."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any

from shared.domain.policy import Policy
from shared.intake.legacy.assignments import Assignments
from shared.intake.legacy.catalogue import Catalogue
from shared.intake.legacy.journey import Journey, Namer
from shared.intake.legacy.material import Material
from shared.intake.legacy.old_runs import OldRuns
from shared.intake.legacy.register import Register
from shared.intake.legacy.rows import (
    KINDS,
    Old,
    OldAssignment,
    OldConsumption,
    OldDesign,
    OldItem,
    OldLink,
    OldPartner,
    OldRun,
    Row,
    Unreadable,
)
from shared.intake.legacy.source import Source
from shared.intake.legacy.verdicts import SETTLED, Known, Outcome, Refused, Verdict


class Takeover:
    """One pass over all rows. Each is judged by the judge of its kind."""

    def __init__(self, rows: Sequence[Row], known: Known, *, new_id: Namer, at: datetime, policy: Policy) -> None:
        self._source = Source(rows)
        self._records = known.records
        self._register = Register(known)
        self._seen: set[tuple[str, str]] = set()
        catalogue = Catalogue(known)
        judging: dict[str, Any] = {
            "catalogue": catalogue,
            "register": self._register,
            "journey": Journey(new_id=new_id, now=at, policy=policy),
        }
        assignments = Assignments(self._source, known, **judging)
        self._judges: dict[type[Old], Callable[[Row, Any], Verdict]] = {
            OldPartner: catalogue.partner,
            OldDesign: lambda row, old: assignments.of_design(catalogue.design(row, old), old),
            OldLink: catalogue.link,
            OldItem: catalogue.item,
            OldAssignment: assignments.judge,
            OldRun: OldRuns(self._source, **judging).judge,
            OldConsumption: Material(**judging).judge,
        }

    def verdicts(self) -> Iterator[Verdict]:
        """Every row's outcome; rows come in the order in which they build on each other."""
        for kind in ("unreadable", *KINDS):
            for row in self._source.rows(kind):
                yield self._judge(row)

    def _judge(self, row: Row) -> Verdict:
        place = (row.kind, row.legacy_id)
        if place in self._seen:
            return Verdict(row, Outcome.REPEATED, "told twice by this source; the first one counts")
        self._seen.add(place)
        outcome, run_id = self._records.get(place, (None, None))
        if outcome in SETTLED:
            self._register.remember(row.old, run_id)
            return Verdict(row, Outcome.REPEATED, "taken over before", run_id)
        try:
            if row.old is None:
                raise Refused(row.problem or "it cannot be read")
            return self._judges[type(row.old)](row, row.old)
        except (Refused, Unreadable) as why:
            return Verdict(row, Outcome.REFUSED, str(why))
