"""shops

Safe to run while the old code serves, because it will:

- a new column comes nullable or with a constant default; fill it in batches; forbid null in a later release,
  by `check (...) not valid`, then `validate constraint`, then `set not null`;
- an index on a table with rows is made `concurrently`, in `with op.get_context().autocommit_block():`;
- a foreign key or check on a table with rows is added `not valid` and validated in the next migration;
- backfill in batches of a few thousand rows, each in a transaction of its own, never in the migration that locks;
- rename nothing in use: add the new, write both, move the readers, drop the old one release later.

The two timeouts make a migration that would hold up the house fail instead. Raise `statement_timeout` only for a
statement that takes no lock others wait for.

Revision: 0007, after 0006
"""

from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

revision = '0007'
down_revision = '0006'
branch_labels = None
depends_on = None

INDEX = 'ix_inbound_event_fetch_at'


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.execute("set local statement_timeout = '60s'")
    op.add_column('inbound_event', sa.Column('topic', sa.Text(), nullable=True, comment='What the shop calls it.'), if_not_exists=True)
    op.add_column('inbound_event', sa.Column('body', sa.LargeBinary(), nullable=True, comment='The very bytes, to be read again.'), if_not_exists=True)
    op.add_column('inbound_event', sa.Column('headers', postgresql.JSONB(astext_type=sa.Text()), nullable=True), if_not_exists=True)
    op.add_column('inbound_event', sa.Column('outcome', sa.Text(), nullable=True, comment='taken, wanted (its order is to be fetched), fetched, given_up, or refused.'), if_not_exists=True)
    op.add_column('inbound_event', sa.Column('reason', sa.Text(), nullable=True, comment='Why it makes nothing, was refused, or its order was not fetched.'), if_not_exists=True)
    op.add_column('inbound_event', sa.Column('order_id', sa.Text(), nullable=True, comment='Of the order whose lines are wanted.'), if_not_exists=True)
    op.add_column('inbound_event', sa.Column('fetch_at', sa.DateTime(timezone=True), nullable=True, comment='When its order is asked for next.'), if_not_exists=True)
    op.add_column('inbound_event', sa.Column('fetch_attempts', sa.Integer(), server_default=sa.text('0'), nullable=False), if_not_exists=True)
    op.create_table_comment(
        'inbound_event',
        'Every event taken in from outside, once for ever. Headers are kept without what proves or opens anything.',
        existing_comment='Every event taken in from outside, once for ever.',
    )
    with op.get_context().autocommit_block():
        op.drop_index(INDEX, table_name='inbound_event', if_exists=True, postgresql_concurrently=True)
        op.create_index(
            INDEX, 'inbound_event', ['fetch_at'], postgresql_where=sa.text('fetch_at is not null'), postgresql_concurrently=True
        )


def downgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.drop_index(INDEX, table_name='inbound_event')
    op.create_table_comment(
        'inbound_event',
        'Every event taken in from outside, once for ever.',
        existing_comment='Every event taken in from outside, once for ever. Headers are kept without what proves or opens anything.',
    )
    for column in ('fetch_attempts', 'fetch_at', 'order_id', 'reason', 'outcome', 'headers', 'body', 'topic'):
        op.drop_column('inbound_event', column)
