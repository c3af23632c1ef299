"""Operations: how the ledger moves, what waits and what died, and how what stands still is moved on."""

from collections.abc import Mapping
from typing import Any

from services.api.forms import Filled
from services.api.pages import acts, frame, words
from services.api.pages.acts import Act
from services.api.pages.console import alarms, charts, keyvalues, reads
from services.api.queries import boards, ledger, operations
from services.api.resources import operations as board
from services.api.routes import Call, Reply, Who
from shared.domain.commands import COMMANDS
from shared.domain.events import EVENTS
from shared.domain.runs import OPEN
from shared.routing import ROOM_OF, Room
from shared.runtime import clock
from shared.storage import invariants, standing
from shared.storage.standing import Scope

PATH = "/console/operations"
LETTERS = f"{PATH}/dead-letters"
REPLAY = f"{PATH}/replay"
ROWS = 50

SCOPES = (("order_id", "An order"), ("production_run_id", "A run"), ("message_id", "One message"))
_ORDERS_OWN = {
    "order.placed": "The shop placed the order",
    "order.updated": "The shop changed the order",
    "order.cancelled": "The shop cancelled the order",
}


def read(call: Call) -> Reply:
    """The operators' board. The promises are those of the last sweep, or checked now when that is asked."""
    now = clock.now()
    with call.desk.engine.connect() as connection:
        raised = alarms.told(operations.alarms(connection))
        return frame.page(
            call,
            "console/operations.html",
            alarms=raised,
            queues=operations.queues(connection),
            lag=operations.lag_seconds(connection),
            figures=operations.counts(connection),
            throughput=charts.throughput(ledger.done_by_minute(connection, at=now, minutes=charts.MINUTES), at=now),
            waiting=charts.spans(ledger.waiting_by_state(connection), name="standing", at=now),
            oldest=charts.spans(boards.oldest_by_status(connection, OPEN), name="status", at=now),
            letters=boards.oldest_letters(connection),
            promises=_promises(raised, invariants.check(connection) if call.query.get("check") == "now" else None),
            is_checked=call.query.get("check") == "now",
            rooms=[room.value for room in Room],
            scopes=SCOPES,
            wide=charts.WIDE,
            high=charts.HIGH,
        )


def _promises(raised: list[dict[str, Any]], checked: Mapping[str, list[str]] | None) -> list[dict[str, Any]]:
    """Every promise and what breaks it: as it was found now, else as the sweeper's alarms say."""
    alarmed = {alarm["name"]: alarm["detail"] for alarm in raised}
    return [
        {"sentence": row.sentence, "count": len(checked[row.name]), "offenders": ", ".join(checked[row.name][:20])}
        if checked is not None
        else {
            "sentence": row.sentence,
            "count": 1 if f"invariant:{row.name}" in alarmed else 0,
            "offenders": alarmed.get(f"invariant:{row.name}", ""),
        }
        for row in invariants.INVARIANTS
    ]


# Dead letters -------------------------------------------------------------------------------------------------------

_NARROWED_BY = ("room", "actor", "production_run_id", "sort")


def list_letters(call: Call) -> Reply:
    """Dead letters, the newest first."""
    asked = reads.asked_for(call, *_NARROWED_BY)
    cursor = {"cursor": call.query["cursor"]} if "cursor" in call.query else {}
    found = reads.read(call, "/admin/operations/dead-letters", {**asked, **cursor, "limit": str(ROWS)})
    return frame.page(
        call,
        "console/dead_letters.html",
        asked=asked,
        rows=[{**row, "what": said(row["kind"])} for row in found["dead_letters"]],
        next_cursor=found["next_cursor"],
        has_cursor=bool(cursor),
        rooms=[room.value for room in Room],
        actors=sorted(ROOM_OF),
    )


def read_letter(call: Call, form: Filled | None = None) -> Reply:
    """One letter, its message laid out."""
    with call.desk.engine.connect() as connection:
        letter = board.letter_of(connection, call.params["id"])
    return frame.page(
        call,
        "console/dead_letter.html",
        form=form,
        letter=letter,
        what=said(letter["kind"]),
        message=keyvalues.pairs(letter["body"]),
        asked_by=letter["asked_by"].get("name") or words.label(letter["asked_by"].get("kind")),
    )


def said(kind: str) -> str:
    """A message in words: what happened, or what was asked."""
    if kind in _ORDERS_OWN:
        return _ORDERS_OWN[kind]
    if kind in EVENTS:
        return EVENTS[kind].sentence.rstrip(".")
    asked = kind.partition(".")[2] if kind in COMMANDS else kind
    return f"Asked: {words.label(asked).lower()}"


# Replay -------------------------------------------------------------------------------------------------------------


def foresee_replay(call: Call, form: Filled | None = None) -> Reply:
    """What would be replayed, before it is."""
    scope, typed = (form.form.text("scope"), form.form.text("id")) if form else _asked(call)
    with call.desk.engine.connect() as connection:
        of = typed if scope != "production_run_id" else ledger.run_called(connection, typed) or typed
        found = standing.standing_still(connection, Scope(**{scope: of})) if of else []
    return frame.page(
        call,
        "console/replay.html",
        form=form,
        scope=scope,
        title=dict(SCOPES)[scope],
        typed=words.short(typed) if scope == "production_run_id" else typed,
        id=of,
        rows=[{**row, "what": said(row["kind"])} for row in found],
        scopes=SCOPES,
    )


def _asked(call: Call) -> tuple[str, str]:
    scope = call.query.get("scope", "")
    return scope if scope in dict(SCOPES) else SCOPES[0][0], call.query.get("id", "").strip()


def _replay(call: Call) -> dict[str, Any]:
    scope = call.body.text("scope")
    return {scope if scope in dict(SCOPES) else "order_id": call.body.text("id")}


ACTS = (
    Act(
        name="replay",
        path=f"{LETTERS}/{{id}}/replay",
        api="POST /admin/operations/dead-letters/{id}/replay",
        page=read_letter,
        back=LETTERS,
        said="replayed",
    ),
    Act(
        name="discard",
        path=f"{LETTERS}/{{id}}/discard",
        api="POST /admin/operations/dead-letters/{id}/discard",
        page=read_letter,
        back=LETTERS,
        said="discarded",
    ),
    Act(
        name="replay_scope",
        path=f"{REPLAY}/confirm",
        api="POST /admin/operations/replay",
        page=foresee_replay,
        back=PATH,
        said="replayed",
        body=_replay,
    ),
)

ROUTES = (
    frame.route("GET", PATH, read, Who.ADMIN, "The operators' board.", query=("check",)),
    frame.route("GET", LETTERS, list_letters, Who.ADMIN, "Dead letters.", query=(*_NARROWED_BY, "cursor")),
    frame.route("GET", f"{LETTERS}/{{id}}", read_letter, Who.ADMIN, "A dead letter."),
    frame.route("GET", REPLAY, foresee_replay, Who.ADMIN, "What would be replayed.", query=("scope", "id")),
    *acts.routes(ACTS, Who.ADMIN),
)
