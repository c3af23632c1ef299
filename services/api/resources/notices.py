"""What people were told: every notice with how far its sending is, and a failed one sent again."""

from typing import Any

from services.api import errors
from services.api.queries import lists, notices
from services.api.routes import Call, Reply, Route, Who
from shared.domain.notices import STATE_SENTENCES, NoticeState
from shared.runtime import logs
from shared.storage import notice_store


def list_notices(call: Call) -> Reply:
    """Notices, the newest first."""
    with call.desk.engine.connect() as connection:
        return Reply(notices.notices(connection, call.query))


def read_notice(call: Call) -> Reply:
    """One notice."""
    with call.desk.engine.connect() as connection:
        found = notices.notice(connection, call.params["id"])
    return Reply({"notice": _there(found)})


def send_again(call: Call) -> Reply:
    """A failed notice is due again; the log keeps by whom."""
    notice = _there(notices.notice(call.tx, call.params["id"]))
    if not notice_store.send_again(call.tx, notice["id"]):
        state = NoticeState(_there(notices.notice(call.tx, notice["id"]))["state"])
        raise errors.conflict(f"This notice is not sent again. {STATE_SENTENCES[state]}", code="not_failed")
    _log.info(
        "notice_sent_again",
        notice=notice["id"],
        channel=notice["channel"],
        run=notice["production_run_id"],
        by=call.who.account_id,
        by_name=call.who.name,
    )
    return Reply({"notice": notices.notice(call.tx, notice["id"])})


def _there(found: dict[str, Any] | None) -> dict[str, Any]:
    """The notice of the path. Raises 404."""
    if found is None:
        raise errors.not_found("notice")
    return found


CODES = {"not_failed": "Only a notice that failed can be sent again; one on its way is tried again by itself."}
"""The problem codes of this module, with their sentences."""

_log = logs.get("notices")

ROUTES: tuple[Route, ...] = (
    Route(
        method="GET", path="/admin/notices", do=list_notices, who=Who.ADMIN, tag="notices",
        summary="List what people were told.", query=(*notices.FILTERS, *lists.LIST_PARAMETERS),
        answers={200: "A page of notices."},
    ),
    Route(
        method="GET", path="/admin/notices/{id}", do=read_notice, who=Who.ADMIN, tag="notices",
        summary="Read a notice.", answers={200: "The notice.", 404: "There is none."},
    ),
    Route(
        method="POST", path="/admin/notices/{id}/send-again", do=send_again, who=Who.ADMIN, tag="notices",
        summary="Send a failed notice again.", transactional=True,
        answers={200: "The notice as it is now.", 404: "There is none.", 409: "It has not failed."},
    ),
)  # fmt: skip
