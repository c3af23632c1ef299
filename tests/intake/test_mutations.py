"""Whatever a shop's body is bent into, its adapter answers with a command or with the reason why not.

MUTATED_BODIES=10000 tries so many of each vendor.
"""

import os
from collections import Counter

import pytest

from shared.domain import commands
from shared.domain.commands import COMMANDS
from shared.intake import deliveries
from shared.intake.pointers import Unreadable
from shared.messages import pack
from tests.intake import mutations, shops

BODIES = int(os.environ.get("MUTATED_BODIES", "600"))
VENDORS = (*shops.ADAPTERS, "canonical")


def outcome(told: shops.Sample) -> str:
    """What became of a delivery; anything but a command or a reason fails."""
    found = read_or_refused(told)
    if isinstance(found, Unreadable):
        assert found.detail.endswith(".")
        assert "\0" not in found.detail
        return found.code
    name, command = found
    assert len(name.message_id) == 44
    assert COMMANDS[command.kind] is type(command)
    assert pack(command)
    assert deliveries.without_secrets(told.headers) is not None
    if isinstance(command, commands.PlaceOrder | commands.UpdateOrder):
        assert all(line.quantity > 0 and 0 < len(line.id) <= 250 for line in command.order.items or [])
    return "command"


def read_or_refused(told: shops.Sample) -> shops.Read | Unreadable:
    try:
        return shops.read(told)
    except Unreadable as wrong:
        return wrong


@pytest.mark.parametrize("vendor", VENDORS)
@pytest.mark.timeout(900)
def test_a_bent_body_is_a_command_or_a_reason(vendor: str) -> None:
    samples = shops.samples(vendor)

    found = Counter(
        outcome(mutations.mutated(samples[number % len(samples)], seed=f"{vendor}:{number}"))
        for number in range(BODIES)
    )

    assert sum(found.values()) == BODIES
    assert {"command", "invalid", "unreadable"} <= found.keys(), found


@pytest.mark.parametrize("vendor", VENDORS)
def test_every_sample_as_it_stands_is_a_command(vendor: str) -> None:
    assert {outcome(each) for each in shops.samples(vendor)} == {"command"}
