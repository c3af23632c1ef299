"""Webhook endpoints: where news of runs is sent. Made, changed, tried, their secrets changed, what was told told again."""

import base64
import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType
from sqlalchemy import func, select

from services.api import errors, etags
from services.api.queries import lists, webhooks
from services.api.routes import Call, Reply, Route, Who
from shared.domain import addresses
from shared.domain.addresses import Unusable
from shared.domain.events import EVENTS
from shared.runtime import clock, ids, logs
from shared.storage import feed, mail, tables, webhook_store
from shared.storage.webhook_store import EndpointState

PATH = "/admin/webhook-endpoints"
SECRET_BYTES = 32

EventTypes = Annotated[list[str], Meta(max_length=200)]
Description = Annotated[str, Meta(max_length=2_000)]


class Body(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a request says about an endpoint. No event types at all: every one."""

    def __post_init__(self) -> None:
        for kind in getattr(self, "event_types", None) or ():
            if kind not in EVENTS:
                raise ValueError(f"event_types: names no event {kind!r}; known are {', '.join(sorted(EVENTS))}")


class NewEndpoint(Body, frozen=True, kw_only=True):
    """Where news is to be sent. partner_id: only what concerns this partner's own runs."""

    url: str
    description: Description | None = None
    event_types: EventTypes = []
    partner_id: str | None = None


class EndpointChange(Body, frozen=True, kw_only=True):
    """What becomes different. The state turns it off and on; its partner stays."""

    url: str | UnsetType = UNSET
    description: Description | UnsetType | None = UNSET
    event_types: EventTypes | UnsetType = UNSET
    state: EndpointState | UnsetType = UNSET


class ReplayBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to send again: exactly one of since, delivery_id and failed."""

    since: Annotated[datetime, Meta(tz=True)] | None = None
    delivery_id: str | None = None
    failed: bool = False

    def __post_init__(self) -> None:
        if sum((self.since is not None, self.delivery_id is not None, self.failed)) != 1:
            raise ValueError("since: say exactly one of since, delivery_id and failed: true")


# Reading ------------------------------------------------------------------------------------------------------------


def list_endpoints(call: Call) -> Reply:
    """Endpoints, the newest first."""
    with call.desk.engine.connect() as connection:
        return Reply(webhooks.endpoints(connection, call.query))


def read_endpoint(call: Call) -> Reply:
    """One endpoint."""
    with call.desk.engine.connect() as connection:
        return _tagged(_body(call, connection))


def list_deliveries(call: Call) -> Reply:
    """What was sent to an endpoint and how it ended, the newest first."""
    with call.desk.engine.connect() as connection:
        _body(call, connection)
        return Reply(webhooks.deliveries(connection, call.params["id"], call.query))


def _body(call: Call, connection: Any = None) -> dict[str, Any]:
    """The endpoint of the path. Raises 404."""
    found = webhooks.endpoint(connection or call.tx, call.params["id"])
    if found is None:
        raise errors.not_found("webhook endpoint")
    return {"webhook_endpoint": found}


def _tagged(body: Mapping[str, Any]) -> Reply:
    return Reply(body, headers={"ETag": etags.of(_settings(body))})


def _settings(body: Mapping[str, Any]) -> dict[str, Any]:
    """What an edit is about: how its deliveries go meanwhile is no other version."""
    return {name: body["webhook_endpoint"][name] for name in ("id", "url", "description", "event_types", "state")}


# Writing ------------------------------------------------------------------------------------------------------------


def add_endpoint(call: Call) -> Reply:
    """A new endpoint, told of what happens from now on. The secret is shown this once."""
    new: NewEndpoint = call.body
    _check_url(call, new.url)
    _check_partner(call, new.partner_id)
    endpoint_id, secret = ids.fresh("whe"), _new_secret()
    feed.begin(call.tx, feed.WEBHOOKS)
    call.tx.execute(
        tables.webhook_endpoint.insert().values(
            id=endpoint_id,
            **msgspec.structs.asdict(new),
            secret=secret,
            begins_xid=func.pg_snapshot_xmin(func.pg_current_snapshot()),
        )
    )
    _keep_in_log(call, "made", endpoint_id)
    found = {"webhook_endpoint": webhooks.endpoint(call.tx, endpoint_id)}
    headers = {"Location": f"{PATH}/{endpoint_id}", "ETag": etags.of(_settings(found))}
    return Reply({**found, "secret": secret}, status=201, headers=headers)


def edit_endpoint(call: Call) -> Reply:
    """Change an endpoint. Turned on again, it is sent what was pending, and told of what happens from then on."""
    change: EndpointChange = call.body
    endpoint_id, table = call.params["id"], tables.webhook_endpoint
    call.tx.execute(select(table.c.id).where(table.c.id == endpoint_id).with_for_update(key_share=True))
    before = _body(call)
    etags.check(call.req, _settings(before))
    if change.url is not UNSET:
        _check_url(call, change.url)
    given = {name: getattr(change, name) for name in ("url", "description", "event_types")}
    values = {name: value for name, value in given.items() if value is not UNSET}
    if values:
        call.tx.execute(
            table.update().where(table.c.id == endpoint_id).values(**values, updated_at=func.clock_timestamp())
        )
    _turn(call, endpoint_id, change.state, was=before["webhook_endpoint"]["state"])
    _keep_in_log(call, "changed", endpoint_id)
    return _tagged(_body(call))


def _turn(call: Call, endpoint_id: str, state: EndpointState | UnsetType, *, was: str) -> None:
    if state is UNSET or state == was:
        return
    if state is EndpointState.ACTIVE:
        webhook_store.turn_on(call.tx, endpoint_id)
        _ring(call)
        return
    webhook_store.turn_off(call.tx, endpoint_id, reason="An admin turned it off.", at=clock.now())
    webhook_store.end_alarm(call.tx, endpoint_id)


def delete_endpoint(call: Call) -> Reply:
    """Take an endpoint away, with its delivery log."""
    endpoint_id = call.params["id"]
    etags.check(call.req, _settings(_body(call)))
    delivery, endpoint = tables.webhook_delivery, tables.webhook_endpoint
    call.tx.execute(delivery.delete().where(delivery.c.endpoint_id == endpoint_id))
    call.tx.execute(endpoint.delete().where(endpoint.c.id == endpoint_id))
    webhook_store.end_alarm(call.tx, endpoint_id)
    _keep_in_log(call, "deleted", endpoint_id)
    return Reply({"id": endpoint_id, "deleted": True})


def rotate_secret(call: Call) -> Reply:
    """A new secret, shown this once. The old one signs beside it for a day; one that is older ends now."""
    endpoint_id, secret, table = call.params["id"], _new_secret(), tables.webhook_endpoint
    _body(call)
    call.tx.execute(
        table.update()
        .where(table.c.id == endpoint_id)
        .values(
            secret=secret,
            previous_secret=table.c.secret,
            previous_until=clock.now() + webhook_store.SECRET_LIVES,
            updated_at=func.clock_timestamp(),
        )
    )
    _keep_in_log(call, "secret_rotated", endpoint_id)
    return Reply({**_body(call), "secret": secret})


def send_test(call: Call) -> Reply:
    """Send something that means nothing; its delivery says how it ended."""
    endpoint_id = call.params["id"]
    _check_active(call)
    delivery_id = webhook_store.add_test(
        call.tx,
        endpoint_id,
        message_id=ids.fresh("msg"),
        source=call.desk.settings.public_url,
        at=clock.now(),
    )
    _ring(call)
    return Reply({"webhook_delivery": webhooks.delivery(call.tx, delivery_id)}, status=202)


def replay(call: Call) -> Reply:
    """Send again, each event under the id it had. next_since: where to go on when there was more than one ask may bring."""
    _check_active(call)
    asked: ReplayBody = call.body
    endpoint_id, following = call.params["id"], None
    if asked.since is not None:
        count, following = webhook_store.replay_since(
            call.tx, endpoint_id, since=asked.since, source=call.desk.settings.public_url
        )
    else:
        count = webhook_store.replay(
            call.tx, endpoint_id, delivery_id=_delivery_id(asked.delivery_id), failed=asked.failed
        )
    if asked.delivery_id is not None and not count:
        raise errors.field("/delivery_id", "There is no such delivery of this endpoint.", code="unknown_reference")
    _ring(call)
    _keep_in_log(call, "replayed", endpoint_id, count=count)
    return Reply({**_body(call), "replayed": count, "next_since": following}, status=202)


def _delivery_id(text: str | None) -> int | None:
    """The number of a delivery; one that is none is nobody's."""
    if text is None:
        return None
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else -1


def _check_active(call: Call) -> None:
    """Raises 404, or 409 for an endpoint that is told nothing."""
    found = _body(call)["webhook_endpoint"]
    if found["state"] != EndpointState.ACTIVE:
        raise errors.conflict(f"This endpoint is off. {found['off_reason']} Turn it on first.", code="endpoint_off")


def _check_url(call: Call, url: str) -> None:
    """What a name leads to is judged when it is called; what can be seen is judged here."""
    try:
        addresses.read(url, allow_private=call.desk.settings.webhooks_allow_private == "yes")
    except Unusable as why:
        raise errors.field("/url", f"url {why}.") from None


def _check_partner(call: Call, partner_id: str | None) -> None:
    known = select(tables.partner.c.id).where(tables.partner.c.id == partner_id)
    if partner_id is not None and call.tx.scalar(known) is None:
        raise errors.field("/partner_id", f"There is no partner {partner_id!r}.", code="unknown_reference")


def _ring(call: Call) -> None:
    """The herald looks at once."""
    call.tx.exec_driver_sql(f"SELECT pg_notify('{mail.LEDGER_CHANNEL}', '')")


def _new_secret() -> str:
    return "whsec_" + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def _keep_in_log(call: Call, what: str, endpoint_id: str, **more: Any) -> None:
    _log.info(f"webhook_endpoint_{what}", endpoint=endpoint_id, by=call.who.account_id, by_name=call.who.name, **more)


CODES = {"endpoint_off": "The webhook endpoint is off, so nothing is sent to it; turn it on first by its `state`."}
"""The problem codes of this module, with their sentences."""

_log = logs.get("webhooks")
_ONE = f"{PATH}/{{id}}"


def _route(method: str, path: str, do: Any, summary: str, answers: dict[int, str], **more: Any) -> Route:
    missing = {404: "There is none."} if "{id}" in path else {}
    return Route(
        method=method,
        path=path,
        do=do,
        who=Who.ADMIN,
        tag="webhook endpoints",
        summary=summary,
        transactional=method != "GET",
        answers={**answers, **missing},
        **more,
    )


ROUTES: tuple[Route, ...] = (
    _route("POST", PATH, add_endpoint, "Add a webhook endpoint; its secret is shown this once.", {201: "The endpoint and its secret."}, body=NewEndpoint),
    _route("GET", PATH, list_endpoints, "List webhook endpoints.", {200: "A page of endpoints."}, query=(*webhooks.ENDPOINT_FILTERS, *lists.LIST_PARAMETERS)),
    _route("GET", _ONE, read_endpoint, "Read a webhook endpoint.", {200: "The endpoint."}),
    _route("PATCH", _ONE, edit_endpoint, "Edit a webhook endpoint, or turn it off and on.", {200: "The endpoint as it is now.", 412: "It changed."}, body=EndpointChange),
    _route("GET", f"{_ONE}/deliveries", list_deliveries, "List what was sent to an endpoint.", {200: "A page of deliveries."}, query=(*webhooks.DELIVERY_FILTERS, *lists.LIST_PARAMETERS)),
    _route("POST", f"{_ONE}/test-send", send_test, "Send a test to an endpoint.", {202: "Its delivery.", 409: "The endpoint is off."}),
    _route("POST", f"{_ONE}/rotate", rotate_secret, "Change an endpoint's secret; the new one is shown this once.", {200: "The endpoint and its new secret."}),
    _route("POST", f"{_ONE}/replay", replay, "Send again what an endpoint was told or missed.", {202: "How many were made due.", 409: "The endpoint is off."}, body=ReplayBody),
    _route("DELETE", _ONE, delete_endpoint, "Delete a webhook endpoint and its log.", {200: "Gone.", 412: "It changed."}),
)  # fmt: skip
