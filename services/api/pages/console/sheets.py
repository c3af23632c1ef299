"""Sheets: one row per thing of the catalogue says its list, its form and its words. From it come five pages' worth of routes.

A sheet's acts ask the routes of the JSON API, its lists and pages read them.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any

import msgspec
from sqlalchemy import Connection

from services.api.forms import Filled
from services.api.pages import acts, frame
from services.api.pages.acts import Act, Page
from services.api.pages.console import fields, reads
from services.api.pages.console.fields import Field
from services.api.queries import names
from services.api.resources.catalogue_table import Thing
from services.api.routes import Call, Reply, Route, Who

Row = Mapping[str, Any]
PAGER = ("cursor", "sort")


class Show(StrEnum):
    """How a column reads."""

    TEXT = "text"
    LINK = "link"
    WORD = "word"
    STATUS = "status"
    AMOUNT = "amount"
    MONEY = "money"
    NAME = "name"
    DATE = "date"
    LOAD = "load"
    OVERDUE = "overdue"


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """One column of a list.

    of: the kind of things that it names, or whose unit its amounts have. unit: the field with the unit, or with that thing.
    empty: for no value.
    """

    name: str
    title: str
    show: Show = Show.TEXT
    of: str = ""
    unit: str = ""
    empty: str = ""


class Sheet(msgspec.Struct, frozen=True, kw_only=True):
    """One thing's pages. one: what one is called. has_page: its own page stands elsewhere, and its form below `/edit`.

    row: more columns, of a row itself. beside: more columns by id. around: what its form's page tells more, in a template of its own. tabs: the sheets beside it.
    """

    at: str
    thing: Thing
    title: str
    one: str
    about: str
    empty: str
    columns: tuple[Column, ...]
    fields: tuple[Field, ...]
    filters: tuple[Field, ...] = ()
    sort: str = "-created_at"
    calls: Callable[[Row], str]
    has_page: bool = False
    row: Callable[[Row], Row] | None = None
    beside: Callable[[Call, Sequence[str]], Mapping[str, Row]] | None = None
    around: Callable[[Call, Row], Mapping[str, Any]] | None = None
    template: str = "console/thing.html"
    tabs: tuple[tuple[str, str], ...] = ()
    end: str = "Delete"
    end_question: str = "This cannot be undone."

    @property
    def edit_at(self) -> str:
        return f"{self.at}/{{id}}/edit" if self.has_page else f"{self.at}/{{id}}"

    @property
    def api(self) -> str:
        return f"{self.thing.path}/{{id}}"


# Routes and acts ----------------------------------------------------------------------------------------------------


def acts_of(sheet: Sheet) -> tuple[Act, ...]:
    """Add, edit and end."""
    back = f"{sheet.at}/{{id}}"
    return (
        Act(
            name="add",
            path=f"{sheet.at}/new",
            api=f"POST {sheet.thing.path}",
            page=adding(sheet),
            back=lambda _, told: f"{sheet.at}/{told[sheet.thing.singular]['id']}",
            body=lambda call: fields.said_anew(sheet.fields, call.body),
            said="added",
        ),
        Act(
            name="edit",
            path=sheet.edit_at,
            api=f"PATCH {sheet.api}",
            page=editing(sheet),
            back=back,
            body=lambda call: fields.said_over(sheet.fields, call.body, read(call, sheet)),
        ),
        Act(
            name="end",
            path=f"{sheet.at}/{{id}}/end",
            api=f"DELETE {sheet.api}",
            page=editing(sheet),
            back=back if sheet.thing.retires else sheet.at,
            body=lambda _: {},
            said="retired" if sheet.thing.retires else "removed",
        ),
    )


def routes_of(sheet: Sheet) -> tuple[Route, ...]:
    """The list, the empty form, the filled form."""
    known = tuple(field.name for field in sheet.filters)
    prefilled = tuple(field.name for field in sheet.fields)
    return (
        shown("GET", sheet.at, listing(sheet), sheet.title, query=("q", *known, *PAGER)),
        shown("GET", f"{sheet.at}/new", adding(sheet), f"New: {sheet.one}.", query=(*prefilled, "find")),
        shown("GET", sheet.edit_at, editing(sheet), f"Edit: {sheet.one}.", query=("find",)),
    )


def shown(method: str, path: str, page: Page, summary: str, *, query: tuple[str, ...] = ()) -> Route:
    """An admin's page."""
    return frame.route(method, path, lambda call: page(call, None), Who.ADMIN, summary, query=query)


def routes_with(routes: Iterable[Route], done: tuple[Act, ...]) -> tuple[Route, ...]:
    """Pages and the forms on them. The address of a form that came back can be loaded again: it shows the form's page."""
    pages = tuple(routes)
    taken = {route.path for route in pages}
    again = {act.path: act.page for act in done if act.path not in taken}
    return (
        *pages,
        *(shown("GET", path, page, "A form's page.") for path, page in again.items()),
        *acts.routes(done, Who.ADMIN),
    )


# Pages --------------------------------------------------------------------------------------------------------------


def read(call: Call, sheet: Sheet) -> Row:
    """The thing of the address. Raises 404."""
    row: Row = reads.read(call, sheet.api)[sheet.thing.singular]
    return row


def listing(sheet: Sheet) -> Page:
    def page(call: Call, form: Filled | None) -> Reply:
        asked = reads.asked_for(call, "q", *(field.name for field in sheet.filters), *PAGER)
        found = reads.read(call, sheet.thing.path, {"sort": sheet.sort, **asked})
        rows = found[sheet.thing.plural]
        with call.desk.engine.connect() as connection:
            named = _named(connection, sheet, rows)
            choices = fields.choices(connection, sheet.filters, fields.views(sheet.filters, asked))
        return frame.page(
            call,
            "console/list.html",
            sheet=sheet,
            rows=_widened(call, sheet, rows),
            names=named,
            choices=choices,
            asked=asked,
            next_cursor=found["next_cursor"],
        )

    return page


def adding(sheet: Sheet) -> Page:
    def page(call: Call, form: Filled | None) -> Reply:
        given = {name: value for name, value in call.query.items() if name not in ("find", "said", "command")}
        return _form_page(call, sheet, "console/new.html", {**_defaults(sheet), **given}, form, "add", etag="")

    return page


def editing(sheet: Sheet) -> Page:
    def page(call: Call, form: Filled | None) -> Reply:
        body, etag = reads.tagged(call, sheet.api)
        row = body[sheet.thing.singular]
        more = sheet.around(call, row) if sheet.around else {}
        return _form_page(call, sheet, sheet.template, row, form, "edit", etag=etag, thing=row, **more)

    return page


def _form_page(
    call: Call, sheet: Sheet, template: str, values: Row, form: Filled | None, name: str, **more: Any
) -> Reply:
    views = fields.views(sheet.fields, values, form, name)
    find = call.query.get("find", "")
    with call.desk.engine.connect() as connection:
        choices = fields.choices(connection, sheet.fields, views, find=find)
    return frame.page(
        call, template, sheet=sheet, views=views, choices=choices, form=form, find=find, query=call.query, **more
    )


def _defaults(sheet: Sheet) -> Row:
    """What a new thing is unless it is said otherwise, as the API's own type has it."""
    known = {field.name: field.default for field in msgspec.structs.fields(sheet.thing.new)}
    return {name: value for name, value in known.items() if value is not msgspec.NODEFAULT}


def _named(connection: Connection, sheet: Sheet, rows: Sequence[Row]) -> Mapping[str, Mapping[str, str]]:
    """The names that a list shows, by kind of thing."""
    return {
        column.of: names.of(connection, column.of, (row[column.unit or column.name] for row in rows))
        for column in sheet.columns
        if column.of
    }


def _widened(call: Call, sheet: Sheet, rows: Sequence[Row]) -> list[Row]:
    more = sheet.beside(call, [row["id"] for row in rows]) if sheet.beside and rows else {}
    own = sheet.row or (lambda _: {})
    return [{**row, **own(row), **more.get(row["id"], {})} for row in rows]
