"""The sweeper: one table of what is done when, run by APScheduler in every copy; a lock in PostgreSQL lets one copy at a time sweep.

python -m services.workers.sweeper
"""

import signal
import threading
from collections.abc import Callable
from datetime import datetime
from typing import Any

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import SQLAlchemyError

from services.workers import sweeps
from shared.runtime import logs, settings
from shared.storage import database

Sweep = Callable[[Connection, datetime], object]

SCHEDULE: tuple[tuple[str, int, Sweep], ...] = (
    # name                every (s)  what
    ("lapse_gates",       2,         lambda connection, at: sweeps.lapse_gates(connection, at=at)),
    ("repair_families",   60,        lambda connection, at: sweeps.repair_families(connection, at=at)),
    ("check_invariants",  300,       lambda connection, at: sweeps.check_invariants(connection)),
    ("forget_old_keys",   3600,      lambda connection, at: sweeps.forget_old_keys(connection, at=at)),
)  # fmt: skip


def sweep(engine: Engine, name: str, what: Sweep) -> object:
    """Run one sweep at the database's time, unless another copy is at it. Returns what the sweep returned, None when it stood by."""
    with engine.begin() as connection:
        if not connection.execute(_TRY_LOCK, {"name": f"sweep:{name}"}).scalar_one():
            return None
        at: datetime = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
        return what(connection, at)


def scheduler(engine: Engine) -> BackgroundScheduler:
    """A scheduler of every sweep: late runs are made up for once, and one that is still at it is not begun again."""
    made = BackgroundScheduler(
        timezone="UTC",
        executors={"default": ThreadPoolExecutor(len(SCHEDULE))},
        job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
    )
    for name, seconds, what in SCHEDULE:
        made.add_job(_guarded, "interval", seconds=seconds, args=(engine, name, what), id=name)
    return made


def main() -> None:
    """Sweep until SIGTERM or SIGINT."""
    known = settings.read()
    logs.start(known, process="sweeper")
    engine = database.connect(known.database_url, pool_size=len(SCHEDULE) + 1, application="loomline-sweeper")
    stopped = threading.Event()
    for wanted in (signal.SIGTERM, signal.SIGINT):
        signal.signal(wanted, lambda *_: stopped.set())
    made = scheduler(engine)
    made.start()
    stopped.wait()
    made.shutdown(wait=True)
    engine.dispose()


def _guarded(engine: Engine, name: str, what: Sweep) -> Any:
    """A sweep that fails is said and comes again at its time; an outage must not end the schedule."""
    try:
        return sweep(engine, name, what)
    except SQLAlchemyError as fault:
        logs.get("sweeper").warning("sweep_failed", sweep=name, why=logs.scrub(str(fault)))
        return None


_TRY_LOCK = text("SELECT pg_try_advisory_xact_lock(hashtextextended(:name, 0))")

if __name__ == "__main__":
    main()
