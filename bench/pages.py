"""List pages and lists in a house of many runs: server time of each, measured through the gateway's own application."""

import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
from falcon import testing

from services.api import app
from services.operator import migrate
from services.operator.postgres import EmbeddedPostgres
from shared.runtime import logs, passwords, settings

PASSWORD = "a password for measuring"
HOURS_LAID = 24 * 365
"""The runs are spread over a year."""

ADMIN = (
    "/console",
    "/console/runs",
    "/console/runs?q=nothing-like-that",
    "/console/runs?q=shawl&phase=started",
    "/console/runs?stuck=true",
    "/console/order-lines",
    "/console/operations",
    "/console/designs",
    "/console/partners",
)
PARTNER = ("/portal", "/portal?tab=in_progress", "/portal?tab=done", "/portal/tasks")


def measure(runs: int, *, rounds: int) -> Iterator[tuple[str, float, float]]:
    """(address, median, 95th percentile) in milliseconds, in a house of so many runs."""
    with tempfile.TemporaryDirectory(prefix="loomline-bench-") as home:
        postgres = EmbeddedPostgres(Path(home))
        url = postgres.start()
        try:
            migrate.upgrade(url)
            _fill(url, runs)
            yield from _ask(url, home, rounds=rounds)
        finally:
            postgres.stop()


def _ask(url: str, home: str, *, rounds: int) -> Iterator[tuple[str, float, float]]:
    told = settings.read({"LOOMLINE_DATABASE_URL": url, "LOOMLINE_HOME": home, "LOOMLINE_LOG_LEVEL": "error"})
    logs.start(told, process="bench")
    desk = app.desk_of(told)
    client = testing.TestClient(app.build(desk, [*app.routes(), *app.pages()]))
    for email, addresses in (("admin@bench.test", ADMIN), ("partner@bench.test", PARTNER)):
        token = client.simulate_post("/auth/login", json={"email": email, "password": PASSWORD}).json["token"]
        for address in addresses:
            times = [_timed(client, address, token) for _ in range(rounds + 2)][2:]
            yield address, statistics.median(times), sorted(times)[int(len(times) * 0.95) - 1]
    desk.engine.dispose()


def _timed(client: testing.TestClient, address: str, token: str) -> float:
    path, _, query = address.partition("?")
    began = time.perf_counter()
    answer = client.simulate_get(path, query_string=query, headers={"Cookie": f"loomline={token}"})
    taken = time.perf_counter() - began
    assert answer.status_code == 200, (address, answer.status_code)
    return taken * 1000


def _fill(url: str, runs: int) -> None:
    """Partners, designs, and families of one parent with one part, at every stage, with tasks and a timeline."""
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in _FILLING:
            connection.execute(statement.replace("%RUNS%", str(runs)).replace("%HOURS%", str(HOURS_LAID)))
        connection.execute(
            """INSERT INTO account (id, email, name, role, partner_id, password_hash) VALUES
               ('acct_1', 'admin@bench.test', 'Admin', 'admin', NULL, %(hash)s),
               ('acct_2', 'partner@bench.test', 'Partner', 'partner', 'ptnr_1', %(hash)s)""",
            {"hash": passwords.hashed(PASSWORD)},
        )
        connection.execute("VACUUM ANALYZE")


_FILLING = (
    """INSERT INTO partner (id, name, handle) SELECT 'ptnr_' || n, 'Partner ' || n, 'partner-' || n FROM generate_series(1, 50) n""",
    """INSERT INTO design (id, name) SELECT 'dsgn_' || n, (ARRAY['Shawl', 'Stole', 'Towel', 'Rug'])[1 + n % 4] || ' ' || n
       FROM generate_series(1, 500) n""",
    """INSERT INTO production_run (id, status, run_type, quantity, design_id, order_id, order_line_item_id, child_count, completed_at, created_at, updated_at)
       SELECT 'run_0' || lpad(n::text, 9, '0'), CASE WHEN n % 20 = 0 THEN 'pending_review' WHEN n % 5 = 0 THEN 'in_progress' ELSE 'completed' END,
              'production', 1 + n % 40, 'dsgn_' || 1 + n % 500, 'order-' || n, 'line-' || n, CASE WHEN n % 20 = 0 THEN 0 ELSE 1 END,
              CASE WHEN n % 5 <> 0 THEN now() END, now() - (n % %HOURS%) * interval '1 hour', now()
       FROM generate_series(1, %RUNS% / 2) n""",
    """INSERT INTO production_run (id, status, run_type, quantity, design_id, parent_run_id, partner_id, role, accepted_at, started_at,
                                   completed_at, dispatch_state, dispatch_round, waiting_for, waiting_until, created_at, updated_at)
       SELECT 'run_1' || lpad(n::text, 9, '0'),
              CASE WHEN n % 100 = 5 THEN 'sent_to_partner' WHEN n % 100 = 10 THEN 'awaiting_reassignment' WHEN n % 5 = 0 THEN 'in_progress' ELSE 'completed' END,
              'production', 1 + n % 40, 'dsgn_' || 1 + n % 500, 'run_0' || lpad(n::text, 9, '0'), 'ptnr_' || 1 + n % 50, 'weaving',
              CASE WHEN n % 100 NOT IN (5, 10) THEN now() END, CASE WHEN n % 10 <> 5 AND n % 100 <> 10 THEN now() END,
              CASE WHEN n % 5 <> 0 THEN now() END, 'completed', 1,
              CASE WHEN n % 5 = 0 THEN 'finish' END, CASE WHEN n % 5 = 0 THEN now() + (n % 500) * interval '1 hour' END,
              now() - (n % %HOURS%) * interval '1 hour', now()
       FROM generate_series(1, %RUNS% / 2) n WHERE n % 20 <> 0""",
    """INSERT INTO task (id, run_id, partner_id, title, kind, status, priority)
       SELECT 'task_' || id, id, partner_id, 'Weave', 'work', CASE WHEN status = 'completed' THEN 'completed' ELSE 'assigned' END, 'medium'
       FROM production_run WHERE parent_run_id IS NOT NULL""",
    """INSERT INTO message (id, kind, version, body, run_id, tenant, actor, correlation, created_at)
       SELECT 'msg_' || kind || id, kind, 1, '{}', id, partner_id, '{"kind": "system"}', id, production_run.created_at
       FROM production_run, unnest(ARRAY['production_run.created', 'production_run.accepted', 'production_run.completed']) kind""",
    """INSERT INTO delivery (message_id, actor, room, state, done_at, next_at, created_at)
       SELECT id, 'notify_people', 'effects', 'done', created_at, created_at, created_at FROM message""",
    """INSERT INTO order_line (id, source, order_id, order_line_item_id, outcome, reason, body)
       SELECT 'oline_' || n, 'shop', 'order-' || n, 'line-' || n, CASE WHEN n % 500 = 0 THEN 'unmapped' ELSE 'run' END, '', '{}'
       FROM generate_series(1, %RUNS% / 2) n""",
)


def report(runs: int, *, rounds: int) -> None:
    """Print the table."""
    print(f"server time of pages with {runs:,} runs, {rounds} requests each, {os.cpu_count()} cores")
    print("| page | median ms | p95 ms |")
    print("|---|---|---|")
    for address, median, high in measure(runs, rounds=rounds):
        print(f"| `{address}` | {median:.0f} | {high:.0f} |")
