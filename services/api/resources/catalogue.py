"""The catalogue: designs, partners, products, templates, materials, stock. One table of things, five routes for each, links beside."""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Annotated, Any

import msgspec
import sqlalchemy.exc
from msgspec import UNSET, Meta
from sqlalchemy import (
    Connection,
    ForeignKeyConstraint,
    Select,
    Table,
    UniqueConstraint,
    and_,
    func,
    select,
)
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.schema import ColumnCollectionConstraint

from services.api import bodies, errors, etags
from services.api.queries import lists
from services.api.resources import order_lines
from services.api.resources.catalogue_table import CATALOGUE, Body, Name, Thing, Words
from services.api.routes import Call, Endpoint, Reply, Route, Who
from shared.domain import targets
from shared.runtime import ids, passwords
from shared.storage import stock, tables
from shared.storage.accounts import LEAST_PASSWORD

Prepare = Callable[[Connection, Any, str], dict[str, Any]]
"""Makes columns of a field's value. The last is the id of its thing."""

BY_NAME = {thing.singular: thing for thing in CATALOGUE}
DESIGN, PARTNER = BY_NAME["design"], BY_NAME["partner"]


class PartnerLink(Body, frozen=True, kw_only=True):
    """A partner who works on a design, and as what."""

    partner_id: str
    role: Words | None = None


class Unlinked(Body, frozen=True, kw_only=True):
    """The partner whose link to a design ends."""

    partner_id: str


class NewAccount(Body, frozen=True, kw_only=True):
    """A person of a partner who signs in."""

    name: Name
    email: Annotated[str, Meta(max_length=254)]
    password: Annotated[str, Meta(max_length=200)]

    def __post_init__(self) -> None:
        Body.__post_init__(self)
        if not re.fullmatch(r"[^@\s]+@[^@\s]+", self.email.strip()):
            raise ValueError("email: must be an e-mail address")
        if len(self.password) < LEAST_PASSWORD:
            raise ValueError(f"password: must have at least {LEAST_PASSWORD} characters")
        if self.password.strip().lower() == self.email.strip().lower():
            raise ValueError("password: must not be the e-mail address")


# Reading ------------------------------------------------------------------------------------------------------------


def _listing(thing: Thing) -> Endpoint:
    def read_list(call: Call) -> Reply:
        with call.desk.engine.connect() as connection:
            return Reply(
                lists.page(
                    connection,
                    thing.rows,
                    query=call.query,
                    key=thing.table.c.id,
                    filters=thing.filters,
                    sorts=thing.sorts,
                    plural=thing.plural,
                    render=partial(_shown, thing),
                )
            )

    return read_list


def _reading(thing: Thing) -> Endpoint:
    def read_one(call: Call) -> Reply:
        with call.desk.engine.connect() as connection:
            return etags.tagged(_body(connection, thing, call.params["id"]))

    return read_one


def _body(connection: Connection, thing: Thing, thing_id: str, *, lock: bool = False) -> dict[str, Any]:
    """The thing under its singular noun. Raises 404."""
    rows: Select[Any] = thing.rows.where(thing.table.c.id == thing_id)
    found = (
        connection.execute(rows.with_for_update(of=thing.table, key_share=True) if lock else rows).mappings().first()
    )
    if found is None:
        raise errors.not_found(thing.words)
    return {thing.singular: _shown(thing, found)}


def _shown(thing: Thing, row: Mapping[Any, Any]) -> dict[str, Any]:
    """The row without the secrets that its columns may hold."""
    told = _rendered(row)
    return {name: _VEILED.get((thing.table, name), _as_it_is)(value) for name, value in told.items()}


def _as_it_is(value: Any) -> Any:
    return value


_VEILED: dict[tuple[Table, str], Callable[[Any], Any]] = {
    (tables.partner, "contacts"): lambda contacts: [targets.shown(each) for each in contacts]
}
"""Columns that are told otherwise than they are stored."""


def _rendered(row: Mapping[Any, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if not name.startswith("_")}


# Writing ------------------------------------------------------------------------------------------------------------


def _adding(thing: Thing) -> Endpoint:
    def add(call: Call) -> Reply:
        thing_id = ids.fresh(thing.prefix)
        values = _values(call.tx, thing, thing_id, call.body)
        _write(call.tx, thing, insert(thing.table).values(id=thing_id, **values))
        _keep_ledger(call.tx, thing, thing_id)
        body = _body(call.tx, thing, thing_id)
        _after_write(call, thing, body)
        headers = {"Location": f"{thing.path}/{thing_id}", "ETag": etags.of(body)}
        return Reply(body, status=201, headers=headers)

    return add


def _editing(thing: Thing) -> Endpoint:
    def edit(call: Call) -> Reply:
        thing_id = call.params["id"]
        etags.check(call.req, _body(call.tx, thing, thing_id, lock=True))
        values = _values(call.tx, thing, thing_id, call.body)
        if values:
            statement = thing.table.update().where(thing.table.c.id == thing_id)
            _leave_ledger(call.tx, thing, thing_id, values)
            _write(call.tx, thing, statement.values(**values, updated_at=func.clock_timestamp()))
            _keep_ledger(call.tx, thing, thing_id)
            _after_write(call, thing, _body(call.tx, thing, thing_id))
        return etags.tagged(_body(call.tx, thing, thing_id))

    return edit


def _deleting(thing: Thing) -> Endpoint:
    def delete(call: Call) -> Reply:
        thing_id = call.params["id"]
        etags.check(call.req, _body(call.tx, thing, thing_id, lock=True))
        held_by = [noun for noun, holds in thing.held_by.items() if call.tx.scalar(_held(thing, thing_id, holds))]
        if held_by:
            raise _in_use(thing, held_by[0])
        _leave_ledger(call.tx, thing, thing_id, None)
        for column in thing.own:
            call.tx.execute(column.table.delete().where(column == thing_id))
        _write(call.tx, thing, thing.table.delete().where(thing.table.c.id == thing_id), is_deletion=True)
        return Reply({"id": thing_id, "deleted": True})

    return delete


def _retiring(thing: Thing) -> Endpoint:
    def retire(call: Call) -> Reply:
        thing_id = call.params["id"]
        etags.check(call.req, _body(call.tx, thing, thing_id, lock=True))
        columns = thing.table.c
        call.tx.execute(
            thing.table.update()
            .where(columns.id == thing_id, columns.retired_at.is_(None))
            .values(retired_at=func.now(), updated_at=func.clock_timestamp())
        )
        return etags.tagged(_body(call.tx, thing, thing_id))

    return retire


def _keep_ledger(connection: Connection, thing: Thing, thing_id: str) -> None:
    """A level that was set by hand writes its movement, so that it stays the sum of them."""
    if thing.table is tables.stock_level:
        stock.follow_level(connection, thing_id, movement_id=ids.fresh("smov"))


def _leave_ledger(connection: Connection, thing: Thing, thing_id: str, values: Mapping[str, Any] | None) -> None:
    """A level that ends (no values), or comes to stand for another item or place, leaves nothing behind."""
    if thing.table is not tables.stock_level:
        return
    columns, told = thing.table.c, values or {}
    stands = [columns[name] == told[name] for name in ("inventory_item_id", "location_id") if name in told]
    if values is None or (stands and not connection.scalar(select(and_(*stands)).where(columns.id == thing_id))):
        stock.clear_level(connection, thing_id, movement_id=ids.fresh("smov"))


def _after_write(call: Call, thing: Thing, body: dict[str, Any]) -> None:
    """A product that is linked now is what order lines may have waited for."""
    if thing.table is tables.product_link:
        order_lines.retry_those_of(call, body[thing.singular]["product_id"])


def _held(thing: Thing, thing_id: str, holds: Any) -> Select[Any]:
    return select(thing.table.c.id).where(thing.table.c.id == thing_id, holds)


def _values(connection: Connection, thing: Thing, thing_id: str, body: Body) -> dict[str, Any]:
    """The columns that a body fills: only the fields that came."""
    given = {name: getattr(body, name) for name in body.__struct_fields__ if getattr(body, name) is not UNSET}
    for (table, name), prepare in _PREPARED.items():
        if table is thing.table and name in given:
            given |= prepare(connection, given.pop(name), thing_id)
    return {name: _stored(thing.table, name, value) for name, value in given.items()}


def _stored(table: Table, name: str, value: Any) -> Any:
    if isinstance(table.c[name].type, JSONB):
        return msgspec.to_builtins(value)
    return msgspec.to_builtins(value, builtin_types=(Decimal, datetime))


def _shop_id(name: str) -> Prepare:
    return lambda _, value, __: {name: None if value is None else str(value)}


def _category(connection: Connection, name: str | None, _: str) -> dict[str, Any]:
    """A category is named, and made when it is new; two who make it at once get the same one."""
    if name is None:
        return {"category_id": None}
    columns = tables.template_category.c
    fresh = insert(tables.template_category).values(id=ids.fresh("tcat"), name=name.strip())
    connection.execute(fresh.on_conflict_do_nothing(index_elements=[columns.name]))
    found = connection.scalar(select(columns.id).where(columns.name == name.strip()))
    return {"category_id": found}


def _media(_: Connection, media: list[Any], __: str) -> dict[str, Any]:
    """Every file gets an id; there is one thumbnail."""
    told = [{"is_thumbnail": False, **msgspec.to_builtins(each)} for each in media]
    if sum(each["is_thumbnail"] for each in told) > 1:
        raise errors.field("/media", "Only one of the media can be the thumbnail.")
    return {"media": [{"id": ids.fresh("media"), **each} for each in told]}


def _planned_materials(connection: Connection, planned: list[Any], _: str) -> dict[str, Any]:
    """Material lists are documents: what they name is looked up here, as no foreign key does it."""
    for field, table in (("inventory_item_id", tables.inventory_item), ("location_id", tables.stock_location)):
        named = {getattr(each, field) for each in planned} - {None}
        known = set(connection.scalars(select(table.c.id).where(table.c.id.in_(named)))) if named else set()
        for place, each in enumerate(planned):
            if getattr(each, field) in named - known:
                what = table.name.replace("_", " ")
                pointer = f"/planned_materials/{place}/{field}"
                raise errors.field(pointer, f"There is no {what} {getattr(each, field)!r}.", code="unknown_reference")
    return {"planned_materials": planned}


def _contacts(connection: Connection, contacts: list[Any], partner_id: str) -> dict[str, Any]:
    """Targets are shown masked; a mask that comes back leaves the target as it is."""
    stored = connection.scalar(select(tables.partner.c.contacts).where(tables.partner.c.id == partner_id)) or []
    meant = targets.unmasked(msgspec.to_builtins(contacts), stored)
    for place, each in enumerate(meant):
        if targets.is_masked(each):
            raise errors.field(
                f"/contacts/{place}/url", "This is the mask of a target that is not set here; send all of it."
            )
    return {"contacts": meant}


_PREPARED: dict[tuple[Table, str], Prepare] = {
    (tables.partner, "contacts"): _contacts,
    (tables.task_template, "category"): _category,
    (tables.product_link, "product_id"): _shop_id("product_id"),
    (tables.product_link, "variant_id"): _shop_id("variant_id"),
    (tables.design, "media"): _media,
    (tables.design, "planned_materials"): _planned_materials,
}
"""Fields that are more than their column."""


# What the database forbids ------------------------------------------------------------------------------------------


def _write(connection: Connection, thing: Thing, statement: Any, *, is_deletion: bool = False) -> None:
    """Carry a write out; what a constraint forbids becomes a problem in words, named by the constraint."""
    try:
        connection.execute(statement)
    except sqlalchemy.exc.IntegrityError as broken:
        diagnosis = getattr(broken.orig, "diag", None)
        if is_deletion:
            raise _in_use(thing, _noun(diagnosis.table_name if diagnosis else None)) from None
        raise _forbidden(thing, diagnosis.constraint_name if diagnosis else None) or broken from None


def _forbidden(thing: Thing, name: str | None) -> errors.Problem | None:
    constraint = next((each for each in thing.table.constraints if each.name == name), None)
    if not isinstance(constraint, ColumnCollectionConstraint):
        return None
    fields = [_FIELD_OF_COLUMN.get(column.name, column.name) for column in constraint.columns]
    if isinstance(constraint, UniqueConstraint):
        return _taken(thing.words, fields)
    if isinstance(constraint, ForeignKeyConstraint):
        what = _noun(constraint.referred_table.name, singular=True)
        return errors.field(f"/{fields[0]}", f"There is no {what} with this id.", code="unknown_reference")
    return errors.invalid("A value in the request is out of range.")


_FIELD_OF_COLUMN = {"category_id": "category"}


def _taken(what: str, fields: list[str]) -> errors.Problem:
    detail = f"There is a {what} with this {' and '.join(fields)} already."
    return errors.Problem(
        409,
        "conflict",
        detail,
        errors=[{"pointer": f"/{fields[-1] if len(fields) == 1 else fields[0]}", "detail": detail}],
    )


def _in_use(thing: Thing, noun: str) -> errors.Problem:
    return errors.conflict(f"This {thing.words} is in use by {noun} and cannot be deleted.", code="in_use")


def _noun(table: str | None, *, singular: bool = False) -> str:
    name = _NOUNS.get(table or "", (table or "record").replace("_", " "))
    return name if singular else f"{name}s"


_NOUNS = {"product_link": "product", "design_partner": "design", "run_snapshot": "production run"}

CODES = {"in_use": "Other things refer to it; end those first, or leave it as it is."}
"""The problem codes of this module, with their sentences."""


# Partners of a design -----------------------------------------------------------------------------------------------


def link_partner(call: Call) -> Reply:
    """Link a partner to a design; linking again changes the role only."""
    design_id, link = call.params["id"], call.body
    _body(call.tx, DESIGN, design_id, lock=True)
    _check_partner(call.tx, link.partner_id)
    columns = tables.design_partner.c
    statement = insert(tables.design_partner).values(design_id=design_id, partner_id=link.partner_id, role=link.role)
    call.tx.execute(
        statement.on_conflict_do_update(
            index_elements=[columns.design_id, columns.partner_id],
            set_={"role": statement.excluded.role, "updated_at": func.now()},
        )
    )
    return Reply(_body(call.tx, DESIGN, design_id), status=201)


def unlink_partner(call: Call) -> Reply:
    """End the link; runs that the partner has stay as they are."""
    design_id = call.params["id"]
    partner_id = call.params.get("partner_id") or _named(call)
    _body(call.tx, DESIGN, design_id, lock=True)
    columns = tables.design_partner.c
    gone = call.tx.execute(
        tables.design_partner.delete().where(columns.design_id == design_id, columns.partner_id == partner_id)
    )
    if not gone.rowcount:
        raise errors.not_found("partner on this design")
    return Reply(_body(call.tx, DESIGN, design_id))


def _named(call: Call) -> str:
    """Bodies of DELETE are rare, so this one is read here."""
    body: Unlinked = call.body or bodies.parse(bodies.read(call.req), Unlinked)
    return body.partner_id


def _check_partner(connection: Connection, partner_id: str) -> None:
    if connection.scalar(select(tables.partner.c.id).where(tables.partner.c.id == partner_id)) is None:
        raise errors.field("/partner_id", f"There is no partner {partner_id!r}.", code="unknown_reference")


# Accounts of a partner ----------------------------------------------------------------------------------------------


def add_account(call: Call) -> Reply:
    """A person of a partner. The password is kept as a hash only, and never told again."""
    partner_id, new = call.params["id"], call.body
    _body(call.tx, PARTNER, partner_id)
    values = {
        "id": ids.fresh("acct"),
        "name": new.name.strip(),
        "email": new.email.strip().lower(),
        "role": "partner",
        "partner_id": partner_id,
        "password_hash": passwords.hashed(new.password),
    }
    made = insert(tables.account).values(**values).on_conflict_do_nothing(index_elements=["email"])
    row = call.tx.execute(made.returning(*_account_columns())).mappings().first()
    if row is None:
        raise _taken("person", ["email"])
    return Reply({"account": dict(row)}, status=201)


def read_accounts(call: Call) -> Reply:
    """The people of a partner."""
    partner_id = call.params["id"]
    account = tables.account
    with call.desk.engine.connect() as connection:
        _body(connection, PARTNER, partner_id)
        return Reply(
            lists.page(
                connection,
                select(*_account_columns()).where(account.c.partner_id == partner_id),
                query=call.query,
                key=account.c.id,
                filters={"email": lists.equals(account.c.email)},
                sorts={name: account.c[name] for name in ("created_at", "name", "email")},
                plural="accounts",
                render=_rendered,
            )
        )


def _account_columns() -> list[Any]:
    return [column for column in tables.account.columns if column.name != "password_hash"]


# Routes -------------------------------------------------------------------------------------------------------------


def _routes_of(thing: Thing) -> Iterator[Route]:
    one, tag = f"{thing.path}/{{id}}", thing.plural.replace("_", " ")
    a, many = thing.words, thing.plural.replace("_", " ")
    rows: tuple[tuple[str, str, Endpoint, str, Any, dict[int, str]], ...] = (
        ("POST", thing.path, _adding(thing), f"Add a {a}.", thing.new, {201: f"The new {a}.", 409: "There is one already."}),
        ("GET", thing.path, _listing(thing), f"List {many}.", None, {200: f"A page of {many}."}),
        ("GET", one, _reading(thing), f"Read a {a}.", None, {200: f"The {a}."}),
        ("PATCH", one, _editing(thing), f"Edit a {a}.", thing.change, {200: f"The {a} as it is now.", 412: "It changed."}),
        ("DELETE", one, _retiring(thing), f"Retire a {a}: it goes out no more.", None, {200: f"The retired {a}."})
        if thing.retires
        else ("DELETE", one, _deleting(thing), f"Delete a {a} that nothing uses.", None, {200: "Gone.", 409: "In use."}),
    )  # fmt: skip
    for method, path, do, summary, body, told in rows:
        is_list = method == "GET" and path == thing.path
        yield Route(
            method=method,
            path=path,
            do=do,
            who=Who.ADMIN,
            summary=summary,
            body=body,
            query=(*thing.filters, *lists.LIST_PARAMETERS) if is_list else (),
            transactional=method != "GET",
            answers=told,
            tag=tag,
        )


def _beside(method: str, path: str, do: Endpoint, summary: str, tag: str, **more: Any) -> Route:
    return Route(
        method=method,
        path=path,
        do=do,
        who=Who.ADMIN,
        summary=summary,
        tag=tag,
        transactional=method != "GET",
        **more,
    )


_PEOPLE = "/admin/partners/{id}/accounts"
_LINKS = "/admin/designs/{id}/partners"
_ACCOUNT_QUERY = ("email", *lists.LIST_PARAMETERS)

ROUTES: tuple[Route, ...] = (
    *(route for thing in CATALOGUE for route in _routes_of(thing)),
    _beside("POST", _LINKS, link_partner, "Link a partner.", "designs", body=PartnerLink, answers={201: "The design."}),
    _beside("DELETE", _LINKS, unlink_partner, "Unlink a partner.", "designs", body=Unlinked, answers={200: "The design."}),
    _beside("DELETE", _LINKS + "/{partner_id}", unlink_partner, "Unlink a partner.", "designs", answers={200: "The design."}),
    _beside("POST", _PEOPLE, add_account, "Add a person.", "partners", body=NewAccount, answers={201: "The account.", 409: "Taken."}),
    _beside("GET", _PEOPLE, read_accounts, "List a partner's people.", "partners", query=_ACCOUNT_QUERY, answers={200: "A page."}),
)  # fmt: skip
