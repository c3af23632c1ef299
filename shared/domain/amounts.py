"""Quantities and money: exact decimals with a bound, so that nothing absurd reaches a ledger."""

from decimal import ROUND_HALF_UP, Context, Decimal

LARGEST = Decimal(10) ** 12
"""No quantity or price reaches this; anything above is a typing error."""

PLACES = 6
"""Digits after the point that are kept."""

EXACT = Context(prec=100, rounding=ROUND_HALF_UP)
"""For products and sums of amounts: Python's own context rounds after 28 digits, and cannot quantize what has more."""


def plain(value: Decimal) -> str:
    """The number as people write it: no exponent, no zeros after the last digit."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def positive(value: Decimal | None, field: str) -> None:
    """Refuse what is not a finite number above zero. Raises ValueError naming the field."""
    if value is not None:
        _bounded(value, field)
        if value <= 0:
            raise ValueError(f"{field}: must be greater than 0")


def not_negative(value: Decimal | None, field: str) -> None:
    """Refuse what is not a finite number of zero or more. Raises ValueError naming the field."""
    if value is not None:
        _bounded(value, field)
        if value < 0:
            raise ValueError(f"{field}: must not be negative")


def _bounded(value: Decimal, field: str) -> None:
    # Exponents are judged before any arithmetic: 1e999999999 overflows every operation on it.
    if not value.is_finite():
        raise ValueError(f"{field}: must be a plain number")
    if value and value.adjusted() >= LARGEST.adjusted():
        raise ValueError(f"{field}: must be smaller than {LARGEST:,}")
    if value and (value.adjusted() < -PLACES or value != value.quantize(_STEP)):
        raise ValueError(f"{field}: keeps at most {PLACES} digits after the point")


_STEP = Decimal(10) ** -PLACES
