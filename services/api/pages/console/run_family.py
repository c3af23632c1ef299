"""The picture of a family: boxes and lines on a plane, root left, stages to the right, families in families to any depth."""

from collections.abc import Sequence

import msgspec

from services.api.pages import words
from services.api.queries.families import Family, Member
from shared.domain.runs import TERMINAL

WIDTH, HEIGHT = 184, 78
"""Of a box."""
_ACROSS, _DOWN, _FRAME = 48, 14, 12
_LONGEST, _LONGEST_WORD = 24, 28
"""Letters that fit on a line of a box, and on its last, which is set smaller."""
MOST_NAMES = 6
"""Runs that one sentence names."""

TONES = {
    "review": "waiting",
    "approved": "accent",
    "assigned": "waiting",
    "accepted": "accent",
    "started": "accent",
    "finished": "accent",
    "completed": "good",
    "cancelled": "idle",
    "awaiting_reassignment": "bad",
}
"""Phase → the colour it is shown in; the word stands beside it always."""


class Box(msgspec.Struct, frozen=True, kw_only=True):
    """One run. told: all of it in a sentence."""

    x: int
    y: int
    address: str
    tone: str
    is_here: bool
    lines: tuple[str, str, str]
    told: str


class Frame(msgspec.Struct, frozen=True):
    """Around a container and its parts."""

    x: int
    y: int
    width: int
    height: int


class Line(msgspec.Struct, frozen=True):
    """What waits for what. is_settled: it waits no more."""

    path: str
    is_settled: bool


class Twig(msgspec.Struct, frozen=True):
    """The family as nested text."""

    box: Box
    waits_for: str
    parts: list["Twig"]


class Picture(msgspec.Struct, frozen=True, kw_only=True):
    width: int
    height: int
    boxes: list[Box]
    frames: list[Frame]
    lines: list[Line]
    root: Twig
    left_out: int


class _Drawing:
    """Places one member after the other; sizes are known before anything is placed."""

    def __init__(self, family: Family, *, here: str) -> None:
        self.here = here
        self.boxes: list[Box] = []
        self.frames: list[Frame] = []
        self.lines: list[Line] = []
        self._parts: dict[str | None, list[Member]] = {}
        for member in family.members:
            self._parts.setdefault(member.parent_run_id, []).append(member)
        self._right: dict[str, tuple[int, int]] = {}
        self._members = family.by_id

    def stages(self, member: Member) -> list[list[Member]]:
        """The parts that are shown, stage by stage."""
        found: dict[int | None, list[Member]] = {}
        for part in self._parts.get(member.id, []):
            found.setdefault(part.stage, []).append(part)
        return list(found.values())

    def size(self, member: Member) -> tuple[int, int]:
        columns = [self._column(stage) for stage in self.stages(member)]
        if not columns:
            return WIDTH, HEIGHT
        width = WIDTH + sum(_ACROSS + across for across, _ in columns)
        height = max(HEIGHT, *(down for _, down in columns))
        return width + 2 * _FRAME, height + 2 * _FRAME

    def place(self, member: Member, x: int, y: int) -> tuple[int, int]:
        """Draw a member and all below it; returns where lines come in."""
        width, height = self.size(member)
        middle, stages = y + height // 2, self.stages(member)
        own_x = x + (_FRAME if stages else 0)
        self.boxes.append(box(member, own_x, middle - HEIGHT // 2, here=self.here))
        self._right[member.id] = (x + width, middle)
        if stages:
            if member.parent_run_id:
                self.frames.append(Frame(x, y, width, height))
            self._place_stages(member, stages, x=own_x + WIDTH, top=y + _FRAME, middle=middle, height=height)
        return x, middle

    def _place_stages(
        self, parent: Member, stages: list[list[Member]], *, x: int, top: int, middle: int, height: int
    ) -> None:
        out = (x, middle)
        for stage in stages:
            across, down = self._column(stage)
            x, y = x + _ACROSS, top + (height - 2 * _FRAME - down) // 2
            doors: dict[tuple[str, ...], list[tuple[int, int]]] = {}
            for part in stage:
                waited = tuple(each for each in part.depends_on if each in self._right)
                doors.setdefault(waited, []).append(self.place(part, x, y))
                y += self.size(part)[1] + _DOWN
            for waited, entries in doors.items():
                sources = [self._right[each] for each in waited] or [out]
                settled = all(self._members[each].status in TERMINAL for each in waited)
                self.lines.append(Line(_bus(sources, entries), settled))
            x += across

    def _column(self, stage: list[Member]) -> tuple[int, int]:
        sizes = [self.size(member) for member in stage]
        return max(width for width, _ in sizes), sum(height for _, height in sizes) + _DOWN * (len(sizes) - 1)

    def twig(self, member: Member) -> Twig:
        """The member and its parts as text."""
        waited = [self._members[each] for each in member.depends_on if each in self._members]
        parts = [self.twig(part) for stage in self.stages(member) for part in stage]
        return Twig(box(member, 0, 0, here=self.here), ", ".join(map(called, waited)), parts)


def picture(family: Family, *, here: str) -> Picture | None:
    """The family drawn, with the run looked at marked. None for a run that stands alone."""
    root = next((member for member in family.members if member.parent_run_id is None), None)
    if root is None or family.count < 2:
        return None
    drawing = _Drawing(family, here=here)
    width, height = drawing.size(root)
    drawing.place(root, 0, 0)
    return Picture(
        width=width,
        height=height,
        boxes=drawing.boxes,
        frames=drawing.frames,
        lines=drawing.lines,
        root=drawing.twig(root),
        left_out=family.count - len(drawing.boxes),
    )


def box(member: Member, x: int, y: int, *, here: str) -> Box:
    """A member as it stands in the picture."""
    first = member.role or ("The whole" if member.parent_run_id is None else f"Run {words.short(member.id)}")
    second = member.partner_name or (_parts(member) if member.child_count else "No partner yet")
    third = f"{_state(member)} · {words.amount(member.quantity)}"
    return Box(
        x=x,
        y=y,
        address=f"/console/runs/{member.id}",
        tone=TONES[member.phase],
        is_here=member.id == here,
        lines=(_cut(first), _cut(second), _cut(third, _LONGEST_WORD)),
        told=f"{called(member)}: {_state(member)}, {words.amount(member.quantity)} pieces",
    )


def called(member: Member) -> str:
    """A run as people name it: by its role and partner."""
    who = [each for each in (member.role, member.partner_name) if each]
    return f"{', '.join(who)} (run {words.short(member.id)})" if who else f"run {words.short(member.id)}"


def list_called(members: Sequence[Member]) -> str:
    """Several by name, and how many more there are."""
    more = len(members) - MOST_NAMES
    named = ", ".join(map(called, members[:MOST_NAMES]))
    return f"{named} and {more} more" if more > 0 else named


def word(phase: str, *, is_container: bool) -> str:
    """The phase as it is said; a split run is not accepted by anybody, its parts are."""
    return "In progress" if is_container and phase in ("accepted", "started", "finished") else words.label(phase)


def _state(member: Member) -> str:
    marks = [("On hold", member.held_at), ("Overdue", member.overdue_at), ("Flagged", member.flagged_at)]
    mark = next((name for name, at in marks if at and member.status not in TERMINAL), None)
    phase = word(member.phase, is_container=member.child_count > 0)
    return f"{phase}, {mark.lower()}" if mark else phase


def _parts(member: Member) -> str:
    return f"{member.child_count} part{'' if member.child_count == 1 else 's'}"


def _cut(text: str, longest: int = _LONGEST) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def _bus(sources: Sequence[tuple[int, int]], entries: Sequence[tuple[int, int]]) -> str:
    """From all sources to one trunk, from the trunk to all entries: n + m strokes for n × m dependencies."""
    trunk = min(x for x, _ in entries) - _ACROSS // 2
    levels = [y for _, y in (*sources, *entries)]
    strokes = [f"M{x} {y}H{trunk}" for x, y in sources]
    strokes += [f"M{trunk} {min(levels)}V{max(levels)}"] if min(levels) != max(levels) else []
    return "".join([*strokes, *(f"M{trunk} {y}H{x}" for x, y in entries)])
