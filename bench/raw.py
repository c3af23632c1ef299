"""The limit under us: the four statements that one command cannot do without, straight through the driver."""

import threading
import time

import psycopg

STATEMENTS = (
    "SELECT status FROM bench_run WHERE id = %(run)s FOR UPDATE",
    "UPDATE bench_run SET status = %(status)s, changed_at = now() WHERE id = %(run)s",
    "INSERT INTO bench_message (run_id, body) VALUES (%(run)s, %(body)s)",
    "INSERT INTO bench_delivery (run_id, state) VALUES (%(run)s, 'done')",
)
BODY = '{"before": {"status": "in_progress"}, "after": {"status": "in_progress"}}'


def measure(url: str, *, connections: int, seconds: float) -> float:
    """Transactions per second of so many connections, each on runs of its own."""
    with psycopg.connect(url, autocommit=True) as setup:
        setup.execute(
            "CREATE TABLE IF NOT EXISTS bench_run (id bigint PRIMARY KEY, status text, changed_at timestamptz)"
        )
        setup.execute("CREATE TABLE IF NOT EXISTS bench_message (id bigserial PRIMARY KEY, run_id bigint, body jsonb)")
        setup.execute("CREATE TABLE IF NOT EXISTS bench_delivery (id bigserial PRIMARY KEY, run_id bigint, state text)")
        setup.execute("INSERT INTO bench_run SELECT n, 'new' FROM generate_series(1, 1000) n ON CONFLICT DO NOTHING")
    counts = [0] * connections
    until = time.monotonic() + seconds
    threads = [threading.Thread(target=_work, args=(url, place, until, counts)) for place in range(connections)]
    begun = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / (time.monotonic() - begun)


def _work(url: str, place: int, until: float, counts: list[int]) -> None:
    with psycopg.connect(url) as connection:
        while time.monotonic() < until:
            parameters = {"run": place * 100 + counts[place] % 100 + 1, "status": str(counts[place]), "body": BODY}
            with connection.transaction():
                for statement in STATEMENTS:
                    connection.execute(statement, parameters)
            counts[place] += 1
