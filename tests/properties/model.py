"""The house as domain.md says it must be: every rule once more in plain Python, written from the rules and not from the code.

Each method of House is something that somebody asks, or something that time does. It raises No where the rules say no, and
then nothing was changed. `quiet` lets families follow what happened; between two calls of it nothing followed yet.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

VERBS = (
    "approve",
    "split",
    "dispatch",
    "confirm",
    "accept",
    "decline",
    "start",
    "finish",
    "complete",
    "cancel",
    "reassign",
    "hold",
    "resume",
)
OF_PARTNERS = ("accept", "decline", "start", "finish", "complete")
OF_CONTAINERS = ("cancel", "hold", "resume")
WHILE_HELD = ("cancel", "resume")
TERMINAL = ("completed", "cancelled")
OPEN = ("draft", "pending_review", "approved", "sent_to_partner", "in_progress", "awaiting_reassignment")
BEFORE_WORK = ("draft", "pending_review", "approved", "sent_to_partner", "awaiting_reassignment")
INSIDE = ("draft", "pending_review", "approved", "cancelled")
MADE_NOTHING_OF = ("cancelled", "refunded", "voided", "draft")
TEMPLATES = {"step one": "work", "step two": "work", "mend": "redo"}
PARTNERS = ("ptnr_weaver", "ptnr_cutter", "ptnr_tailor")
OURS, THEIRS = "sloc_ours", "sloc_theirs"
NOTHING = Decimal(0)


class No(Exception):
    """The rules say no."""


@dataclass
class Task:
    """One thing a partner does. order: the work order it stands on."""

    id: str
    title: str
    kind: str
    partner: str
    order: int
    status: str = "assigned"
    parent: str | None = None

    @property
    def is_closed(self) -> bool:
        return self.status in ("completed", "cancelled")


@dataclass
class Log:
    """Material that was used. place: None for what is not stocked at all."""

    quantity: Decimal
    per_piece: bool
    place: str | None
    committed: Decimal | None = None


@dataclass
class Run:
    """One run, and all that hangs on it."""

    id: str
    quantity: Decimal
    status: str = "pending_review"
    partner: str | None = None
    parent: str | None = None
    stage: int | None = None
    waits: tuple[str, ...] = ()
    choice: tuple[str, ...] = ()
    children: list[str] = field(default_factory=list)
    dispatch: str = "idle"
    round: int = 0
    order: int | None = None
    accepted: bool = False
    started: bool = False
    finished: bool = False
    is_called_off: bool = False
    """Ended by word, not by its parts: what of it was made before stays made."""
    held: bool = False
    flagged: bool = False
    overdue: bool = False
    waiting: str | None = None
    pieces: tuple[Decimal, Decimal, Decimal] | None = None
    is_partial: bool = False
    tasks: list[Task] = field(default_factory=list)
    logs: list[Log] = field(default_factory=list)
    media: set[str] = field(default_factory=set)
    rungs: dict[tuple[int, str], list[str]] = field(default_factory=dict)

    @property
    def is_terminal(self) -> bool:
        return self.status in TERMINAL

    @property
    def current(self) -> list[Task]:
        """The tasks that count."""
        return [task for task in self.tasks if task.order == self.order and task.status != "cancelled"]

    @property
    def phase(self) -> str:
        """The one word that says it all (§2)."""
        if self.status == "in_progress":
            return "finished" if self.finished else "started" if self.started else "accepted"
        names = {"draft": "review", "pending_review": "review", "sent_to_partner": "assigned"}
        return names.get(self.status, self.status)

    @property
    def open_redo(self) -> list[Task]:
        return [task for task in self.current if task.kind == "redo" and not task.is_closed]

    def wait_for(self, gate: str | None) -> None:
        self.waiting, self.overdue = gate, False


@dataclass
class Line:
    """A line of an order as it was last told."""

    quantity: Decimal
    run: str | None = None
    is_left_out: bool = False


@dataclass
class Order:
    """A shop's order. Instants are minutes of the shop's own clock."""

    lines: dict[str, Line] = field(default_factory=dict)
    off: str | None = None
    changed: int | None = None
    live: int | None = None
    has_lines: bool = False

    def is_stale(self, at: int) -> bool:
        return self.changed is not None and at < self.changed


@dataclass
class House:
    """All runs, all orders, the stock, and the policy they live by."""

    is_finish_at_last_task: bool = False
    is_reassigned_unaccepted: bool = False
    is_short_refused: bool = False
    is_first_stage_sent: bool = False
    stock: Decimal = Decimal(40)
    runs: dict[str, Run] = field(default_factory=dict)
    orders: dict[str, Order] = field(default_factory=dict)
    work_orders: int = 0
    moved: list[tuple[str, bool]] = field(default_factory=list)
    """Runs whose families have not followed yet, and whether it is because the run goes on after a hold."""

    # What a run may do ----------------------------------------------------------------------------------------------

    def may(self, run: Run, verb: str) -> bool:
        """The milestone table (§3)."""
        if run.held and verb not in WHILE_HELD:
            return False
        if run.children and verb not in OF_CONTAINERS:
            return False
        is_working = run.status == "in_progress"
        is_approved = run.status == "approved"
        can_go = is_approved and run.partner is not None and not self.unsettled(run)
        return {
            "approve": run.status in ("draft", "pending_review"),
            "split": is_approved and run.dispatch == "idle",
            "dispatch": can_go and run.dispatch == "idle",
            "confirm": can_go and run.dispatch == "awaiting_templates",
            "accept": run.status == "sent_to_partner",
            "decline": run.status == "sent_to_partner" or (is_working and not run.started),
            "start": is_working and not run.started,
            "finish": is_working and run.started and not run.finished and not run.open_redo,
            "complete": is_working and run.finished and not run.open_redo,
            "cancel": not run.is_terminal,
            "reassign": run.status in BEFORE_WORK,
            "hold": not run.is_terminal and not run.held,
            "resume": not run.is_terminal and run.held,
        }[verb]

    def actions(self, run: Run, *, for_partner: bool) -> list[str]:
        """All that may be asked of a run."""
        return [verb for verb in VERBS if (verb in OF_PARTNERS or not for_partner) and self.may(run, verb)]

    def ancestry(self, run: Run) -> Iterator[Run]:
        """The run and the containers around it."""
        while True:
            yield run
            if run.parent is None:
                return
            run = self.runs[run.parent]

    def family(self, run: Run) -> Iterator[Run]:
        """The run and all below it."""
        yield run
        for child in run.children:
            yield from self.family(self.runs[child])

    def predecessors(self, run: Run) -> list[Run]:
        """What the run, and every container around it, waits for."""
        return [self.runs[before] for each in self.ancestry(run) for before in each.waits]

    def unsettled(self, run: Run) -> list[Run]:
        return [before for before in self.predecessors(run) if not before.is_terminal]

    def leaves_of(self, partner: str) -> list[str]:
        """All that a partner may know of."""
        return [run.id for run in self.runs.values() if run.partner == partner and not run.children]

    def _only(self, run: Run, verb: str) -> None:
        if not self.may(run, verb):
            raise No(verb)

    # Allocation and dispatch (§4, §5) -------------------------------------------------------------------------------

    def allocate(self, run: Run, verb: str, shares: list[dict[str, Any]], ids: list[str] | None) -> None:
        """Approve or split. ids: what the children are called; made up when nobody says."""
        self._only(run, verb)
        if any(share["partner"] not in PARTNERS for share in shares):
            raise No("a partner who is not active")
        if verb == "approve" and not shares and run.partner:
            shares = [{"partner": run.partner, "choice": run.choice}]
        ids = ids or [f"part {place} of {run.id}" for place in range(len(shares))]
        is_waiting = bool(self.unsettled(run))
        run.status = "approved"
        run.children = ids
        stages = [share.get("stage") for share in shares]
        for share, stage, child in zip(shares, stages, ids, strict=True):
            earlier = [each for each in stages if each is not None and stage is not None and each < stage]
            before = [ids[i] for i, each in enumerate(stages) if earlier and each == max(earlier)]
            self.runs[child] = Run(
                child,
                share.get("quantity") or run.quantity,
                status="approved",
                partner=share["partner"],
                parent=run.id,
                stage=stage,
                waits=tuple(before),
                choice=tuple(share.get("choice") or ()),
            )
        is_ordered = len(set(stages) - {None}) > 1
        for child in ids:
            part = self.runs[child]
            may_go = not is_waiting and (not is_ordered or self.is_first_stage_sent) and not part.waits
            if may_go and part.choice:
                self._send(part, part.choice)

    def dispatch(self, run: Run) -> None:
        self._only(run, "dispatch")
        run.dispatch = "awaiting_templates"
        run.wait_for("templates")

    def confirm(self, run: Run, choice: tuple[str, ...]) -> None:
        self._only(run, "confirm")
        self._known(choice)
        self._send(run, choice)

    def send(self, run: Run, choice: tuple[str, ...]) -> None:
        """Both at once."""
        self._only(run, "confirm" if run.dispatch == "awaiting_templates" else "dispatch")
        self._known(choice)
        self._send(run, choice)

    def reassign(self, run: Run, partner: str) -> None:
        if partner not in PARTNERS:
            raise No("a partner who is not active")
        self._only(run, "reassign")
        self._end_tasks(run)
        self._back_to_idle(run)
        run.status, run.partner = "approved", partner
        run.accepted, run.order = False, None

    def _known(self, choice: tuple[str, ...]) -> None:
        if any(name not in TEMPLATES for name in choice):
            raise No("a template that is not there")

    def _send(self, run: Run, choice: tuple[str, ...]) -> None:
        self.work_orders += 1
        run.status, run.dispatch, run.order = "sent_to_partner", "completed", self.work_orders
        self._lay_out(run, choice)
        run.wait_for("accept")

    def _lay_out(self, run: Run, choice: tuple[str, ...]) -> None:
        for name in dict.fromkeys(choice):
            run.tasks.append(Task("", name, TEMPLATES[name], run.partner or "", run.order or 0))

    def _back_to_idle(self, run: Run) -> None:
        run.round += run.dispatch != "idle"
        run.dispatch = "idle"
        run.wait_for(None)

    def _end_tasks(self, run: Run) -> None:
        for task in run.tasks:
            task.status = task.status if task.is_closed else "cancelled"

    # Milestones (§3, §6) --------------------------------------------------------------------------------------------

    def accept(self, run: Run) -> None:
        self._only(run, "accept")
        run.status, run.accepted = "in_progress", True
        run.wait_for("start")
        self._moved(run)

    def decline(self, run: Run) -> None:
        self._only(run, "decline")
        self._leave(run)

    def start(self, run: Run) -> None:
        self._only(run, "start")
        run.started = True
        run.wait_for("finish")

    def finish(self, run: Run) -> None:
        self._only(run, "finish")
        run.finished = True
        self._close_work(run)
        run.wait_for("complete")

    def complete(self, run: Run, said: tuple[Decimal | None, Decimal, Decimal], *, by_admin: bool) -> None:
        self._only(run, "complete")
        self._settle(run, self._balanced(run, said, is_limited=not by_admin))

    def correct(self, run: Run, said: tuple[Decimal, Decimal, Decimal]) -> None:
        if run.status != "completed" or run.children:
            raise No("not a completed leaf")
        run.pieces = self._balanced(run, said, is_limited=False)
        self._moved(run)

    def cancel(self, run: Run) -> None:
        if run.status == "cancelled":
            return
        self._only(run, "cancel")
        self._cancel_family(run)

    def hold(self, run: Run) -> None:
        self._only(run, "hold")
        run.held = True

    def resume(self, run: Run) -> None:
        self._only(run, "resume")
        run.held = False
        self.moved.append((run.id, True))

    def resolve_flag(self, run: Run) -> None:
        if not run.flagged:
            raise No("no flag")
        run.flagged = False

    def _balanced(
        self, run: Run, said: tuple[Decimal | None, Decimal, Decimal], *, is_limited: bool
    ) -> tuple[Decimal, Decimal, Decimal]:
        produced, rejected, short = said
        if produced is None:
            produced = run.quantity - rejected - short
        total = produced + rejected + short
        is_over = total > run.quantity
        if produced < 0 or total < run.quantity or (is_over and short):
            raise No("the pieces do not add up")
        if is_over and is_limited and total > run.quantity * Decimal("1.05"):
            raise No("too many")
        return produced, rejected, short

    def _settle(self, run: Run, pieces: tuple[Decimal, Decimal, Decimal]) -> None:
        self._take_open_logs(run, pieces, may_refuse=True)
        run.status, run.pieces = "completed", pieces
        run.started = run.finished = True
        self._close_work(run)
        run.wait_for(None)
        self._moved(run)

    def _close_work(self, run: Run) -> None:
        for task in run.current:
            if task.kind == "work":
                task.status = "completed"

    def _leave(self, run: Run) -> None:
        """It goes back to the house: a new partner is wanted."""
        run.status = "awaiting_reassignment"
        self._end_tasks(run)
        run.wait_for(None)

    def _cancel_family(self, run: Run) -> None:
        for each in list(self.family(run)):
            if not each.is_terminal:
                each.status, each.held, each.is_called_off = "cancelled", False, True
                if each.dispatch == "awaiting_templates":
                    self._back_to_idle(each)
                each.wait_for(None)
                self._end_tasks(each)
                self._moved(each)

    # Tasks (§5) -----------------------------------------------------------------------------------------------------

    def add_tasks(self, run: Run, choice: tuple[str, ...]) -> None:
        if run.children or run.held or run.status not in ("sent_to_partner", "in_progress"):
            raise No("not before a partner")
        self._known(choice)
        if any(TEMPLATES[name] != "redo" for name in choice):
            raise No("only rework")
        self._lay_out(run, choice)

    def split_task(self, run: Run, task: Task) -> None:
        if run.held or task.is_closed:
            raise No("closed or on hold")
        run.tasks.append(Task("", "part", task.kind, task.partner, task.order, parent=task.id))

    def accept_task(self, run: Run, task: Task) -> None:
        self._open_to_work(run, task)
        if task.status != "assigned":
            raise No("no step backwards")
        task.status = "accepted"

    def finish_task(self, run: Run, task: Task) -> None:
        """The last one completes its run, or finishes it."""
        self._open_to_work(run, task)
        if task.is_closed:
            raise No("closed")
        done = self._with_family(run, task)
        is_last = all(other.is_closed or other in done for other in run.current) and not run.finished
        if is_last and not self.is_finish_at_last_task:
            self._settle_by_tasks(run)
        for other in done:
            other.status = "completed"
        if is_last and self.is_finish_at_last_task:
            run.started = run.finished = True
            run.wait_for("complete")

    def _settle_by_tasks(self, run: Run) -> None:
        self._settle(run, (run.quantity, NOTHING, NOTHING))

    def _open_to_work(self, run: Run, task: Task) -> None:
        if run.status != "in_progress" or run.held or task.order != run.order:
            raise No("not to be worked on")

    def _with_family(self, run: Run, task: Task) -> list[Task]:
        """The task, what is open below it, and every task above it of which it is the last open one."""
        parts = [other for other in run.tasks if other.parent == task.id and not other.is_closed]
        done = [task, *parts]
        above = next((other for other in run.tasks if other.id == task.parent), None)
        if above and not above.is_closed:
            others = [other for other in run.tasks if other.parent == above.id]
            if all(other.is_closed or other in done for other in others):
                done.append(above)
        return done

    # Material (§6.2) ------------------------------------------------------------------------------------------------

    def log(self, run: Run, log: Log) -> None:
        if run.is_terminal or run.children:
            raise No("nothing is made here")
        run.logs.append(log)

    def commit(self, runs: list[Run]) -> None:
        """By hand: what counts pieces waits until they are counted."""
        wanted = [
            (log, self._used(log, run.pieces))
            for run in runs
            for log in run.logs
            if log.committed is None and (run.pieces is not None or not log.per_piece)
        ]
        self._take(wanted)

    def _take_open_logs(self, run: Run, pieces: tuple[Decimal, Decimal, Decimal], *, may_refuse: bool) -> None:
        """With the run's completion; a container's logs are from before it was split, and nobody is there to be refused."""
        wanted = [(log, self._used(log, pieces)) for log in run.logs if log.committed is None]
        self._take(wanted, may_refuse=may_refuse)

    def _used(self, log: Log, pieces: tuple[Decimal, Decimal, Decimal] | None) -> Decimal:
        return log.quantity * (pieces[0] + pieces[1]) if log.per_piece and pieces else log.quantity

    def _take(self, wanted: list[tuple[Log, Decimal]], *, may_refuse: bool = True) -> None:
        total = sum((used for log, used in wanted if log.place == OURS), NOTHING)
        if total > self.stock and self.is_short_refused and may_refuse:
            raise No("not enough in stock")
        for log, used in wanted:
            log.committed = used
        self.stock = max(NOTHING, self.stock - total)

    # Media ----------------------------------------------------------------------------------------------------------

    def attach(self, run: Run, url: str, *, by_admin: bool) -> None:
        if run.is_terminal or (run.children and not by_admin):
            raise No("closed")
        run.media.add(url)

    # Orders (§8): the shop's newest word counts, whenever it comes -------------------------------------------------

    def place(self, order_id: str, lines: dict[str, Line], *, at: int, status: str | None) -> dict[str, Line]:
        """Returns the lines that must have made a run."""
        order = self.orders.setdefault(order_id, Order())
        is_left_out = order.has_lines and order.is_stale(at)
        was_off, known = order.off, self._with_run(order)
        self._hear(order, status, at)
        made = {} if is_left_out and not order.off else self._take_lines(order, lines)
        for name, line in lines.items():
            order.lines.setdefault(name, line)
        self._turn(order, known, was_off)
        return made

    def change(self, order_id: str, lines: dict[str, Line], *, at: int, status: str | None) -> dict[str, Line]:
        """Returns the lines that must have made a run."""
        order = self.orders.setdefault(order_id, Order())
        if order.is_stale(at):
            return {}
        was_off, known = order.off, self._with_run(order)
        self._hear(order, status, at)
        made = self._take_lines(order, lines)
        if not order.off:
            order.has_lines = True
            self._compare(known, lines)
        self._turn(order, known, was_off)
        return made

    def call_off(self, order_id: str, *, at: int) -> None:
        order = self.orders.setdefault(order_id, Order())
        if order.live is not None and at < order.live:
            return
        was_off, order.off = order.off, "cancelled"
        order.changed = max(at, order.changed if order.changed is not None else at)
        if not was_off:
            self._take_back(order)

    def _hear(self, order: Order, status: str | None, at: int) -> None:
        if order.is_stale(at):
            return
        if status in MADE_NOTHING_OF:
            order.off = status
        elif order.off == "draft" or (status and order.changed is not None and at > order.changed):
            order.off = None
        if status and status not in MADE_NOTHING_OF:
            order.live = max(at, order.live if order.live is not None else at)
        order.changed = at

    def _take_lines(self, order: Order, lines: dict[str, Line]) -> dict[str, Line]:
        """New lines, and those that were left alone only because the order was off."""
        made = {}
        for name, line in lines.items():
            known = order.lines.get(name)
            if known is None or (known.run is None and not order.off):
                order.lines[name] = line
                made.update({} if order.off else {name: line})
        return made

    def _with_run(self, order: Order) -> dict[str, Line]:
        return {name: line for name, line in order.lines.items() if line.run}

    def _turn(self, order: Order, known: dict[str, Line], was_off: str | None) -> None:
        """Off now: its runs are taken back. It stands again: a person decides about them."""
        if order.off and not was_off:
            self._take_back(order)
        if was_off and not order.off:
            self._flag(known.values())

    def _compare(self, known: dict[str, Line], told: dict[str, Line]) -> None:
        """Each change of a line with a run is flagged once."""
        for name, line in known.items():
            now = told.get(name)
            if now is None:
                self._flag([] if line.is_left_out else [line])
                line.is_left_out = True
                continue
            if line.is_left_out or line.quantity != now.quantity:
                self._flag([line])
            line.is_left_out, line.quantity = False, now.quantity

    def _flag(self, lines: Any) -> None:
        for line in lines:
            self.runs[line.run].flagged = True

    def _take_back(self, order: Order) -> None:
        for line in order.lines.values():
            root = self.runs[line.run] if line.run else None
            if root is None or root.status == "cancelled":
                continue
            if any(run.status not in INSIDE for run in self.family(root)):
                root.flagged = True
            else:
                self._cancel_family(root)

    # Time (§8) ------------------------------------------------------------------------------------------------------

    def deadlines_pass(self, *, all_of_them: bool) -> None:
        """An hour or two passed, after which only templates are late; or so long that everything is."""
        for run in self.runs.values():
            if run.held or run.overdue or not run.waiting:
                continue
            if run.waiting == "templates":
                self._back_to_idle(run)
            elif all_of_them and run.waiting == "accept" and self.is_reassigned_unaccepted:
                self._leave(run)
            elif all_of_them:
                run.overdue = True

    def silence_is_noticed(self, *, is_sent: bool) -> None:
        """A week of silence: twice a reminder that reached somebody, then the end of the ladder."""
        for run in self.runs.values():
            stage = self._stage(run)
            if stage is None:
                continue
            rungs = run.rungs.setdefault((run.round, stage), [])
            if "end" in rungs:
                continue
            is_end = rungs.count("sent") == 2
            rungs.append("end" if is_end else "sent" if is_sent else "tried")
            if is_end and stage == "accept":
                self._leave(run)

    def _stage(self, run: Run) -> str | None:
        if run.held or run.children:
            return None
        if run.status == "sent_to_partner":
            return "accept"
        if run.status == "in_progress":
            return "finish" if run.started else "start"
        return None

    # Families (§7) --------------------------------------------------------------------------------------------------

    def quiet(self) -> None:
        """Everything that follows has followed."""
        while self.moved:
            run_id, goes_on = self.moved.pop(0)
            run = self.runs[run_id]
            for container in [each for each in self.family(run) if goes_on and each.children]:
                self._release(container)
            if run.parent:
                self._release(self.runs[run.parent])
                self._follow(self.runs[run.parent])

    def _moved(self, run: Run) -> None:
        self.moved.append((run.id, False))

    def _release(self, container: Run) -> None:
        """Parts that only waited for others, all of which are completed, go out or wait for their templates."""
        if any(each.held for each in self.ancestry(container)):
            return
        for child in (self.runs[each] for each in container.children):
            waited = self.predecessors(child)
            if child.held or not waited or any(before.status != "completed" for before in waited):
                continue
            if child.children:
                self._release(child)
            elif child.status == "approved" and child.dispatch == "idle" and not child.round and child.partner:
                if child.choice:
                    self._send(child, child.choice)
                else:
                    self.dispatch(child)

    def _follow(self, parent: Run) -> None:
        children = [self.runs[child] for child in parent.children]
        if parent.status == "completed":
            before, parent.pieces = parent.pieces, self._totals(children)
            if before != parent.pieces:
                self._moved(parent)
        elif not parent.is_terminal and all(child.is_terminal for child in children):
            is_made = any(child.status == "completed" for child in children)
            parent.status = "completed" if is_made else "cancelled"
            parent.pieces = self._totals(children) if is_made else None
            parent.is_partial = is_made and any(child.status == "cancelled" for child in children)
            parent.held = False
            parent.wait_for(None)
            if parent.pieces:
                self._take_open_logs(parent, parent.pieces, may_refuse=False)
            self._moved(parent)
        elif parent.status == "approved" and any(child.status in ("in_progress", "completed") for child in children):
            parent.status = "in_progress"
            self._moved(parent)

    def _totals(self, children: list[Run]) -> tuple[Decimal, Decimal, Decimal]:
        last = max((child.stage for child in children if child.stage is not None), default=None)
        pieces = [child.pieces for child in children if child.stage == last and child.pieces]
        produced, rejected, short = (sum((each[i] for each in pieces), NOTHING) for i in range(3))
        return produced, rejected, short
