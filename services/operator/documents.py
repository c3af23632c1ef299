"""Documents drawn from the tables: what could go stale is generated here and compared by a test. `loomline documents` writes them."""

import subprocess
import sys
from pathlib import Path

from services.operator.commands import telling
from shared.domain import deadlines, dispatch, lifecycle, runs
from shared.routing import COMMAND_HEARERS, EVENT_HEARERS, Hearer

ROOT = Path(__file__).resolve().parents[2]
BEGIN = "<!-- generated: {name} -->"
END = "<!-- end: {name} -->"


def state_diagram() -> str:
    """The lifecycle as a Mermaid state diagram, one arrow per row and status left."""
    arrows = [
        f"    {status} --> {step.reaches or status}: {step.verb}" + (f" [{step.after}]" if step.after else "")
        for step in lifecycle.LIFECYCLE
        for status in step.leaves
        if step.leaves != runs.OPEN
    ]
    ends = [f"    {status} --> [*]" for status in runs.Status if status in runs.TERMINAL]
    note = "    note right of cancelled: every open state can be cancelled, held and resumed"
    return "\n".join(["```mermaid", "stateDiagram-v2", "    [*] --> pending_review", *arrows, *ends, note, "```"])


def status_table() -> str:
    """Every status with its sentence."""
    rows = [f"| `{status}` | {runs.STATUS_SENTENCES[status]} |" for status in runs.Status]
    return "\n".join(["| status | what it means |", "|---|---|", *rows])


def milestone_table() -> str:
    """Every step with what it leaves, needs, reaches and arms."""
    armed = {wait.armed_by: wait.gate for wait in deadlines.WAITS}
    rows = [
        f"| {step.verb} | {'any open' if step.leaves == runs.OPEN else ', '.join(step.leaves)} | {step.after or '–'} | "
        f"{step.reaches or '–'} | {step.stamps or '–'} | {armed.get(step.verb, '–')} | {'partner, admin' if step.by_partner else 'admin'} |"
        for step in lifecycle.LIFECYCLE
    ]
    head = "| verb | from | after | reaches | stamps | then waits for | asked by |"
    return "\n".join([head, "|---|---|---|---|---|---|---|", *rows])


def dispatch_table() -> str:
    """The dispatch beside the status."""
    rows = [f"| {name} | {', '.join(before)} | {after} |" for name, (before, after) in dispatch.DISPATCH_STEPS.items()]
    return "\n".join(["| what happens | from | reaches |", "|---|---|---|", *rows])


def choreography() -> str:
    """Who hears what."""
    commands = [f"| `{command.kind}` | {_heard(hearer)} |" for command, hearer in COMMAND_HEARERS.items()]
    events = [f"| `{event.kind}` | {'; '.join(map(_heard, hearers))} |" for event, hearers in EVENT_HEARERS.items()]
    return "\n".join(["| message | heard by (room) |", "|---|---|", *commands, *events])


def exit_codes() -> str:
    """How the `loomline` command ends."""
    rows = [f"| {ending.value} | {sentence} |" for ending, sentence in telling.ENDINGS.items()]
    return "\n".join(["| exit code | what it means |", "|---|---|", *rows])


def _heard(hearer: Hearer) -> str:
    return f"`{hearer.actor}` ({hearer.room})"


GENERATED = {
    "state diagram": ("README.md", state_diagram),
    "statuses": ("docs/lifecycle.md", status_table),
    "milestones": ("docs/lifecycle.md", milestone_table),
    "dispatch": ("docs/lifecycle.md", dispatch_table),
    "exit codes": ("docs/command-line.md", exit_codes),
    "choreography": ("docs/architecture.md", choreography),
}
"""Each generated part: its file and what draws it."""


def stale(root: Path = ROOT) -> list[str]:
    """Names of the parts that do not say what the tables say."""
    return [name for name, (file, draw) in GENERATED.items() if draw() not in (root / file).read_text()]


def write(root: Path = ROOT) -> list[str]:
    """Put every part between its marks; returns the names of those that changed."""
    changed = stale(root)
    for name in changed:
        file, draw = GENERATED[name]
        path = root / file
        before, begin, rest = path.read_text().partition(BEGIN.format(name=name))
        _, end, after = rest.partition(END.format(name=name))
        path.write_text(f"{before}{begin}\n{draw()}\n{end}{after}")
    return [*changed, *write_contract(root)]


def write_contract(root: Path = ROOT) -> list[str]:
    """The published contract; the gateway draws it in a process of its own. Returns the names of the files that changed."""
    command = [sys.executable, "-m", "services.api.published", str(root / "docs" / "contract")]
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split()
