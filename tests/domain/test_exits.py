"""No dead ends: from everywhere a run can come to, an admin can lead it to its end, and not only by cancelling it."""

from collections.abc import Iterator

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from shared.domain import cascade, deadlines, lifecycle
from shared.domain.dispatch import DISPATCH_STEPS
from shared.domain.lifecycle import Facts, Verb
from shared.domain.runs import OPEN, TERMINAL, DispatchState, Run, Status
from tests.domain.builders import NOON, a_member, a_run

Stand = tuple[object, ...]

DISPATCH_OF = {Verb.DISPATCH: "open", Verb.CONFIRM: "confirm"}
BEGINNINGS = [
    a_run(status, partner_id=partner)
    for status in (Status.DRAFT, Status.PENDING_REVIEW)
    for partner in (None, "ptnr_1")
]
ALONE = Facts()


def stand(run: Run) -> Stand:
    """All that the tables decide on."""
    stamps = (run.accepted_at, run.started_at, run.finished_at, run.held_at, run.dispatch_started_at)
    return run.status, run.dispatch_state, run.partner_id, *(stamp is not None for stamp in stamps)


def allowed(run: Run) -> list[Verb]:
    return [Verb(verb) for verb in lifecycle.allowed_actions(run, for_partner=False, facts=ALONE)]


def after(run: Run, verb: Verb) -> Run:
    """The run after a step, with what its actor does beside."""
    moved = msgspec.structs.replace(run)
    lifecycle.reach(moved, verb, at=NOON)
    if verb in DISPATCH_OF:
        moved.dispatch_state = DISPATCH_STEPS[DISPATCH_OF[verb]][1]
    if verb is Verb.REASSIGN:
        deadlines.back_to_idle(moved)
        lifecycle.take_back(moved)
        moved.partner_id = "ptnr_2"
    return moved


def everywhere() -> dict[Stand, Run]:
    """Every stand that a run comes to from its beginnings, by any steps; the lapse of a dispatch among them."""
    found = {stand(run): run for run in BEGINNINGS}
    edge = list(found.values())
    while edge:
        run = edge.pop()
        for next_one in steps(run):
            if stand(next_one) not in found:
                found[stand(next_one)] = next_one
                edge.append(next_one)
    return found


def steps(run: Run) -> Iterator[Run]:
    yield from (after(run, verb) for verb in allowed(run))
    if run.dispatch_state is DispatchState.AWAITING_TEMPLATES and not run.held_at:
        lapsed = msgspec.structs.replace(run)
        deadlines.back_to_idle(lapsed)
        yield lapsed


def ends_without_cancel(run: Run) -> bool:
    """An admin can lead it to completed, whatever was done to it."""
    seen, edge = {stand(run)}, [run]
    while edge:
        here = edge.pop()
        if here.status is Status.COMPLETED:
            return True
        for verb in set(allowed(here)) - {Verb.CANCEL}:
            there = after(here, verb)
            if stand(there) not in seen:
                seen.add(stand(there))
                edge.append(there)
    return False


PLACES = everywhere()


def test_a_run_comes_to_every_status() -> None:
    assert {run.status for run in PLACES.values()} == set(Status)


def test_from_everywhere_there_is_a_way_to_completed_without_a_cancel() -> None:
    stuck = [place for place, run in PLACES.items() if run.status in OPEN and not ends_without_cancel(run)]

    assert stuck == []


def test_every_open_run_can_be_cancelled_and_nothing_works_on_an_ended_one() -> None:
    for run in PLACES.values():
        assert (Verb.CANCEL in allowed(run)) == (run.status not in TERMINAL)
        assert bool(allowed(run)) == (run.status not in TERMINAL)


@given(st.data())
def test_after_any_history_there_is_still_a_way_to_the_end(data: st.DataObject) -> None:
    run = data.draw(st.sampled_from(BEGINNINGS))
    for _ in range(data.draw(st.integers(0, 25))):
        possible = list(steps(run))
        if not possible:
            break
        run = data.draw(st.sampled_from(possible))

    assert run.status in TERMINAL or ends_without_cancel(run)


@given(
    status=st.sampled_from(OPEN),
    parts=st.lists(st.sampled_from(sorted(TERMINAL)), min_size=1),
    held=st.booleans(),
    data=st.data(),
)
def test_a_container_ends_with_its_parts_in_any_order_and_always_the_same(
    status: Status, parts: list[Status], held: bool, data: st.DataObject
) -> None:
    children = [a_member(f"run_{place}", part) for place, part in enumerate(parts)]
    parent, other = (a_run(status, child_count=len(parts), held_at=NOON if held else None) for _ in range(2))

    cascade.follow(parent, children, at=NOON)
    cascade.follow(other, data.draw(st.permutations(children)), at=NOON)

    assert parent.status is (Status.COMPLETED if Status.COMPLETED in parts else Status.CANCELLED)
    assert parent == other
