"""indexes of pages

On tables that have rows already: a migration of its own that makes nothing else, so that one that was cut off is run again.
An index that was cut off stays behind invalid and goes first.

Revision: 0005, after 0004
"""

from alembic import op
import sqlalchemy as sa

revision = '0005'
down_revision = '0004'
branch_labels = None
depends_on = None

INDEXES = (
    ('ix_production_run_waiting_until_id', 'production_run', ['waiting_until', 'id'], 'waiting_until is not null'),
    ('ix_production_run_flagged_at', 'production_run', ['flagged_at'], 'flagged_at is not null'),
    ('ix_production_run_awaiting_templates', 'production_run', ['dispatch_started_at'], "dispatch_state = 'awaiting_templates'"),
    ('ix_message_dispatch_failed', 'message', ['run_id'], "kind = 'production_run.dispatch_failed'"),
    (
        'ix_message_order_id',
        'message',
        [sa.text("coalesce((body -> 'order') ->> 'id', body ->> 'order_id')")],
        "kind in ('order.placed', 'order.updated', 'order.cancelled')",
    ),
    ('ix_delivery_refused', 'delivery', ['done_at'], "state = 'refused'"),
    ('ix_notification_created_at_id', 'notification', ['created_at', 'id'], None),
    ('ix_notification_failed', 'notification', ['id'], "state = 'failed'"),
    ('ix_order_line_created_at_id', 'order_line', ['created_at', 'id'], None),
)


def upgrade() -> None:
    with op.get_context().autocommit_block():
        for name, table, columns, where in INDEXES:
            op.drop_index(name, table_name=table, if_exists=True, postgresql_concurrently=True)
            op.create_index(
                name, table, columns, postgresql_where=sa.text(where) if where else None, postgresql_concurrently=True
            )


def downgrade() -> None:
    with op.get_context().autocommit_block():
        for name, table, _, _ in INDEXES:
            op.drop_index(name, table_name=table, if_exists=True, postgresql_concurrently=True)
