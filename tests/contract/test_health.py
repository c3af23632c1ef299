"""Health: alive is the process alone, ready needs the database at our schema, metrics never fail."""

import falcon.testing
import msgspec
import psycopg
import pytest
from prometheus_client.parser import text_string_to_metric_families

from services.api import app
from services.api.resources import health
from shared.storage import database as databases
from shared.storage import invariants
from tests.contract.office import Office


def test_a_gateway_on_its_schema_is_alive_and_ready(office: Office) -> None:
    assert office.client.simulate_get("/livez").json == {"status": "alive"}
    assert office.client.simulate_get("/readyz").json == {"status": "ready"}
    checks = office.client.simulate_get("/readyz?verbose").json["checks"]
    assert {name: check["status"] for name, check in checks.items()} == {
        "database": "ok",
        "migrations": "ok",
        "ledger": "ok",
    }


def test_a_schema_behind_ours_is_not_ready_and_one_ahead_is(office: Office) -> None:
    office.rows("UPDATE alembic_version SET version_num = '9999'")
    assert office.client.simulate_get("/readyz").status_code == 200

    office.rows("DELETE FROM alembic_version")
    answer = office.client.simulate_get("/readyz")

    assert answer.status_code == 503
    assert answer.json["code"] == "not_ready"
    assert "loomline migrate" in answer.json["detail"]


def test_the_revisions_are_read_in_order() -> None:
    assert health.revisions()[0] == "0001"


def test_something_due_that_nobody_takes_is_degraded_not_away(office: Office) -> None:
    a_delivery(office, state="pending", age="2 minutes")

    answer = office.client.simulate_get("/readyz?verbose=1")

    assert answer.status_code == 200
    assert answer.json["status"] == "degraded"
    assert answer.json["checks"]["ledger"]["lag_seconds"] > 100


def test_without_the_database_it_is_alive_not_ready_and_still_tells_its_metrics(office: Office) -> None:
    office.desk.engine.dispose()
    gone = databases.connect("postgresql://nobody:secret@127.0.0.1:1/nothing")
    office = away(office, gone)

    assert office.client.simulate_get("/livez").status_code == 200
    answer = office.client.simulate_get("/readyz")
    assert answer.status_code == 503
    assert answer.headers["retry-after"]
    assert "secret" not in answer.text
    figures = metrics(office)
    assert figures["loomline_database_up", ()] == 0
    assert any(name.startswith("process_") for name, _ in figures)


def test_metrics_tell_the_ledger_the_runs_and_the_invariants(office: Office) -> None:
    a_delivery(office, state="dead")
    a_delivery(office, state="pending", age="1 minute", message="msg_2")

    figures = metrics(office)

    assert figures["loomline_database_up", ()] == 1
    assert figures["loomline_ledger_deliveries", (("room", "orders"), ("state", "dead"))] == 1
    assert figures["loomline_ledger_deliveries", (("room", "orders"), ("state", "ready"))] == 1
    assert figures["loomline_ledger_oldest_seconds", (("room", "orders"),)] > 50
    told = {labels[0][1] for name, labels in figures if name == "loomline_invariant_offenders"}
    assert told == {row.name for row in invariants.INVARIANTS}


def test_every_invariant_holds_in_an_empty_house(database: str) -> None:
    engine = databases.connect(database)
    with engine.connect() as connection:
        broken = invariants.check(connection)
    engine.dispose()

    assert broken == {row.name: [] for row in invariants.INVARIANTS}


BROKEN = {
    "orders_without_outcome": """
        WITH m AS (INSERT INTO message (id, kind, version, body, actor, correlation, created_at) VALUES ('offender',
            'order.placed', 1, '{"source": "s", "order": {"id": "o", "items": [{"id": "l"}]}}', '{}', 'c', now() - interval '6 minutes')
            RETURNING id)
        INSERT INTO delivery (message_id, actor, room, state) SELECT id, 'place_order', 'orders', 'done' FROM m""",
    "order_lines_without_their_run": """
        INSERT INTO order_line (id, source, order_id, order_line_item_id, outcome, reason, body)
        VALUES ('offender', 's', 'o', 'l', 'run', 'r', '{}')""",
    "completed_without_settlement": "UPDATE production_run SET status = 'completed', completed_at = now()",
    "all_tasks_done_and_still_open": """
        WITH o AS (INSERT INTO work_order (id, run_id, partner_id, state, selection)
                   SELECT 'wo', 'offender', 'p', 'current', '{}' RETURNING id),
             t AS (INSERT INTO task (id, title, status, kind, run_id, work_order_id, priority)
                   SELECT 't', 't', 'completed', 'work', 'offender', id, 'low' FROM o)
        UPDATE production_run SET status = 'in_progress', work_order_id = 'wo'""",
    "parents_out_of_step": """
        WITH c AS (INSERT INTO production_run (id, status, run_type, quantity, design_id, parent_run_id, cancelled_at)
                   VALUES ('child', 'cancelled', 'production', 1, 'd', 'offender', now()))
        UPDATE production_run SET child_count = 1""",
    "armed_timers_on_terminal_runs": """
        WITH r AS (UPDATE production_run SET status = 'cancelled', cancelled_at = now())
        INSERT INTO timer (run_id, gate, generation, due_at, state) VALUES ('offender', 'accept', 1, now(), 'armed')""",
    "waits_without_a_timer": "UPDATE production_run SET waiting_for = 'accept', waiting_until = now()",
    "accepted_not_told_once": "UPDATE production_run SET accepted_at = now()",
    "started_told_twice": """
        WITH r AS (UPDATE production_run SET accepted_at = now(), started_at = now())
        INSERT INTO message (id, kind, version, body, run_id, actor, correlation)
        SELECT 'm' || n, 'production_run.started', 1, '{}', 'offender', '{}', 'c' FROM generate_series(1, 2) n""",
    "finished_not_told_once": "UPDATE production_run SET accepted_at = now(), started_at = now(), finished_at = now()",
    "completed_not_told_once": "UPDATE production_run SET status = 'completed', completed_at = now()",
}


@pytest.mark.parametrize("name", BROKEN)
def test_an_invariant_names_what_breaks_it(database: str, name: str) -> None:
    with psycopg.connect(database) as connection:
        connection.execute("INSERT INTO design (id, name) VALUES ('d', 'd')")
        connection.execute("INSERT INTO partner (id, name, handle) VALUES ('p', 'p', 'p')")
        connection.execute(
            """INSERT INTO production_run (id, status, run_type, quantity, design_id)
               VALUES ('offender', 'approved', 'production', 1, 'd')"""
        )
        connection.execute(BROKEN[name])
    engine = databases.connect(database)
    with engine.connect() as connected:
        broken = invariants.check(connected)
    engine.dispose()

    assert broken[name] == ["offender"]


def test_a_dead_letter_is_shown_replayed_once_and_discarded_once(office: Office) -> None:
    a_delivery(office, state="dead")
    letters = office.ask("GET", "/admin/operations/dead-letters?count=true").json
    letter = letters["dead_letters"][0]
    path = f"/admin/operations/dead-letters/{letter['id']}"

    replayed = office.ask("POST", f"{path}/replay")
    again = office.ask("POST", f"{path}/replay")
    office.rows("UPDATE delivery SET state = 'dead'")
    discarded = office.ask("POST", f"{path}/discard")

    assert letters["count"] == 1
    assert (letter["kind"], letter["body"], letter["error"]) == ("order.placed", {"source": "s"}, "it broke")
    assert replayed.json["dead_letter"]["state"] == "pending"
    assert again.status_code == 409
    assert discarded.json["dead_letter"]["state"] == "discarded"
    assert office.ask("GET", "/admin/operations/dead-letters").json["dead_letters"] == []
    assert office.ask("POST", "/admin/operations/dead-letters/12345/replay").status_code == 404
    assert office.ask("POST", "/admin/operations/dead-letters/one/replay").status_code == 404


def test_the_board_shows_every_room(office: Office) -> None:
    a_delivery(office, state="dead")

    board = office.ask("GET", "/admin/operations").json

    rooms = {queue["room"]: queue for queue in board["queues"]}
    assert set(rooms) == {"orders", "dispatch", "milestones", "tasks", "cascade", "effects"}
    assert rooms["orders"]["dead"] == 1
    assert board["stuck_runs"] == board["overdue_gates"] == board["failed_notifications"] == 0
    assert all(row["count"] == 0 for row in board["invariants"])


def test_order_lines_are_found_by_their_outcome(office: Office) -> None:
    office.rows(
        """INSERT INTO order_line (id, source, order_id, order_line_item_id, outcome, reason, body)
           VALUES ('l1', 's', 'o', 'a', 'unmapped', 'no link', '{}'), ('l2', 's', 'o', 'b', 'parked', 'wanted', '{}')"""
    )

    found = office.ask("GET", "/admin/order-lines?outcome=unmapped").json["order_lines"]

    assert [(line["id"], line["reason"], line["production_run_id"]) for line in found] == [("l1", "no link", None)]
    assert office.ask("GET", "/admin/order-lines?outcome=lost").status_code == 422


def a_delivery(office: Office, *, state: str, age: str = "1 second", message: str = "msg_1") -> None:
    office.rows(
        """INSERT INTO message (id, kind, version, body, actor, correlation)
           VALUES (%(id)s, 'order.placed', 1, '{"source": "s"}', '{}', %(id)s)""",
        id=message,
    )
    office.rows(
        """INSERT INTO delivery (message_id, actor, room, state, error, attempts, created_at, next_at, done_at)
           VALUES (%(id)s, 'place_order', 'orders', %(state)s, 'it broke', 10,
                   now() - %(age)s::interval, now() - %(age)s::interval, now())""",
        id=message,
        state=state,
        age=age,
    )


def metrics(office: Office) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    answer = office.client.simulate_get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def away(office: Office, engine: object) -> Office:
    """The same gateway, its database gone."""
    office.desk = msgspec.structs.replace(office.desk, engine=engine)
    office.client = falcon.testing.TestClient(app.build(office.desk, app.routes()))
    return office
