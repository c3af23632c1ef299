"""News: an event as a CloudEvent, for the house and for a partner; how long a failed attempt is followed by none."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.domain import news
from shared.domain.news import Happened

AT = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)


def an_event(**more: Any) -> Happened:
    facts: dict[str, Any] = {
        "id": "msg_1", "kind": "production_run.reassigned", "version": 1, "body": {}, "actor_kind": "admin",
        "created_at": AT, "correlation": "msg_0", "cause": "msg_0", "run_id": "run_1", "tenant": "ptnr_weaver", "number": 7,
        "design_id": "dsgn_1", "order_id": "order_1", "order_line_item_id": "line_1", "parent_run_id": "run_0",
        "run_partner_id": "ptnr_weaver",
    }  # fmt: skip
    return Happened(**{**facts, **more})


def test_an_event_is_told_as_a_cloud_event() -> None:
    told = news.told(an_event(body={"reason": "capacity"}), source="https://loom.test")

    assert told["type"] == "com.loomline.production_run.reassigned.v1"
    assert (told["id"], told["source"], told["subject"], told["time"]) == ("msg_1", "https://loom.test", "run_1", AT)
    assert (told["sequence"], told["causationid"], told["correlationid"]) == ("0000000007", "msg_0", "msg_0")
    assert told["data"]["reason"] == "capacity"
    assert told["data"]["order_line_item_id"] == "line_1"


def test_names_of_extensions_are_those_that_cloud_events_allow() -> None:
    told = news.told(an_event(), source="s")

    assert all(name.isalnum() and name.islower() and len(name) <= 20 for name in told)


def test_sequences_compare_as_text() -> None:
    told = [news.told(an_event(number=number), source="s")["sequence"] for number in (2, 10, 9_999_999_999)]

    assert told == sorted(told)


def test_what_is_about_no_run_has_neither_subject_nor_sequence() -> None:
    told = news.told(an_event(run_id=None, number=None, cause=None), source="s")

    assert not {"subject", "sequence", "causationid"} & told.keys()


def test_a_partner_reads_no_id_of_another_and_no_order_of_the_house() -> None:
    body = {
        "before": {"partner_id": "ptnr_dyer", "status": "approved"},
        "after": {"partner_id": "ptnr_weaver", "shares": [{"previous_partner_id": "ptnr_dyer", "quantity": "2"}]},
    }

    told = news.told(an_event(body=body), source="s", partner_id="ptnr_weaver")

    assert told["data"]["before"] == {"status": "approved"}
    assert told["data"]["after"] == {"partner_id": "ptnr_weaver", "shares": [{"quantity": "2"}]}
    assert "ptnr_dyer" not in str(told)
    assert not {"order_id", "order_line_item_id", "parent_run_id"} & told["data"].keys()
    assert "ptnr_dyer" in str(news.told(an_event(body=body), source="s"))


@pytest.mark.parametrize(
    ("facts", "is_told"),
    [
        ({}, True),
        ({"tenant": "ptnr_dyer"}, False),
        ({"tenant": "ptnr_dyer", "run_partner_id": "ptnr_weaver"}, False),
        ({"tenant": None}, True),
        ({"tenant": None, "run_partner_id": "ptnr_dyer"}, False),
        ({"tenant": None, "run_partner_id": None}, False),
        ({"run_partner_id": "ptnr_dyer"}, True),
        ({"is_container": True}, False),
        ({"run_id": None}, False),
    ],
)
def test_a_partner_is_told_what_happened_while_the_run_was_theirs(facts: dict[str, Any], is_told: bool) -> None:
    assert news.is_for(an_event(**facts), "ptnr_weaver") is is_told
    assert news.is_for(an_event(**facts), None)


def test_an_endpoint_that_names_no_kind_wants_all() -> None:
    assert news.is_wanted("task.created", [])
    assert news.is_wanted("task.created", ["task.created"])
    assert not news.is_wanted("task.created", ["task.completed"])


def test_every_failed_attempt_but_the_last_is_followed_by_another() -> None:
    pauses = [news.pause_after(attempts, chance=0.0) for attempts in range(1, len(news.PAUSES) + 2)]

    assert pauses == [*news.PAUSES, None]


def test_chance_makes_pauses_longer_and_never_shorter() -> None:
    assert news.pause_after(2, chance=1.0) == timedelta(minutes=6)


@pytest.mark.parametrize(
    ("asked", "times", "left_alone"),
    [
        (None, 1, timedelta(seconds=5)),
        (None, 3, timedelta(seconds=20)),
        (None, 1_000, timedelta(hours=1)),
        (timedelta(seconds=90), 1, timedelta(seconds=90)),
        (timedelta(seconds=-3), 1, timedelta(seconds=1)),
        (timedelta(days=400), 9, timedelta(hours=24)),
    ],
)
def test_an_endpoint_that_is_asked_too_fast_is_left_alone(
    asked: timedelta | None, times: int, left_alone: timedelta
) -> None:
    assert news.breather(asked, times=times, chance=0.0) == left_alone
