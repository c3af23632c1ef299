"""The herald as a process: it is killed in the middle of its sends and everything arrives, under the ids it had."""

import contextlib
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from services.operator.processes import ROOT
from shared.runtime import clock
from shared.storage.webhook_store import LEASE_SECONDS
from tests.news.house import PressOffice
from tests.news.receivers import Mood, Receiver
from tests.places import eventually


@contextlib.contextmanager
def a_herald(office: PressOffice, *, home: Path, allow_private: str = "yes") -> Iterator[subprocess.Popen[bytes]]:
    """`python -m services.workers.herald` until the block ends."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LOOMLINE_")} | {
        "LOOMLINE_HOME": str(home),
        "LOOMLINE_DATABASE_URL": office.bench.url,
        "LOOMLINE_WEBHOOKS_ALLOW_PRIVATE": allow_private,
    }
    with (home / "herald.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "services.workers.herald"], env=environment, cwd=ROOT, stderr=log, stdout=log
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def listening(office: PressOffice, receiver: Receiver) -> str:
    endpoint, secret = office.an_endpoint(receiver.url)
    receiver.secrets.append(secret)
    return endpoint


def test_a_running_herald_tells_within_moments_and_stops_cleanly(
    office: PressOffice, receiver: Receiver, tmp_path: Path
) -> None:
    endpoint = listening(office, receiver)
    with a_herald(office, home=tmp_path) as process:
        run = office.bench.a_sent_run()
        eventually(lambda: set(office.events_of(run)) <= set(receiver.ids), within=20)
        eventually(lambda: office.states(endpoint) == {"delivered"})
        process.terminate()
        assert process.wait(20) == 0

    assert receiver.unverified == []
    assert len(receiver.came) == len(set(receiver.came))


def test_a_herald_killed_in_the_middle_of_its_sends_loses_nothing(
    office: PressOffice, receiver: Receiver, tmp_path: Path
) -> None:
    endpoint = listening(office, receiver)
    runs = [office.bench.a_sent_run(partner=f"weaver_{number}") for number in range(3)]
    receiver.mood = Mood.HANGS
    with a_herald(office, home=tmp_path) as process:
        eventually(lambda: len(receiver.came) >= 2, within=20)
        process.kill()
        process.wait()
    receiver.mood = Mood.WELL
    receiver.closed.set()

    with a_herald(office, home=tmp_path) as process:
        eventually(lambda: len(receiver.taken) > 5, within=20)
        process.kill()
        process.wait()
    office.fan_out()
    office.send(at=clock.now() + timedelta(seconds=LEASE_SECONDS + 1))

    wanted = {event for run in runs for event in office.events_of(run)}
    assert wanted <= set(receiver.ids)
    assert office.states(endpoint) == {"delivered"}
    assert {row["message_id"] for row in office.deliveries()} == set(receiver.came)
    assert receiver.unverified == []
    twice = {event for event, times in Counter(receiver.came).items() if times > 1}
    assert max(Counter(receiver.came).values()) <= 3
    assert len(twice) <= 2 * 16, "only what was under way is sent again"


def test_two_heralds_tell_each_event_once(office: PressOffice, receiver: Receiver, tmp_path: Path) -> None:
    endpoint = listening(office, receiver)
    with a_herald(office, home=tmp_path), a_herald(office, home=tmp_path):
        runs = [office.bench.a_sent_run(partner=f"weaver_{number}") for number in range(3)]
        eventually(lambda: set(office.events_of(runs[-1])) <= set(receiver.ids), within=20)
        eventually(lambda: office.states(endpoint) == {"delivered"}, within=20)

    assert len(receiver.came) == len(set(receiver.came)) == len(office.deliveries())


def test_without_leave_a_herald_calls_nobody_in_its_own_network(
    office: PressOffice, receiver: Receiver, tmp_path: Path
) -> None:
    plain = listening(office, receiver)
    local, _ = office.an_endpoint(receiver.url.replace("http://127.0.0.1", "https://localhost"))
    office.a_note(office.bench.a_sent_run())
    with a_herald(office, home=tmp_path, allow_private="no"):
        eventually(lambda: len({row["endpoint_id"] for row in office.deliveries() if row["error"]}) == 2, within=20)

    assert receiver.came == []
    said = {row["endpoint_id"]: row["error"] for row in office.deliveries() if row["error"]}
    assert said == {
        plain: "the URL must begin with https://.",
        local: "it leads to a private or local address, which is not allowed here.",
    }
