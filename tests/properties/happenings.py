"""What may happen in a history, and what is drawn for it. Numbers stand for runs and variations; asks.py says which."""

from collections.abc import Iterable
from typing import Any

import hypothesis.strategies as st

from tests.properties import asks
from tests.properties.model import PARTNERS

_RUN = st.integers(0, 89)
VARIATION = st.integers(0, 7)
_COPIES = st.sampled_from([1, 1, 1, 2])
_WHO = st.sampled_from(["partner", "partner", "partner", "admin", "stranger"])
_ORDERS = st.sampled_from(["order_1", "order_2", "order_3", "order_0"])
_LINES = st.dictionaries(st.sampled_from(["a", "b", "c"]), st.sampled_from([2, 40]), min_size=1, max_size=2)
_MINUTES = st.integers(0, 9)
_STANDING = st.sampled_from([None, None, "open", "cancelled", "draft", "refunded"])

Draws = dict[str, st.SearchStrategy[Any]]


def _asking(kinds: Iterable[str]) -> tuple[str, Draws]:
    return "somebody_asks", {
        "kind": st.sampled_from(list(kinds)),
        "run": _RUN,
        "n": VARIATION,
        "who": _WHO,
        "copies": _COPIES,
    }


_GOING_ON: tuple[str, Draws] = ("it_goes_on", {"run": _RUN, "steps": st.integers(1, 6)})
_HAPPENINGS: tuple[tuple[str, Draws], ...] = (
    _GOING_ON,
    _GOING_ON,
    _GOING_ON,
    _GOING_ON,
    _asking(asks.STEPS),
    _asking(asks.STEPS),
    _asking(asks.TASK_WORK),
    _asking(asks.WORDS),
    _asking(asks.ALLOCATION),
    _asking(asks.DECISIONS),
    (
        "two_ask_at_once",
        {
            "kinds": st.tuples(*[st.sampled_from(list(asks.ALL))] * 2),
            "picks": st.tuples(_RUN, _RUN),
            "is_same": st.booleans(),
            "n": VARIATION,
            "who": _WHO,
        },
    ),
    (
        "a_shop_speaks",
        {
            "kind": st.sampled_from(["placed", "placed", "changed", "cancelled"]),
            "order": _ORDERS,
            "lines": _LINES,
            "minute": _MINUTES,
            "status": _STANDING,
            "copies": _COPIES,
        },
    ),
    (
        "time_passes",
        {"what": st.sampled_from(["hours", "a month", "a week of silence", "a week in vain", "a repair"])},
    ),
    (
        "an_admin_makes_a_run",
        {"partner": st.sampled_from([None, *PARTNERS]), "quantity": st.integers(1, 9), "copies": _COPIES},
    ),
    ("a_message_comes_again", {"n": st.integers(0, 1000)}),
)
"""What may happen, and what is drawn for it; what stands here several times happens so much more often."""


def _happening(name: str, draws: Draws) -> st.SearchStrategy[tuple[str, dict[str, Any]]]:
    return st.tuples(st.just(name), st.fixed_dictionaries(draws))


ANY = st.one_of([_happening(name, draws) for name, draws in _HAPPENINGS])
"""The name of a method of the machine, and what it is called with."""
