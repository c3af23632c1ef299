"""Inventory: materials, the places that stock them, how much is where, and the ledger that says why."""

from collections.abc import Mapping, Sequence
from typing import Any

from services.api.forms import Filled
from services.api.pages import frame, words
from services.api.pages.acts import Act
from services.api.pages.console import fields, reads, sheets
from services.api.pages.console.fields import Field, Kind
from services.api.pages.console.sheets import Column, Row, Sheet, Show
from services.api.queries import loads, names
from services.api.resources.catalogue import BY_NAME
from services.api.routes import Call, Reply
from shared.domain.consumption import Unit

AT = "/console/inventory"
_LEDGER = f"{AT}/movements"
_TABS = ((AT, "Items"), (f"{AT}/locations", "Places"), (f"{AT}/levels", "Levels"), (_LEDGER, "Ledger"))
_UNITS = fields.of_enum(Unit)
_OURS = (("true", "Ours"), ("false", "Partners'"))
_FEW = {"limit": "10"}


def _on_hand(call: Call, item_ids: Sequence[str]) -> Mapping[str, Row]:
    with call.desk.engine.connect() as connection:
        return {key: {"stocked": stocked} for key, stocked in loads.stocked(connection, item_ids).items()}


def _around(name: str) -> Any:
    """The levels and the newest movements of an item, or of a place."""

    def around(call: Call, row: Row) -> Mapping[str, Any]:
        here = {name: row["id"]}
        levels = reads.read(call, "/admin/stock-levels", here)["stock_levels"]
        moved = reads.read(call, "/admin/stock-movements", {**here, **_FEW})["stock_movements"]
        return {"here_ids": here, "levels": levels, "movements": moved, "names": _names(call, [*levels, *moved])}

    return around


def _around_level(call: Call, row: Row) -> Mapping[str, Any]:
    here = {name: row[name] for name in ("inventory_item_id", "location_id")}
    moved = reads.read(call, "/admin/stock-movements", {**here, **_FEW})["stock_movements"]
    return {"here_ids": here, "levels": [], "movements": moved, "names": _names(call, [row, *moved])}


def _names(call: Call, rows: Sequence[Row]) -> Mapping[str, Mapping[str, str]]:
    with call.desk.engine.connect() as connection:
        return {
            "inventory_item": names.of(connection, "inventory_item", (row["inventory_item_id"] for row in rows)),
            "item_unit": names.of(connection, "item_unit", (row["inventory_item_id"] for row in rows)),
            "stock_location": names.of(connection, "stock_location", (row["location_id"] for row in rows)),
        }


ITEMS = Sheet(
    at=AT,
    thing=BY_NAME["inventory_item"],
    title="Inventory",
    one="item",
    about="Materials that designs are made from, and how much of each there is in all places together.",
    empty="No item here. Add a material, then say at which place how much of it there is.",
    columns=(
        Column(name="sku", title="SKU", show=Show.LINK),
        Column(name="title", title="Material"),
        Column(name="stocked", title="In stock", show=Show.AMOUNT, unit="unit_of_measure", empty="none"),
        Column(name="unit_cost", title="Cost of a unit", show=Show.MONEY),
        Column(name="unit_of_measure", title="Unit", show=Show.WORD),
    ),
    fields=(
        Field(name="sku", label="SKU", required=True),
        Field(name="title", label="Material", required=True),
        Field(name="unit_of_measure", label="Unit", kind=Kind.CHOICE, choices=_UNITS),
        Field(name="unit_cost", label="Cost of a unit", kind=Kind.AMOUNT),
    ),
    filters=(Field(name="unit_of_measure", label="Unit", kind=Kind.CHOICE, choices=_UNITS, empty="Every unit"),),
    sort="sku",
    calls=lambda row: f"{row['title']} ({row['sku']})",
    beside=_on_hand,
    around=_around("inventory_item_id"),
    template="console/stock.html",
    tabs=_TABS,
)

LOCATIONS = Sheet(
    at=f"{AT}/locations",
    thing=BY_NAME["stock_location"],
    title="Places",
    one="place",
    about="Where material is stocked: with us, or with a partner. Stock moves at our own places only.",
    empty="No place here. Add the room or shelf that material lies in.",
    columns=(
        Column(name="name", title="Place", show=Show.LINK),
        Column(name="partner_id", title="Whose", show=Show.NAME, of="partner", empty="ours"),
        Column(name="created_at", title="Since", show=Show.DATE),
    ),
    fields=(
        Field(name="name", label="Name", required=True),
        Field(name="partner_id", label="Whose place", kind=Kind.CHOICE, of="partner", empty="Ours"),
    ),
    filters=(
        Field(name="ours", label="Whose", kind=Kind.CHOICE, choices=_OURS, empty="Everybody's"),
        Field(name="partner_id", label="Partner", kind=Kind.CHOICE, of="partner", empty="Every partner"),
    ),
    sort="name",
    calls=lambda row: str(row["name"]),
    around=_around("location_id"),
    template="console/stock.html",
    tabs=_TABS,
)

LEVELS = Sheet(
    at=f"{AT}/levels",
    thing=BY_NAME["stock_level"],
    title="Stock levels",
    one="level",
    about="How much of a material is at a place. A level set by hand writes its difference into the ledger.",
    empty="No level here. Say how much of an item is at a place.",
    columns=(
        Column(name="inventory_item_id", title="Material", show=Show.LINK, of="inventory_item"),
        Column(name="location_id", title="Place", show=Show.NAME, of="stock_location"),
        Column(name="stocked", title="In stock", show=Show.AMOUNT, of="item_unit", unit="inventory_item_id"),
        Column(name="reserved", title="Reserved", show=Show.AMOUNT, of="item_unit", unit="inventory_item_id"),
        Column(name="updated_at", title="Changed", show=Show.DATE),
    ),
    fields=(
        Field(name="inventory_item_id", label="Material", kind=Kind.CHOICE, of="inventory_item", empty="Choose a material", required=True),
        Field(name="location_id", label="Place", kind=Kind.CHOICE, of="stock_location", empty="Choose a place", required=True),
        Field(name="stocked", label="In stock", kind=Kind.AMOUNT, hint="What was counted there."),
        Field(name="reserved", label="Reserved", kind=Kind.AMOUNT),
    ),
    filters=(
        Field(name="inventory_item_id", label="Material", kind=Kind.CHOICE, of="inventory_item", empty="Every material"),
        Field(name="location_id", label="Place", kind=Kind.CHOICE, of="stock_location", empty="Every place"),
    ),
    calls=lambda row: "Stock level",
    around=_around_level,
    template="console/stock.html",
    tabs=_TABS,
    end_question="What is there now leaves the ledger with it.",
)  # fmt: skip

_SHORT = (("true", "Took more than there was"), ("false", "Were covered"))
_REASONS = tuple((each, words.label(each)) for each in ("consumption", "set by hand", "level ended", "opening balance"))
_LEDGER_FILTERS = (
    *LEVELS.filters,
    Field(name="reason", label="Why", kind=Kind.CHOICE, choices=_REASONS, empty="Every reason"),
    Field(name="short", label="Shortfall", kind=Kind.CHOICE, choices=_SHORT, empty="All movements"),
)
_LEDGER_QUERY = ("production_run_id", *(field.name for field in _LEDGER_FILTERS), "cursor")


def ledger(call: Call, form: Filled | None = None) -> Reply:
    """Every movement of stock, newest first."""
    asked = reads.asked_for(call, *_LEDGER_QUERY)
    found = reads.read(call, "/admin/stock-movements", asked)
    moved = found["stock_movements"]
    with call.desk.engine.connect() as connection:
        choices = fields.choices(connection, _LEDGER_FILTERS, fields.views(_LEDGER_FILTERS, asked))
    return frame.page(
        call,
        "console/ledger.html",
        tabs=_TABS,
        filters=_LEDGER_FILTERS,
        choices=choices,
        asked=asked,
        movements=moved,
        names=_names(call, moved),
        next_cursor=found["next_cursor"],
    )


SHEETS = (LOCATIONS, LEVELS, ITEMS)
ACTS: tuple[Act, ...] = tuple(act for sheet in SHEETS for act in sheets.acts_of(sheet))
ROUTES = sheets.routes_with(
    (
        sheets.shown("GET", _LEDGER, ledger, "The ledger of stock.", query=_LEDGER_QUERY),
        *(route for sheet in SHEETS for route in sheets.routes_of(sheet)),
    ),
    ACTS,
)
