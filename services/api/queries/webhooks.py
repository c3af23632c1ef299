"""Webhook endpoints and their delivery log as admins see them. No secret is among it."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, func, select

from services.api.queries import lists
from shared.storage import feed
from shared.storage.tables import webhook_delivery, webhook_endpoint
from shared.storage.webhook_store import DeliveryState, EndpointState

_e, _d = webhook_endpoint.c, webhook_delivery.c

ENDPOINT_FILTERS = {
    "state": lists.equals(_e.state, EndpointState),
    "partner_id": lists.equals(_e.partner_id),
}
DELIVERY_FILTERS = {
    "state": lists.equals(_d.state, DeliveryState),
    "kind": lists.equals(_d.kind),
    "message_id": lists.equals(_d.message_id),
    "production_run_id": lists.equals(_d.run_id),
}

_PENDING = (
    select(func.count())
    .where(_d.endpoint_id == _e.id, _d.state == DeliveryState.PENDING.value)
    .correlate(webhook_endpoint)
    .scalar_subquery()
)
_ENDPOINT: tuple[ColumnElement[Any], ...] = (
    _e.id, _e.url, _e.description, _e.event_types, _e.partner_id, _e.state, _e.off_reason, _e.off_at,
    _e.previous_until.label("previous_secret_until"), _e.failing_since, _e.paused_until,
    _PENDING.label("pending_deliveries"), _e.created_at, _e.updated_at,
)  # fmt: skip
_DELIVERY: tuple[ColumnElement[Any], ...] = (
    _d.id, _d.endpoint_id, _d.message_id, _d.kind, _d.run_id.label("production_run_id"), _d.state, _d.attempts,
    _d.next_at, _d.attempted_at, _d.delivered_at, _d.status, _d.error, _d.answer, _d.event, _d.created_at,
)  # fmt: skip

_FIGURES = {
    "webhook_deliveries_pending": "SELECT count(*) FROM webhook_delivery WHERE state = 'pending'",
    "webhook_deliveries_failed": "SELECT count(*) FROM webhook_delivery WHERE state = 'failed'",
    "webhook_endpoints_off": "SELECT count(*) FROM webhook_endpoint WHERE state = 'off'",
    "webhook_oldest_seconds": """SELECT coalesce(extract(epoch FROM clock_timestamp() - min(d.created_at)), 0)::float
        FROM webhook_delivery d JOIN webhook_endpoint e ON e.id = d.endpoint_id AND e.state = 'active' WHERE d.state = 'pending'""",
}
"""One figure each."""


def endpoints(connection: Connection, query: Mapping[str, str]) -> dict[str, Any]:
    """A page of endpoints, the newest first."""
    return lists.page(
        connection,
        select(*_ENDPOINT),
        query=query,
        key=_e.id,
        filters=ENDPOINT_FILTERS,
        sorts={"created_at": _e.created_at},
        plural="webhook_endpoints",
        render=lambda row: _told(row, _ENDPOINT),
    )


def endpoint(connection: Connection, endpoint_id: str) -> dict[str, Any] | None:
    """One endpoint, None when there is none."""
    row = connection.execute(select(*_ENDPOINT).where(_e.id == endpoint_id)).mappings().first()
    return None if row is None else _told(row, _ENDPOINT)


def deliveries(connection: Connection, endpoint_id: str, query: Mapping[str, str]) -> dict[str, Any]:
    """A page of an endpoint's deliveries, the newest first."""
    return lists.page(
        connection,
        select(*_DELIVERY).where(_d.endpoint_id == endpoint_id),
        query=query,
        key=_d.id,
        filters=DELIVERY_FILTERS,
        sorts={"created_at": _d.created_at},
        plural="webhook_deliveries",
        render=lambda row: _told(row, _DELIVERY),
    )


def delivery(connection: Connection, delivery_id: int) -> dict[str, Any]:
    """One delivery that is there."""
    row = connection.execute(select(*_DELIVERY).where(_d.id == delivery_id)).mappings().one()
    return _told(row, _DELIVERY)


def figures(connection: Connection) -> dict[str, float]:
    """How the sending of news moves."""
    return {name: connection.exec_driver_sql(statement).scalar_one() for name, statement in _FIGURES.items()}


def lags(connection: Connection) -> dict[str, float]:
    """For how many seconds each reader of the feed is behind."""
    return feed.lags(connection)


def _told(row: RowMapping, columns: tuple[ColumnElement[Any], ...]) -> dict[str, Any]:
    """Ids are text outside."""
    told = {column.key: row[column.key] for column in columns if column.key}
    return {**told, "id": str(told["id"])}
