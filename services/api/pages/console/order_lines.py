"""Order lines: every line of every order received, what became of it and why; those without a run are judged anew, or their product linked."""

from services.api.forms import Filled
from services.api.pages import acts, frame, words
from services.api.pages.acts import Act
from services.api.pages.console import reads
from services.api.routes import Call, Reply, Who
from shared.domain.orders import Outcome

PATH = "/console/order-lines"
ROWS = 50
NARROWED_BY = ("outcome", "order_id", "source", "sort")
TONES = {Outcome.RUN: "good", Outcome.UNMAPPED: "bad", Outcome.PARKED: "warn", Outcome.IGNORED: ""}


def read(call: Call, form: Filled | None = None) -> Reply:
    """A page of lines. A refused retry shows them all again, with its sentence on top."""
    asked = reads.asked_for(call, *NARROWED_BY)
    cursor = {"cursor": call.query["cursor"]} if "cursor" in call.query else {}
    found = reads.read(call, "/admin/order-lines", {**asked, **cursor, "limit": str(ROWS)})
    return frame.page(
        call,
        "console/order_lines.html",
        form=form,
        asked=asked,
        outcomes=[("", "Every outcome")] + [(each.value, words.label(each)) for each in Outcome],
        rows=found["order_lines"],
        tones=TONES,
        next_cursor=found["next_cursor"],
        has_cursor=bool(cursor),
    )


ACTS = (
    Act(
        name="retry",
        path=f"{PATH}/{{id}}/retry",
        api="POST /admin/order-lines/{id}/retry",
        page=read,
        back=lambda call, told: f"{PATH}?outcome={told['order_line']['outcome']}" if "order_line" in told else PATH,
        said="judged_anew",
    ),
)

ROUTES = (
    frame.route("GET", PATH, read, Who.ADMIN, "Order lines.", query=(*NARROWED_BY, "cursor")),
    *acts.routes(ACTS, Who.ADMIN),
)
