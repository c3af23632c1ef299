"""The courier's hands: a target that hangs keeps only its own notices, and no notice is under way twice."""

import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import timedelta

import pytest

from services.operator.processes import ROOT
from services.workers import courier
from services.workers.courier import Courier
from shared.runtime import clock, links
from shared.storage import notice_store
from tests.actors.told import Target, a_reader, a_run_before, a_target, deliver, notices_of
from tests.places import eventually
from tests.workshop import TestBench


@pytest.fixture
def target() -> Iterator[Target]:
    with a_target() as server:
        yield server


@pytest.fixture
def slow() -> Iterator[Target]:
    """A target that takes a notice and does not answer until it is let go."""
    with a_target() as server:
        server.answers.clear()
        server.url += f"?rto={courier.SECONDS_PER_CALL}"
        yield server


def of(workshop: TestBench, reader: str, column: str) -> list[object]:
    rows = workshop.rows(f"SELECT {column} FROM notification WHERE audience = :reader ORDER BY id", reader=reader)
    return [row[column] for row in rows]


def test_a_target_that_hangs_delays_nobody_else(workshop: TestBench, target: Target, slow: Target) -> None:
    dyer = a_reader(workshop, "dyer", targets=(slow.url,))
    weaver = a_reader(workshop, "weaver", targets=(target.url,))
    for name in ["dyer"] * (courier.HANDS + 1) + ["weaver"] * 3:
        a_run_before(workshop, name)

    with ThreadPoolExecutor(1) as one:
        round_ = one.submit(deliver, workshop)
        eventually(lambda: of(workshop, weaver, "state") == ["sent"] * 3)
        under_way = len(slow.keys)
        assert not round_.done()
        assert set(of(workshop, dyer, "state")) == {"pending"}
        slow.answers.set()

    assert under_way == courier.MOST_OF_ONE_TARGET
    assert set(of(workshop, dyer, "state")) == {"sent"}
    assert len(slow.keys) == len(set(slow.keys)) == courier.HANDS + 1


def test_as_many_targets_hang_at_once_as_there_are_hands_for(workshop: TestBench, target: Target, slow: Target) -> None:
    count = courier.HANDS // courier.MOST_OF_ONE_TARGET - 1
    for number in range(count):
        a_reader(workshop, f"dyer_{number}", targets=(slow.url,))
        for _ in range(courier.MOST_OF_ONE_TARGET + 1):
            a_run_before(workshop, f"dyer_{number}")
    weaver = a_reader(workshop, "weaver", targets=(target.url,))
    a_run_before(workshop, "weaver")

    with ThreadPoolExecutor(1) as one:
        one.submit(deliver, workshop)
        eventually(lambda: of(workshop, weaver, "state") == ["sent"])
        slow.answers.set()


def test_a_round_leaves_a_target_that_hangs_to_its_hand(workshop: TestBench, target: Target, slow: Target) -> None:
    dyer = a_reader(workshop, "dyer", targets=(slow.url,))
    a_run_before(workshop, "dyer")
    weaver = a_reader(workshop, "weaver", targets=(target.url,))

    with Courier(workshop.engine, patience=0.1) as busy:
        assert busy.deliver(at=clock.now() + timedelta(seconds=1)) == 1
        a_run_before(workshop, "weaver")
        a_run_before(workshop, "dyer")
        assert busy.deliver(at=clock.now() + timedelta(seconds=1)) == 1
        eventually(lambda: of(workshop, weaver, "state") == ["sent"])
        assert of(workshop, dyer, "attempts") == [1, 0]
        slow.answers.set()

    assert sorted(of(workshop, dyer, "state"), key=str) == ["pending", "sent"]


def test_a_target_that_never_ends_its_answer_is_cut_off(
    workshop: TestBench, target: Target, capfd: pytest.CaptureFixture[str]
) -> None:
    a_reader(workshop, "dyer", targets=(target.url,))
    run = a_run_before(workshop, "dyer")
    target.is_endless = True

    with Courier(workshop.engine, patience=30, limit=0.5) as strict:
        assert strict.deliver(at=clock.now() + timedelta(seconds=1)) == 1

    (told,) = notices_of(workshop, run)
    assert (told["state"], told["attempts"], told["error"]) == ("pending", 1, "json: the target took too long")
    assert target.hung_up.wait(10)
    said = "".join(capfd.readouterr())
    assert "notice_not_taken" in said
    assert "sesame" not in said


def test_a_url_cannot_make_the_courier_wait_longer(
    workshop: TestBench, slow: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(courier, "SECONDS_PER_CALL", 0.2)
    a_reader(workshop, "dyer", targets=(slow.url.partition("?")[0] + "?rto=3600&cto=3600",))
    run = a_run_before(workshop, "dyer")

    deliver(workshop)

    assert notices_of(workshop, run)[0]["error"] == "json: the target could not be reached"


def test_every_send_hears_its_own_error(workshop: TestBench) -> None:
    statuses = {f"reader_{status}": status for status in (401, 403, 404, 429, 500, 503)}
    with ExitStack() as open_targets:
        for name, status in statuses.items():
            refusing = open_targets.enter_context(a_target())
            refusing.status = status
            a_reader(workshop, name, targets=(refusing.url,))
            a_run_before(workshop, name)

        deliver(workshop)

    told = workshop.rows("SELECT audience, error FROM notification")
    assert {row["audience"]: row["error"] for row in told} == {
        f"ptnr_{name}": f"json: the target answered {status}" for name, status in statuses.items()
    }


def test_what_one_courier_has_under_way_no_other_sends(workshop: TestBench, slow: Target) -> None:
    a_reader(workshop, "dyer", targets=(slow.url,))
    run = a_run_before(workshop, "dyer")

    with ThreadPoolExecutor(1) as one:
        first = one.submit(deliver, workshop)
        eventually(lambda: len(slow.keys) == 1)
        assert deliver(workshop) == 0
        slow.answers.set()
        assert first.result(30) == 1

    assert [(told["state"], told["attempts"]) for told in notices_of(workshop, run)] == [("sent", 1)]
    assert len(slow.keys) == 1


def test_a_courier_process_that_is_killed_in_the_middle_leads_to_another_send_after_its_lease(
    workshop: TestBench, slow: Target
) -> None:
    a_reader(workshop, "dyer", targets=(slow.url,))
    run = a_run_before(workshop, "dyer")
    process = subprocess.Popen([sys.executable, "-c", _DELIVER, workshop.url], cwd=ROOT)
    try:
        eventually(lambda: len(slow.keys) == 1, within=30)
    finally:
        process.kill()
        process.wait()
    slow.answers.set()

    assert deliver(workshop) == 0
    assert deliver(workshop, seconds=notice_store.LEASE_SECONDS) == 1

    assert [(told["state"], told["attempts"]) for told in notices_of(workshop, run)] == [("sent", 2)]
    assert slow.keys == [notices_of(workshop, run)[0]["id"]] * 2


_DELIVER = """
import sys
from services.workers.courier import Courier
from shared.storage import database

with Courier(database.connect(sys.argv[1]), patience=30) as courier:
    courier.deliver()
"""


def test_a_courier_that_is_stopped_begins_nothing_more(workshop: TestBench) -> None:
    a_reader(workshop, "weaver")
    a_run_before(workshop, "weaver")

    with Courier(workshop.engine) as stopped:
        stopped.stop()
        assert stopped.deliver(at=clock.now() + timedelta(seconds=1)) == 0

    assert deliver(workshop) == 1


def test_the_lease_outlives_the_longest_send() -> None:
    assert courier.SECONDS_PER_SEND + 2 * courier.SECONDS_PER_CALL < notice_store.LEASE_SECONDS


def test_a_long_queue_for_one_target_hides_nobody_behind_it(
    workshop: TestBench, slow: Target, target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notice_store, "LOOKED_AT", 3)
    a_reader(workshop, "dyer", targets=(slow.url,))
    weaver = a_reader(workshop, "weaver", targets=(target.url,))
    for name in ["dyer"] * 5 + ["weaver"]:
        a_run_before(workshop, name)

    with ThreadPoolExecutor(1) as one:
        one.submit(deliver, workshop)
        eventually(lambda: of(workshop, weaver, "state") == ["sent"])
        slow.answers.set()


def test_a_partners_notice_leads_straight_to_its_run_and_the_link_is_kept_nowhere(
    workshop: TestBench, target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = "a secret of more than thirty-two characters"
    monkeypatch.setenv("LOOMLINE_LINK_SECRET", secret)
    monkeypatch.setenv("LOOMLINE_PUBLIC_URL", "https://loomline.example/")
    weaver = a_reader(workshop, "weaver", targets=(target.url,))
    run = a_run_before(workshop, "weaver")

    deliver(workshop)

    (token,) = re.findall(r"https://loomline\.example/l/(\S+)", str(target.bodies[0]["message"]))
    link = links.opened(token, secret=secret)
    assert link
    assert (link.run_id, link.partner_id) == (run, weaver)
    assert "/l/" not in str(of(workshop, weaver, "text"))


def test_without_a_secret_a_notice_carries_no_link(workshop: TestBench, target: Target) -> None:
    a_reader(workshop, "weaver", targets=(target.url,))
    a_run_before(workshop, "weaver")

    deliver(workshop)

    assert "/l/" not in str(target.bodies[0])
