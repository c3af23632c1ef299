"""What can be asked of one run: the command as it is sent, beside what the model says that it does.

Each row takes the run and a number that chooses the variation, and gives None where there is nothing to ask about. Nothing
is drawn here, so that a history always has the same shape, however the house stands.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from shared.domain import commands
from shared.domain.allocation import Assignment
from shared.domain.commands import Command
from shared.domain.consumption import ConsumptionType, Entry, QuantityBasis
from shared.domain.media import MediaReference
from shared.domain.runs import RejectionReason
from tests.properties.model import OPEN, OURS, PARTNERS, THEIRS, House, Log, No, Run, Task

DESIGN = "dsgn_shawl"
ITEM = "item_yarn"
CLOSED_PARTNER = "ptnr_closed"
MOST_RUNS = 30
"""From so many runs on none is split into several."""

ONE, BOTH, WITH_REWORK = ("step one",), ("step one", "step two"), ("step one", "mend")
CHOICES = (ONE, BOTH, WITH_REWORK, ("no such step",))
WEAVER, CUTTER, TAILOR = PARTNERS
SHARES: tuple[list[dict[str, Any]], ...] = (
    [{"partner": WEAVER, "choice": BOTH}],
    [{"partner": WEAVER, "choice": ONE}, {"partner": CUTTER, "choice": WITH_REWORK}],
    [{"partner": each, "choice": ONE, "stage": place} for place, each in enumerate(PARTNERS)],
    [{"partner": CUTTER, "stage": 1}, {"partner": TAILOR, "stage": 5}],
    [],
    [
        {"partner": WEAVER, "choice": ONE, "stage": 0, "quantity": Decimal(1)},
        {"partner": CUTTER, "choice": ONE, "stage": 0, "quantity": Decimal(1)},
        {"partner": TAILOR, "choice": ONE, "stage": 1},
    ],
    [{"partner": WEAVER}, {"partner": CLOSED_PARTNER}],
    [{"partner": TAILOR}],
)

Does = Callable[[House, Run, dict[str, Any], str | None], object]


@dataclass(frozen=True)
class Ask:
    """One thing asked of one run. tenant: the partner who asks, None for an admin. run_id None: it is about the design."""

    command: Command
    run_id: str
    does: Does
    tenant: str | None = None
    is_of_run: bool = True

    def may_happen(self, house: House, result: dict[str, Any]) -> bool:
        """Let the model do it; False when it says no."""
        run = house.runs[self.run_id]
        try:
            if self.tenant and run.partner != self.tenant:
                raise No("a stranger's run")
            self.does(house, run, result, self.tenant)
        except No:
            return False
        return True


Made = tuple[Command, Does]
Row = Callable[[House, Run, int], Made | None]


def _plain(command: Command, verb: str) -> Row:
    return lambda house, run, n: (command, lambda house, run, result, tenant: getattr(house, verb)(run))


# Milestones ---------------------------------------------------------------------------------------------------------


def _pieces(run: Run, n: int) -> tuple[Decimal | None, Decimal, Decimal]:
    ordered, none, one = run.quantity, Decimal(0), Decimal(1)
    return (
        (None, none, none),
        (ordered, none, none),
        (ordered - one, one, none),
        (ordered - one, none, one),
        (ordered + one, none, none),
        (ordered, one, none),
        (ordered - one, none, none),
        (None, one, ordered),
    )[n % 8]


def _yield(said: tuple[Decimal | None, Decimal, Decimal]) -> dict[str, Any]:
    produced, rejected, short = said
    reasons = {"rejection_reason": RejectionReason.FABRIC_FLAW if rejected else None, "short_reason": "moths"}
    return {"produced_quantity": produced, "rejected_quantity": rejected, "short_quantity": short, **reasons}


def complete(house: House, run: Run, n: int) -> Made:
    said = _pieces(run, n)
    return commands.CompleteRun(**_yield(said)), lambda house, run, result, tenant: house.complete(
        run, said, by_admin=tenant is None
    )


def correct(house: House, run: Run, n: int) -> Made:
    produced, rejected, short = _pieces(run, n)
    said = (run.quantity if produced is None else produced, rejected, short)
    return commands.CorrectOutput(
        reason="counted again", **_yield(said)
    ), lambda house, run, result, tenant: house.correct(run, said)


def go_on(house: House, run: Run, n: int) -> Made | None:
    """Whatever its partner does next."""
    verbs: dict[str, Row] = {"accept": accept, "start": start, "finish": finish}
    verb = next((verb for verb in verbs if house.may(run, verb)), None)
    return verbs[verb](house, run, n) if verb else complete(house, run, 0)


accept = _plain(commands.AcceptRun(), "accept")
decline = _plain(commands.DeclineRun(reason=commands.DeclineReason.CAPACITY), "decline")
start = _plain(commands.StartRun(), "start")
finish = _plain(commands.FinishRun(notes="folded"), "finish")
cancel = _plain(commands.CancelRun(reason="history"), "cancel")
hold = _plain(commands.HoldRun(reason="wait"), "hold")
resume = _plain(commands.ResumeRun(), "resume")
resolve_flag = _plain(commands.ResolveFlag(reason="seen"), "resolve_flag")


# Allocation and dispatch --------------------------------------------------------------------------------------------


def _assignments(shares: list[dict[str, Any]]) -> list[Assignment]:
    return [
        Assignment(
            partner_id=share["partner"],
            quantity=share.get("quantity"),
            order=share.get("stage"),
            template_names=list(share["choice"]) if share.get("choice") else None,
        )
        for share in shares
    ]


def _shares(house: House, n: int) -> list[dict[str, Any]]:
    return SHARES[n % 8] if len(house.runs) < MOST_RUNS else SHARES[7]


def approve(house: House, run: Run, n: int) -> Made:
    shares = _shares(house, n)
    return commands.ApproveRun(assignments=_assignments(shares)), lambda house, run, result, tenant: house.allocate(
        run, "approve", shares, result.get("children")
    )


def split(house: House, run: Run, n: int) -> Made:
    shares = _shares(house, n) or SHARES[0]
    return commands.SplitRun(assignments=_assignments(shares)), lambda house, run, result, tenant: house.allocate(
        run, "split", shares, result.get("children")
    )


dispatch = _plain(commands.DispatchRun(), "dispatch")


def confirm(house: House, run: Run, n: int) -> Made:
    choice = CHOICES[n % 4]
    return commands.ConfirmDispatch(template_names=list(choice)), lambda house, run, result, tenant: house.confirm(
        run, choice
    )


def send(house: House, run: Run, n: int) -> Made:
    choice = CHOICES[n % 4]
    return commands.SendToProduction(template_names=list(choice)), lambda house, run, result, tenant: house.send(
        run, choice
    )


def reassign(house: House, run: Run, n: int) -> Made:
    partner = (*PARTNERS, CLOSED_PARTNER)[n % 4]
    return commands.AssignPartner(partner_id=partner), lambda house, run, result, tenant: house.reassign(run, partner)


def move_along(house: House, run: Run, n: int) -> Made | None:
    """Whatever the house does next for a run that is not before a partner."""
    if run.held:
        return resume(house, run, n)
    if house.may(run, "approve"):
        return approve(house, run, n)
    if run.status == "awaiting_reassignment" or (run.status == "approved" and run.partner is None):
        return reassign(house, run, n % 3)
    return send(house, run, n % 3)


# Tasks --------------------------------------------------------------------------------------------------------------


def add_tasks(house: House, run: Run, n: int) -> Made:
    choice = (("mend",), ("mend",), ("mend",), ONE)[n % 4]
    command = commands.AddTasks(template_names=list(choice), piece="hem")
    return command, lambda house, run, result, tenant: house.add_tasks(run, choice)


def _own(house: House, run: Run, task_id: str, tenant: str | None) -> Task:
    task = next(task for task in run.tasks if task.id == task_id)
    if tenant and task.partner != tenant:
        raise No("a stranger's task")
    return task


def _in_turn(run: Run) -> list[Task]:
    return sorted(run.tasks, key=lambda task: task.is_closed)


def _on_task(make: Callable[[Task], Command | None], does: Callable[[House, Run, Task], object]) -> Row:
    """Something asked of one of the run's tasks, the open ones first."""

    def row(house: House, run: Run, n: int) -> Made | None:
        if not run.tasks:
            return None
        task = _in_turn(run)[n % len(run.tasks)]
        command = make(task)
        if command is None:
            return None
        return command, lambda house, run, result, tenant: does(house, run, _own(house, run, task.id, tenant))

    return row


def _told_by_another_system(house: House, run: Run, task: Task) -> None:
    if task.status != "completed":
        house.finish_task(run, task)


finish_task = _on_task(
    lambda task: commands.FinishTask(task_id=task.id), lambda house, run, task: house.finish_task(run, task)
)
accept_task = _on_task(
    lambda task: commands.AcceptTask(task_id=task.id), lambda house, run, task: house.accept_task(run, task)
)
update_task = _on_task(
    lambda task: commands.UpdateTask(task_id=task.id, status=commands.TaskChange.COMPLETED), _told_by_another_system
)
complete_subtask = _on_task(
    lambda task: commands.CompleteSubtask(task_id=task.parent, subtask_id=task.id) if task.parent else None,
    lambda house, run, task: house.finish_task(run, task),
)
split_task = _on_task(
    lambda task: commands.CreateTask(partner_id=task.partner, title="part", parent_task_id=task.id),
    lambda house, run, task: house.split_task(run, task),
)
comment_task = _on_task(
    lambda task: commands.CommentTask(task_id=task.id, comment="soon"), lambda house, run, task: None
)


# Material, pictures, words ------------------------------------------------------------------------------------------


def log(house: House, run: Run, n: int) -> Made:
    quantity, per_piece, place = (
        (Decimal("2.5"), False, OURS),
        (Decimal("0.25"), True, OURS),
        (Decimal(4), False, THEIRS),
        (Decimal(9), False, None),
        (Decimal(30), False, OURS),
    )[n % 5]
    entry = Entry(
        quantity=quantity,
        inventory_item_id=ITEM if place else None,
        consumption_type=None if place else ConsumptionType.ENERGY_ELECTRICITY,
        quantity_basis=QuantityBasis.PER_PIECE if per_piece else QuantityBasis.TOTAL,
        location_id=THEIRS if place == THEIRS else None,
    )
    return commands.LogConsumption(entry=entry), lambda house, run, result, tenant: house.log(
        run, Log(quantity, per_piece, place)
    )


def commit(house: House, run: Run, n: int) -> Made:
    return commands.CommitConsumption(commit_all=True), lambda house, run, result, tenant: house.commit([run])


def commit_design(house: House, run: Run, n: int) -> Made:
    command = commands.CommitDesignConsumption(design_id=DESIGN, commit_all=True)
    return command, lambda house, run, result, tenant: house.commit(list(house.runs.values()))


def attach(house: House, run: Run, n: int) -> Made:
    url = f"https://pictures.test/{n % 3}.jpg"
    command = commands.AttachMedia(media_files=[MediaReference(url=url, is_thumbnail=n % 2 == 0)])
    return command, lambda house, run, result, tenant: house.attach(run, url, by_admin=tenant is None)


def note(house: House, run: Run, n: int) -> Made:
    return commands.AddNote(text="the blue is darker"), lambda house, run, result, tenant: None


STEPS: dict[str, Row] = {
    "go on": go_on,
    "accept": accept,
    "decline": decline,
    "start": start,
    "finish": finish,
    "complete": complete,
}
TASK_WORK: dict[str, Row] = {
    "finish task": finish_task,
    "accept task": accept_task,
    "complete subtask": complete_subtask,
    "comment on task": comment_task,
    "add tasks": add_tasks,
}
WORDS: dict[str, Row] = {"log": log, "attach": attach, "note": note}
OF_PARTNERS = {**STEPS, **TASK_WORK, **WORDS}
"""What partners ask of their own runs, and admins on their behalf."""

ALLOCATION: dict[str, Row] = {
    "move along": move_along,
    "approve": approve,
    "split": split,
    "dispatch": dispatch,
    "confirm": confirm,
    "send": send,
    "reassign": reassign,
}
DECISIONS: dict[str, Row] = {
    "cancel": cancel,
    "hold": hold,
    "resume": resume,
    "correct": correct,
    "resolve flag": resolve_flag,
    "split task": split_task,
    "update task": update_task,
    "commit": commit,
    "commit design": commit_design,
}
OF_ADMINS = {**ALLOCATION, **DECISIONS}
ALL = {**OF_PARTNERS, **OF_ADMINS}


def ask(house: House, kind: str, run: Run, n: int, *, who: str = "admin") -> Ask | None:
    """The ask of a kind. who: its own partner (an admin, where it has none), an admin, or a stranger."""
    made = ALL[kind](house, run, n)
    if made is None:
        return None
    command, does = made
    stranger = next(partner for partner in PARTNERS if partner != run.partner)
    tenant = {"partner": run.partner, "admin": None, "stranger": stranger}[who] if kind in OF_PARTNERS else None
    return Ask(command, run.id, does, tenant, is_of_run=kind != "commit design")


def next_step(house: House, run: Run) -> Ask:
    """What brings a run nearer to its end, by whoever's turn it is."""
    kind, n = "move along", 0
    if run.status in ("sent_to_partner", "in_progress") and not run.held:
        kind = "go on"
        if run.status == "in_progress" and run.open_redo:
            kind, n = "finish task", _in_turn(run).index(run.open_redo[0])
    found = ask(house, kind, run, n, who="partner")
    if found is None:
        raise AssertionError(f"there is no next step for {run}")
    return found


def pick(house: House, n: int) -> Run | None:
    """A run by a number; every other number means one that is still worked on, where there are any."""
    everyone = list(house.runs.values())
    leaves = [run for run in everyone if run.status in OPEN and not run.children]
    among = leaves if leaves and n % 3 else everyone
    return among[n // 3 % len(among)] if among else None
