"""Answers: decimals, times, problems."""

from datetime import datetime, timedelta, timezone
from decimal import Decimal

import falcon
import psycopg
import pytest
import sqlalchemy.exc

from services.api import answers, errors
from shared.domain import refusals


@pytest.mark.parametrize(
    ("value", "text"),
    [("10.000000", "10"), ("0.000000", "0"), ("1E+2", "100"), ("1E-6", "0.000001"), ("10.50", "10.5"), ("100", "100")],
)
def test_decimals_are_plain_text(value: str, text: str) -> None:
    assert answers.encode({"quantity": Decimal(value)}) == f'{{"quantity":"{text}"}}'.encode()


def test_times_are_utc_with_a_z() -> None:
    east = datetime(2026, 1, 31, 10, 0, tzinfo=timezone(timedelta(hours=2)))

    assert answers.encode({"at": east}) == b'{"at":"2026-01-31T08:00:00Z"}'


@pytest.mark.parametrize("kind", sorted(errors.STATUS_OF_KIND))
def test_every_kind_of_refusal_has_a_status(kind: refusals.Kind) -> None:
    problem = errors.refused({"code": "x", "kind": kind.value, "detail": "No.", "errors": []}, standing={"phase": "p"})

    assert problem.status == errors.STATUS_OF_KIND[kind]
    assert ("phase" in problem.extra) == (problem.status == 409)


def test_the_table_lists_every_kind_of_refusal() -> None:
    assert set(errors.STATUS_OF_KIND) == set(refusals.Kind)


def test_every_refusal_is_explained() -> None:
    assert {kind.code for kind in refusals.Refusal.__subclasses__()} <= set(errors.EXPLANATIONS)


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (sqlalchemy.exc.OperationalError("SELECT secret", {}, psycopg.OperationalError("gone")), 503),
        (sqlalchemy.exc.TimeoutError("full"), 503),
        (psycopg.OperationalError("gone"), 503),
        (sqlalchemy.exc.DataError("SELECT secret", {}, psycopg.DataError("out of range")), 422),
        (sqlalchemy.exc.IntegrityError("SELECT secret", {}, psycopg.IntegrityError("twice")), 500),
        (KeyError("secret"), 500),
        (falcon.HTTPMethodNotAllowed(["GET"]), 405),
        (falcon.HTTPInvalidHeader("no", "Content-Length"), 400),
    ],
)
def test_a_fault_becomes_a_problem_that_tells_nothing_of_the_inside(fault: Exception, status: int) -> None:
    problem = errors.told_of(fault)

    assert problem.status == status
    assert "secret" not in problem.detail
    assert ("Retry-After" in problem.headers) == (status == 503)
    assert problem.code in errors.EXPLANATIONS
