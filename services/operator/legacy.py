"""`loomline legacy import`: take over what the old design workflow left in flight, from a JSON Lines export or its own database.

A dry run by default: it says of every row what would become of it, and why.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TextIO

import msgspec
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from sqlalchemy import Engine

from shared.intake.legacy import rows as legacy_rows
from shared.intake.legacy.rows import Row
from shared.intake.legacy.verdicts import Outcome, Verdict
from shared.runtime import clock
from shared.storage import database, legacy_store

from . import connections

OLD_TABLES = {
    "partner": "partner",
    "design": "design",
    "design_partner": "design_partner",
    "inventory_item": "inventory_item",
    "task": "assignment",
    "production_run": "production_run",
    "consumption_log": "consumption_log",
}
"""The old system's tables, and the kind of row that each holds."""

MOST_REASONS = 20
"""So many different reasons are shown; the report has them all."""


class ImportFailed(Exception):
    """The import cannot begin or go on; the message says why and what to do."""


def run(
    database_url: str, *, file: Path | None, source_url: str, is_applied: bool, report: Path | None, console: Console
) -> Counter[Outcome]:
    """Import, or say what an import would do. Returns how many rows came to which outcome."""
    rows = read_file(file) if file else read_database(source_url, console=console)
    counts: Counter[tuple[str, Outcome, str]] = Counter()
    with ExitStack() as held:
        engine = held.enter_context(_engine(database_url))
        out = held.enter_context(report.open("w", encoding="utf-8")) if report else None
        progress = held.enter_context(Progress(console=console, transient=True))
        step = progress.add_task("Importing" if is_applied else "Dry run", total=len(rows))

        def told(batch: Sequence[Verdict]) -> None:
            for verdict in batch:
                counts[(verdict.row.kind, verdict.outcome, verdict.reason)] += 1
                _report(verdict, out)
            progress.advance(step, len(batch))

        _carry_out(engine, rows, is_applied=is_applied, told=told)
    outcomes: Counter[Outcome] = Counter()
    for (_, outcome, _), number in counts.items():
        outcomes[outcome] += number
    _show(counts, outcomes, is_applied=is_applied, console=console)
    return outcomes


def read_file(file: Path) -> list[Row]:
    """The rows of a JSON Lines file; empty lines are none. Raises ImportFailed."""
    try:
        with file.open(encoding="utf-8", errors="replace") as lines:
            return [
                legacy_rows.read(line, place=f"line {number}")
                for number, line in enumerate(lines, start=1)
                if line.strip()
            ]
    except OSError as error:
        raise ImportFailed(f"{file} cannot be read: {error.strerror}.") from None


def read_database(url: str, *, console: Console) -> list[Row]:
    """The rows of the old system's tables, read in one consistent snapshot. Raises Unreachable."""
    connections.check_database(url, setting="--from")
    rows: list[Row] = []
    with _engine(url) as engine, engine.connect() as connection:
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        for table, kind in OLD_TABLES.items():
            found = legacy_store.old_rows(connection, table)
            if found is None:
                console.print(f"The old database has no table {table}.", highlight=False)
                continue
            rows += [legacy_rows.read(text, place=f"{table} {n}", kind=kind) for n, text in enumerate(found, start=1)]
    return rows


def _carry_out(engine: Engine, rows: Sequence[Row], *, is_applied: bool, told: "legacy_store.Told") -> None:
    at = clock.now()
    if not is_applied:
        for verdict in legacy_store.judge(engine, rows, at=at):
            told([verdict])
        return
    try:
        with legacy_store.lock(engine):
            legacy_store.write(engine, legacy_store.judge(engine, rows, at=at), at=at, told=told)
    except legacy_store.AlreadyImporting as busy:
        raise ImportFailed(str(busy)) from None


def _report(verdict: Verdict, out: TextIO | None) -> None:
    if out is None:
        return
    told = {
        "kind": verdict.row.kind,
        "legacy_id": verdict.row.legacy_id,
        "outcome": verdict.outcome.value,
        "reason": verdict.reason,
        "run_id": verdict.run_id,
    }
    out.write(msgspec.json.encode(told).decode() + "\n")


def _show(
    counts: Counter[tuple[str, Outcome, str]], outcomes: Counter[Outcome], *, is_applied: bool, console: Console
) -> None:
    table = Table(title="What was done" if is_applied else "What an import would do (nothing was written)")
    for name in ("kind", "outcome", "reason"):
        table.add_column(name, overflow="fold")
    table.add_column("rows", justify="right")
    shown = counts.most_common(MOST_REASONS)
    for (kind, outcome, reason), number in sorted(shown):
        table.add_row(kind, outcome.value, reason, str(number))
    console.print(table)
    rest = sum(counts.values()) - sum(number for _, number in shown)
    if rest:
        console.print(f"{rest} more rows with other reasons; --report FILE writes them all.", highlight=False)
    told = ", ".join(f"{number} {outcome.value}" for outcome, number in outcomes.most_common())
    console.print(f"{outcomes.total()} rows: {told or 'nothing to take over'}.", highlight=False)
    if not is_applied:
        console.print("Add --apply to write this.", highlight=False)


@contextmanager
def _engine(url: str) -> Iterator[Engine]:
    engine = database.connect(url, pool_size=2, application="loomline-import")
    try:
        yield engine
    finally:
        engine.dispose()
