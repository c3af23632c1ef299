"""The house's policy: read it, change it. A change merges; two at once both count, because each takes the row's lock."""

from collections.abc import Iterator
from typing import Any

import msgspec
from sqlalchemy import Connection, select

from services.api import bodies, errors, etags
from services.api.resources.catalogue_table import DesignStatus
from services.api.routes import Call, Reply, Route, Who
from shared.domain import policy
from shared.domain.policy import Policy, SampleDesign
from shared.runtime import logs
from shared.storage import tables

PATH = "/admin/production-run-policy"


class PolicyChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Entries to change; null takes one back to its default. Numbers stay as they were written."""

    config: msgspec.Raw


def read_policy(call: Call) -> Reply:
    """What is stored, and what counts."""
    with call.desk.engine.connect() as connection:
        return etags.tagged(_body(_stored(connection)))


def change_policy(call: Call) -> Reply:
    """Merge a change into what is stored. Nothing is stored that would not count."""
    change = _change(call.body.config)
    stored = _lock(call.tx)
    etags.check(call.req, _body(stored))
    merged = policy.merge(stored, change)
    _check(merged)
    _check_routes(call.tx, change)
    call.tx.exec_driver_sql(
        "UPDATE policy SET config = %(config)s::jsonb, updated_at = now() WHERE id = 1",
        {"config": msgspec.json.encode(merged).decode()},
    )
    _log.info("policy_changed", by=call.who.account_id, change=change)
    return etags.tagged(_body(merged))


def _change(raw: msgspec.Raw) -> dict[str, Any]:
    """Fractions are kept as their own text, so that none passes through a float."""
    try:
        change: dict[str, Any] = msgspec.json.Decoder(dict[str, Any], float_hook=str).decode(raw)
    except msgspec.ValidationError:
        raise errors.field("/config", "config must be an object.") from None
    return change


def _check(merged: dict[str, Any]) -> None:
    try:
        effective = policy.effective(merged)
    except msgspec.ValidationError as wrong:
        raise _below_config(bodies.problem_of(wrong, Policy)) from None
    for name in SampleDesign.__struct_fields__:
        status = getattr(effective.sample_design, name)
        if status is not None and status not in {each.value for each in DesignStatus}:
            known = ", ".join(DesignStatus)
            raise errors.field(f"/config/sample_design/{name}", f"{status!r} is no design status; known are {known}.")


def _check_routes(connection: Connection, change: dict[str, Any]) -> None:
    """Every partner that a route is set to exists."""
    routes = [
        (f"/config/routes/{kind}/{_escaped(name)}", partner_id)
        for kind, by_name in (change.get("routes") or {}).items()
        for name, partner_id in (by_name or {}).items()
        if partner_id is not None
    ]
    known = select(tables.partner.c.id).where(tables.partner.c.id.in_({partner_id for _, partner_id in routes}))
    found = set(connection.scalars(known)) if routes else set()
    for pointer, partner_id in routes:
        if partner_id not in found:
            raise errors.field(pointer, f"There is no partner {partner_id!r}.", code="unknown_reference")


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


def _below_config(problem: errors.Problem) -> errors.Problem:
    """The problem as the request sees it: its fields stand below `config`."""
    problem.errors = [{**each, "pointer": "/config" + each.get("pointer", "")} for each in problem.errors]
    return problem


def _body(stored: dict[str, Any]) -> dict[str, Any]:
    unknown = list(_unknown(stored, Policy, ""))
    effective = policy.effective(_without(stored, unknown))
    return {"config": stored, "effective_config": msgspec.to_builtins(effective), "unknown": unknown}


def _unknown(stored: dict[str, Any], kind: Any, place: str) -> Iterator[str]:
    """Entries that another release stored and this one does not know, as pointers."""
    known = {field.name: field.type for field in msgspec.structs.fields(kind)}
    for name, value in stored.items():
        if name not in known:
            yield f"{place}/{name}"
        elif isinstance(value, dict) and isinstance(known[name], type) and issubclass(known[name], msgspec.Struct):
            yield from _unknown(value, known[name], f"{place}/{name}")


def _without(stored: dict[str, Any], unknown: list[str], place: str = "") -> dict[str, Any]:
    return {
        name: _without(value, unknown, f"{place}/{name}") if isinstance(value, dict) else value
        for name, value in stored.items()
        if f"{place}/{name}" not in unknown
    }


def _stored(connection: Connection) -> dict[str, Any]:
    found: dict[str, Any] | None = connection.exec_driver_sql("SELECT config FROM policy WHERE id = 1").scalar()
    return found or {}


def _lock(connection: Connection) -> dict[str, Any]:
    connection.exec_driver_sql("INSERT INTO policy (id) VALUES (1) ON CONFLICT DO NOTHING")
    found: dict[str, Any] = connection.exec_driver_sql("SELECT config FROM policy WHERE id = 1 FOR UPDATE").scalar_one()
    return found


_log = logs.get("policy")

ROUTES: tuple[Route, ...] = (
    Route(method="GET", path=PATH, do=read_policy, who=Who.ADMIN, tag="policy", summary="Read the policy.", answers={200: "Stored and effective."}),
    Route(
        method="PATCH", path=PATH, do=change_policy, who=Who.ADMIN, tag="policy", summary="Change the policy.",
        body=PolicyChange, transactional=True, answers={200: "Stored and effective.", 412: "It changed."},
    ),
)  # fmt: skip
