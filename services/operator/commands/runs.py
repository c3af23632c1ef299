"""`loomline runs`: read production runs, and ask for what their actors do, by the same commands as over HTTP."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import RenderableType

from services.operator.commands.telling import Apply, AsJson, Limit, Told, Wait, command, facts, group, table, words
from shared.domain import commands, lifecycle
from shared.domain.lifecycle import Verb
from shared.domain.runs import Run, Status

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from services.operator.commands.house import House

RunId = Annotated[str, typer.Argument(metavar="ID", help="The run's id.")]
Reason = Annotated[str, typer.Option(help="Why; it stands on the timeline.")]

runs = group(
    "Production runs: read them, hold them, move them on.",
    "loomline runs list --overdue",
    "loomline runs show run_01…",
    "loomline runs hold run_01… --reason 'the dye house is closed'",
    "loomline runs cancel run_01… --apply",
)
SHOWN = (
    "id",
    "phase",
    "role",
    "quantity",
    "partner_id",
    "design_id",
    "order_id",
    "waiting_for",
    "waiting_until",
    "overdue_at",
)
HIDDEN = frozenset({"children", "tasks", "snapshot_id", "dispatch_round"})


# Reading ------------------------------------------------------------------------------------------------------------


@command(
    runs,
    "list",
    "List runs, the newest first.",
    "loomline runs list",
    "loomline runs list --status in_progress --partner malabar-looms",
    "loomline runs list --overdue --json",
)
def list_runs(
    status: Annotated[Status | None, typer.Option(help="Only runs that stand there.")] = None,
    partner: Annotated[str | None, typer.Option(help="Only this partner's: its id or handle.")] = None,
    order: Annotated[str | None, typer.Option(help="Only this order's.")] = None,
    design: Annotated[str | None, typer.Option(help="Only of this design.")] = None,
    overdue: Annotated[bool, typer.Option("--overdue", help="Only those that waited too long.")] = False,
    held: Annotated[bool, typer.Option("--held", help="Only those on hold.")] = False,
    flagged: Annotated[bool, typer.Option("--flagged", help="Only those a person must decide about.")] = False,
    limit: Limit = 50,
    as_json: AsJson = False,
) -> Told:
    """In short."""
    from services.operator.commands.house import opened
    from shared.storage import run_reads

    wanted = run_reads.Wanted(
        status=status, partner=partner, order_id=order, design_id=design, overdue=overdue, held=held, flagged=flagged
    )
    with opened() as house:
        found = house.read(lambda c: run_reads.listed(c, wanted, limit=limit))
    return Told({"production_runs": found}, [table(found, *SHOWN)])


@command(
    runs,
    "show",
    "Show a run with its parts and tasks, and what may be done with it now.",
    "loomline runs show run_01…",
)
def show(run: RunId, as_json: AsJson = False) -> Told:
    """Everything of one run."""
    from services.operator.commands.house import opened

    with opened() as house:
        return _shown(house, run)


@command(runs, "timeline", "Show what happened to a run, oldest first.", "loomline runs timeline run_01…")
def timeline(run: RunId, as_json: AsJson = False) -> Told:
    """Who did what, when and why."""
    from services.operator.commands.house import opened
    from shared.storage import run_reads

    with opened() as house:
        found = house.read(lambda c: run_reads.timeline(c, run))
    rows = [{**entry, "who": entry["actor"].get("name") or entry["actor"].get("kind")} for entry in found]
    return Told({"activities": found}, [table(rows, "at", "who", "verb", "summary", "reason")])


# Asking -------------------------------------------------------------------------------------------------------------


def _plain(verb: Verb, make: Callable[[], commands.Command], sentence: str) -> None:
    """A command that needs nothing but its run."""

    def ask(run: RunId, wait: Wait = 10.0, as_json: AsJson = False) -> Told:
        return _asked(run, make, verb=verb, wait=wait)

    command(runs, verb.value, sentence, f"loomline runs {verb.value} run_01…")(ask)


_plain(Verb.APPROVE, commands.ApproveRun, "Approve a run; it goes to the partners it names, or those of its design.")
_plain(Verb.ACCEPT, commands.AcceptRun, "Accept a run on its partner's behalf.")
_plain(Verb.START, commands.StartRun, "Start a run on its partner's behalf.")
_plain(Verb.FINISH, commands.FinishRun, "Finish a run on its partner's behalf.")
_plain(Verb.COMPLETE, commands.CompleteRun, "Complete a finished run on its partner's behalf: all pieces are good.")
_plain(Verb.RESUME, commands.ResumeRun, "Let a run on hold go on.")


@command(
    runs,
    "send",
    "Dispatch an approved run: choose its templates and put it before its partner.",
    "loomline runs send run_01… --category weaving",
    "loomline runs send run_01… --template 'Warp the loom' --template 'Weave the cloth'",
)
def send(
    run: RunId,
    template: Annotated[list[str] | None, typer.Option(help="A template's name; say it again for more.")] = None,
    category: Annotated[str | None, typer.Option(help="All templates of this category instead.")] = None,
    wait: Wait = 10.0,
    as_json: AsJson = False,
) -> Told:
    """Both steps of a dispatch at once."""
    return _asked(
        run, lambda: commands.SendToProduction(template_names=template or None, template_category=category), wait=wait
    )


@command(
    runs,
    "assign",
    "Give a run to another partner; it is not sent by this.",
    "loomline runs assign run_01… ptnr_01… --note 'the first loom broke'",
)
def assign(
    run: RunId,
    partner: Annotated[str, typer.Argument(metavar="PARTNER", help="The partner's id.")],
    note: Annotated[str | None, typer.Option(help="Why; it stands on the timeline.")] = None,
    wait: Wait = 10.0,
    as_json: AsJson = False,
) -> Told:
    """Tasks of the partner before count no more."""
    return _asked(run, lambda: commands.AssignPartner(partner_id=partner, note=note), verb=Verb.REASSIGN, wait=wait)


@command(
    runs,
    "hold",
    "Let a run and its parts stand still; deadlines stop.",
    "loomline runs hold run_01… --reason 'the dye house is closed'",
)
def hold(run: RunId, reason: Reason, wait: Wait = 10.0, as_json: AsJson = False) -> Told:
    """Until it is resumed."""
    return _asked(run, lambda: commands.HoldRun(reason=reason), verb=Verb.HOLD, wait=wait)


@command(
    runs,
    "resolve-flag",
    "Say what was decided about a flag; it goes.",
    "loomline runs resolve-flag run_01… --reason 'the new quantity was agreed'",
)
def resolve_flag(run: RunId, reason: Reason, wait: Wait = 10.0, as_json: AsJson = False) -> Told:
    """A person decided."""
    return _asked(run, lambda: commands.ResolveFlag(reason=reason), wait=wait)


@command(runs, "note", "Write a note on a run's timeline.", "loomline runs note run_01… 'The yarn comes on Monday.'")
def note(
    run: RunId, text: Annotated[str, typer.Argument(help="The note.")], wait: Wait = 10.0, as_json: AsJson = False
) -> Told:
    """For everybody who reads the timeline."""
    return _asked(run, lambda: commands.AddNote(text=text), wait=wait)


@command(
    runs,
    "cancel",
    "End a run and all its open parts. Without --apply it only says which.",
    "loomline runs cancel run_01…",
    "loomline runs cancel run_01… --reason 'the customer withdrew' --apply",
)
def cancel(
    run: RunId,
    reason: Annotated[str | None, typer.Option(help="Why; it stands on the timeline.")] = None,
    apply: Apply = False,
    wait: Wait = 10.0,
    as_json: AsJson = False,
) -> Told:
    """For good."""
    from services.operator.commands.house import opened

    if apply:
        return _asked(run, lambda: commands.CancelRun(reason=reason), verb=Verb.CANCEL, wait=wait)
    with opened() as house:
        ending = house.read(lambda c: _would_end(c, run))
    words(f"Nothing was done: {len(ending)} run{'s' * (len(ending) != 1)} would end. Add --apply to do it.")
    return Told({"applied": False, "would_cancel": ending}, [table(ending, *SHOWN)])


def _would_end(connection: "Connection", run_id: str) -> list[dict[str, Any]]:
    """The run and its open parts. Raises what `_guarded` raises."""
    from shared.storage import run_reads

    root = _guarded(connection, run_id, Verb.CANCEL)
    return [run_reads.short(each) for each in (root, *run_reads.parts(connection, run_id)) if not each.is_terminal]


def _asked(run_id: str, make: Callable[[], commands.Command], *, wait: float, verb: Verb | None = None) -> Told:
    """Ask for a command about a run; the answer is the run as it is afterwards."""
    from services.operator.commands.house import meant, opened

    asked = meant(make)
    with opened() as house:
        house.read(lambda c: _guarded(c, run_id, verb))
        answer = house.ask(asked, run_id=run_id, wait=wait)
        if isinstance(answer, Told):
            return answer
        told = _shown(house, run_id)
    return Told({**told.body, "command": {"id": answer.message_id, "state": "done"}}, told.shown)


def _guarded(connection: "Connection", run_id: str, verb: Verb | None) -> Run:
    """The run, unless the lifecycle's table forbids the step already, as the gateway looks. Raises NotFound, Refusal."""
    from shared.storage import run_reads
    from shared.storage.run_store import RunStore

    run = RunStore(connection).read(run_id)
    refusal = lifecycle.refusal(run, verb, run_reads.facts(connection, run)) if verb else None
    if refusal:
        raise refusal
    return run


def _shown(house: "House", run_id: str) -> Told:
    from shared.storage import run_reads

    found = house.read(lambda c: run_reads.shown(c, run_id))
    drawn: list[RenderableType] = [facts({name: value for name, value in found.items() if name not in HIDDEN})]
    if found["children"]:
        drawn += ["", table(found["children"], *SHOWN, title="Parts")]
    if found["tasks"]:
        drawn += ["", table(found["tasks"], "id", "title", "kind", "status", title="Tasks")]
    return Told({"production_run": found}, drawn)
