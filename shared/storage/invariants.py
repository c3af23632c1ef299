"""What must always hold, as SQL that returns what breaks it. All empty is the promise kept; the figures are metrics and on the board.

Some read whole tables: fit for every few minutes, not for every request.
"""

from typing import NamedTuple

from sqlalchemy import Connection

MOST = 100
"""So many offenders are named at most."""


class Invariant(NamedTuple):
    """One row: its name, what it promises, and the query of those that break it."""

    name: str
    sentence: str
    offenders: str


_NOTHING_PENDING = "NOT EXISTS (SELECT 1 FROM delivery p WHERE p.run_id = r.id AND p.state = 'pending')"
_TERMINAL = "('completed', 'cancelled')"


def _told_once(stamp: str, kind: str, *, also: str = "true", fewest: int = 1) -> str:
    """Told once since it was put before its partner: who declined after accepting had told it as well."""
    return f"""SELECT r.id FROM production_run r
        LEFT JOIN (SELECT m.run_id, count(*) AS told FROM message m JOIN production_run p ON p.id = m.run_id
                   WHERE m.kind = '{kind}' AND m.created_at >= coalesce(p.dispatch_completed_at, '-infinity')
                   GROUP BY m.run_id) m ON m.run_id = r.id
        WHERE r.{stamp} IS NOT NULL AND {also} AND coalesce(m.told, 0) NOT BETWEEN {fewest} AND 1"""


INVARIANTS: tuple[Invariant, ...] = (
    Invariant(
        "orders_without_outcome",
        "Five minutes after an order every line of it has its outcome.",
        """SELECT m.id FROM message m
           JOIN delivery d ON d.message_id = m.id AND d.actor = 'place_order' AND d.state IN ('done', 'refused')
           WHERE m.kind = 'order.placed' AND m.created_at < now() - interval '5 minutes'
             AND EXISTS (
                 SELECT 1 FROM jsonb_array_elements(
                     CASE WHEN jsonb_typeof(m.body->'order'->'items') = 'array' AND m.body->'order'->'items' <> '[]'
                         THEN m.body->'order'->'items' ELSE '[{"id": ""}]'::jsonb END) item
                 WHERE NOT EXISTS (
                     SELECT 1 FROM order_line l
                     WHERE l.source = m.body->>'source' AND l.order_id = m.body->'order'->>'id'
                       AND l.order_line_item_id = item->>'id'))""",
    ),
    Invariant(
        "order_lines_without_their_run",
        "An order line that made a run names it.",
        "SELECT l.id FROM order_line l WHERE l.outcome = 'run' AND l.production_run_id IS NULL",
    ),
    Invariant(
        "two_runs_for_one_order_line",
        "An order line has one run, however often it was told.",
        """SELECT min(r.id) FROM production_run r WHERE r.parent_run_id IS NULL AND r.source IS NOT NULL
           GROUP BY r.source, r.order_id, r.order_line_item_id HAVING count(*) > 1""",
    ),
    Invariant(
        "completed_without_settlement",
        "A completed run has its instant, its pieces and the path that closed it.",
        """SELECT r.id FROM production_run r WHERE r.status = 'completed'
           AND num_nulls(r.completed_at, r.produced_quantity, r.rejected_quantity, r.short_quantity, r.completion_source) > 0""",
    ),
    Invariant(
        "all_tasks_done_and_still_open",
        "A run whose last task is done is finished or completed, unless something of it is still pending.",
        f"""SELECT r.id FROM production_run r
            WHERE r.status = 'in_progress' AND r.finished_at IS NULL AND r.held_at IS NULL AND r.child_count = 0
              AND EXISTS (SELECT 1 FROM task t WHERE t.run_id = r.id AND t.work_order_id = r.work_order_id
                          AND t.status = 'completed')
              AND NOT EXISTS (SELECT 1 FROM task t WHERE t.run_id = r.id AND t.work_order_id = r.work_order_id
                              AND t.status NOT IN ('completed', 'cancelled'))
              AND {_NOTHING_PENDING}""",
    ),
    Invariant(
        "parents_out_of_step",
        "A parent closes with its last child, never before, unless something of it is still pending.",
        f"""SELECT r.id FROM production_run r
            JOIN (SELECT parent_run_id, count(*) AS children, count(*) FILTER (WHERE status NOT IN {_TERMINAL}) AS open
                  FROM production_run WHERE parent_run_id IS NOT NULL GROUP BY parent_run_id) c ON c.parent_run_id = r.id
            WHERE (r.child_count <> c.children OR (r.status IN {_TERMINAL}) <> (c.open = 0)) AND {_NOTHING_PENDING}""",
    ),
    Invariant(
        "armed_timers_on_terminal_runs",
        "A run that has ended waits for nothing.",
        f"""SELECT r.id FROM timer t JOIN production_run r ON r.id = t.run_id
            WHERE t.state = 'armed' AND r.status IN {_TERMINAL}""",
    ),
    Invariant(
        "waits_without_a_timer",
        "Whatever a run waits for has a timer of the same gate and instant, unless it is on hold.",
        f"""SELECT r.id FROM production_run r
            WHERE r.waiting_until IS NOT NULL AND r.held_at IS NULL AND r.status NOT IN {_TERMINAL}
              AND NOT EXISTS (SELECT 1 FROM timer t WHERE t.run_id = r.id AND t.state IN ('armed', 'fired')
                              AND t.gate = r.waiting_for AND t.due_at = r.waiting_until)""",
    ),
    Invariant(
        "deliveries_pending_too_long",
        "A delivery that is due is carried out within fifteen minutes.",
        """SELECT d.id FROM delivery d WHERE d.state = 'pending'
           AND d.created_at < now() - interval '15 minutes' AND d.next_at <= now()""",
    ),
    Invariant(
        "news_not_told",
        "An event reaches the webhook endpoints' queue within fifteen minutes.",
        """SELECT m.id FROM feed f JOIN message m ON (m.xid, m.seq) > (f.xid, f.seq) AND m.kind NOT LIKE 'run.%%'
           WHERE f.name = 'webhooks' AND m.created_at < now() - interval '15 minutes'
             AND m.kind LIKE 'production_run.%%' AND EXISTS (SELECT 1 FROM webhook_endpoint e WHERE e.state = 'active')""",
    ),
    Invariant(
        "stock_out_of_step_with_its_movements",
        "A stock level is the sum of its movements.",
        """SELECT l.id FROM stock_level l WHERE l.stocked <> coalesce((
               SELECT sum(m.quantity) FROM stock_movement m
               WHERE m.inventory_item_id = l.inventory_item_id AND m.location_id = l.location_id), 0)""",
    ),
    Invariant(
        "completed_with_open_consumption",
        "A completed run has settled all its material.",
        """SELECT r.id FROM production_run r WHERE r.status = 'completed'
           AND EXISTS (SELECT 1 FROM consumption_log c WHERE c.production_run_id = r.id AND NOT c.is_committed)""",
    ),
    Invariant(
        "accepted_not_told_once",
        "An accepted run told it once.",
        _told_once("accepted_at", "production_run.accepted"),
    ),
    # Tasks that are all done fill in stamps nobody told: then there is one event less, never one more.
    Invariant(
        "started_told_twice",
        "A started run told it at most once.",
        _told_once("started_at", "production_run.started", fewest=0),
    ),
    Invariant(
        "finished_not_told_once",
        "A finished run told it once; one that its tasks completed need not.",
        _told_once(
            "finished_at", "production_run.finished", also="r.completion_source IS DISTINCT FROM 'tasks'"
        ),
    ),
    Invariant(
        "completed_not_told_once",
        "A completed run told it once.",
        _told_once("completed_at", "production_run.completed"),
    ),
)  # fmt: skip
"""The promise, row by row."""


def check(connection: Connection) -> dict[str, list[str]]:
    """The ids of what breaks each invariant, at most MOST of each."""
    return {
        row.name: [
            str(found) for found in connection.exec_driver_sql(f"{row.offenders} ORDER BY 1 LIMIT {MOST}").scalars()
        ]
        for row in INVARIANTS
    }
