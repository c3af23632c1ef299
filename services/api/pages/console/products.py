"""Products: which design each of the shop's products, or one variant of it, is made from. Order lines without one lead here."""

from services.api.pages.acts import Act
from services.api.pages.console import sheets
from services.api.pages.console.fields import Field, Kind
from services.api.pages.console.sheets import Column, Sheet, Show
from services.api.resources.catalogue import BY_NAME

PRODUCTS = Sheet(
    at="/console/products",
    thing=BY_NAME["product"],
    title="Products",
    one="product link",
    about="Which design each of the shop's products is made from. A variant's own link goes before its product's.",
    empty="No product is linked. Link one, so that its order lines become runs.",
    columns=(
        Column(name="product_id", title="Product in the shop", show=Show.LINK),
        Column(name="variant_id", title="Variant", empty="every variant"),
        Column(name="design_id", title="Design", show=Show.NAME, of="design"),
        Column(name="created_at", title="Linked", show=Show.DATE),
    ),
    fields=(
        Field(name="product_id", label="Product in the shop", required=True, hint="The shop's own id of the product."),
        Field(name="variant_id", label="Variant", hint="The shop's id of one variant; empty: every variant without a link of its own."),
        Field(name="design_id", label="Design", kind=Kind.CHOICE, of="design", empty="Choose a design", required=True),
    ),
    filters=(
        Field(name="product_id", label="Product in the shop"),
        Field(name="design_id", label="Design", kind=Kind.CHOICE, of="design", empty="Every design"),
    ),
    calls=lambda row: f"{row['product_id']}{' / ' + row['variant_id'] if row['variant_id'] else ''}",
    end="Unlink",
    end_question="Its order lines will wait until it is linked again. Runs that were made stay as they are.",
)  # fmt: skip

ACTS: tuple[Act, ...] = sheets.acts_of(PRODUCTS)
ROUTES = sheets.routes_with(sheets.routes_of(PRODUCTS), ACTS)
