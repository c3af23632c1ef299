"""The catalogue as a table: one row per thing says its names, bodies, rows, filters and what forbids its deletion."""

import re
from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from functools import cache
from typing import Annotated, Any
from zoneinfo import available_timezones

import msgspec
from msgspec import UNSET, Meta, UnsetType
from sqlalchemy import ColumnElement, Select, String, Table, func, literal, select
from sqlalchemy.dialects.postgresql import JSONB, aggregate_order_by

from services.api.queries import lists
from shared.domain import amounts, targets
from shared.domain.consumption import Unit
from shared.domain.notice_texts import Language
from shared.domain.tasks import Priority, TaskKind
from shared.storage import tables

Name = Annotated[str, Meta(min_length=1, max_length=200)]
Words = Annotated[str, Meta(max_length=200)]
Description = Annotated[str, Meta(max_length=20_000)]
OutsideId = Annotated[str, Meta(min_length=1, max_length=200)] | int
"""An id of a shop: kept exactly as given; one that is a number becomes its own text."""
Whole = Annotated[int, Meta(ge=0, le=1_000_000_000)]
Several = Annotated[list[Words], Meta(max_length=500)]


class DesignStatus(StrEnum):
    """How far a design is."""

    CONCEPTUAL = "Conceptual"
    IN_DEVELOPMENT = "In_Development"
    TECHNICAL_REVIEW = "Technical_Review"
    SAMPLE_PRODUCTION = "Sample_Production"
    REVISION = "Revision"
    APPROVED = "Approved"
    REJECTED = "Rejected"
    ON_HOLD = "On_Hold"
    COMMERCE_READY = "Commerce_Ready"


class PartnerStatus(StrEnum):
    """Only an active partner takes new work."""

    ACTIVE = "active"
    INACTIVE = "inactive"
    PENDING = "pending"


# Bodies -------------------------------------------------------------------------------------------------------------


class Body(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a request says about a thing. Amounts are plain numbers and not negative, what names a thing is not blank."""

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if isinstance(value, Decimal):
                amounts.not_negative(value, name)
            if name in _NOT_BLANK and isinstance(value, str) and not value.strip():
                raise ValueError(f"{name}: must not be blank")


_NOT_BLANK = frozenset({"name", "handle", "title", "sku", "category"})


class PlannedMaterial(Body, frozen=True, kw_only=True):
    """A material that one piece of a design needs, and where it is taken from."""

    inventory_item_id: str
    quantity: Decimal
    location_id: str | None = None
    unit_of_measure: Unit | None = None
    notes: Words | None = None

    def __post_init__(self) -> None:
        amounts.positive(self.quantity, "quantity")


class Media(Body, frozen=True, kw_only=True, omit_defaults=True):
    """A picture or file of a design; one of them is the thumbnail."""

    url: Annotated[str, Meta(max_length=2000)]
    id: Words | None = None
    is_thumbnail: bool = False

    def __post_init__(self) -> None:
        if not re.match(r"https?://[^/]|/[^/\\]", self.url):
            raise ValueError("url: must begin with https://, http:// or a path of this server")


class ContactKind(StrEnum):
    """How a contact is told what concerns it."""

    APPRISE = "apprise"


class Contact(Body, frozen=True, kw_only=True, omit_defaults=True):
    """A way to reach a partner. One with an Apprise URL is told what concerns the partner; the URL is shown masked."""

    name: Words | None = None
    email: Words | None = None
    phone: Words | None = None
    role: Words | None = None
    kind: ContactKind | None = None
    url: Annotated[str, Meta(max_length=2000)] | None = None

    def __post_init__(self) -> None:
        if (self.kind is None) != (self.url is None):
            raise ValueError("url: a contact that is told things has a kind and a url, any other has neither")
        if self.url is not None and not targets.scheme_of(self.url):
            raise ValueError("url: must be an Apprise URL, such as mailto://user:password@example.com")


class NewDesign(Body, frozen=True, kw_only=True):
    name: Name
    description: Description | None = None
    status: DesignStatus = DesignStatus.CONCEPTUAL
    category: Words | None = None
    specifications: dict[str, Any] | Annotated[list[Any], Meta(max_length=500)] = msgspec.field(default_factory=dict)
    colours: Annotated[list[Words | dict[str, Any]], Meta(max_length=500)] = []
    sizes: Annotated[list[Words | dict[str, Any]], Meta(max_length=500)] = []
    media: Annotated[list[Media], Meta(max_length=500)] = []
    planned_materials: Annotated[list[PlannedMaterial], Meta(max_length=500)] = []
    estimated_cost: Decimal | None = None
    material_cost: Decimal | None = None
    production_cost: Decimal | None = None
    cost_breakdown: dict[str, Any] | None = None


class NewPartner(Body, frozen=True, kw_only=True):
    name: Name
    handle: Name
    status: PartnerStatus = PartnerStatus.ACTIVE
    contacts: Annotated[list[Contact], Meta(max_length=100)] = []
    language: Language = Language.ENGLISH
    time_zone: Words = "UTC"

    def __post_init__(self) -> None:
        Body.__post_init__(self)
        _check_zone(self.time_zone)


class NewProduct(Body, frozen=True, kw_only=True):
    """Which design a shop's product, or one variant of it, is made from."""

    product_id: OutsideId
    design_id: str
    variant_id: OutsideId | None = None


class NewTemplateCategory(Body, frozen=True, kw_only=True):
    name: Name


class NewTemplate(Body, frozen=True, kw_only=True):
    """What a task is made from. category: a name, made if it is new."""

    name: Name
    category: Name | None = None
    kind: TaskKind = TaskKind.WORK
    description: Description | None = None
    priority: Priority = Priority.MEDIUM
    position: Whole = 0
    estimated_duration_minutes: Whole | None = None
    estimated_cost: Decimal | None = None
    cost_currency: Annotated[str, Meta(min_length=3, max_length=3)] | None = None
    required_fields: Annotated[list[Words | dict[str, Any]], Meta(max_length=100)] = []
    message_template: Description | None = None


class NewItem(Body, frozen=True, kw_only=True):
    sku: Name
    title: Name
    unit_of_measure: Unit = Unit.PIECE
    unit_cost: Decimal | None = None


class NewLocation(Body, frozen=True, kw_only=True):
    """A place that stocks material: a partner's, or ours without one."""

    name: Name
    partner_id: str | None = None


class NewLevel(Body, frozen=True, kw_only=True):
    inventory_item_id: str
    location_id: str
    stocked: Decimal = Decimal(0)
    reserved: Decimal = Decimal(0)


def _changing(new: type[Body]) -> type[Body]:
    """The same fields for an edit: what is absent stays as it is, null empties what may be empty."""
    fields: list[tuple[str, Any, Any]] = [
        (field.name, field.type | UnsetType, UNSET) for field in msgspec.structs.fields(new)
    ]
    made = msgspec.defstruct(
        new.__name__.replace("New", "Change"),
        fields,
        bases=(Body,),
        namespace={"__post_init__": new.__post_init__, "__doc__": f"An edit of what {new.__name__} made."},
        module=__name__,
        frozen=True,
        kw_only=True,
        forbid_unknown_fields=True,
    )
    assert issubclass(made, Body)
    return made


def _check_zone(zone: object) -> None:
    """An edit may leave the zone out."""
    if isinstance(zone, str) and zone not in _time_zones():
        raise ValueError("time_zone: must be a zone of the IANA database, such as Europe/Riga")


@cache
def _time_zones() -> frozenset[str]:
    return frozenset(available_timezones())


# Rows ---------------------------------------------------------------------------------------------------------------


class Thing(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the catalogue.

    derived: columns of the answer that stand in other tables. own: link tables whose rows go with the thing.
    held_by: facts without a foreign key that forbid deletion, each with what it is called. retires: deletion only retires it.
    """

    path: str
    singular: str
    plural: str
    prefix: str
    table: Table
    new: type[Body]
    change: type[Body]
    filters: Mapping[str, lists.Filter]
    sort_by: tuple[str, ...]
    derived: tuple[ColumnElement[Any], ...] = ()
    hidden: tuple[str, ...] = ()
    own: tuple[ColumnElement[str], ...] = ()
    held_by: Mapping[str, ColumnElement[bool]] = {}
    retires: bool = False

    @property
    def words(self) -> str:
        """What it is called in a sentence."""
        return self.singular.replace("_", " ")

    @property
    def rows(self) -> Select[Any]:
        """Every row as it is answered."""
        shown = [column for column in self.table.columns if column.name not in self.hidden]
        return select(*shown, *self.derived)

    @property
    def sorts(self) -> Mapping[str, ColumnElement[Any]]:
        return {name: self.table.c[name] for name in ("created_at", "updated_at", *self.sort_by)}


def _search(*columns: ColumnElement[Any]) -> lists.Filter:
    """Any of the words stands in any of the columns, in whatever case."""

    def where(values: Any) -> ColumnElement[bool]:
        text = func.concat_ws(" ", *columns, type_=String)
        found: ColumnElement[bool] = literal(False)
        for value in values:
            found = found | text.icontains(value, autoescape=True)
        return found

    return lists.Filter(where)


_d, _p, _l, _t, _c = (
    tables.design.c,
    tables.partner.c,
    tables.design_partner.c,
    tables.task_template.c,
    tables.template_category.c,
)
_item, _place, _level, _product = (
    tables.inventory_item.c,
    tables.stock_location.c,
    tables.stock_level.c,
    tables.product_link.c,
)

_partners_of_design = func.coalesce(
    select(
        func.jsonb_agg(
            aggregate_order_by(
                func.jsonb_build_object("id", _p.id, "name", _p.name, "handle", _p.handle, "role", _l.role),
                _l.created_at,
                _p.id,
            )
        )
    )
    .where(_l.design_id == _d.id, _p.id == _l.partner_id)
    .correlate(tables.design)
    .scalar_subquery(),
    func.jsonb_build_array(),
    type_=JSONB,
).label("partners")

_category_of_template = (
    select(_c.name).where(_c.id == _t.category_id).correlate(tables.task_template).scalar_subquery().label("category")
)


def _in_category(values: Any) -> ColumnElement[bool]:
    return _t.category_id.in_(select(_c.id).where(_c.name.in_(values)))


def _of_partner(values: Any) -> ColumnElement[bool]:
    return _d.id.in_(select(_l.design_id).where(_l.partner_id.in_(values)))


def _planned(column: ColumnElement[str], name: str) -> ColumnElement[bool]:
    """Some design's material list names it; those lists are documents, so no foreign key guards them."""
    wanted = func.jsonb_build_array(func.jsonb_build_object(name, column))
    return select(_d.id).where(_d.planned_materials.contains(wanted)).exists()


CATALOGUE: tuple[Thing, ...] = (
    Thing(
        path="/admin/designs", singular="design", plural="designs", prefix="dsgn",
        table=tables.design, new=NewDesign, change=_changing(NewDesign),
        derived=(_partners_of_design,), own=(_l.design_id,),
        filters={
            "status": lists.equals(_d.status, DesignStatus),
            "category": lists.equals(_d.category),
            "partner_id": lists.Filter(_of_partner),
            "q": _search(_d.name, _d.description),
        },
        sort_by=("name", "status"),
    ),
    Thing(
        path="/admin/partners", singular="partner", plural="partners", prefix="ptnr",
        table=tables.partner, new=NewPartner, change=_changing(NewPartner),
        filters={
            "status": lists.equals(_p.status, PartnerStatus),
            "handle": lists.equals(_p.handle),
            "q": _search(_p.name, _p.handle),
        },
        sort_by=("name", "handle"),
        held_by={
            "production runs": select(tables.production_run.c.id)
            .where(tables.production_run.c.previous_partner_id == _p.id).exists(),
        },
    ),
    Thing(
        path="/admin/products", singular="product", plural="products", prefix="plnk",
        table=tables.product_link, new=NewProduct, change=_changing(NewProduct),
        filters={
            "product_id": lists.equals(_product.product_id),
            "variant_id": lists.equals(_product.variant_id),
            "design_id": lists.equals(_product.design_id),
        },
        sort_by=("product_id",),
    ),
    Thing(
        path="/admin/task-template-categories", singular="task_template_category", plural="task_template_categories",
        prefix="tcat", table=tables.template_category, new=NewTemplateCategory, change=_changing(NewTemplateCategory),
        filters={"name": lists.equals(_c.name), "q": _search(_c.name)},
        sort_by=("name",),
    ),
    Thing(
        path="/admin/task-templates", singular="task_template", plural="task_templates", prefix="tmpl",
        table=tables.task_template, new=NewTemplate, change=_changing(NewTemplate),
        derived=(_category_of_template,), hidden=("category_id",), retires=True,
        filters={
            "name": lists.equals(_t.name),
            "category": lists.Filter(_in_category),
            "kind": lists.equals(_t.kind, TaskKind),
            "retired": lists.flag(_t.retired_at.is_not(None)),
            "q": _search(_t.name, _t.description),
        },
        sort_by=("name", "position"),
    ),
    Thing(
        path="/admin/inventory-items", singular="inventory_item", plural="inventory_items", prefix="item",
        table=tables.inventory_item, new=NewItem, change=_changing(NewItem),
        filters={
            "sku": lists.equals(_item.sku),
            "unit_of_measure": lists.equals(_item.unit_of_measure, Unit),
            "q": _search(_item.sku, _item.title),
        },
        sort_by=("sku", "title"),
        held_by={"designs": _planned(_item.id, "inventory_item_id")},
    ),
    Thing(
        path="/admin/stock-locations", singular="stock_location", plural="stock_locations", prefix="sloc",
        table=tables.stock_location, new=NewLocation, change=_changing(NewLocation),
        filters={
            "partner_id": lists.equals(_place.partner_id),
            "ours": lists.flag(_place.partner_id.is_(None)),
            "q": _search(_place.name),
        },
        sort_by=("name",),
        held_by={"designs": _planned(_place.id, "location_id")},
    ),
    Thing(
        path="/admin/stock-levels", singular="stock_level", plural="stock_levels", prefix="slev",
        table=tables.stock_level, new=NewLevel, change=_changing(NewLevel),
        filters={
            "inventory_item_id": lists.equals(_level.inventory_item_id),
            "location_id": lists.equals(_level.location_id),
        },
        sort_by=("stocked",),
    ),
)  # fmt: skip
"""Everything an admin keeps by hand."""
