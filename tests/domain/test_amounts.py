"""Quantities and prices: exact, finite, bounded."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain import amounts

ABSURD = [
    "NaN", "sNaN", "Infinity", "-Infinity", "1e12", "1e400", "1e999999999", "-1", "-1e400", "0.0000001", "1.0000001",
    "1e-999999999",
]  # fmt: skip


@pytest.mark.parametrize("value", ABSURD)
def test_an_absurd_number_is_refused_by_field(value: str) -> None:
    for check in (amounts.positive, amounts.not_negative):
        with pytest.raises(ValueError, match=r"^quantity: "):
            check(Decimal(value), "quantity")


@pytest.mark.parametrize("value", ["0.000001", "1", "1.50", "999999999999", "999999999999.999999", "1e3", "1.0000000"])
def test_a_plain_number_is_taken(value: str) -> None:
    amounts.positive(Decimal(value), "quantity")
    amounts.not_negative(Decimal(value), "quantity")


@pytest.mark.parametrize("value", ["0", "-0", "0.00", "0e999999999"])
def test_nothing_is_not_positive_and_not_negative(value: str) -> None:
    amounts.not_negative(Decimal(value), "quantity")
    with pytest.raises(ValueError, match="greater than 0"):
        amounts.positive(Decimal(value), "quantity")


def test_what_was_not_said_is_not_judged() -> None:
    amounts.positive(None, "quantity")
    amounts.not_negative(None, "quantity")


@given(st.decimals(allow_nan=True, allow_infinity=True))
def test_what_passes_is_finite_above_zero_bounded_and_keeps_six_digits(value: Decimal) -> None:
    try:
        amounts.positive(value, "quantity")
    except ValueError:
        return

    assert 0 < value < amounts.LARGEST
    assert value * 10**amounts.PLACES == int(value * 10**amounts.PLACES)
