"""Material: logged while a run is open, settled against stock by hand or with the run's completion, under the run's lock."""

from collections.abc import Mapping, Sequence
from typing import Any

from shared.domain import commands, completion, consumption, events, refusals
from shared.domain.commands import CommitsConsumption
from shared.domain.consumption import Consumption, Entry, Settled
from shared.domain.refusals import FieldError
from shared.domain.runs import Run
from shared.storage.work import Work


def log_consumption(command: commands.LogConsumption, work: Work) -> None:
    """Write down what was used; stock moves when it is committed."""
    run = work.run
    consumption.open_to_logs(run)
    logs, told = _write(run, [command.entry], work, pointers=[""])
    work.tell(*told, run=run)
    work.answer(run_id=run.id, consumption_log_id=logs[0].id)


def commit_consumption(command: commands.CommitConsumption, work: Work) -> None:
    """Settle logs of one run by hand; on settled ones nothing happens."""
    run = work.run
    _check_place(command, work)
    if command.log_ids is not None:
        _check_known(command.log_ids, work.stock.logs_of_run(run.id, command.log_ids))
    _answer_commit(_commit([run], command, work), work, run_id=run.id)


def commit_design_consumption(command: commands.CommitDesignConsumption, work: Work) -> None:
    """Settle logs of all runs of a design by hand. The runs are locked by id, and read only then."""
    _check_place(command, work)
    run_ids = work.stock.runs_with_open_logs(command.design_id)
    if command.log_ids is not None:
        known = work.stock.logs_of_design(command.design_id, command.log_ids)
        _check_known(command.log_ids, known)
        run_ids = [run_id for run_id in run_ids if run_id in known.values()]
    runs = [work.runs.lock(run_id) for run_id in run_ids]
    _answer_commit(_commit(runs, command, work), work, design_id=command.design_id)


def correct_output(command: commands.CorrectOutput, work: Work) -> None:
    """Set right what a completed run brought; what it was stays on the timeline."""
    run = work.run
    work.tell(completion.correct(run, command.outcome, reason=command.reason), run=run)
    work.answer(run_id=run.id)


def settle_with_run(run: Run, work: Work, *, entries: Sequence[Entry] = ()) -> list[events.Event]:
    """The run was just completed: what was said with it is logged, and every open log of it is committed."""
    pointers = [f"/consumptions/{place}" for place in range(len(entries))]
    fresh, told = _write(run, entries, work, pointers=pointers) if entries else ([], [])
    logs = [*work.stock.open_logs([run.id]), *fresh]
    return [*told, *_settle(run, logs, work).told] if logs else []


def _write(
    run: Run, entries: Sequence[Entry], work: Work, *, pointers: Sequence[str]
) -> tuple[list[Consumption], list[events.Event]]:
    """The logs of entries, and what is told of them. Raises Unknown for items and places that are not there."""
    units = work.stock.units(entries)
    places = work.stock.places([entry.location_id for entry in entries if entry.location_id])
    for entry, pointer in zip(entries, pointers, strict=True):
        _check_named(entry.inventory_item_id, units, "inventory item", f"{pointer}/inventory_item_id")
        _check_named(entry.location_id, dict.fromkeys(places), "stock location", f"{pointer}/location_id")
    made = [
        consumption.log(
            entry,
            run,
            log_id=work.new_id("clog", place),
            units=units,
            by_admin=work.by_admin,
            at=work.now,
            pointer=pointer,
        )
        for place, (entry, pointer) in enumerate(zip(entries, pointers, strict=True))
    ]
    for log, _ in made:
        work.stock.add(log)
    return [log for log, _ in made], [told for _, told in made]


def _commit(runs: Sequence[Run], command: CommitsConsumption, work: Work) -> list[Settled]:
    logs = work.stock.open_logs([run.id for run in runs]) if runs else []
    if command.log_ids is not None:
        logs = [log for log in logs if log.id in command.log_ids]
    # All levels at once: run after run they would be locked in an order that two of us could not agree on.
    work.stock.lock_levels({log.inventory_item_id for log in logs if log.inventory_item_id})
    settled = []
    for run in runs:
        own = [log for log in logs if log.production_run_id == run.id]
        _check_counted(own, run, command)
        done = _settle(run, own, work, default_location_id=command.default_location_id)
        work.tell(*done.told, run=run)
        settled.append(done)
    return settled


def _settle(run: Run, logs: Sequence[Consumption], work: Work, *, default_location_id: str | None = None) -> Settled:
    items = {log.inventory_item_id for log in logs if log.inventory_item_id}
    done = consumption.settle(
        logs,
        run,
        levels=work.stock.lock_levels(items) if items else [],
        planned=work.stock.planned(run) if items else [],
        default_location_id=default_location_id,
        at=work.now,
        policy=work.policy,
    )
    work.stock.keep(done.logs)
    work.stock.move(done.movements, new_id=lambda log_id: work.new_id("smov", log_id), at=work.now)
    return done


def _answer_commit(settled: Sequence[Settled], work: Work, **about: Any) -> None:
    logs = [log for done in settled for log in done.logs]
    work.answer(committed_count=len(logs), log_ids=[log.id for log in logs], **about)


def _check_counted(logs: Sequence[Consumption], run: Run, command: CommitsConsumption) -> None:
    """A log named for commitment must be one that can be; among all, those that cannot yet just wait."""
    pieces = consumption.pieces_of(run)
    if command.log_ids is not None and any(consumption.used(log, pieces=pieces) is None for log in logs):
        raise refusals.WrongState(
            verb="committing a quantity per piece", why="the pieces are not counted yet; it is settled with the run."
        )


def _check_place(command: CommitsConsumption, work: Work) -> None:
    if command.default_location_id and not work.stock.places([command.default_location_id]):
        raise refusals.Unknown(
            thing="stock location", value=command.default_location_id, pointer="/default_location_id"
        )


def _check_known(log_ids: Sequence[str], known: Mapping[str, str]) -> None:
    unknown = [(place, log_id) for place, log_id in enumerate(log_ids) if log_id not in known]
    if unknown:
        errors = tuple(
            FieldError(f"/log_ids/{place}", f"There is no consumption log {log_id!r} here.")
            for place, log_id in unknown
        )
        raise refusals.Unknown(thing="consumption log", value=unknown[0][1], errors=errors)


def _check_named(name: str | None, known: Mapping[str, Any], thing: str, pointer: str) -> None:
    if name and name not in known:
        raise refusals.Unknown(thing=thing, value=name, pointer=pointer)


ACTORS: tuple[Any, ...] = (log_consumption, commit_consumption, commit_design_consumption, correct_output)
