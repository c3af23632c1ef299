"""The ledger's figures for Prometheus, read from the database at most every few seconds however many ask."""

import threading
import time
from collections.abc import Iterator
from weakref import WeakKeyDictionary

import sqlalchemy.exc
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import Connection, Engine

from services.api.queries import operations, webhooks
from shared.storage import invariants

FRESH_SECONDS = 5.0
INVARIANTS_SECONDS = 300.0
"""The invariants read whole tables."""


class Figures(Collector):
    """The figures of one database; keeps what it read for a while."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._read_at = self._checked_at = float("-inf")
        self._gauges: list[Metric] = []
        self._broken: list[Metric] = []

    def refresh(self, engine: Engine) -> None:
        """Read what has grown old. Raises when the database is away."""
        with self._lock:
            now = time.monotonic()
            if now - self._read_at < FRESH_SECONDS:
                return
            with engine.connect() as connection:
                if now - self._checked_at >= INVARIANTS_SECONDS:
                    self._broken = [_broken(connection)]
                    self._checked_at = now
                self._gauges = list(_gauges(connection))
            self._read_at = now

    def forget(self) -> None:
        """Old figures are worse than none."""
        with self._lock:
            self._gauges, self._broken = [], []
            self._read_at = self._checked_at = float("-inf")

    def collect(self) -> Iterator[Metric]:
        yield from self._gauges
        yield from self._broken


def exposition(engine: Engine) -> bytes:
    """The figures in Prometheus' text form; without the database nothing but that it is away."""
    figures = _figures.setdefault(engine, Figures())
    is_up = 1
    try:
        figures.refresh(engine)
    except sqlalchemy.exc.SQLAlchemyError:
        figures.forget()
        is_up = 0
    registry = CollectorRegistry(auto_describe=False)
    registry.register(figures)
    registry.register(_Fixed(GaugeMetricFamily("loomline_database_up", "The database answers.", value=is_up)))
    return generate_latest(registry)


class _Fixed(Collector):
    def __init__(self, metric: Metric) -> None:
        self._metric = metric

    def collect(self) -> Iterator[Metric]:
        yield self._metric


def _gauges(connection: Connection) -> Iterator[Metric]:
    deliveries = GaugeMetricFamily(
        "loomline_ledger_deliveries", "Deliveries that are not done, by room and state.", labels=["room", "state"]
    )
    oldest = GaugeMetricFamily(
        "loomline_ledger_oldest_seconds", "Age of the oldest delivery that is not done, by room.", labels=["room"]
    )
    for queue in operations.queues(connection):
        for state in ("ready", "handed_out", "dead"):
            deliveries.add_metric([queue["room"], state], queue[state])
        oldest.add_metric([queue["room"]], queue["oldest_seconds"])
    yield deliveries
    yield oldest
    lag = operations.lag_seconds(connection)
    yield GaugeMetricFamily(
        "loomline_ledger_lag_seconds", "Since when something due waits to be handed out.", value=lag
    )
    runs = GaugeMetricFamily("loomline_runs", "Production runs, by status.", labels=["status"])
    for status, count in operations.runs_by_status(connection).items():
        runs.add_metric([status], count)
    yield runs
    for name, count in operations.counts(connection).items():
        yield GaugeMetricFamily(f"loomline_{name}", f"{name.replace('_', ' ').capitalize()}.", value=count)
    for name, figure in webhooks.figures(connection).items():
        yield GaugeMetricFamily(f"loomline_{name}", f"{name.replace('_', ' ').capitalize()}.", value=figure)
    behind = GaugeMetricFamily(
        "loomline_feed_lag_seconds", "For how long the oldest event that a reader has not told waits.", labels=["feed"]
    )
    for feed, seconds in webhooks.lags(connection).items():
        behind.add_metric([feed], seconds)
    yield behind
    alarms = operations.alarms(connection)
    yield GaugeMetricFamily("loomline_alarms", "Alarms that wait for a person.", value=len(alarms))


def _broken(connection: Connection) -> Metric:
    broken = GaugeMetricFamily(
        "loomline_invariant_offenders", "What breaks an invariant; zero is the promise kept.", labels=["invariant"]
    )
    for name, offenders in invariants.check(connection).items():
        broken.add_metric([name], len(offenders))
    return broken


_figures: "WeakKeyDictionary[Engine, Figures]" = WeakKeyDictionary()
