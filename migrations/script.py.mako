"""${message}

Safe to run while the old code serves, because it will:

- a new column comes nullable or with a constant default; fill it in batches; forbid null in a later release,
  by `check (...) not valid`, then `validate constraint`, then `set not null`;
- an index on a table with rows is made `concurrently`, in `with op.get_context().autocommit_block():`;
- a foreign key or check on a table with rows is added `not valid` and validated in the next migration;
- backfill in batches of a few thousand rows, each in a transaction of its own, never in the migration that locks;
- rename nothing in use: add the new, write both, move the readers, drop the old one release later.

The two timeouts make a migration that would hold up the house fail instead. Raise `statement_timeout` only for a
statement that takes no lock others wait for.

Revision: ${up_revision}, after ${down_revision | comma,n}
"""

from alembic import op
import sqlalchemy as sa
${imports if imports else ""}

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = ${repr(branch_labels)}
depends_on = ${repr(depends_on)}


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.execute("set local statement_timeout = '60s'")
    ${upgrades if upgrades else "pass"}


def downgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.execute("set local statement_timeout = '60s'")
    ${downgrades if downgrades else "pass"}
