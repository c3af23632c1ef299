"""What became of a command: for the one who asked, the same partner's people, and admins."""

from typing import Any

from services.api import asking, errors
from services.api.routes import Call, Reply, Route, Who
from shared.domain.commands import COMMANDS
from shared.storage.mail import Answer, DeliveryState

_STATES = {
    DeliveryState.PENDING: "pending",
    DeliveryState.DONE: "done",
    DeliveryState.REFUSED: "refused",
    DeliveryState.DEAD: "failed",
    DeliveryState.DISCARDED: "failed",
}


def read(call: Call) -> Reply:
    """The command with its result or its problem."""
    answer = seen(call, call.params["id"])
    if answer is None:
        raise errors.not_found("command")
    return Reply(told(call, answer))


def seen(call: Call, message_id: str) -> Answer | None:
    """What became of a command so far; None when there is none, or the caller may not see it."""
    answer = call.desk.gate.answer(message_id)
    return answer if answer and answer.kind in COMMANDS and _may_see(call, answer) else None


def told(call: Call, answer: Answer) -> dict[str, Any]:
    problem = asking.problem_of(call, answer)
    result = answer.result if answer.state is DeliveryState.DONE else None
    return {
        "id": answer.message_id,
        "name": answer.kind,
        "state": _STATES[answer.state],
        "result": result,
        "problem": problem.body(prefix=call.req.prefix, instance=call.req.path) if problem else None,
        "production_run_id": answer.run_id or (result or {}).get("run_id"),
    }


def _may_see(call: Call, answer: Answer) -> bool:
    who = call.who
    return who.is_admin or answer.asked_by == who.account_id or (answer.tenant or "") == who.partner_id


ROUTES: tuple[Route, ...] = (
    Route(
        method="GET",
        path="/commands/{id}",
        do=read,
        who=Who.SIGNED_IN,
        summary="What became of a command.",
        answers={
            200: "Its state, and its result or problem.",
            404: "There is no such command, or it is somebody else's.",
        },
        tag="Commands",
    ),
)
