"""run links

Safe to run while the old code serves, because it will:

- a new column comes nullable or with a constant default; fill it in batches; forbid null in a later release,
  by `check (...) not valid`, then `validate constraint`, then `set not null`;
- an index on a table with rows is made `concurrently`, in `with op.get_context().autocommit_block():`;
- a foreign key or check on a table with rows is added `not valid` and validated in the next migration;
- backfill in batches of a few thousand rows, each in a transaction of its own, never in the migration that locks;
- rename nothing in use: add the new, write both, move the readers, drop the old one release later.

The two timeouts make a migration that would hold up the house fail instead. Raise `statement_timeout` only for a
statement that takes no lock others wait for.

Revision: 0003, after 0002
"""

from alembic import op
import sqlalchemy as sa

revision = '0003'
down_revision = '0002'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.execute("set local statement_timeout = '60s'")
    op.add_column('session', sa.Column('run_id', sa.Text(), nullable=True, comment='The only run it opens, when a link in a message began it; else it opens all.'))


def downgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.drop_column('session', 'run_id')
