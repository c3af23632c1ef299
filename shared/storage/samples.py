"""How far the other parts of a sample are, for the design that all of them move."""

from sqlalchemy import Connection

from shared.domain.runs import Run


def reached_beside(connection: Connection, run: Run) -> set[str]:
    """The milestones that other parts of the run's sample, or the whole sample, have behind them.

    The design is locked first: a part that went on since moves it after us, so neither takes it back.
    """
    if run.parent_run_id is None:
        return set()
    connection.exec_driver_sql("SELECT 1 FROM design WHERE id = %(id)s FOR NO KEY UPDATE", {"id": run.design_id})
    row = connection.exec_driver_sql(_REACHED, {"id": run.id}).mappings().one()
    return {milestone for milestone, is_reached in row.items() if is_reached}


_REACHED = """
    WITH RECURSIVE above AS (
        SELECT id, parent_run_id FROM production_run WHERE id = %(id)s
        UNION ALL SELECT r.id, r.parent_run_id FROM production_run r JOIN above a ON r.id = a.parent_run_id),
    part AS (
        SELECT r.id, r.parent_run_id, r.started_at, r.finished_at, r.completed_at
        FROM production_run r JOIN above a ON a.id = r.id WHERE a.parent_run_id IS NULL
        UNION ALL SELECT r.id, r.parent_run_id, r.started_at, r.finished_at, r.completed_at
        FROM production_run r JOIN part p ON r.parent_run_id = p.id)
    SELECT bool_or(started_at IS NOT NULL) AS start, bool_or(finished_at IS NOT NULL) AS finish,
           bool_or(completed_at IS NOT NULL AND parent_run_id IS NULL) AS complete
    FROM part WHERE id <> %(id)s
"""
