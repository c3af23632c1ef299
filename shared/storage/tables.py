"""The whole schema. Every table says what it is for; columns that a name cannot explain carry a comment."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.dialects.postgresql.base import ischema_names
from sqlalchemy.types import TypeEngine, UserDefinedType

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

Amount = Numeric(24, 6)


class TransactionId(UserDefinedType[str]):
    """PostgreSQL's number of a transaction, which never wraps around."""

    cache_ok = True

    def get_col_spec(self, **_: object) -> str:
        return "xid8"


ischema_names["xid8"] = TransactionId


def _id() -> Column[str]:
    return Column("id", Text, primary_key=True)


def _ref(name: str, target: str, *, nullable: bool = False, index: bool = False) -> Column[str]:
    return Column(name, Text, ForeignKey(f"{target}.id"), nullable=nullable, index=index)


def _text(name: str, *, nullable: bool = True, comment: str | None = None) -> Column[str]:
    return Column(name, Text, nullable=nullable, comment=comment)


def _at(name: str, *, comment: str | None = None) -> Column[object]:
    return Column(name, DateTime(timezone=True), comment=comment)


def _amount(name: str, *, nullable: bool = True) -> Column[object]:
    return Column(name, Amount, nullable=nullable)


def _json(name: str, default: str | None = None, *, nullable: bool = True) -> Column[object]:
    kind: TypeEngine[object] = JSONB(none_as_null=True)
    return Column(name, kind, nullable=nullable, server_default=text(f"'{default}'::jsonb") if default else None)


def _times() -> tuple[Column[object], Column[object]]:
    return (
        Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
        Column("updated_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    )


# People -------------------------------------------------------------------------------------------------------------

partner = Table(
    "partner",
    metadata,
    _id(),
    _text("name", nullable=False),
    Column("handle", Text, nullable=False, unique=True),
    Column("status", Text, nullable=False, server_default="active"),
    _json("contacts", "[]", nullable=False),
    Column("language", Text, nullable=False, server_default="en"),
    Column("time_zone", Text, nullable=False, server_default="UTC"),
    *_times(),
    CheckConstraint("status in ('active', 'inactive', 'pending')", name="status"),
    comment="Somebody outside who makes things for the house.",
)

account = Table(
    "account",
    metadata,
    _id(),
    Column("email", Text, nullable=False, unique=True, comment="Lower case."),
    _text("name", nullable=False),
    _text("role", nullable=False, comment="admin, or partner with a partner_id."),
    _ref("partner_id", "partner", nullable=True, index=True),
    _text("password_hash", nullable=False, comment="Argon2id."),
    Column("is_active", Boolean, nullable=False, server_default=text("true")),
    *_times(),
    CheckConstraint(
        "(role = 'admin' and partner_id is null) or (role = 'partner' and partner_id is not null)", name="role"
    ),
    comment="A person who signs in.",
)

session = Table(
    "session",
    metadata,
    Column("token_hash", Text, primary_key=True, comment="SHA-256 of the token; the token itself is never stored."),
    _ref("account_id", "account", index=True),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    _at("revoked_at"),
    Column("run_id", Text, comment="The only run it opens, when a link in a message began it; else it opens all."),
    *_times(),
    comment="A sign-in that is still good.",
)

api_token = Table(
    "api_token",
    metadata,
    _id(),
    _ref("account_id", "account", index=True),
    _text("name", nullable=False),
    Column("token_hash", Text, nullable=False, unique=True, comment="SHA-256 of the token."),
    _at("expires_at"),
    _at("revoked_at"),
    _at("last_used_at"),
    *_times(),
    comment="A machine's way in, acting as its account.",
)

# Catalogue ----------------------------------------------------------------------------------------------------------

design = Table(
    "design",
    metadata,
    _id(),
    _text("name", nullable=False),
    _text("description"),
    Column("status", Text, nullable=False, server_default="Conceptual"),
    _text("category"),
    _json("specifications", "{}", nullable=False),
    _json("colours", "[]", nullable=False),
    _json("sizes", "[]", nullable=False),
    _json("media", "[]", nullable=False),
    _json("planned_materials", "[]", nullable=False),
    _amount("estimated_cost"),
    _amount("material_cost"),
    _amount("production_cost"),
    _json("cost_breakdown"),
    *_times(),
    CheckConstraint(
        "status in ('Conceptual', 'In_Development', 'Technical_Review', 'Sample_Production', 'Revision', 'Approved', "
        "'Rejected', 'On_Hold', 'Commerce_Ready')",
        name="status",
    ),
    comment="What is made.",
)

design_partner = Table(
    "design_partner",
    metadata,
    Column("design_id", Text, ForeignKey("design.id"), primary_key=True),
    Column("partner_id", Text, ForeignKey("partner.id"), primary_key=True),
    _text("role"),
    *_times(),
    comment="A partner who works on a design.",
)

product_link = Table(
    "product_link",
    metadata,
    _id(),
    _text("product_id", nullable=False),
    _text("variant_id", comment="Null: every variant without a link of its own."),
    _ref("design_id", "design", index=True),
    *_times(),
    UniqueConstraint(
        "product_id", "variant_id", name="uq_product_link_product_variant", postgresql_nulls_not_distinct=True
    ),
    comment="Which design a shop's product is made from.",
)

template_category = Table(
    "template_category",
    metadata,
    _id(),
    Column("name", Text, nullable=False, unique=True),
    *_times(),
    comment="A group of task templates.",
)

task_template = Table(
    "task_template",
    metadata,
    _id(),
    _text("name", nullable=False),
    _ref("category_id", "template_category", nullable=True, index=True),
    Column("kind", Text, nullable=False, server_default="work"),
    _text("description"),
    Column("priority", Text, nullable=False, server_default="medium"),
    Column("position", Integer, nullable=False, server_default=text("0")),
    Column("estimated_duration_minutes", Integer),
    _amount("estimated_cost"),
    _text("cost_currency"),
    _json("required_fields", "[]", nullable=False),
    _text("message_template"),
    _at("retired_at", comment="Set: it goes out no more; tasks made from it stay."),
    *_times(),
    Index("ix_task_template_name", "name"),
    comment="What a task is made from.",
)

inventory_item = Table(
    "inventory_item",
    metadata,
    _id(),
    Column("sku", Text, nullable=False, unique=True),
    _text("title", nullable=False),
    Column("unit_of_measure", Text, nullable=False, server_default="Piece"),
    _amount("unit_cost"),
    *_times(),
    comment="A material.",
)

stock_location = Table(
    "stock_location",
    metadata,
    _id(),
    _text("name", nullable=False),
    _ref("partner_id", "partner", nullable=True),
    *_times(),
    comment="A place that stocks material: ours, or a partner's.",
)

stock_level = Table(
    "stock_level",
    metadata,
    _id(),
    _ref("inventory_item_id", "inventory_item"),
    _ref("location_id", "stock_location"),
    Column("stocked", Amount, nullable=False, server_default=text("0")),
    Column("reserved", Amount, nullable=False, server_default=text("0")),
    *_times(),
    UniqueConstraint("inventory_item_id", "location_id"),
    CheckConstraint("stocked >= 0", name="stocked"),
    comment="How much of a material is at a place.",
)

# Runs ---------------------------------------------------------------------------------------------------------------

run_snapshot = Table(
    "run_snapshot",
    metadata,
    _id(),
    Column("captured_at", DateTime(timezone=True), nullable=False),
    _json("design", nullable=False),
    _json("planned_materials", nullable=False),
    _json("provenance", nullable=False),
    comment="What was agreed when a run was made; shared by its whole family, never changed.",
)

production_run = Table(
    "production_run",
    metadata,
    _id(),
    _text("status", nullable=False),
    Column("run_type", Text, nullable=False),
    _amount("quantity", nullable=False),
    _ref("parent_run_id", "production_run", nullable=True),
    Column("child_count", Integer, nullable=False, server_default=text("0")),
    _text("role"),
    Column("stage", Integer),
    _ref("design_id", "design"),
    _ref("partner_id", "partner", nullable=True),
    _text("previous_partner_id"),
    _text("product_id"),
    _text("variant_id"),
    _text("source", comment="The shop the order came from."),
    _text("order_id"),
    _text("order_line_item_id"),
    _ref("snapshot_id", "run_snapshot", nullable=True),
    _at("accepted_at"),
    _at("started_at"),
    _at("finished_at"),
    _at("completed_at"),
    _at("cancelled_at"),
    _text("cancelled_reason"),
    _at("held_at"),
    _text("held_reason"),
    _at("flagged_at", comment="Something outside changed and a person must decide."),
    _text("flagged_reason"),
    Column("dispatch_state", Text, nullable=False, server_default="idle"),
    _text("dispatch_id", comment="The dispatch that waits or went out; the transaction_id on the wire."),
    Column("dispatch_round", Integer, nullable=False, server_default=text("0")),
    _at("dispatch_started_at"),
    _at("dispatch_completed_at"),
    Column("dispatch_template_names", ARRAY(Text)),
    Column("dispatch_template_ids", ARRAY(Text)),
    _text("dispatch_template_category"),
    Column("dispatched_template_ids", ARRAY(Text)),
    _text("work_order_id", comment="The current work order; only its tasks count."),
    _text("finish_notes"),
    _text("completion_notes"),
    _text("completion_source"),
    _amount("produced_quantity"),
    _amount("rejected_quantity"),
    _text("rejection_reason"),
    _text("rejection_notes"),
    _amount("short_quantity"),
    _text("short_reason"),
    _amount("partner_cost"),
    _text("cost_type"),
    _text("cost_currency"),
    Column("is_partial", Boolean, nullable=False, server_default=text("false")),
    _text("waiting_for"),
    _at("waiting_until"),
    _at("overdue_at"),
    _json("metadata", "{}", nullable=False),
    *_times(),
    CheckConstraint("quantity > 0", name="quantity"),
    CheckConstraint("status <> 'completed' or completed_at is not null", name="completed"),
    CheckConstraint("status <> 'cancelled' or cancelled_at is not null", name="cancelled"),
    CheckConstraint("started_at is null or accepted_at is not null", name="started_after_accepted"),
    CheckConstraint("finished_at is null or started_at is not null", name="finished_after_started"),
    Index(
        "uq_production_run_order_line",
        "source", "order_id", "order_line_item_id",
        unique=True,
        postgresql_where=text("parent_run_id is null and source is not null"),
    ),
    Index("ix_production_run_parent_run_id", "parent_run_id", postgresql_where=text("parent_run_id is not null")),
    Index("ix_production_run_partner_id_id", "partner_id", "id", postgresql_where=text("child_count = 0")),
    Index("ix_production_run_partner_id_status", "partner_id", "status", "id", postgresql_where=text("child_count = 0")),
    Index("ix_production_run_status_id", "status", "id"),
    Index("ix_production_run_created_at_id", "created_at", "id"),
    Index("ix_production_run_design_id_id", "design_id", "id"),
    Index("ix_production_run_order_id", "order_id", postgresql_where=text("order_id is not null")),
    Index("ix_production_run_overdue_at", "overdue_at", postgresql_where=text("overdue_at is not null")),
    Index(
        "ix_production_run_waiting_until_id",
        "waiting_until", "id",
        postgresql_where=text("waiting_until is not null"),
    ),
    Index("ix_production_run_flagged_at", "flagged_at", postgresql_where=text("flagged_at is not null")),
    Index(
        "ix_production_run_awaiting_templates",
        "dispatch_started_at",
        postgresql_where=text("dispatch_state = 'awaiting_templates'"),
    ),
    comment="One stage of making one thing at one maker.",
)  # fmt: skip

run_dependency = Table(
    "run_dependency",
    metadata,
    Column("run_id", Text, ForeignKey("production_run.id"), primary_key=True),
    Column("depends_on_run_id", Text, ForeignKey("production_run.id"), primary_key=True),
    Index("ix_run_dependency_depends_on_run_id", "depends_on_run_id"),
    comment="A run waits until another is completed.",
)

timer = Table(
    "timer",
    metadata,
    Column("run_id", Text, ForeignKey("production_run.id"), primary_key=True),
    _text("gate", nullable=False),
    Column("generation", Integer, nullable=False, comment="Grows with every arming; part of the lapse's message id."),
    Column("due_at", DateTime(timezone=True), nullable=False),
    _text("state", nullable=False, comment="armed, fired or disarmed."),
    Index("ix_timer_due_at", "due_at", postgresql_where=text("state = 'armed'")),
    comment="The armed wait of a run.",
)

work_order = Table(
    "work_order",
    metadata,
    _id(),
    _ref("run_id", "production_run", index=True),
    _ref("partner_id", "partner"),
    _text("state", nullable=False, comment="current, replaced or closed."),
    _text("asked_by"),
    _json("selection", nullable=False),
    *_times(),
    comment="What one dispatch put before one partner.",
)

task = Table(
    "task",
    metadata,
    _id(),
    _text("title", nullable=False),
    _text("status", nullable=False),
    _text("kind", nullable=False),
    _ref("run_id", "production_run", nullable=True),
    _ref("work_order_id", "work_order", nullable=True),
    _ref("partner_id", "partner", nullable=True),
    _ref("parent_task_id", "task", nullable=True),
    _ref("template_id", "task_template", nullable=True),
    Column("round", Integer, nullable=False, server_default=text("0")),
    _text("description"),
    _text("piece", comment="The piece or step that rework is about."),
    _text("priority", nullable=False),
    Column("position", Integer, nullable=False, server_default=text("0")),
    _at("due_at"),
    _at("accepted_at"),
    _at("completed_at"),
    _amount("estimated_cost"),
    _amount("actual_cost"),
    _text("cost_currency"),
    _text("cost_type"),
    *_times(),
    Index(
        "uq_task_work_order_template_round",
        "work_order_id", "template_id", "round",
        unique=True,
        postgresql_where=text("work_order_id is not null and template_id is not null and parent_task_id is null"),
    ),
    Index("ix_task_run_id", "run_id", postgresql_where=text("run_id is not null")),
    Index("ix_task_partner_id_id", "partner_id", "id"),
    Index("ix_task_parent_task_id", "parent_task_id", postgresql_where=text("parent_task_id is not null")),
    comment="One thing a partner does.",
)  # fmt: skip

task_comment = Table(
    "task_comment",
    metadata,
    _id(),
    _ref("task_id", "task", index=True),
    _json("author", nullable=False),
    _text("comment", nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    comment="What somebody said about a task.",
)

order_line = Table(
    "order_line",
    metadata,
    _id(),
    _text("source", nullable=False),
    _text("order_id", nullable=False),
    _text("order_line_item_id", nullable=False),
    _text("outcome", nullable=False, comment="run, unmapped, ignored or parked."),
    _text("reason", nullable=False),
    _ref("production_run_id", "production_run", nullable=True),
    _text("product_id"),
    _text("variant_id"),
    _at("left_at", comment="When an edit took the line out of its order."),
    _json("body", nullable=False),
    *_times(),
    UniqueConstraint("source", "order_id", "order_line_item_id"),
    Index("ix_order_line_unmapped", "product_id", postgresql_where=text("outcome = 'unmapped'")),
    Index("ix_order_line_outcome_id", "outcome", "id"),
    Index("ix_order_line_created_at_id", "created_at", "id"),
    comment="Every line of every order received, and what became of it.",
)

shop_order = Table(
    "shop_order",
    metadata,
    Column("source", Text, primary_key=True),
    Column("order_id", Text, primary_key=True),
    _text("display_id"),
    _text("off_reason", comment="Why the order makes nothing, as long as that stands."),
    _at("changed_at", comment="The newest change that was taken in, by the shop's own clock."),
    _at("live_at", comment="When the shop last said that the order stands, by its own clock."),
    Column("has_lines", Boolean, nullable=False, server_default=text("false")),
    *_times(),
    comment="What is known of an order as a whole.",
)

# Ledger -------------------------------------------------------------------------------------------------------------

message = Table(
    "message",
    metadata,
    _id(),
    Column("seq", BigInteger, Identity(always=True), nullable=False),
    _text("kind", nullable=False),
    Column("version", SmallInteger, nullable=False),
    _json("body", nullable=False),
    _text("run_id", comment="The run it is about; its timeline is read from here."),
    _text("tenant", comment="The partner whose own things only may be touched."),
    _json("actor", nullable=False),
    _text("correlation", nullable=False),
    _text("cause"),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column(
        "xid",
        TransactionId(),
        server_default=text("pg_current_xact_id()"),
        comment="The transaction that wrote it: feeds go by it. Null in rows older than feeds.",
    ),
    Index("ix_message_run_id_seq", "run_id", "seq", postgresql_where=text("run_id is not null")),
    Index("ix_message_xid_seq", "xid", "seq", postgresql_where=text("kind not like 'run.%'")),
    Index("ix_message_dispatch_failed", "run_id", postgresql_where=text("kind = 'production_run.dispatch_failed'")),
    Index(
        "ix_message_order_id",
        text("coalesce((body -> 'order') ->> 'id', body ->> 'order_id')"),
        postgresql_where=text("kind in ('order.placed', 'order.updated', 'order.cancelled')"),
    ),
    comment="Every command and event, append-only: the timeline and the replay log.",
)

delivery = Table(
    "delivery",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    _ref("message_id", "message"),
    _text("actor", nullable=False),
    _text("room", nullable=False),
    _text("run_id", comment="The lane: the run its actor locks. Deliveries of one lane go one after the other."),
    Column(
        "state", Text, nullable=False, server_default="pending", comment="pending, done, refused, dead or discarded."
    ),
    Column("sends", Integer, nullable=False, server_default=text("0"), comment="Times it was handed to the broker."),
    Column("starts", Integer, nullable=False, server_default=text("0"), comment="Times a suspicious one was begun."),
    Column("attempts", Integer, nullable=False, server_default=text("0"), comment="Times it ended in a fault."),
    Column(
        "next_at",
        DateTime(timezone=True),
        nullable=False,
        server_default=func.now(),
        comment="Due then: lease or backoff.",
    ),
    _text("sender", comment="The relay or broker that holds the lease."),
    Column("awaited", Boolean, nullable=False, server_default=text("false"), comment="Somebody waits for the answer."),
    _text("error"),
    _json("refusal"),
    _json("result"),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    _at("done_at"),
    UniqueConstraint("message_id", "actor"),
    Index("ix_delivery_next_at", "next_at", postgresql_where=text("state = 'pending'")),
    Index("ix_delivery_run_id_id", "run_id", "id", postgresql_where=text("state = 'pending'")),
    Index("ix_delivery_dead", "id", postgresql_where=text("state = 'dead'")),
    Index("ix_delivery_refused", "done_at", postgresql_where=text("state = 'refused'")),
    comment="One message for one actor; done in the same transaction as its effects.",
)

inbound_event = Table(
    "inbound_event",
    metadata,
    Column("source", Text, primary_key=True),
    Column("delivery_id", Text, primary_key=True),
    _text("message_id"),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    _text("topic", comment="What the shop calls it."),
    Column("body", LargeBinary, comment="The very bytes, to be read again."),
    _json("headers"),
    _text("outcome", comment="taken, wanted (its order is to be fetched), fetched, given_up, or refused."),
    _text("reason", comment="Why it makes nothing, was refused, or its order was not fetched."),
    _text("order_id", comment="Of the order whose lines are wanted."),
    _at("fetch_at", comment="When its order is asked for next."),
    Column("fetch_attempts", Integer, nullable=False, server_default=text("0")),
    Index("ix_inbound_event_fetch_at", "fetch_at", postgresql_where=text("fetch_at is not null")),
    comment="Every event taken in from outside, once for ever. Headers are kept without what proves or opens anything.",
)

# News out -----------------------------------------------------------------------------------------------------------

feed = Table(
    "feed",
    metadata,
    Column("name", Text, primary_key=True),
    Column("xid", TransactionId(), nullable=False, comment="With seq: the last event that was handed on."),
    Column("seq", BigInteger, nullable=False),
    *_times(),
    comment="How far each reader of the ledger's events is.",
)

webhook_endpoint = Table(
    "webhook_endpoint",
    metadata,
    _id(),
    _text("url", nullable=False),
    _text("description"),
    _json("event_types", "[]", nullable=False),
    _ref("partner_id", "partner", nullable=True, index=True),
    Column("state", Text, nullable=False, server_default="active"),
    _text("off_reason", comment="Why it is off, in a sentence."),
    _at("off_at"),
    _text("secret", nullable=False, comment="Signs; it is shown once, when it is made."),
    _text("previous_secret", comment="Signs as well until previous_until."),
    _at("previous_until"),
    Column("begins_xid", TransactionId(), nullable=False, comment="It is told what older transactions did not write."),
    _at("failing_since", comment="No attempt reached it since then."),
    _at("paused_until", comment="It asked us to slow down."),
    Column("slow_downs", Integer, nullable=False, server_default=text("0"), comment="In a row."),
    *_times(),
    CheckConstraint("state in ('active', 'off')", name="state"),
    comment="Where news is sent. With a partner it is told of the partner's own runs only.",
)

webhook_delivery = Table(
    "webhook_delivery",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    _ref("endpoint_id", "webhook_endpoint"),
    _text(
        "message_id",
        nullable=False,
        comment="The event, or the made-up id of a test-send: the webhook-id of every attempt.",
    ),
    _text("kind", nullable=False),
    _text("run_id"),
    _json("event", nullable=False),
    Column("state", Text, nullable=False, server_default="pending"),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    _at("next_at", comment="A pending one is sent (again) from then on."),
    _at("attempted_at"),
    _at("delivered_at"),
    Column("status", Integer, comment="Of the last answer."),
    _text("error", comment="Why the last attempt failed."),
    _text("answer", comment="How the last answer began."),
    *_times(),
    UniqueConstraint("endpoint_id", "message_id"),
    Index("ix_webhook_delivery_endpoint_id_id", "endpoint_id", "id"),
    Index("ix_webhook_delivery_due", "endpoint_id", "next_at", postgresql_where=text("state = 'pending'")),
    Index("ix_webhook_delivery_failed", "id", postgresql_where=text("state = 'failed'")),
    CheckConstraint("state in ('pending', 'delivered', 'failed')", name="state"),
    comment="One event for one endpoint, with how far its sending is.",
)

parked_message = Table(
    "parked_message",
    metadata,
    Column("id", Text, primary_key=True, comment="Follows from body and headers, so that a copy is the same one."),
    _text("routing_key", nullable=False),
    _text("content_type", nullable=False),
    _json("headers", nullable=False),
    Column("body", LargeBinary, nullable=False, comment="At most a mebibyte of it."),
    Column("size", BigInteger, nullable=False, comment="Of the whole body."),
    _text("reason", nullable=False, comment="Why it was not taken in, as of the last time."),
    Column("count", Integer, nullable=False, server_default=text("1"), comment="How often it came."),
    Column("state", Text, nullable=False, server_default="parked"),
    _text("message_id", comment="The command it became after all."),
    Column("first_seen_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("last_seen_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    _at("decided_at"),
    Index("ix_parked_message_first_seen_at_id", "first_seen_at", "id", postgresql_where=text("state = 'parked'")),
    CheckConstraint("state in ('parked', 'taken_in', 'discarded')", name="state"),
    comment="What a shop published to the broker and nobody could read, until a person decides.",
)

idempotency_key = Table(
    "idempotency_key",
    metadata,
    Column("account_id", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    _text("request_hash", nullable=False),
    _text("message_id", comment="The command it asked for, if it is one."),
    Column("status", Integer, comment="Of the first answer."),
    _json("headers"),
    _json("answer"),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Index("ix_idempotency_key_created_at", "created_at"),
    comment="The first answer to a request that may come again.",
)

notification = Table(
    "notification",
    metadata,
    _id(),
    _ref("message_id", "message"),
    _text("audience", nullable=False, comment="admin, or a partner's id."),
    _text("channel", nullable=False),
    _text("kind", comment="The event or reminder it speaks of."),
    _text("language", comment="The language of the text."),
    _text("title"),
    _text("text", nullable=False),
    _text("state", nullable=False, comment="pending, sent, failed or superseded."),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    _at("next_at", comment="A pending one is sent (again) from then on."),
    _at("sent_at"),
    _text("error"),
    _text("run_id"),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    UniqueConstraint("message_id", "audience", "channel"),
    Index("ix_notification_next_at", "next_at", postgresql_where=text("state = 'pending'")),
    Index("ix_notification_run_id", "run_id", postgresql_where=text("run_id is not null")),
    Index("ix_notification_created_at_id", "created_at", "id"),
    Index("ix_notification_failed", "id", postgresql_where=text("state = 'failed'")),
    comment="What somebody was told.",
)

reminder = Table(
    "reminder",
    metadata,
    Column("run_id", Text, ForeignKey("production_run.id"), primary_key=True),
    Column("dispatch_round", Integer, primary_key=True, comment="A reassigned run begins its reminders anew."),
    Column("stage", Text, primary_key=True, comment="accept, start or finish."),
    Column(
        "number", SmallInteger, primary_key=True, comment="Every try counts; the last one is the end of the ladder."
    ),
    _text("message_id"),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    comment="Every rung of the ladder of reminders, once.",
)

# Material -----------------------------------------------------------------------------------------------------------

consumption_log = Table(
    "consumption_log",
    metadata,
    _id(),
    _ref("production_run_id", "production_run", index=True),
    _ref("design_id", "design", index=True),
    _ref("inventory_item_id", "inventory_item", nullable=True),
    _amount("quantity", nullable=False),
    _text("unit_of_measure", nullable=False),
    _text("consumption_type", nullable=False),
    Column("quantity_basis", Text, nullable=False, server_default="total"),
    _amount("unit_cost"),
    _ref("location_id", "stock_location", nullable=True),
    _text("consumed_by", nullable=False, comment="partner or admin."),
    Column("consumed_at", DateTime(timezone=True), nullable=False),
    Column("is_committed", Boolean, nullable=False, server_default=text("false")),
    _at("committed_at"),
    _amount("committed_quantity"),
    _text("commit_note", comment="Why no stock moved, or what was short."),
    _text("notes"),
    *_times(),
    CheckConstraint("quantity > 0", name="quantity"),
    Index("ix_consumption_log_open", "production_run_id", postgresql_where=text("not is_committed")),
    comment="Material, energy, water or labour that a run used.",
)

stock_movement = Table(
    "stock_movement",
    metadata,
    _id(),
    Column("seq", BigInteger, Identity(always=True), nullable=False),
    _ref("inventory_item_id", "inventory_item"),
    _ref("location_id", "stock_location"),
    _amount("quantity", nullable=False),
    Column("shortfall", Amount, nullable=False, server_default=text("0"), comment="What was used but not in stock."),
    _text("reason", nullable=False),
    Column(
        "consumption_log_id",
        Text,
        ForeignKey("consumption_log.id"),
        unique=True,
        comment="One movement per log, at most.",
    ),
    _text("run_id"),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Index("ix_stock_movement_inventory_item_id_location_id", "inventory_item_id", "location_id", "seq"),
    comment="The append-only ledger of stock: a level is the sum of its movements.",
)

# Media --------------------------------------------------------------------------------------------------------------

media_file = Table(
    "media_file",
    metadata,
    _id(),
    _ref("run_id", "production_run", nullable=True, index=True),
    _ref("design_id", "design", nullable=True),
    _ref("partner_id", "partner", nullable=True),
    _text("uploaded_by", nullable=False),
    _text("file_name"),
    _text("content_type", nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("width", Integer),
    Column("height", Integer),
    _text("sha256", nullable=False),
    _text("storage_key", nullable=False),
    _text("message_key", comment="The copy small enough for a message."),
    _text("thumbnail_key"),
    *_times(),
    comment="A stored file.",
)

media_upload = Table(
    "media_upload",
    metadata,
    _id(),
    _text("place", nullable=False, comment="Where in the file store it will be."),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now(), index=True),
    comment="A file on its way into the store; goes when its media_file is there, or its bytes are taken away again.",
)

run_media = Table(
    "run_media",
    metadata,
    _id(),
    _ref("run_id", "production_run"),
    _ref("media_id", "media_file", nullable=True),
    _text("url", comment="An old client's own reference; never fetched."),
    Column("is_thumbnail", Boolean, nullable=False, server_default=text("false")),
    *_times(),
    Index("uq_run_media_media", "run_id", "media_id", unique=True, postgresql_where=text("media_id is not null")),
    Index("uq_run_media_url", "run_id", "url", unique=True, postgresql_where=text("url is not null")),
    Index("uq_run_media_thumbnail", "run_id", unique=True, postgresql_where=text("is_thumbnail")),
    CheckConstraint("num_nonnulls(media_id, url) = 1", name="one_reference"),
    comment="What is attached to a run, never twice, with one thumbnail.",
)

# The old system -----------------------------------------------------------------------------------------------------

legacy_record = Table(
    "legacy_record",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("legacy_id", Text, primary_key=True),
    _text("outcome", nullable=False),
    _text("reason", nullable=False),
    _text("run_id"),
    _json("body", nullable=False),
    *_times(),
    comment="Every row taken over from the old system, once, and what became of it.",
)

policy = Table(
    "policy",
    metadata,
    Column("id", SmallInteger, primary_key=True),
    _json("config", "{}", nullable=False),
    *_times(),
    CheckConstraint("id = 1", name="single"),
    comment="The house's policy, merged over its defaults.",
)

alarm = Table(
    "alarm",
    metadata,
    Column("name", Text, primary_key=True),
    _text("detail", nullable=False),
    Column("raised_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    _at("released_until", comment="An operator lets the sweep go on until then."),
    comment="What a person must look at before it goes on by itself.",
)
