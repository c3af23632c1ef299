"""People are told what concerns them: one row per message, audience and channel, sent by the courier, tried again, and given up loudly."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from services.workers import courier, sweeps
from shared.domain import commands
from shared.runtime import clock
from shared.storage import notice_store
from tests.actors.steps import take
from tests.actors.told import Target, a_reader, a_run_before, a_target, deliver, notices_of
from tests.workshop import TestBench


@pytest.fixture
def target() -> Iterator[Target]:
    with a_target() as server:
        yield server


def _cancel(workshop: TestBench, run: str) -> None:
    workshop.done(commands.CancelRun(reason="the shop closed"), run_id=run)


def _reassign(workshop: TestBench, run: str) -> None:
    a_reader(workshop, "knitter")
    workshop.done(commands.AssignPartner(partner_id="ptnr_knitter", note="too slow"), run_id=run)


def _rework(workshop: TestBench, run: str) -> None:
    workshop.a_template("mend", kind="redo")
    workshop.done(commands.AddTasks(template_names=["mend"], piece="left sleeve"), run_id=run)


def _nothing(workshop: TestBench, run: str) -> None:
    """Being sent is enough."""


@pytest.mark.parametrize(
    ("happens", "kind", "english", "hindi"),
    [
        (_nothing, "production_run.sent_to_partner", "New work", "नया काम"),
        (_cancel, "production_run.cancelled", "the shop closed", "the shop closed"),
        (_reassign, "production_run.reassigned", "no longer yours", "अब आपके पास नहीं"),
        (_rework, "production_run.tasks_added", "left sleeve", "left sleeve"),
    ],
)
@pytest.mark.parametrize("language", ["en", "hi"])
def test_a_partner_is_told_in_their_language(
    workshop: TestBench,
    happens: Callable[[TestBench, str], None],
    kind: str,
    english: str,
    hindi: str,
    language: str,
) -> None:
    weaver = a_reader(workshop, "weaver", language=language)
    run = a_run_before(workshop, "weaver")

    happens(workshop, run)

    told = notices_of(workshop, run, audience=weaver)[-1]
    assert (told["kind"], told["language"]) == (kind, language)
    assert (told["channel"], told["state"], told["attempts"]) == ("console", "pending", 0)
    assert {"en": english, "hi": hindi}[language] in told["title"] + told["text"]
    assert run[-8:] in told["text"]


def test_the_reason_of_a_reassignment_stays_in_the_house(workshop: TestBench) -> None:
    weaver = a_reader(workshop, "weaver")
    run = a_run_before(workshop, "weaver")

    _reassign(workshop, run)

    assert "too slow" not in notices_of(workshop, run, audience=weaver)[-1]["text"]
    assert notices_of(workshop, run, audience="ptnr_knitter") == []


def test_a_partner_does_not_hear_of_the_rework_they_asked_for(workshop: TestBench) -> None:
    weaver = a_reader(workshop, "weaver")
    run = a_run_before(workshop, "weaver")
    workshop.a_template("mend", kind="redo")

    take(workshop, run, commands.AcceptRun(), commands.AddTasks(template_names=["mend"]))

    kinds = [told["kind"] for told in notices_of(workshop, run, audience=weaver)]
    assert kinds == ["production_run.sent_to_partner"]


def test_without_targets_everything_goes_to_the_console(
    workshop: TestBench, capsys: pytest.CaptureFixture[str]
) -> None:
    a_reader(workshop, "weaver")
    run = a_run_before(workshop, "weaver")
    take(workshop, run, commands.DeclineRun(reason=commands.DeclineReason.CAPACITY))

    assert deliver(workshop) == 2

    assert [(told["channel"], told["state"], told["error"]) for told in notices_of(workshop, run)] == [
        ("console", "sent", None)
    ] * 2
    said = "".join(capsys.readouterr())
    assert "New work" in said
    assert "Declined" in said
    assert deliver(workshop) == 0


def test_a_target_receives_the_notice_with_its_id_and_no_row_keeps_the_target(
    workshop: TestBench, target: Target
) -> None:
    weaver = a_reader(workshop, "weaver", language="hi", targets=(target.url, target.url))
    run = a_run_before(workshop, "weaver")

    deliver(workshop)

    told = notices_of(workshop, run, audience=weaver)
    assert sorted((row["channel"], row["state"]) for row in told) == [("json", "sent"), ("json#2", "sent")]
    assert [body["title"].startswith("नया काम") for body in target.bodies] == [True, True]
    assert sorted(target.keys) == sorted(row["id"] for row in told)
    assert all(key in body["message"] for key, body in zip(target.keys, target.bodies, strict=True))
    assert "sesame" not in str(workshop.rows("SELECT row_to_json(n)::text FROM notification n"))


def test_admins_are_told_where_the_setting_says(
    workshop: TestBench, target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOOMLINE_ADMIN_NOTIFY", target.url)
    a_reader(workshop, "weaver")
    run = a_run_before(workshop, "weaver")
    take(workshop, run, commands.DeclineRun(reason=commands.DeclineReason.CAPACITY, notes="full & <busy>"))

    deliver(workshop)

    (told,) = notices_of(workshop, run, audience="admin")
    assert (told["channel"], told["state"]) == ("json", "sent")
    (body,) = target.bodies
    assert "weaver declined run" in body["message"]
    assert "full & <busy>" in body["message"]


def test_a_target_that_fails_is_tried_again_later_each_time_and_then_given_up(
    workshop: TestBench, target: Target, capsys: pytest.CaptureFixture[str]
) -> None:
    weaver = a_reader(workshop, "weaver", targets=(target.url,))
    run = a_run_before(workshop, "weaver")
    target.status = 500

    assert deliver(workshop) == 1
    (told,) = notices_of(workshop, run, audience=weaver)
    assert (told["state"], told["attempts"], told["error"]) == ("pending", 1, "json: the target answered 500")
    assert deliver(workshop, seconds=20) == 0
    for attempt in range(2, notice_store.MOST_ATTEMPTS + 1):
        assert deliver(workshop, hours=3 * attempt) == 1
    assert deliver(workshop, days=9) == 0

    (told,) = notices_of(workshop, run, audience=weaver)
    assert (told["state"], told["attempts"], told["sent_at"]) == ("failed", notice_store.MOST_ATTEMPTS, None)
    assert len(set(target.keys)) == 1
    assert "sesame" not in "".join(capsys.readouterr())


def test_a_target_that_comes_back_receives_what_waited(workshop: TestBench, target: Target) -> None:
    a_reader(workshop, "weaver", targets=(target.url,))
    run = a_run_before(workshop, "weaver")
    target.status = 503
    deliver(workshop)
    target.status = 200

    deliver(workshop, minutes=5)

    (told,) = notices_of(workshop, run)
    assert (told["state"], told["attempts"], told["error"]) == ("sent", 2, None)
    assert len(target.bodies) == 1


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("json://reader:sesame@127.0.0.1:9/", "json: the target could not be reached"),
        ("nosuch://sesame", "nosuch: the target's URL cannot be read"),
    ],
)
def test_an_error_never_names_the_target(workshop: TestBench, url: str, why: str) -> None:
    a_reader(workshop, "weaver", targets=(url,))
    run = a_run_before(workshop, "weaver")

    deliver(workshop)

    assert notices_of(workshop, run)[0]["error"] == why


def test_a_target_that_was_taken_away_is_not_told(workshop: TestBench, target: Target) -> None:
    weaver = a_reader(workshop, "weaver", targets=(target.url,))
    run = a_run_before(workshop, "weaver")
    workshop.change("UPDATE partner SET contacts = '[]' WHERE id = :id", id=weaver)

    deliver(workshop)

    assert notices_of(workshop, run)[0]["error"] == "json: this target is not set any more"
    assert target.bodies == []


def test_failed_notices_raise_an_alarm_that_ends_when_they_are_over(workshop: TestBench) -> None:
    a_reader(workshop, "weaver")
    a_run_before(workshop, "weaver")
    workshop.change("UPDATE notification SET state = 'failed'")

    with workshop.engine.begin() as connection:
        assert sweeps.watch_notices(connection, at=clock.now()) == 1
    assert workshop.value("SELECT name FROM alarm") == "failed_notices"
    workshop.change("UPDATE notification SET state = 'sent'")
    with workshop.engine.begin() as connection:
        sweeps.watch_notices(connection, at=clock.now())

    assert workshop.value("SELECT count(*) FROM alarm") == 0


def test_two_couriers_at_once_send_each_notice_once(workshop: TestBench, target: Target) -> None:
    a_reader(workshop, "weaver", targets=(target.url,))
    for _ in range(12):
        a_run_before(workshop, "weaver")

    with ThreadPoolExecutor(2) as couriers:
        tried = list(couriers.map(lambda _: deliver(workshop), range(2)))

    assert sum(tried) == len(target.bodies) == len(set(target.keys)) == 12


def test_a_courier_that_was_killed_leaves_its_notice_to_the_next(workshop: TestBench) -> None:
    a_reader(workshop, "weaver")
    run = a_run_before(workshop, "weaver")
    with workshop.engine.begin() as connection:
        (killed,) = notice_store.claim(connection, at=clock.now(), limit=1, most_of_one_target=1)

    assert deliver(workshop) == 0
    assert deliver(workshop, seconds=notice_store.LEASE_SECONDS) == 1

    with workshop.engine.begin() as connection:
        notice_store.record_failure(connection, killed, error="late", at=clock.now())
    assert [(told["state"], told["attempts"]) for told in notices_of(workshop, run)] == [("sent", 2)]


def test_the_courier_sends_all_that_is_due_in_one_round(workshop: TestBench) -> None:
    a_reader(workshop, "weaver")
    for _ in range(courier.HANDS + 1):
        a_run_before(workshop, "weaver")

    assert deliver(workshop) == courier.HANDS + 1
