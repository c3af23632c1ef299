"""The sweeper: one table of what is done when, run by APScheduler in every copy; a lock in PostgreSQL lets one copy at a time sweep.

python -m services.workers.sweeper
"""

import signal
import threading
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import SQLAlchemyError

from services.workers import fetching, sweeps
from services.workers.courier import Courier
from shared.runtime import logs, settings
from shared.storage import database
from shared.storage.files import StoreAway

Sweep = Callable[[Connection, datetime], object]

SCHEDULE: tuple[tuple[str, int, Sweep], ...] = (
    # name                every (s)  what
    ("lapse_gates",       2,         lambda connection, at: sweeps.lapse_gates(connection, at=at)),
    ("remind_partners",   60,        lambda connection, at: sweeps.remind_partners(connection, at=at)),
    ("watch_notices",     60,        lambda connection, at: sweeps.watch_notices(connection, at=at)),
    ("repair_families",   60,        lambda connection, at: sweeps.repair_families(connection, at=at)),
    ("retry_lines",       60,        lambda connection, at: sweeps.retry_lines(connection, at=at)),
    ("check_invariants",  300,       lambda connection, at: sweeps.check_invariants(connection)),
    ("forget_old_keys",   3600,      lambda connection, at: sweeps.forget_old_keys(connection, at=at)),
    ("take_back_uploads", 600,       lambda connection, at: sweeps.take_back_uploads(connection, at=at)),
)  # fmt: skip


Errand = Callable[[Engine, Courier], object]

ERRANDS: tuple[tuple[str, int, Errand], ...] = (
    # name                every (s)  what
    ("deliver_notices",   2,         lambda _, courier: courier.deliver()),
    ("fetch_orders",      5,         lambda engine, _: fetching.fetch_orders(engine, settings.read())),
)  # fmt: skip
"""Done by every copy at once, without a lock and in transactions of their own: they speak to the outside and may be slow."""

RECORDING = 4
"""Connections beside one for each sweep and errand, for the courier's hands: recording how a send ended is over in a moment."""


def sweep(engine: Engine, name: str, what: Sweep) -> object:
    """Run one sweep at the database's time, unless another copy is at it. Returns what the sweep returned, None when it stood by."""
    with engine.begin() as connection:
        if not connection.execute(_TRY_LOCK, {"name": f"sweep:{name}"}).scalar_one():
            return None
        at: datetime = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
        return what(connection, at)


def scheduler(engine: Engine, courier: Courier) -> BackgroundScheduler:
    """A scheduler of every sweep: late runs are made up for once, and one that is still at it is not begun again."""
    made = BackgroundScheduler(
        timezone="UTC",
        executors={"default": ThreadPoolExecutor(len(SCHEDULE) + len(ERRANDS))},
        job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
    )
    for name, seconds, what in SCHEDULE:
        swept = partial(sweep, engine, name, what)
        made.add_job(_guarded, "interval", seconds=seconds, args=(name, swept), id=name)
    for name, seconds, errand in ERRANDS:
        made.add_job(_guarded, "interval", seconds=seconds, args=(name, partial(errand, engine, courier)), id=name)
    return made


def main() -> None:
    """Sweep until SIGTERM or SIGINT."""
    known = settings.read()
    logs.start(known, process="sweeper")
    connections = len(SCHEDULE) + len(ERRANDS) + 1 + RECORDING
    engine = database.connect(known.database_url, pool_size=connections, application="loomline-sweeper")
    stopped = threading.Event()
    for wanted in (signal.SIGTERM, signal.SIGINT):
        signal.signal(wanted, lambda *_: stopped.set())
    _guarded("begin", partial(_show_up, engine))
    with Courier(engine) as courier:
        made = scheduler(engine, courier)
        made.start()
        stopped.wait()
        courier.stop()
        made.shutdown(wait=True)
    engine.dispose()


def _show_up(engine: Engine) -> None:
    """Hold a connection from the beginning: who looks for the sweeper finds it before its first sweep."""
    with engine.connect():
        pass


def _guarded(name: str, what: Callable[[], object]) -> Any:
    """A sweep that fails is said and comes again at its time; an outage must not end the schedule."""
    try:
        return what()
    except (SQLAlchemyError, StoreAway) as fault:
        logs.get("sweeper").warning("sweep_failed", sweep=name, why=logs.scrub(str(fault)))
        return None


_TRY_LOCK = text("SELECT pg_try_advisory_xact_lock(hashtextextended(:name, 0))")

if __name__ == "__main__":
    main()
