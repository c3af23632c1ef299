"""Designs as the retired flow reads them: those a partner is linked to, each with the one run of theirs that stands for it."""

from typing import Any

import msgspec
from sqlalchemy import Connection

from services.api.queries import runs
from shared.domain import legacy

_COLUMNS = "id, name, description, status, category, specifications, colours, sizes, media, created_at, updated_at"
_CURRENT = """
    SELECT DISTINCT ON (r.design_id) r.design_id, r.id AS run_id FROM production_run r
    WHERE r.partner_id = %(partner)s AND r.child_count = 0 AND r.run_type = 'sample'
      AND r.status IN ('approved', 'sent_to_partner', 'in_progress', 'completed')
      AND (%(design)s::text IS NULL OR r.design_id = %(design)s)
    ORDER BY r.design_id, r.status = 'completed', r.id DESC
"""
"""An open sample stands for its design before a completed one, a newer one before an older."""

_MINE = f"""
    SELECT d.id AS design_id, c.run_id FROM design d LEFT JOIN ({_CURRENT}) c ON c.design_id = d.id
    WHERE (%(design)s::text IS NULL OR d.id = %(design)s)
      AND (c.run_id IS NOT NULL
           OR EXISTS (SELECT FROM design_partner l WHERE l.design_id = d.id AND l.partner_id = %(partner)s))
"""


class Entry(msgspec.Struct, frozen=True):
    """A design, and the run that stands for it; None when the partner is linked to it and nothing was sent yet."""

    design: dict[str, Any]
    run: runs.View | None

    @property
    def info(self) -> legacy.PartnerInfo | None:
        if self.run is None:
            return legacy.ONLY_LINKED
        return legacy.partner_info(self.run.run, has_open_redo=bool(self.run.facts.open_redo))

    @property
    def run_id(self) -> str | None:
        return self.run.run.id if self.run else None


def find(connection: Connection, design_id: str, *, partner_id: str) -> Entry | None:
    """The partner's design, None when it is missing or none of theirs."""
    return next(iter(_entries(connection, partner_id, design_id=design_id, limit=1, offset=0)), None)


def page(connection: Connection, *, partner_id: str, limit: int, offset: int) -> tuple[list[Entry], int]:
    """So many of the partner's designs, the newest assignment first and those that were not sent last; and how many there are."""
    count = connection.exec_driver_sql(
        f"SELECT count(*) FROM ({_MINE}) m", {"partner": partner_id, "design": None}
    ).scalar_one()
    return _entries(connection, partner_id, design_id=None, limit=limit, offset=offset), count


def open_rework(connection: Connection, run_id: str) -> list[str]:
    """The ids of the run's open rework; what lies below other open rework closes with it."""
    return list(
        connection.exec_driver_sql(
            """WITH open AS (
                   SELECT t.id, t.parent_task_id, t.round, t.position
                   FROM task t JOIN production_run r ON r.id = t.run_id AND r.work_order_id = t.work_order_id
                   WHERE r.id = %(run)s AND t.kind = 'redo' AND t.status NOT IN ('completed', 'cancelled'))
               SELECT id FROM open WHERE parent_task_id IS NULL OR parent_task_id NOT IN (SELECT id FROM open)
               ORDER BY round, position, id""",
            {"run": run_id},
        ).scalars()
    )


def _entries(connection: Connection, partner_id: str, *, design_id: str | None, limit: int, offset: int) -> list[Entry]:
    rows = connection.exec_driver_sql(
        f"""SELECT m.run_id, d.* FROM ({_MINE}) m JOIN (SELECT {_COLUMNS} FROM design) d ON d.id = m.design_id
            ORDER BY m.run_id DESC NULLS LAST, d.id DESC LIMIT %(limit)s OFFSET %(offset)s""",
        {"partner": partner_id, "design": design_id, "limit": limit, "offset": offset},
    ).mappings()
    found = [({name: value for name, value in row.items() if name != "run_id"}, row["run_id"]) for row in rows]
    views = {view.run.id: view for view in runs.several(connection, [run_id for _, run_id in found if run_id])}
    return [Entry(told, views.get(run_id)) for told, run_id in found]
