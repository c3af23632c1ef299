"""Notices: what people were told, over which channel, how far its sending is; one that failed is sent again."""

from services.api.forms import Filled
from services.api.pages import acts, frame, words
from services.api.pages.acts import Act
from services.api.pages.console import reads
from services.api.queries import names
from services.api.routes import Call, Reply, Who
from shared.domain.notices import NoticeState

PATH = "/console/notices"
ROWS = 50
NARROWED_BY = ("state", "partner_id", "production_run_id", "sort")
TONES = {"pending": "waiting", "sent": "good", "failed": "bad", "superseded": ""}


def read(call: Call, form: Filled | None = None) -> Reply:
    """A page of notices, the newest first."""
    asked = reads.asked_for(call, *NARROWED_BY)
    cursor = {"cursor": call.query["cursor"]} if "cursor" in call.query else {}
    found = reads.read(call, "/admin/notices", {**asked, **cursor, "limit": str(ROWS)})
    rows = found["notices"]
    with call.desk.engine.connect() as connection:
        partners = names.of(connection, "partner", (row["partner_id"] for row in rows))
        choices = names.choices(connection, "partner", always=[asked.get("partner_id")])
    return frame.page(
        call,
        "console/notices.html",
        form=form,
        asked=asked,
        states=[("", "Every state")] + [(each.value, words.label(each)) for each in NoticeState],
        rows=rows,
        partners=partners,
        choices=choices.pairs,
        tones=TONES,
        next_cursor=found["next_cursor"],
        has_cursor=bool(cursor),
    )


def read_one(call: Call, form: Filled | None = None) -> Reply:
    """One notice, whole."""
    notice = reads.read(call, "/admin/notices/{id}", id=call.params["id"])["notice"]
    with call.desk.engine.connect() as connection:
        partners = names.of(connection, "partner", [notice["partner_id"]])
    partner = partners.get(notice["partner_id"] or "", "")
    return frame.page(call, "console/notice.html", form=form, notice=notice, partner=partner, tones=TONES)


ACTS = (
    Act(
        name="send_again",
        path=f"{PATH}/{{id}}/send-again",
        api="POST /admin/notices/{id}/send-again",
        page=read_one,
        back=f"{PATH}/{{id}}",
        said="sent_again",
    ),
)

ROUTES = (
    frame.route("GET", PATH, read, Who.ADMIN, "What people were told.", query=(*NARROWED_BY, "cursor")),
    frame.route("GET", f"{PATH}/{{id}}", read_one, Who.ADMIN, "A notice."),
    *acts.routes(ACTS, Who.ADMIN),
)
