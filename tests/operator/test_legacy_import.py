"""What the old system left in flight goes on here: nothing is lost in silence, nothing comes twice."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from services.operator import legacy, main
from services.operator.legacy import ImportFailed
from shared.intake.legacy.verdicts import Outcome
from shared.storage import database as databases
from shared.storage import invariants, legacy_store
from tests import places
from tests.gateway.house import House
from tests.operator import old_house
from tests.workshop import TestBench

MANY = 300
QUIET = Console(quiet=True)


@pytest.fixture(scope="module")
def old_database(postgres: places.Server) -> Iterator[str]:
    """The old system's database, with assignments in every state."""
    url = postgres.create_database()
    old_house.build(url, assignments=MANY)
    yield url
    postgres.drop_database(url)


@pytest.fixture(scope="module")
def imported(postgres: places.Server, template: str, old_database: str) -> Iterator[House]:
    """A house that took all of the old database over."""
    with places.a_migrated_database(postgres, template=template) as url:
        take_over(url, source_url=old_database)
        bench = TestBench(url)
        opened = House(bench)
        yield opened
        opened.close()
        bench.close()


def take_over(
    url: str, *, source_url: str = "", file: Path | None = None, is_applied: bool = True, report: Path | None = None
) -> Counter[Outcome]:
    return legacy.run(url, file=file, source_url=source_url, is_applied=is_applied, report=report, console=QUIET)


def contents(url: str) -> dict[str, list[Any]]:
    """Every row of every table that an import writes."""
    engine = databases.connect(url)
    try:
        with engine.connect() as connection:
            return {
                table: list(connection.exec_driver_sql(f"SELECT t::text FROM {table} t ORDER BY 1").scalars())
                for table in TABLES
            }
    finally:
        engine.dispose()


TABLES = (
    "partner", "design", "design_partner", "inventory_item", "task_template", "template_category", "run_snapshot",
    "production_run", "timer", "work_order", "task", "message", "delivery", "consumption_log", "legacy_record",
)  # fmt: skip


def a_file(directory: Path, *rows: Any) -> Path:
    file = directory / "export.jsonl"
    file.write_text("\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows))
    return file


def reasons(report: Path) -> dict[str, tuple[str, str]]:
    told = [json.loads(line) for line in report.read_text().splitlines()]
    return {row["legacy_id"]: (row["outcome"], row["reason"]) for row in told}


PARTNER = {"kind": "partner", "id": "par_1", "name": "Pia", "handle": "pia"}
DESIGN = {
    "kind": "design",
    "id": "d_1",
    "name": "Shawl",
    "metadata": {"partner_id": "par_1", "partner_status": "assigned"},
}
TASK = {
    "kind": "assignment",
    "id": "t_1",
    "workflow_type": "partner_design_assignment",
    "transaction_id": "tx_1",
    "design_id": "d_1",
}


def test_a_dry_run_writes_nothing_and_says_everything(database: str, old_database: str, tmp_path: Path) -> None:
    before, report = contents(database), tmp_path / "report.jsonl"

    dry = take_over(database, source_url=old_database, is_applied=False, report=report)

    assert contents(database) == before
    assert dry == take_over(database, source_url=old_database)
    assert len(report.read_text().splitlines()) == dry.total()


def test_a_second_import_changes_nothing(database: str, old_database: str) -> None:
    take_over(database, source_url=old_database)
    before = contents(database)

    again = take_over(database, source_url=old_database)

    assert contents(database) == before
    assert set(again) == {Outcome.REPEATED, Outcome.REFUSED, Outcome.IGNORED}


def test_every_row_has_an_outcome(imported: House) -> None:
    known = imported.bench.rows("SELECT kind, outcome, count(*) AS n FROM legacy_record GROUP BY 1, 2")
    counted = {(row["kind"], row["outcome"]): row["n"] for row in known}
    places = [(old_house.state_of(n), old_house.shape_of(n)) for n in range(MANY)]
    lost = sum(state == "lost" for state, _ in places)
    by_tasks = sum(state != "lost" and shape != "alone" for state, shape in places)

    assert counted["assignment", "imported"] == by_tasks
    assert counted["design", "imported"] == MANY
    assert counted["assignment", "ignored"] == 1
    assert counted["consumption_log", "imported"] == MANY - lost
    assert counted["consumption_log", "refused"] == lost
    assert counted["production_run", "imported"] == len(old_house.RUN_STATES) - 1
    assert imported.bench.value("SELECT count(*) FROM legacy_record WHERE reason = ''") == 0
    assert imported.bench.value("SELECT count(*) FROM production_run WHERE run_type = 'sample'") == MANY - lost
    tasks = sum(number for (kind, _), number in counted.items() if kind == "assignment")
    assert (
        tasks
        == imported.bench.value("SELECT count(*) FROM legacy_record WHERE legacy_id LIKE 'task!_%' ESCAPE '!'") + 1
    )


def test_a_design_without_tasks_that_cannot_be_carried_on_says_so(imported: House) -> None:
    place = next(n for n in range(MANY) if (old_house.state_of(n), old_house.shape_of(n)) == ("lost", "alone"))

    (record,) = imported.bench.rows("SELECT * FROM legacy_record WHERE legacy_id = :id", id=f"01DES{place}")

    assert (record["outcome"], record["run_id"]) == ("imported", None)
    assert record["reason"].startswith("made; its assignment is not taken over: 'lost' is not a state")


def test_what_was_imported_keeps_every_invariant(imported: House) -> None:
    with imported.bench.engine.connect() as connection:
        broken = {name: found for name, found in invariants.check(connection).items() if found}

    assert broken == {}


def test_nobody_hears_of_what_happened_long_ago(imported: House) -> None:
    assert (
        imported.bench.value(
            "SELECT count(*) FROM delivery WHERE message_id NOT IN (SELECT id FROM message WHERE kind LIKE 'run.%')"
        )
        == 0
    )
    assert imported.bench.value("SELECT min(due_at) > now() + interval '20 days' FROM timer WHERE state = 'armed'")


OLD_WORD = {
    "incoming": ("assigned", None),
    "assigned": ("assigned", None),
    "in_progress": ("in_progress", None),
    "redo": ("in_progress", "redo"),
    "finished": ("finished", None),
    "finished_redo": ("finished", "redo"),
    "completed": ("completed", None),
    "lost": ("incoming", None),
}
"""`lost` is only linked: nothing was taken over of its assignment."""

GO_ON = {
    "incoming": ("start", "finish", "complete"),
    "assigned": ("start", "redo", "refinish", "finish", "complete"),
    "in_progress": ("redo", "refinish", "redo", "refinish", "finish", "complete"),
    "redo": ("refinish", "finish", "complete"),
    "finished": ("redo", "refinish", "complete"),
    "finished_redo": ("refinish", "complete"),
}


def test_the_table_goes_on_from_every_state_in_flight() -> None:
    assert set(GO_ON) == set(old_house.IN_FLIGHT)
    assert set(OLD_WORD) == set(old_house.STATES)


def test_everyone_in_flight_is_carried_on_by_its_partner(database: str, old_database: str) -> None:
    take_over(database, source_url=old_database)
    bench = TestBench(database)
    house = House(bench)
    people = {f"par_{n}": house.a_person_of(f"par_{n}") for n in range(old_house.PARTNERS)}

    with house.open_workshop():
        for place in range(len(old_house.STATES) * len(old_house.SHAPES)):
            state, partner_id = old_house.state_of(place), f"par_{place % old_house.PARTNERS}"
            address, person = f"/partners/designs/01DES{place}", people[partner_id]
            info = house.get(address, by=person).json["partner_info"]
            assert (info["partner_status"], info["partner_phase"]) == OLD_WORD[state], old_house.shape_of(place)
            for verb in GO_ON.get(state, ()):
                answer = house.post(f"{address}/{verb}", by=person)
                assert answer.status_code == 200, (state, verb, answer.text)
            info = house.get(address, by=person).json["partner_info"]
            assert info["partner_status"] == ("incoming" if state == "lost" else "completed")

    with bench.engine.connect() as connection:
        assert {name: found for name, found in invariants.check(connection).items() if found} == {}
    house.close()
    bench.close()


def test_old_runs_keep_their_stamps_and_go_on_at_the_new_addresses(imported: House) -> None:
    rows = imported.bench.rows("SELECT r.* FROM production_run r WHERE metadata->>'legacy_kind' = 'production_run'")
    found = {row["metadata"]["legacy_id"]: row for row in rows}

    assert {key.removeprefix("prun_"): row["status"] for key, row in found.items()} == {
        state: state for state in old_house.RUN_STATES if state != "vanished"
    }
    running = found["prun_in_progress"]
    assert running["accepted_at"].isoformat() == "2024-03-02T09:00:00+00:00"
    assert [task["title"] for task in imported.bench.tasks(running["id"])] == ["weave", "press"]
    person = imported.a_person_of("par_0")
    with imported.open_workshop():
        answer = imported.post(f"/partners/production-runs/{running['id']}/start", by=person)
    assert answer.status_code == 200, answer.text


def test_a_timeline_begins_with_the_import(imported: House) -> None:
    run_id = imported.bench.value(
        "SELECT run_id FROM legacy_record WHERE kind = 'assignment' AND legacy_id = 'task_4_finish'"
    )

    told = imported.bench.rows("SELECT kind, body FROM message WHERE run_id = :id ORDER BY seq", id=run_id)

    assert [row["kind"].rpartition(".")[2] for row in told] == [
        "created",
        "sent_to_partner",
        "accepted",
        "started",
        "finished",
    ]
    assert told[0]["body"]["reason"] == "imported"


def test_whoever_lacks_something_is_refused_and_taken_once_it_is_there(database: str, tmp_path: Path) -> None:
    report = tmp_path / "report.jsonl"
    strays = (
        "not json",
        {"kind": "spell"},
        {"kind": "design"},
        {**PARTNER, "id": "par_2", "handle": "pia"},
        {**PARTNER, "id": "x\0"},
    )

    take_over(database, file=a_file(tmp_path, TASK, DESIGN, *strays), report=report)

    told = reasons(report)
    assert told["t_1"] == ("refused", "there is no partner 'par_1' here and none in the source")
    assert told["line 3"][1].startswith("it is not a JSON object")
    assert "known are partner, design" in told["line 4"][1]
    assert "needs an id" in told["line 5"][1]
    assert "NUL" in told["line 7"][1]
    take_over(database, file=a_file(tmp_path, TASK, DESIGN, PARTNER), report=report)
    assert reasons(report) == {
        "t_1": ("imported", "assigned became sent_to_partner"),
        "d_1": ("repeated", "taken over before"),
        "par_1": ("imported", "made"),
    }


def test_only_one_import_writes_at_a_time(database: str, tmp_path: Path) -> None:
    engine = databases.connect(database)
    with legacy_store.lock(engine), pytest.raises(ImportFailed, match="Another import"):
        take_over(database, file=a_file(tmp_path, PARTNER))
    engine.dispose()


def test_the_command_is_a_dry_run_unless_it_is_told_otherwise(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOOMLINE_DATABASE_URL", database)
    file = str(a_file(tmp_path, PARTNER, DESIGN, TASK))

    dry = CliRunner().invoke(main.app, ["legacy", "import", file])
    before = contents(database)
    applied = CliRunner().invoke(main.app, ["legacy", "import", file, "--apply"])
    neither = CliRunner().invoke(main.app, ["legacy", "import"])

    assert (dry.exit_code, applied.exit_code) == (0, 0), (dry.output, applied.output)
    assert "3 rows: 3 imported." in dry.output
    assert before["partner"] == []
    assert len(contents(database)["production_run"]) == 1
    assert neither.exit_code != 0
