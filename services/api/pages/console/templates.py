"""Templates that tasks are made from, and the categories they stand in."""

from services.api.pages.acts import Act
from services.api.pages.console import fields, sheets
from services.api.pages.console.fields import Field, Kind
from services.api.pages.console.sheets import Column, Sheet, Show
from services.api.resources.catalogue import BY_NAME
from shared.domain.tasks import Priority, TaskKind

_TABS = (("/console/templates", "Templates"), ("/console/templates/categories", "Categories"))
_RETIRED = (("false", "In use"), ("true", "Retired"))

TEMPLATES = Sheet(
    at="/console/templates",
    thing=BY_NAME["task_template"],
    title="Task templates",
    one="template",
    about="What the tasks of a work order are made from. A category is sent as a whole, in the order of positions.",
    empty="No template here. Make one: runs are sent to partners with templates.",
    columns=(
        Column(name="name", title="Template", show=Show.LINK),
        Column(name="category", title="Category", empty="none"),
        Column(name="kind", title="Kind", show=Show.WORD),
        Column(name="position", title="Position", show=Show.AMOUNT),
        Column(name="priority", title="Priority", show=Show.WORD),
        Column(name="estimated_cost", title="Estimated cost", show=Show.MONEY, unit="cost_currency"),
        Column(name="retired_at", title="Retired", show=Show.DATE),
    ),
    fields=(
        Field(name="name", label="Name", required=True),
        Field(name="category", label="Category", suggests="category", hint="A new name makes a new category."),
        Field(name="kind", label="Kind", kind=Kind.CHOICE, choices=fields.of_enum(TaskKind), hint="Redo: for rework. It goes out only when it is added to a run."),
        Field(name="position", label="Position", kind=Kind.WHOLE, hint="Tasks of one work order stand in this order."),
        Field(name="description", label="What is to be done", kind=Kind.AREA),
        Field(name="priority", label="Priority", kind=Kind.CHOICE, choices=fields.of_enum(Priority)),
        Field(name="estimated_duration_minutes", label="Estimated minutes", kind=Kind.WHOLE),
        Field(name="estimated_cost", label="Estimated cost", kind=Kind.AMOUNT),
        Field(name="cost_currency", label="Currency", hint="Three letters, such as INR."),
        Field(name="required_fields", label="What must be filled in", kind=Kind.LINES, hint="One per line."),
        Field(name="message_template", label="Message to the partner", kind=Kind.AREA),
    ),
    filters=(
        Field(name="category", label="Category", kind=Kind.CHOICE, of="category", empty="Every category"),
        Field(name="kind", label="Kind", kind=Kind.CHOICE, choices=fields.of_enum(TaskKind), empty="Every kind"),
        Field(name="retired", label="State", kind=Kind.CHOICE, choices=_RETIRED, empty="In use and retired"),
    ),
    sort="position",
    calls=lambda row: str(row["name"]),
    tabs=_TABS,
    end="Retire",
    end_question="It goes out no more. Tasks that were made from it stay.",
)  # fmt: skip

CATEGORIES = Sheet(
    at="/console/templates/categories",
    thing=BY_NAME["task_template_category"],
    title="Template categories",
    one="category",
    about="Groups of templates, sent together.",
    empty="No category here. Make one, or name a new one on a template.",
    columns=(
        Column(name="name", title="Category", show=Show.LINK),
        Column(name="created_at", title="Made", show=Show.DATE),
    ),
    fields=(Field(name="name", label="Name", required=True),),
    sort="name",
    calls=lambda row: str(row["name"]),
    tabs=_TABS,
)

ACTS: tuple[Act, ...] = (*sheets.acts_of(CATEGORIES), *sheets.acts_of(TEMPLATES))
ROUTES = sheets.routes_with((*sheets.routes_of(CATEGORIES), *sheets.routes_of(TEMPLATES)), ACTS)
