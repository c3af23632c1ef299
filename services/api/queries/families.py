"""A run's whole family at once, as the console draws it, and what else one look at a run needs beside its own row."""

from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec
from sqlalchemy import Connection

from shared.domain.policy import Policy, effective

LARGEST = 32
"""Runs of one family that are read; those above the one looked at and right below it come first."""


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """One run of a family. depends_on: ids of the runs it waits for itself."""

    id: str
    parent_run_id: str | None
    child_count: int
    stage: int | None
    role: str | None
    status: str
    phase: str
    quantity: Decimal
    partner_name: str | None
    created_at: datetime
    dispatch_started_at: datetime | None
    dispatch_completed_at: datetime | None
    accepted_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    completed_at: datetime | None
    cancelled_at: datetime | None
    held_at: datetime | None
    flagged_at: datetime | None
    overdue_at: datetime | None
    waiting_until: datetime | None
    depends_on: list[str]
    is_above: bool
    """The run looked at, or a container around it."""


class Family(msgspec.Struct, frozen=True):
    """The members that are shown, parents before their parts, and how many there are in all."""

    members: list[Member]
    count: int

    @property
    def by_id(self) -> dict[str, Member]:
        return {member.id: member for member in self.members}


class Around(msgspec.Struct, frozen=True, kw_only=True):
    """What stands around a run. report: what its approval or split answered, with when. sending_failed: why it could not be sent."""

    design_name: str
    design_media: list[Any]
    order_name: str | None
    partner_name: str | None
    partner_status: str | None
    previous_partner_name: str | None
    policy: Policy
    report: dict[str, Any] | None
    sending_failed: str | None


def family(connection: Connection, run_id: str) -> Family:
    """The family of a run, from its root down."""
    rows = connection.exec_driver_sql(_FAMILY, {"run": run_id, "most": LARGEST}).mappings().all()
    fields = Member.__struct_fields__
    members = [Member(**{name: row[name] for name in fields}) for row in rows]
    members.sort(key=lambda member: (member.stage is not None, member.stage or 0, member.id))
    return Family(members, rows[0]["count"] if rows else 0)


def around(connection: Connection, run_id: str) -> Around:
    """Of a run that is there."""
    row = dict(connection.exec_driver_sql(_AROUND, {"run": run_id}).mappings().one())
    return Around(**{**row, "policy": effective(row["policy"] or {})})


def names(connection: Connection, ids: set[str]) -> dict[str, str]:
    """What people call the things of these ids."""
    if not ids:
        return {}
    return {row[0]: row[1] for row in connection.exec_driver_sql(_NAMES, {"ids": sorted(ids)})}


_PHASE = """CASE r.status
    WHEN 'draft' THEN 'review' WHEN 'pending_review' THEN 'review' WHEN 'sent_to_partner' THEN 'assigned'
    WHEN 'in_progress' THEN CASE WHEN r.finished_at IS NOT NULL THEN 'finished'
                                 WHEN r.started_at IS NOT NULL THEN 'started' ELSE 'accepted' END
    ELSE r.status END"""
_FAMILY = f"""
WITH RECURSIVE above AS (
    SELECT id, parent_run_id FROM production_run WHERE id = %(run)s
    UNION ALL SELECT p.id, p.parent_run_id FROM above a JOIN production_run p ON p.id = a.parent_run_id),
tree AS (
    SELECT id, 0 AS depth FROM above WHERE parent_run_id IS NULL
    UNION ALL SELECT r.id, t.depth + 1 FROM tree t JOIN production_run r ON r.parent_run_id = t.id),
shown AS (
    SELECT r.id, t.depth, EXISTS (SELECT FROM above a WHERE a.id = r.id) AS is_above, count(*) OVER () AS count
    FROM tree t JOIN production_run r ON r.id = t.id
    ORDER BY is_above DESC, r.parent_run_id IS NOT DISTINCT FROM %(run)s DESC, t.depth, r.stage NULLS FIRST, r.id
    LIMIT %(most)s)
SELECT s.is_above, s.count, r.*, {_PHASE} AS phase, p.name AS partner_name,
       ARRAY(SELECT d.depends_on_run_id FROM run_dependency d WHERE d.run_id = r.id ORDER BY 1) AS depends_on
FROM shown s JOIN production_run r ON r.id = s.id LEFT JOIN partner p ON p.id = r.partner_id
ORDER BY s.depth, r.stage NULLS FIRST, r.id
"""
_AROUND = """
SELECT d.name AS design_name, d.media AS design_media, p.name AS partner_name, p.status AS partner_status,
       coalesce(o.display_id, r.order_id) AS order_name,
       (SELECT b.name FROM partner b WHERE b.id = r.previous_partner_id) AS previous_partner_name,
       (SELECT config FROM policy WHERE id = 1) AS policy,
       (SELECT v.result || jsonb_build_object('at', v.done_at) FROM message m JOIN delivery v ON v.message_id = m.id
        WHERE m.run_id = r.id AND m.kind IN ('run.approve', 'run.split') AND v.state = 'done'
        ORDER BY m.seq DESC LIMIT 1) AS report,
       (SELECT m.body->>'reason' FROM message m WHERE m.run_id = r.id AND m.kind = 'production_run.dispatch_failed'
        ORDER BY m.seq DESC LIMIT 1) AS sending_failed
FROM production_run r JOIN design d ON d.id = r.design_id LEFT JOIN partner p ON p.id = r.partner_id
LEFT JOIN shop_order o ON o.source = r.source AND o.order_id = r.order_id
WHERE r.id = %(run)s
"""
_NAMES = """
SELECT id, name FROM partner WHERE id = ANY(%(ids)s)
UNION ALL SELECT id, title FROM inventory_item WHERE id = ANY(%(ids)s)
UNION ALL SELECT id, name FROM stock_location WHERE id = ANY(%(ids)s)
UNION ALL SELECT id, name FROM task_template WHERE id = ANY(%(ids)s)
UNION ALL SELECT id, name FROM design WHERE id = ANY(%(ids)s)
"""
