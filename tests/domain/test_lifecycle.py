"""The milestones of a run: what may be asked from where, what it stamps, and that nothing is stamped twice."""

from collections.abc import Callable
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain import lifecycle, refusals
from shared.domain.lifecycle import LIFECYCLE, STEPS, Facts, Verb
from shared.domain.runs import OPEN, TERMINAL, DispatchState, Run, Status
from tests.domain.builders import (
    EARLIER,
    NOON,
    a_completed_run,
    a_run,
    a_run_in_progress,
    a_sent_run,
    a_waiting_run,
    an_approved_run,
)

PARTNER_VERBS = {"accept", "decline", "start", "finish", "complete"}

STANDS: dict[str, Callable[[], Run]] = {
    "draft": lambda: a_run(Status.DRAFT, partner_id="ptnr_1"),
    "pending_review": lambda: a_run(Status.PENDING_REVIEW, partner_id="ptnr_1"),
    "approved": an_approved_run,
    "approved, dispatch open": a_waiting_run,
    "sent_to_partner": a_sent_run,
    "in_progress, accepted": lambda: a_run_in_progress("accepted"),
    "in_progress, started": lambda: a_run_in_progress("started"),
    "in_progress, finished": lambda: a_run_in_progress("finished"),
    "awaiting_reassignment": lambda: a_sent_run(Status.AWAITING_REASSIGNMENT),
    "on hold, approved": lambda: an_approved_run(held_at=EARLIER, held_reason="no yarn"),
    "on hold, started": lambda: a_run_in_progress("started", held_at=EARLIER, held_reason="no yarn"),
    "completed": a_completed_run,
    "cancelled": lambda: a_run(Status.CANCELLED, partner_id="ptnr_1", cancelled_at=EARLIER),
}
"""Everywhere a run can stand."""

MAY = {
    #                          every verb that is possible from there, and no other
    "draft":                   {"approve", "cancel", "reassign", "hold"},
    "pending_review":          {"approve", "cancel", "reassign", "hold"},
    "approved":                {"split", "dispatch", "cancel", "reassign", "hold"},
    "approved, dispatch open": {"confirm", "cancel", "reassign", "hold"},
    "sent_to_partner":         {"accept", "decline", "cancel", "reassign", "hold"},
    "in_progress, accepted":   {"decline", "start", "cancel", "hold"},
    "in_progress, started":    {"finish", "cancel", "hold"},
    "in_progress, finished":   {"complete", "cancel", "hold"},
    "awaiting_reassignment":   {"cancel", "reassign", "hold"},
    "on hold, approved":       {"cancel", "resume"},
    "on hold, started":        {"cancel", "resume"},
    "completed":               set(),
    "cancelled":               set(),
}  # fmt: skip

REACHES = {
    #            status afterwards             stamp that is set
    "approve":  (Status.APPROVED,              None),
    "split":    (Status.APPROVED,              None),
    "dispatch": (Status.APPROVED,              "dispatch_started_at"),
    "confirm":  (Status.SENT_TO_PARTNER,       "dispatch_completed_at"),
    "accept":   (Status.IN_PROGRESS,           "accepted_at"),
    "decline":  (Status.AWAITING_REASSIGNMENT, None),
    "start":    (Status.IN_PROGRESS,           "started_at"),
    "finish":   (Status.IN_PROGRESS,           "finished_at"),
    "complete": (Status.COMPLETED,             "completed_at"),
    "cancel":   (Status.CANCELLED,             "cancelled_at"),
    "reassign": (Status.APPROVED,              None),
    "hold":     (None,                         "held_at"),
    "resume":   (None,                         None),
}  # fmt: skip

EVERY_PAIR = [(stand, verb) for stand in STANDS for verb in Verb]


def test_the_tables_here_list_every_status_and_every_verb() -> None:
    assert {make().status for make in STANDS.values()} == set(Status)
    assert MAY.keys() == STANDS.keys()
    assert REACHES.keys() == {verb.value for verb in Verb}
    assert [step.verb for step in LIFECYCLE] == list(Verb)


@pytest.mark.parametrize(("stand", "verb"), EVERY_PAIR)
def test_a_verb_is_possible_exactly_where_the_milestones_table_says(stand: str, verb: Verb) -> None:
    no = lifecycle.refusal(STANDS[stand](), verb, Facts())

    assert (no is None) == (verb.value in MAY[stand])


@pytest.mark.parametrize(("stand", "verb"), [(s, v) for s, v in EVERY_PAIR if v.value in MAY[s]])
def test_a_step_reaches_its_status_sets_its_stamp_and_touches_nothing_else(stand: str, verb: Verb) -> None:
    run, before = STANDS[stand](), msgspec.structs.asdict(STANDS[stand]())
    status, stamp = REACHES[verb.value]

    told = lifecycle.reach(run, verb, at=NOON, reason="because")

    status = status or before["status"]
    cleared = dict.fromkeys(STEPS[verb].clears)
    expected = {**before, "status": status, **cleared, **({stamp: NOON} if stamp else {})}
    assert msgspec.structs.asdict(run) == expected
    assert (told.reason, told.before, told.after) == (
        "because",
        {"status": before["status"].value},
        {"status": status.value},
    )


@pytest.mark.parametrize(("stand", "verb"), [(s, v) for s, v in EVERY_PAIR if v.value not in MAY[s]])
def test_a_refused_step_changes_nothing(stand: str, verb: Verb) -> None:
    run = STANDS[stand]()

    with pytest.raises(refusals.Refusal):
        lifecycle.reach(run, verb, at=NOON)

    assert run == STANDS[stand]()


@pytest.mark.parametrize("verb", [v for v in Verb if v is not Verb.REASSIGN])
def test_a_step_that_was_taken_is_refused_the_second_time_and_its_stamp_stays(verb: Verb) -> None:
    run = next(make() for stand, make in STANDS.items() if verb.value in MAY[stand])
    lifecycle.reach(run, verb, at=EARLIER)
    run.dispatch_state = {
        Verb.DISPATCH: DispatchState.AWAITING_TEMPLATES,
        Verb.CONFIRM: DispatchState.COMPLETED,
    }.get(verb, run.dispatch_state)
    run.child_count = 2 if verb is Verb.SPLIT else 0
    after = msgspec.structs.asdict(run)

    with pytest.raises(refusals.Refusal):
        lifecycle.reach(run, verb, at=NOON)

    assert msgspec.structs.asdict(run) == after


@pytest.mark.parametrize("verb", [Verb.ACCEPT, Verb.START, Verb.FINISH, Verb.COMPLETE])
def test_a_repeat_is_answered_with_when_it_was_done(verb: Verb) -> None:
    no = lifecycle.refusal(a_completed_run(), verb, Facts())

    assert isinstance(no, refusals.RepeatedStep)
    assert EARLIER.isoformat() in no.detail


def test_a_run_that_was_never_started_cannot_finish() -> None:
    no = lifecycle.refusal(a_run_in_progress("accepted"), Verb.FINISH, Facts())

    assert no is not None
    assert "start it first" in no.detail


def test_who_has_started_cannot_decline() -> None:
    no = lifecycle.refusal(a_run_in_progress("started"), Verb.DECLINE, Facts())

    assert no is not None
    assert "work has started" in no.detail


@pytest.mark.parametrize(
    ("stand", "verb"), [("in_progress, started", Verb.FINISH), ("in_progress, finished", Verb.COMPLETE)]
)
def test_open_rework_holds_finish_and_complete_back_and_is_named(stand: str, verb: Verb) -> None:
    no = lifecycle.refusal(STANDS[stand](), verb, Facts(open_redo=("mend the seam", "dye again")))

    assert isinstance(no, refusals.OpenRedo)
    assert "mend the seam, dye again" in no.detail


def test_only_finish_and_complete_are_held_back_by_rework() -> None:
    redo = Facts(open_redo=("mend",))

    held = {
        verb.value
        for stand, verb in EVERY_PAIR
        if verb.value in MAY[stand] and lifecycle.refusal(STANDS[stand](), verb, redo)
    }

    assert held == {"finish", "complete"}


@pytest.mark.parametrize(("stand", "verb"), [("approved", Verb.DISPATCH), ("approved, dispatch open", Verb.CONFIRM)])
def test_a_run_that_waits_for_earlier_ones_is_not_sent_and_they_are_named(stand: str, verb: Verb) -> None:
    no = lifecycle.refusal(STANDS[stand](), verb, Facts(unsettled=("run_a", "run_b")))

    assert isinstance(no, refusals.WaitsForPredecessors)
    assert "run_a, run_b" in no.detail


@pytest.mark.parametrize(("stand", "verb"), [("approved", Verb.DISPATCH), ("approved, dispatch open", Verb.CONFIRM)])
def test_a_run_without_a_partner_is_not_sent(stand: str, verb: Verb) -> None:
    run = STANDS[stand]()
    run.partner_id = None

    no = lifecycle.refusal(run, verb, Facts())

    assert isinstance(no, refusals.NoPartner)


@pytest.mark.parametrize(
    ("stand", "verb"), [(s, v) for s, v in EVERY_PAIR if v.value in MAY[s] and not STEPS[v].on_container]
)
def test_a_container_refuses_every_verb_but_cancel_hold_and_resume(stand: str, verb: Verb) -> None:
    run = STANDS[stand]()
    run.child_count = 2

    no = lifecycle.refusal(run, verb, Facts())

    assert no is not None
    assert no.code == ("already_allocated" if verb in (Verb.APPROVE, Verb.SPLIT) else "run_is_a_container")


@pytest.mark.parametrize("stand", [stand for stand, make in STANDS.items() if make().status in OPEN])
def test_a_container_that_is_open_can_be_cancelled_and_held(stand: str) -> None:
    run = STANDS[stand]()
    run.child_count = 2
    other = "resume" if run.held_at else "hold"

    assert lifecycle.allowed_actions(run, for_partner=False, facts=Facts()) == ["cancel", other]
    assert lifecycle.allowed_actions(run, for_partner=True, facts=Facts()) == []


@pytest.mark.parametrize("stand", STANDS)
def test_an_open_run_always_has_a_way_out_and_an_ended_one_never(stand: str) -> None:
    run = STANDS[stand]()

    allowed = lifecycle.allowed_actions(run, for_partner=False, facts=Facts())

    assert ("cancel" in allowed) == (run.status not in TERMINAL)
    assert bool(allowed) == (run.status not in TERMINAL)


@pytest.mark.parametrize("stand", [s for s, make in STANDS.items() if make().status in OPEN])
def test_every_open_run_can_still_become_completed(stand: str) -> None:
    run = STANDS[stand]()
    forward = {"approve", "dispatch", "confirm", "accept", "start", "finish", "complete", "resume"}

    for _ in range(len(Verb)):
        allowed = lifecycle.allowed_actions(run, for_partner=False, facts=Facts())
        verb = next((v for v in allowed if v in forward), "reassign")
        if run.status in TERMINAL:
            break
        lifecycle.reach(run, Verb(verb), at=NOON)
        run.dispatch_state = {
            "dispatch": DispatchState.AWAITING_TEMPLATES,
            "confirm": DispatchState.COMPLETED,
            "reassign": DispatchState.IDLE,
        }.get(verb, run.dispatch_state)

    assert run.status is Status.COMPLETED


runs = st.builds(
    Run,
    id=st.just("run_1"),
    quantity=st.just(Decimal(4)),
    design_id=st.just("dsgn_1"),
    status=st.sampled_from(Status),
    child_count=st.sampled_from([0, 0, 0, 2]),
    held_at=st.sampled_from([None, None, EARLIER]),
    partner_id=st.sampled_from([None, "ptnr_1"]),
    dispatch_state=st.sampled_from(DispatchState),
    dispatch_started_at=st.sampled_from([None, EARLIER]),
    accepted_at=st.sampled_from([None, EARLIER]),
    started_at=st.sampled_from([None, EARLIER]),
    finished_at=st.sampled_from([None, EARLIER]),
    completed_at=st.sampled_from([None, EARLIER]),
)
facts = st.builds(Facts, open_redo=st.sampled_from([(), ("mend",)]), unsettled=st.sampled_from([(), ("run_a",)]))


@given(run=runs, known=facts, verb=st.sampled_from(Verb))
def test_a_button_is_shown_exactly_when_pressing_it_works(run: Run, known: Facts, verb: Verb) -> None:
    shown = verb.value in lifecycle.allowed_actions(run, for_partner=False, facts=known)
    before = msgspec.structs.asdict(run)

    try:
        lifecycle.reach(run, verb, at=NOON, facts=known)
        works = True
    except refusals.Refusal:
        works = False

    assert shown == works
    assert works or msgspec.structs.asdict(run) == before


@given(run=runs, known=facts)
def test_a_partner_never_sees_an_admins_verb_and_sees_every_own_one_that_is_possible(run: Run, known: Facts) -> None:
    for_admin = lifecycle.allowed_actions(run, for_partner=False, facts=known)

    for_partner = lifecycle.allowed_actions(run, for_partner=True, facts=known)

    assert for_partner == [verb for verb in for_admin if verb in PARTNER_VERBS]


def test_the_partners_verbs_are_the_five_milestones_of_the_partner() -> None:
    assert {step.verb.value for step in STEPS.values() if step.by_partner} == PARTNER_VERBS


@given(run=runs, known=facts, verb=st.sampled_from(Verb))
def test_a_refusal_says_in_a_sentence_what_to_do(run: Run, known: Facts, verb: Verb) -> None:
    no = lifecycle.refusal(run, verb, known)

    if no:
        assert no.code
        assert no.detail.endswith(".")
        assert "{" not in no.detail
