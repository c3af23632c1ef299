"""What the old runs and assignments became: whoever comes after them, a log or the next import, finds its run here."""

from shared.domain.runs import Status
from shared.intake.legacy.catalogue import link_of
from shared.intake.legacy.rows import Old, OldAssignment, OldDesign, OldRun, Row
from shared.intake.legacy.verdicts import Known, Outcome, Taken, Verdict


class Register:
    """The runs that earlier imports and the rows so far brought."""

    def __init__(self, known: Known) -> None:
        self._runs = known.runs
        self._of_design: dict[str, str] = {}
        self._of_old: dict[str, str] = {}

    def bring(self, row: Row, taken: Taken, said: str) -> Verdict:
        """Enter the run that a row became."""
        run = taken.run
        self._runs[run.id] = (run.design_id, run.status is Status.COMPLETED)
        self.remember(row.old, run.id)
        makes = link_of(run.design_id, run.partner_id) if run.partner_id else {}
        return Verdict(row, Outcome.IMPORTED, said, run.id, makes=makes, taken=taken)

    def remember(self, old: Old | None, run_id: str | None) -> None:
        """Enter the run that a row became in an earlier import; of a design's runs an open one comes first."""
        if not isinstance(old, OldRun | OldAssignment | OldDesign) or run_id not in self._runs:
            return
        if isinstance(old, OldRun):
            self._of_old[old.id] = run_id
        design_id, is_completed = self._runs[run_id]
        if design_id not in self._of_design or not is_completed:
            self._of_design[design_id] = run_id

    def find(self, *, old_run_id: str | None, design_id: str | None) -> str | None:
        """What the old run became, else the design's run."""
        return self._of_old.get(old_run_id or "") or self._of_design.get(design_id or "")

    def about(self, run_id: str) -> tuple[str, bool]:
        """A run's design, and whether it is completed."""
        return self._runs[run_id]
