"""Designs: what is made, who makes it, its runs and what they used up."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from services.api.forms import Filled
from services.api.pages import frame, words
from services.api.pages.acts import Act
from services.api.pages.console import fields, keyvalues, reads, sheets
from services.api.pages.console.fields import Field, Kind, View
from services.api.pages.console.sheets import Column, Row, Sheet, Show
from services.api.queries import material, names
from services.api.resources.catalogue import BY_NAME
from services.api.resources.catalogue_table import DesignStatus
from services.api.routes import Call, Reply
from shared.domain.consumption import ConsumedBy, ConsumptionType, QuantityBasis, Unit
from shared.domain.runs import Phase, RunType

AT, API = "/console/designs", "/admin/designs/{id}"
ONE, RUNS, USED = f"{AT}/{{id}}", f"{AT}/{{id}}/runs", f"{AT}/{{id}}/consumption"
SHARES = 4
"""Free rows for shares of a new run. A run of more shares is split on its own page."""

_STATUSES = fields.of_enum(DesignStatus)
_UNITS = fields.of_enum(Unit)
_FEW = {"limit": "8"}


def _tabs(at: str) -> tuple[tuple[str, str], ...]:
    return (at, "Design"), (f"{at}/runs", "Runs"), (f"{at}/consumption", "Consumption"), (f"{at}/edit", "Edit")


DESIGNS = Sheet(
    at=AT,
    thing=BY_NAME["design"],
    title="Designs",
    one="design",
    about="What is made: its description, materials and costs, and the partners who work on it.",
    empty="No design here. Make one, link partners and a product to it, and orders become runs.",
    columns=(
        Column(name="name", title="Design", show=Show.LINK),
        Column(name="status", title="Status", show=Show.STATUS),
        Column(name="category", title="Category"),
        Column(name="partner_names", title="Partners", empty="none linked"),
        Column(name="estimated_cost", title="Estimated cost", show=Show.MONEY),
        Column(name="updated_at", title="Changed", show=Show.DATE),
    ),
    fields=(
        Field(name="name", label="Name", required=True),
        Field(name="status", label="Status", kind=Kind.CHOICE, choices=_STATUSES),
        Field(name="category", label="Category", hint="A route of the policy may go by it."),
        Field(name="description", label="Description", kind=Kind.AREA),
        Field(name="specifications", label="Specification", kind=Kind.PAIRS, hint="Parts of a group are written “care › wash”."),
        Field(name="colours", label="Colours", kind=Kind.LINES, hint="One per line: “Indigo”, or with parts “name: Indigo; code: 4”."),
        Field(name="sizes", label="Sizes", kind=Kind.LINES, hint="One per line, in the same way."),
        Field(
            name="planned_materials", label="Planned materials", kind=Kind.ROWS, hint="What one piece needs.",
            columns=(
                Field(name="inventory_item_id", label="Material", kind=Kind.CHOICE, of="inventory_item", empty="none"),
                Field(name="quantity", label="For one piece", kind=Kind.AMOUNT),
                Field(name="unit_of_measure", label="Unit", kind=Kind.CHOICE, choices=_UNITS, empty="the item's"),
                Field(name="location_id", label="Taken from", kind=Kind.CHOICE, of="stock_location", empty="any place"),
                Field(name="notes", label="Notes"),
            ),
        ),
        Field(
            name="media", label="Media", kind=Kind.ROWS, hint="Addresses of pictures and files; one of them is the thumbnail.",
            columns=(
                Field(name="id", label="", kind=Kind.HIDDEN),
                Field(name="url", label="Address"),
                Field(name="is_thumbnail", label="Thumbnail", kind=Kind.CHECK),
            ),
        ),
        Field(name="estimated_cost", label="Estimated cost", kind=Kind.AMOUNT, hint="Samples set the costs when they are completed."),
        Field(name="material_cost", label="Cost of material", kind=Kind.AMOUNT),
        Field(name="production_cost", label="Cost of production", kind=Kind.AMOUNT),
        Field(name="cost_breakdown", label="Costs in detail", kind=Kind.PAIRS),
    ),
    filters=(
        Field(name="status", label="Status", kind=Kind.CHOICE, choices=_STATUSES, empty="Every status"),
        Field(name="category", label="Category"),
        Field(name="partner_id", label="Partner", kind=Kind.CHOICE, of="partner", empty="Every partner"),
    ),
    calls=lambda row: str(row["name"]),
    row=lambda row: {"partner_names": ", ".join(each["name"] for each in row["partners"])},
    has_page=True,
    around=lambda _, row: {"tabs": _tabs(ONE.format(id=row["id"]))},
    end_question="Its links to partners go with it. A design with runs or products cannot be deleted.",
)  # fmt: skip


# The design ---------------------------------------------------------------------------------------------------------


def details(call: Call, form: Filled | None = None) -> Reply:
    """A design as a whole, with its newest runs."""
    body, etag = reads.tagged(call, API)
    design = body["design"]
    found = reads.read(call, "/admin/production-runs", {"design_id": design["id"], **_FEW})["production_runs"]
    products = reads.read(call, "/admin/products", {"design_id": design["id"]})["products"]
    with call.desk.engine.connect() as connection:
        named = _materials(connection, design["planned_materials"])
        units = names.of(connection, "item_unit", (each["inventory_item_id"] for each in design["planned_materials"]))
        partners = _partners(connection, found)
        typed = [form.value("link", "partner_id")] if form else []
        addable = names.choices(connection, "partner", find=call.query.get("find", ""), always=typed)
    return frame.page(
        call,
        "console/design.html",
        **_around(design, form),
        etag=etag,
        specification=keyvalues.pairs(design["specifications"]),
        breakdown=keyvalues.pairs(design["cost_breakdown"]),
        colours=[keyvalues.line(each) for each in design["colours"]],
        sizes=[keyvalues.line(each) for each in design["sizes"]],
        media=[_medium(each) for each in design["media"]],
        named=named,
        units=units,
        runs=found,
        names=partners,
        products=products,
        partners={"partner": addable},
        find=call.query.get("find", ""),
    )


def _around(design: Row, form: Filled | None) -> dict[str, Any]:
    """What every page of a design shows: the design, and the tabs to its other pages."""
    at = ONE.format(id=design["id"])
    return {"sheet": DESIGNS, "design": design, "at": at, "tabs": _tabs(at), "form": form}


def _medium(each: Row) -> Row:
    """Pictures of our own are shown; those of others are links, never fetched."""
    url = str(each["url"])
    is_ours = url.startswith("/media/")
    return {**each, "picture": url.replace("/media/", "/pictures/", 1) if is_ours else "", "url": url}


def _materials(connection: Connection, planned: Sequence[Row]) -> Mapping[str, str]:
    """The names of materials and places, by id."""
    items = names.of(connection, "inventory_item", (each.get("inventory_item_id") for each in planned))
    return items | names.of(connection, "stock_location", (each.get("location_id") for each in planned))


def _partners(connection: Connection, runs: Iterable[Row]) -> Mapping[str, str]:
    return names.of(connection, "partner", (run["partner_id"] for run in runs))


# Runs ---------------------------------------------------------------------------------------------------------------


def runs_of(call: Call, form: Filled | None = None) -> Reply:
    """The runs of a design, and the form of a new one."""
    design = reads.read(call, API)["design"]
    asked = reads.asked_for(call, "run_type", "phase", "cursor")
    found = reads.read(call, "/admin/production-runs", {"design_id": design["id"], **asked})
    shares, find = _shares(form), call.query.get("find", "")
    with call.desk.engine.connect() as connection:
        partners = _partners(connection, found["production_runs"])
        choices = _share_choices(connection, shares, find=find)
    return frame.page(
        call,
        "console/design_runs.html",
        **_around(design, form),
        runs=found["production_runs"],
        next_cursor=found["next_cursor"],
        asked=asked,
        filters=_RUN_FILTERS,
        names=partners,
        choices=choices,
        views=fields.views(_RUN_FIELDS, {"run_type": RunType.PRODUCTION.value}, form, "run"),
        shares=shares,
        find=find,
        metadata=fields.views((_METADATA,), {}, form, "run"),
    )


_TYPES_OF_RUN = fields.of_enum(RunType)
_RUN_FILTERS = (
    Field(name="run_type", label="Kind", kind=Kind.CHOICE, choices=_TYPES_OF_RUN, empty="Both kinds"),
    Field(name="phase", label="Phase", kind=Kind.CHOICE, choices=fields.of_enum(Phase), empty="Every phase"),
)
_RUN_FIELDS = (
    Field(name="quantity", label="Pieces", kind=Kind.AMOUNT, hint="Empty: as many as the shares have together, else one."),
    Field(name="run_type", label="Kind", kind=Kind.CHOICE, choices=_TYPES_OF_RUN, hint="A sample moves its design along and sets its costs."),
    Field(name="template_category", label="Templates of every share", kind=Kind.CHOICE, of="category", empty="Chosen later, or per share"),
)  # fmt: skip
_METADATA = Field(name="metadata", label="Notes for other systems", kind=Kind.PAIRS, hint="Kept with the run as they are.")  # fmt: skip


def _shares(form: Filled | None) -> list[Mapping[str, Any]]:
    """The rows of shares, as typed. Those that were left empty are not kept between others, so errors stand where they belong."""
    typed: list[Mapping[str, Any]] = []
    if form and form.name == "run":
        told = form.form.nested().get("assignments", [])
        typed = [each for each in told if isinstance(each, dict)]
    return [*typed, *({} for _ in range(max(1, SHARES - len(typed))))]


def _share_choices(
    connection: Connection, shares: Sequence[Mapping[str, Any]], *, find: str
) -> dict[str, names.Choices]:
    """Partners and templates that a share can have; those that were typed stay choosable."""
    typed = {
        "active_partner": [share.get("partner_id") for share in shares],
        "category": [share.get("template_category") for share in shares],
        "template": [each for share in shares for each in share.get("template_ids", [])],
    }
    return {
        kind: names.choices(connection, kind, find=find, always=always, most=names.FEW_CHOICES)
        for kind, always in typed.items()
    }


def _new_run(call: Call) -> Mapping[str, Any]:
    """No share at all: the linked partners share the run."""
    told = call.body.nested()
    told.pop("metadata", None)
    return {**told, **fields.said_anew((_METADATA,), call.body)}


# Consumption --------------------------------------------------------------------------------------------------------

_TYPES = fields.of_enum(ConsumptionType)
_COMMITTED = (("false", "Open"), ("true", "Committed"))
_USED_FILTERS = (
    Field(name="consumption_type", label="Type", kind=Kind.CHOICE, choices=_TYPES, empty="Every type"),
    Field(name="is_committed", label="State", kind=Kind.CHOICE, choices=_COMMITTED, empty="Open and committed"),
    Field(name="consumed_by", label="Logged by", kind=Kind.CHOICE, choices=fields.of_enum(ConsumedBy), empty="Everybody"),
    Field(name="inventory_item_id", label="Material", kind=Kind.CHOICE, of="inventory_item", empty="Every material"),
)  # fmt: skip
_LOG_FIELDS = (
    Field(name="production_run_id", label="Run", kind=Kind.CHOICE, of="run", empty="The only open one", hint="A run of this design that is still open."),
    Field(name="inventory_item_id", label="Material", kind=Kind.CHOICE, of="inventory_item", empty="None: energy, water or labour"),
    Field(name="quantity", label="Quantity", kind=Kind.AMOUNT, required=True),
    Field(name="unit_of_measure", label="Unit", kind=Kind.CHOICE, choices=_UNITS, empty="The item's own"),
    Field(name="quantity_basis", label="Meant", kind=Kind.CHOICE, choices=fields.of_enum(QuantityBasis), empty="In total"),
    Field(name="consumption_type", label="Type", kind=Kind.CHOICE, choices=_TYPES, empty="The run's own"),
    Field(name="unit_cost", label="Cost of a unit", kind=Kind.AMOUNT, hint="Empty: the item's, or the policy's rate."),
    Field(name="location_id", label="Taken from", kind=Kind.CHOICE, of="stock_location", empty="Where it is stocked"),
    Field(name="notes", label="Notes"),
)  # fmt: skip


def consumption(call: Call, form: Filled | None = None) -> Reply:
    """What was logged on all runs of a design; open logs can be committed."""
    design = reads.read(call, API)["design"]
    asked = reads.asked_for(call, *(field.name for field in _USED_FILTERS), "cursor")
    found = reads.read(call, API + "/consumption-logs", asked)
    logs = found["consumption_logs"]
    views = fields.views(_LOG_FIELDS, {}, form, "log")
    with call.desk.engine.connect() as connection:
        choices = _log_choices(connection, design["id"], [*views, *fields.views(_USED_FILTERS, asked)])
        named = _materials(connection, logs)
    return frame.page(
        call,
        "console/design_consumption.html",
        **_around(design, form),
        asked=asked,
        filters=_USED_FILTERS,
        choices=choices,
        logs=logs,
        named=named,
        next_cursor=found["next_cursor"],
        views=views,
        chosen=form.form.values.get("log_ids[]", []) if form else [],
    )


def _log_choices(connection: Connection, design_id: str, views: list[View]) -> dict[str, names.Choices]:
    open_runs = material.open_runs_of_design(connection, design_id)[: names.MOST_CHOICES]
    told = fields.choices(connection, [view.field for view in views if view.field.of != "run"], views)
    return {**told, "run": names.Choices([(run_id, f"run {words.short(run_id)}") for run_id in open_runs])}


def _commit(call: Call) -> Mapping[str, Any]:
    """Everything open, or what was chosen. Nothing chosen is refused, not taken for everything."""
    place = call.body.text("default_location_id")
    chosen = call.body.values.get("log_ids[]", [])
    told: dict[str, Any] = {"default_location_id": place} if place else {}
    if call.body.text("commit_all") or not chosen:
        return {**told, "commit_all": bool(call.body.text("commit_all"))}
    return {**told, "log_ids": chosen}


# Routes -------------------------------------------------------------------------------------------------------------

ACTS: tuple[Act, ...] = (
    *sheets.acts_of(DESIGNS),
    Act(name="link", path=f"{ONE}/partners", api=f"POST {API}/partners", page=details, back=ONE, said="partner_linked"),
    Act(name="unlink", path=f"{ONE}/partners/{{partner_id}}/end", api=f"DELETE {API}/partners/{{partner_id}}", page=details, back=ONE, said="removed", body=lambda _: {}),
    Act(name="run", path=RUNS, api=f"POST {API}/production-runs", page=runs_of, back=RUNS, said="design_run_made", body=_new_run),
    Act(name="log", path=USED, api=f"POST {API}/consumption-logs", page=consumption, back=USED, said="logged"),
    Act(name="commit", path=f"{USED}/commit", api=f"POST {API}/consumption-logs/commit", page=consumption, back=USED, said="logs_committed", body=_commit),
)  # fmt: skip

ROUTES = sheets.routes_with(
    (
        *sheets.routes_of(DESIGNS),
        sheets.shown("GET", ONE, details, "A design.", query=("find",)),
        sheets.shown("GET", RUNS, runs_of, "The runs of a design.", query=("run_type", "phase", "cursor", "find")),
        sheets.shown("GET", USED, consumption, "What runs of a design used.", query=(*(field.name for field in _USED_FILTERS), "cursor")),
    ),
    ACTS,
)  # fmt: skip
