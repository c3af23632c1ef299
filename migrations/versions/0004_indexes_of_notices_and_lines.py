"""indexes of notices and lines

On tables that have rows already: a migration of its own that makes nothing else, so that one that was cut off is run again.
An index that was cut off stays behind invalid and goes first.

Revision: 0004, after 0003
"""

from alembic import op
import sqlalchemy as sa

revision = '0004'
down_revision = '0003'
branch_labels = None
depends_on = None

INDEXES = (
    ('ix_notification_next_at', 'notification', ['next_at'], "state = 'pending'"),
    ('ix_notification_run_id', 'notification', ['run_id'], 'run_id is not null'),
    ('ix_order_line_unmapped', 'order_line', ['product_id'], "outcome = 'unmapped'"),
)


def upgrade() -> None:
    with op.get_context().autocommit_block():
        for name, table, columns, where in INDEXES:
            op.drop_index(name, table_name=table, if_exists=True, postgresql_concurrently=True)
            op.create_index(name, table, columns, postgresql_where=sa.text(where), postgresql_concurrently=True)


def downgrade() -> None:
    with op.get_context().autocommit_block():
        for name, table, _, _ in INDEXES:
            op.drop_index(name, table_name=table, if_exists=True, postgresql_concurrently=True)
