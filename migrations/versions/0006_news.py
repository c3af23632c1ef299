"""news

Everything here may be run again: an index is made `concurrently` at the end, and a migration that was cut off there begins anew.

Safe to run while the old code serves, because it will:

- a new column comes nullable or with a constant default; fill it in batches; forbid null in a later release,
  by `check (...) not valid`, then `validate constraint`, then `set not null`;
- an index on a table with rows is made `concurrently`, in `with op.get_context().autocommit_block():`;
- a foreign key or check on a table with rows is added `not valid` and validated in the next migration;
- backfill in batches of a few thousand rows, each in a transaction of its own, never in the migration that locks;
- rename nothing in use: add the new, write both, move the readers, drop the old one release later.

The two timeouts make a migration that would hold up the house fail instead. Raise `statement_timeout` only for a
statement that takes no lock others wait for.

Revision: 0006, after 0005
"""

from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

revision = '0006'
down_revision = '0005'
branch_labels = None
depends_on = None

class TransactionId(sa.types.UserDefinedType):
    cache_ok = True

    def get_col_spec(self):
        return 'xid8'


INDEX = 'ix_message_xid_seq'
XID_COMMENT = 'The transaction that wrote it: feeds go by it. Null in rows older than feeds.'


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.execute("set local statement_timeout = '60s'")
    # The default comes in a statement of its own: with the column it would be written into every old row.
    op.execute('alter table message add column if not exists xid xid8')
    op.execute('alter table message alter column xid set default pg_current_xact_id()')
    op.execute(f"comment on column message.xid is '{XID_COMMENT}'")
    op.create_table('feed',
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('xid', TransactionId(), nullable=False, comment='With seq: the last event that was handed on.'),
    sa.Column('seq', sa.BigInteger(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.PrimaryKeyConstraint('name', name=op.f('pk_feed')),
    comment="How far each reader of the ledger's events is.",
    if_not_exists=True,
    )
    op.create_table('webhook_endpoint',
    sa.Column('id', sa.Text(), nullable=False),
    sa.Column('url', sa.Text(), nullable=False),
    sa.Column('description', sa.Text(), nullable=True),
    sa.Column('event_types', postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), server_default=sa.text("'[]'::jsonb"), nullable=False),
    sa.Column('partner_id', sa.Text(), nullable=True),
    sa.Column('state', sa.Text(), server_default='active', nullable=False),
    sa.Column('off_reason', sa.Text(), nullable=True, comment='Why it is off, in a sentence.'),
    sa.Column('off_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('secret', sa.Text(), nullable=False, comment='Signs; it is shown once, when it is made.'),
    sa.Column('previous_secret', sa.Text(), nullable=True, comment='Signs as well until previous_until.'),
    sa.Column('previous_until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('begins_xid', TransactionId(), nullable=False, comment='It is told what older transactions did not write.'),
    sa.Column('failing_since', sa.DateTime(timezone=True), nullable=True, comment='No attempt reached it since then.'),
    sa.Column('paused_until', sa.DateTime(timezone=True), nullable=True, comment='It asked us to slow down.'),
    sa.Column('slow_downs', sa.Integer(), server_default=sa.text('0'), nullable=False, comment='In a row.'),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.CheckConstraint("state in ('active', 'off')", name=op.f('ck_webhook_endpoint_state')),
    sa.ForeignKeyConstraint(['partner_id'], ['partner.id'], name=op.f('fk_webhook_endpoint_partner_id_partner')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_webhook_endpoint')),
    comment="Where news is sent. With a partner it is told of the partner's own runs only.",
    if_not_exists=True,
    )
    op.create_index(op.f('ix_webhook_endpoint_partner_id'), 'webhook_endpoint', ['partner_id'], unique=False, if_not_exists=True)
    op.create_table('webhook_delivery',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('endpoint_id', sa.Text(), nullable=False),
    sa.Column('message_id', sa.Text(), nullable=False, comment='The event, or the made-up id of a test-send: the webhook-id of every attempt.'),
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('run_id', sa.Text(), nullable=True),
    sa.Column('event', postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
    sa.Column('state', sa.Text(), server_default='pending', nullable=False),
    sa.Column('attempts', sa.Integer(), server_default=sa.text('0'), nullable=False),
    sa.Column('next_at', sa.DateTime(timezone=True), nullable=True, comment='A pending one is sent (again) from then on.'),
    sa.Column('attempted_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('delivered_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('status', sa.Integer(), nullable=True, comment='Of the last answer.'),
    sa.Column('error', sa.Text(), nullable=True, comment='Why the last attempt failed.'),
    sa.Column('answer', sa.Text(), nullable=True, comment='How the last answer began.'),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.CheckConstraint("state in ('pending', 'delivered', 'failed')", name=op.f('ck_webhook_delivery_state')),
    sa.ForeignKeyConstraint(['endpoint_id'], ['webhook_endpoint.id'], name=op.f('fk_webhook_delivery_endpoint_id_webhook_endpoint')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_webhook_delivery')),
    sa.UniqueConstraint('endpoint_id', 'message_id', name=op.f('uq_webhook_delivery_endpoint_id_message_id')),
    comment='One event for one endpoint, with how far its sending is.',
    if_not_exists=True,
    )
    op.create_index('ix_webhook_delivery_endpoint_id_id', 'webhook_delivery', ['endpoint_id', 'id'], unique=False, if_not_exists=True)
    op.create_index('ix_webhook_delivery_due', 'webhook_delivery', ['endpoint_id', 'next_at'], unique=False, postgresql_where=sa.text("state = 'pending'"), if_not_exists=True)
    op.create_index('ix_webhook_delivery_failed', 'webhook_delivery', ['id'], unique=False, postgresql_where=sa.text("state = 'failed'"), if_not_exists=True)
    with op.get_context().autocommit_block():
        op.drop_index(INDEX, table_name='message', if_exists=True, postgresql_concurrently=True)
        op.create_index(
            INDEX, 'message', ['xid', 'seq'], postgresql_where=sa.text("kind not like 'run.%'"), postgresql_concurrently=True
        )


def downgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.drop_index(INDEX, table_name='message')
    op.drop_table('webhook_delivery')
    op.drop_table('webhook_endpoint')
    op.drop_table('feed')
    op.drop_column('message', 'xid')
