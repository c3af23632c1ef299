"""Who hears what: one actor per command, no actor that nobody rings, and each in its lane."""

import pytest

from services.workers.actors import HANDLERS, cascade, dispatch, effects, material, media, milestones, orders, tasks
from shared import routing
from shared.domain import events, notices
from shared.domain.commands import COMMANDS
from shared.domain.runs import RunType, Status
from shared.routing import COMMAND_HEARERS, EVENT_HEARERS, ROOM_OF, Address, Room
from tests.domain.builders import a_run

HEARERS = [*COMMAND_HEARERS.values(), *(hearer for several in EVENT_HEARERS.values() for hearer in several)]
ROOMS = {
    Room.ORDERS: (orders,),
    Room.DISPATCH: (dispatch,),
    Room.MILESTONES: (milestones, material, media),
    Room.TASKS: (tasks,),
    Room.CASCADE: (cascade,),
    Room.EFFECTS: (effects,),
}
A_CHILD = a_run(Status.IN_PROGRESS, id="run_child", parent_run_id="run_parent", run_type=RunType.SAMPLE)
A_ROOT = a_run(Status.IN_PROGRESS, id="run_root")


def test_every_command_has_exactly_one_hearer_and_no_two_share_theirs() -> None:
    assert set(COMMAND_HEARERS) == set(COMMANDS.values())
    assert len({hearer.actor for hearer in COMMAND_HEARERS.values()}) == len(COMMANDS)


def test_every_actor_that_is_rung_exists_and_every_actor_is_rung() -> None:
    assert {hearer.actor for hearer in HEARERS} == HANDLERS.keys() == ROOM_OF.keys()


def test_the_room_of_an_actor_is_told_by_its_module() -> None:
    assert ROOMS.keys() == set(Room)
    for hearer in HEARERS:
        assert HANDLERS[hearer.actor].__module__ in {module.__name__ for module in ROOMS[hearer.room]}


def test_only_events_that_can_be_told_are_heard() -> None:
    assert set(EVENT_HEARERS) <= set(events.EVENTS.values())


@pytest.mark.parametrize("kind", COMMANDS)
def test_a_command_makes_one_delivery_in_the_lane_of_its_run(kind: str) -> None:
    (address,) = routing.addresses_of_command(kind, run_id="run_1")

    is_of_no_run = address.room is Room.ORDERS or kind.startswith("design.")
    assert address.lane_run_id == (None if is_of_no_run else "run_1")


def test_a_command_nobody_carries_out_cannot_be_addressed() -> None:
    with pytest.raises(KeyError):
        routing.addresses_of_command("run.dance", run_id="run_1")


def test_a_childs_completion_is_heard_in_its_parents_lane() -> None:
    heard = routing.addresses_of_event(events.RunCompleted(), A_CHILD)

    assert Address("follow_family", Room.CASCADE, "run_parent") in heard


def test_a_root_has_no_family_to_follow() -> None:
    assert routing.addresses_of_event(events.RunCompleted(), A_ROOT) == []


@pytest.mark.parametrize(
    ("event", "moves"),
    [
        (events.RunStarted(), True),
        (events.RunFinished(), True),
        (events.RunCompleted(), True),
        (events.RunAccepted(), False),
        (events.RunCancelled(), False),
    ],
)
def test_only_a_samples_milestones_move_a_design(event: events.Event, moves: bool) -> None:
    of_sample = {address.actor for address in routing.addresses_of_event(event, A_CHILD)}
    of_production = {address.actor for address in routing.addresses_of_event(event, A_ROOT)}

    assert ("move_sample_design" in of_sample) == moves
    assert "move_sample_design" not in of_production


@pytest.mark.parametrize("event", list(dict.fromkeys(row.event for row in notices.TABLE)), ids=lambda event: event.kind)
def test_what_concerns_somebody_is_told_to_people(event: type[events.Event]) -> None:
    assert "notify_people" in [address.actor for address in routing.addresses_of_event(event(), A_ROOT)]


def test_nobody_is_rung_for_an_event_that_tells_nobody() -> None:
    rung = {event for event, hearers in EVENT_HEARERS.items() if "notify_people" in {one.actor for one in hearers}}

    assert rung == {row.event for row in notices.TABLE}


def test_an_event_nobody_acts_on_is_only_told() -> None:
    assert routing.addresses_of_event(events.RunNoted(), A_CHILD) == []
    assert routing.addresses_of_event(events.OrderReceived(), None) == []


def test_every_wire_name_is_dotted() -> None:
    assert [kind for kind in (*COMMANDS, *events.EVENTS) if "." not in kind] == []
