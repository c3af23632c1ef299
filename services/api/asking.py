"""The one way a route asks for a command: guard, hand over, wait, and put the actor's word into an answer."""

import re
from collections.abc import Callable, Mapping
from typing import Any

import falcon

from services.api import errors, gate
from services.api.errors import Problem
from services.api.queries import runs
from services.api.routes import Call, Reply
from shared.domain import lifecycle
from shared.domain.commands import Command
from shared.domain.lifecycle import Verb
from shared.storage.mail import Answer, DeliveryState

WAIT_SECONDS = 5.0
LONGEST_WAIT_SECONDS = 30.0

Outcome = Mapping[str, Any]


def ask(
    call: Call,
    command: Command,
    *,
    render: Callable[[Outcome], Reply],
    run_id: str | None = None,
    verb: Verb | None = None,
    run: runs.View | None = None,
) -> Reply:
    """Ask the command and answer with what became of it.

    run_id: on the envelope. verb, run: what the courtesy guard asks the lifecycle's table. render: makes the reply from the
    actor's result. Raises Problem for a refusal.
    """
    message_id: str | None = getattr(call.req.context, "message_id", None)
    known = call.desk.gate.answer(message_id) if message_id else None
    if known is None and run is not None and verb is not None:
        _guard(call, run, verb)
    if known is not None and known.state in gate.ANSWERED:
        return _reply(call, known, render)
    told = call.desk.gate.ask(
        command,
        actor=call.who.actor,
        tenant=call.who.tenant,
        run_id=run_id,
        wait_seconds=wait_seconds(call.req),
        message_id=message_id,
    )
    return not_yet(call.req, told, name=command.kind) if isinstance(told, str) else _reply(call, told, render)


def wait_seconds(req: falcon.Request) -> float:
    """How long the asker wants to wait, of the Prefer header; what makes no sense there is ignored."""
    preferences = [each.strip().lower() for each in (req.get_header("Prefer") or "").split(",")]
    for preference in preferences:
        wait = re.fullmatch(r"wait\s*=\s*\"?(\d{1,6})\"?", preference, re.ASCII)
        if wait:
            return min(float(wait[1]), LONGEST_WAIT_SECONDS)
    return 0.0 if "respond-async" in preferences else WAIT_SECONDS


def not_yet(req: falcon.Request, message_id: str, *, name: str) -> Reply:
    """202: it is safely stored and not carried out yet; `Location` is where the answer will be."""
    applied = {"Preference-Applied": "respond-async"} if wait_seconds(req) == 0 else {}
    return Reply(
        {"command": {"id": message_id, "name": name, "state": "pending"}},
        status=202,
        headers={"Location": f"/commands/{message_id}", **applied},
    )


def problem_of(call: Call, answer: Answer) -> Problem | None:
    """The problem a command ended in, None when it did not."""
    if answer.state is DeliveryState.REFUSED:
        record = answer.refusal or {}
        standing = _standing(call, answer.run_id) if record.get("kind") == "state" else None
        return errors.refused(record, standing=standing)
    if answer.state in (DeliveryState.DEAD, DeliveryState.DISCARDED):
        detail = "The command could not be carried out because of a fault of ours; people were told."
        return Problem(500, "command_failed", detail, extra={"command_id": answer.message_id})
    return None


def _reply(call: Call, answer: Answer, render: Callable[[Outcome], Reply]) -> Reply:
    problem = problem_of(call, answer)
    if problem:
        raise problem
    return render(gate.outcome(answer))


def _guard(call: Call, run: runs.View, verb: Verb) -> None:
    refusal = lifecycle.refusal(run.run, verb, run.facts)
    if refusal:
        raise errors.refused(refusal.record(), standing=run.standing(for_partner=not call.who.is_admin))


def _standing(call: Call, run_id: str | None) -> Mapping[str, Any] | None:
    if run_id is None:
        return None
    with call.desk.engine.connect() as connection:
        run = runs.find(connection, run_id, partner_id=call.who.tenant)
    return run.standing(for_partner=not call.who.is_admin) if run else None
