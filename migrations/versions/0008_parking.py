"""parking

Safe to run while the old code serves, because it will:

- a new column comes nullable or with a constant default; fill it in batches; forbid null in a later release,
  by `check (...) not valid`, then `validate constraint`, then `set not null`;
- an index on a table with rows is made `concurrently`, in `with op.get_context().autocommit_block():`;
- a foreign key or check on a table with rows is added `not valid` and validated in the next migration;
- backfill in batches of a few thousand rows, each in a transaction of its own, never in the migration that locks;
- rename nothing in use: add the new, write both, move the readers, drop the old one release later.

The two timeouts make a migration that would hold up the house fail instead. Raise `statement_timeout` only for a
statement that takes no lock others wait for.

Revision: 0008, after 0007
"""

from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

revision = '0008'
down_revision = '0007'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.execute("set local statement_timeout = '60s'")
    op.create_table(
        'parked_message',
        sa.Column('id', sa.Text(), nullable=False, comment='Follows from body and headers, so that a copy is the same one.'),
        sa.Column('routing_key', sa.Text(), nullable=False),
        sa.Column('content_type', sa.Text(), nullable=False),
        sa.Column('headers', postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
        sa.Column('body', sa.LargeBinary(), nullable=False, comment='At most a mebibyte of it.'),
        sa.Column('size', sa.BigInteger(), nullable=False, comment='Of the whole body.'),
        sa.Column('reason', sa.Text(), nullable=False, comment='Why it was not taken in, as of the last time.'),
        sa.Column('count', sa.Integer(), server_default=sa.text('1'), nullable=False, comment='How often it came.'),
        sa.Column('state', sa.Text(), server_default='parked', nullable=False),
        sa.Column('message_id', sa.Text(), nullable=True, comment='The command it became after all.'),
        sa.Column('first_seen_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
        sa.Column('last_seen_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
        sa.Column('decided_at', sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("state in ('parked', 'taken_in', 'discarded')", name=op.f('ck_parked_message_state')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_parked_message')),
        comment='What a shop published to the broker and nobody could read, until a person decides.',
    )
    op.create_index(
        'ix_parked_message_first_seen_at_id',
        'parked_message',
        ['first_seen_at', 'id'],
        postgresql_where=sa.text("state = 'parked'"),
    )


def downgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.drop_table('parked_message')
