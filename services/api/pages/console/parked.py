"""Parked messages: what shops published to the broker and nobody could read. A person takes one in after a fix, or gives it up."""

from services.api.forms import Filled
from services.api.pages import acts, frame, words
from services.api.pages.acts import Act
from services.api.pages.console import keyvalues, operations, reads
from services.api.routes import Call, Reply, Who
from shared.storage.parking import ParkedState

PATH = f"{operations.PATH}/parked"
API = "POST /admin/operations/parked-messages/{id}"
ROWS = 20
TONES = {ParkedState.PARKED: "bad", ParkedState.TAKEN_IN: "good", ParkedState.DISCARDED: ""}


def read(call: Call, form: Filled | None = None) -> Reply:
    """A page of them, those that wait first of all."""
    asked = reads.asked_for(call, "state")
    cursor = {"cursor": call.query["cursor"]} if "cursor" in call.query else {}
    found = reads.read(call, "/admin/operations/parked-messages", {**asked, **cursor, "limit": str(ROWS)})
    rows = [{**row, "headers": keyvalues.pairs(row["headers"])} for row in found["parked_messages"]]
    return frame.page(
        call,
        "console/parked.html",
        form=form,
        asked=asked,
        states=[(each.value, words.label(each)) for each in ParkedState],
        rows=rows,
        tones=TONES,
        next_cursor=found["next_cursor"],
        has_cursor=bool(cursor),
    )


ACTS = (
    Act(name="retry", path=f"{PATH}/{{id}}/retry", api=f"{API}/retry", page=read, back=PATH, said="taken_in"),
    Act(name="discard", path=f"{PATH}/{{id}}/discard", api=f"{API}/discard", page=read, back=PATH, said="discarded"),
)

ROUTES = (
    frame.route("GET", PATH, read, Who.ADMIN, "Messages that nobody could read.", query=("state", "cursor")),
    *acts.routes(ACTS, Who.ADMIN),
)
