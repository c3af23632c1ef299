"""`loomline dead-letters` and `loomline replay`: what failed too often, and how it is moved on. Said only, unless --apply is given."""

from collections.abc import Callable
from typing import Annotated, Any

import typer

from services.operator.commands.telling import Apply, AsJson, Limit, Told, command, facts, group, table, words
from shared.routing import Room

LetterId = Annotated[int, typer.Argument(metavar="ID", help="The delivery's number.", min=1)]

dead_letters = group(
    "Deliveries that failed too often and wait for a person.",
    "loomline dead-letters list",
    "loomline dead-letters show 4711",
    "loomline dead-letters replay 4711 --apply",
)
SHOWN = ("id", "kind", "actor", "room", "state", "production_run_id", "attempts", "error", "created_at")


@command(
    dead_letters,
    "list",
    "List dead letters, the newest first.",
    "loomline dead-letters list",
    "loomline dead-letters list --room milestones --json",
)
def list_letters(
    room: Annotated[Room | None, typer.Option(help="Only of this room.")] = None,
    limit: Limit = 50,
    as_json: AsJson = False,
) -> Told:
    """They stay for ever, until a person decides."""
    from services.operator.commands.house import opened
    from shared.storage import standing

    with opened() as house:
        found = house.read(lambda c: standing.dead_letters(c, room=room, limit=limit))
    return Told({"dead_letters": found}, [table(map(_in_short, found), *SHOWN)])


@command(
    dead_letters, "show", "Show one delivery: what it carries, and the whole error.", "loomline dead-letters show 4711"
)
def show(letter: LetterId, as_json: AsJson = False) -> Told:
    """Dead or not any more."""
    from services.operator.commands.house import opened
    from shared.storage import standing

    with opened() as house:
        found = house.read(lambda c: standing.letter(c, letter))
    return Told({"dead_letter": found}, [facts(found)])


@command(
    dead_letters,
    "replay",
    "Carry a dead letter out again. Without --apply it only says what would be.",
    "loomline dead-letters replay 4711",
    "loomline dead-letters replay 4711 --apply",
)
def replay_letter(letter: LetterId, apply: Apply = False, as_json: AsJson = False) -> Told:
    """Safe: a delivery takes effect once, however often it is carried out."""
    return _decided(letter, "replay", is_applied=apply)


@command(
    dead_letters,
    "discard",
    "Give a dead letter up for good; it stays readable. Without --apply it only says what would be.",
    "loomline dead-letters discard 4711",
    "loomline dead-letters discard 4711 --apply",
)
def discard_letter(letter: LetterId, apply: Apply = False, as_json: AsJson = False) -> Told:
    """What it asked for will never happen."""
    return _decided(letter, "discard", is_applied=apply)


def register_replay(app: typer.Typer) -> None:
    """`loomline replay`."""
    command(
        app,
        "replay",
        "Carry out again what stands still of an order, a run or a message. Without --apply it only says what.",
        "loomline replay --order 1001",
        "loomline replay --run run_01… --apply",
        "loomline replay --message msg_01… --apply",
        more="What was done stays done; only what is dead or pauses for long is due again.",
    )(replay)


def replay(
    order: Annotated[str | None, typer.Option(help="The shop's order id.")] = None,
    run: Annotated[str | None, typer.Option(help="A run's id.")] = None,
    message: Annotated[str | None, typer.Option(help="A message's id.")] = None,
    apply: Apply = False,
    as_json: AsJson = False,
) -> Told:
    """As POST /admin/operations/replay does it."""
    from services.operator.commands.house import opened
    from shared.storage import standing

    if sum(each is not None for each in (order, run, message)) != 1:
        raise typer.BadParameter("Say exactly one of --order, --run and --message.")
    scope = standing.Scope(order_id=order, production_run_id=run, message_id=message)
    with opened() as house:
        if apply:
            found = house.write(lambda c: standing.replay(c, scope, actor=house.actor))
        else:
            found = house.read(lambda c: standing.standing_still(c, scope))
    words(_said(len(found), "due again", is_applied=apply))
    return Told({"applied": apply, "deliveries": found}, [table(map(_in_short, found), *SHOWN)])


def _decided(letter: int, verb: str, *, is_applied: bool) -> Told:
    from services.operator.commands.house import opened
    from shared.storage import standing

    decide: dict[str, Callable[..., dict[str, Any]]] = {
        "replay": standing.replay_letter,
        "discard": standing.discard_letter,
    }
    with opened() as house:
        if is_applied:
            found = house.write(lambda c: decide[verb](c, letter, actor=house.actor))
        else:
            found = house.read(lambda c: standing.dead_letter(c, letter))
    words(_said(1, {"replay": "due again", "discard": "given up"}[verb], is_applied=is_applied))
    return Told({"applied": is_applied, "dead_letter": found}, [table([_in_short(found)], *SHOWN)])


def _said(number: int, what: str, *, is_applied: bool) -> str:
    many = f"{number} deliver{'y' if number == 1 else 'ies'}"
    if not number:
        return "Nothing stands still there."
    if is_applied:
        return f"{many} {'is' if number == 1 else 'are'} {what}."
    return f"Nothing was done: {many} would be {what}. Add --apply to do it."


def _in_short(letter: dict[str, Any]) -> dict[str, Any]:
    """The last line of its error says what went wrong."""
    return {**letter, "error": ((letter["error"] or "").strip().splitlines() or [""])[-1][:200]}
