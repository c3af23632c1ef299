"""The sweeper: its schedule, and copies of it standing by."""

import threading
from datetime import datetime

from sqlalchemy import Connection

from services.workers import sweeper
from services.workers.courier import Courier
from tests.workshop import TestBench


def test_a_copy_stands_by_while_another_sweeps(workshop: TestBench) -> None:
    sweeping, may_end = threading.Event(), threading.Event()

    def slow(_connection: Connection, _at: datetime) -> int:
        sweeping.set()
        may_end.wait(10)
        return 1

    first = workshop.hands.submit(sweeper.sweep, workshop.engine, "lapse_gates", slow)
    sweeping.wait(10)

    assert sweeper.sweep(workshop.engine, "lapse_gates", lambda *_: 2) is None
    assert sweeper.sweep(workshop.engine, "repair_families", lambda *_: 3) == 3
    may_end.set()
    assert first.result(10) == 1
    assert sweeper.sweep(workshop.engine, "lapse_gates", lambda *_: 2) == 2


def test_every_sweep_of_the_schedule_runs_on_an_empty_house(workshop: TestBench) -> None:
    for name, seconds, what in sweeper.SCHEDULE:
        assert seconds > 0
        assert sweeper.sweep(workshop.engine, name, what) is not None


def test_the_schedule_makes_up_for_a_late_run_once_and_never_overlaps(workshop: TestBench) -> None:
    with Courier(workshop.engine) as courier:
        made = sweeper.scheduler(workshop.engine, courier)
        made.start(paused=True)
        jobs = {job.id: job for job in made.get_jobs()}
        made.shutdown(wait=False)

    assert set(jobs) == {name for name, _, _ in (*sweeper.SCHEDULE, *sweeper.ERRANDS)}
    assert all(job.coalesce and job.max_instances == 1 and job.misfire_grace_time is None for job in jobs.values())
