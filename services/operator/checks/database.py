"""The database: can be reached, is new enough, keeps what it commits, has our schema; and how the ledger in it stands."""

from collections.abc import Iterator

import psycopg
from sqlalchemy import Connection

from services.operator import connections, migrate
from services.operator.checks.findings import Finding, Standing, ok, warning, wrong
from shared.runtime import clock
from shared.runtime.settings import Settings
from shared.storage import condition, database, invariants

OLDEST = 150_000
SKEW_SECONDS, WORST_SKEW_SECONDS = 2.0, 30.0
LATE_SECONDS = 60.0
WORKER = ("worker", frozenset({"loomline-worker", "loomline worker"}))
RELAY = ("relay", frozenset({"loomline relay"}))
SWEEPER = ("sweeper", frozenset({"loomline-sweeper"}))
"""Processes that hold a connection as long as they live, and the names they give. With RabbitMQ a worker needs one only while it works."""


def all_of(settings: Settings) -> Iterator[Finding]:
    """Every check of this module; the later ones only where the earlier ones hold."""
    try:
        url = connections.reachable_database_url(settings)
    except connections.Unreachable as why:
        detail, _, fix = str(why).partition(". ")
        yield wrong(
            "database",
            f"{detail.rstrip('.')}.",
            fix=fix or "Correct the user and the password in LOOMLINE_DATABASE_URL.",
        )
        return
    with psycopg.connect(url, connect_timeout=5) as plain:
        at = migrate.current(plain)
    engine = database.connect(url, pool_size=1, application="loomline-command")
    try:
        with engine.connect() as connection:
            yield from _server(connection)
            yield _schema(at)
            if not migrate.is_behind(at):
                yield from _house(connection, is_rung=bool(settings.amqp_url))
    finally:
        engine.dispose()


def _server(connection: Connection) -> Iterator[Finding]:
    before = clock.now()
    server = condition.server(connection)
    after = clock.now()
    yield _version(server)
    yield _durability(server)
    yield _clock((server.now - (before + (after - before) / 2)).total_seconds())
    yield _time_zone(server)
    yield _room(server)


def _version(server: condition.Server) -> Finding:
    told = f"{server.version // 10_000}.{server.version % 10_000}"
    if server.version < OLDEST:
        return wrong("database", f"PostgreSQL {told} is too old.", fix="Upgrade it to 15 or newer.")
    if server.encoding != "UTF8":
        return wrong(
            "database",
            f"The database is encoded as {server.encoding}.",
            fix="Create one by `createdb --encoding=UTF8`.",
        )
    return ok("database", f"PostgreSQL {told} answers.")


def _durability(server: condition.Server) -> Finding:
    """What was answered 2xx survives a power cut only like this."""
    settings = ("synchronous_commit", "fsync", "full_page_writes")
    off = [name for name in settings if getattr(server, name) == "off"]
    if off:
        return wrong(
            "durability",
            f"{', '.join(off)} {'is' if len(off) == 1 else 'are'} off: what was committed may be lost.",
            fix="; ".join(f"ALTER SYSTEM SET {name} = on" for name in off)
            + "; SELECT pg_reload_conf(); and look whether the role or the database overrides it.",
        )
    return ok("durability", f"synchronous_commit = {server.synchronous_commit}, fsync = {server.fsync}.")


def _clock(skew: float) -> Finding:
    told = f"The database's clock is {abs(skew):.1f} s {'ahead of' if skew > 0 else 'behind'} this machine's."
    fix = "Let both take their time from the same NTP servers."
    if abs(skew) > WORST_SKEW_SECONDS:
        return wrong("clock", told, fix=fix)
    if abs(skew) > SKEW_SECONDS:
        return warning("clock", told, fix=fix)
    return ok("clock", told)


def _time_zone(server: condition.Server) -> Finding:
    if server.time_zone != "UTC":
        return wrong(
            "time zone",
            f"Our connections have the time zone {server.time_zone}: something between drops what we ask for.",
            fix="Let the pooler pass `options` on, or ALTER ROLE … SET timezone TO 'UTC'.",
        )
    return ok("time zone", "Our connections are in UTC.")


def _room(server: condition.Server) -> Finding:
    told = f"{server.connections} of {server.max_connections} connections are taken."
    if server.connections > 0.9 * server.max_connections:
        return warning("connections", told, fix="Raise max_connections, or run fewer processes.")
    return ok("connections", told)


def _schema(at: object) -> Finding:
    if at is None:
        return wrong("schema", "The database has no schema yet.", fix="Run `loomline migrate`.")
    if migrate.is_behind(at):
        return wrong("schema", f"The schema is at {at}, before {migrate.head()}.", fix="Run `loomline migrate`.")
    if at != migrate.head():
        return ok("schema", f"The schema is at {at}, ahead of this release, and serves it as well.")
    return ok("schema", f"The schema is at {at}, this release's.")


def _house(connection: Connection, *, is_rung: bool) -> Iterator[Finding]:
    rights = _rights(connection)
    yield rights
    if rights.standing is Standing.WRONG:
        return
    yield _admin(connection)
    yield from _ledger(condition.ledger(connection))
    yield _processes(condition.connected(connection), needed=(RELAY if is_rung else WORKER, SWEEPER))
    yield from _alarms(connection)
    yield from _invariants(connection)


def _rights(connection: Connection) -> Finding:
    missing = condition.missing_rights(connection)
    if missing:
        return wrong(
            "rights",
            f"This role may not read and write {', '.join(missing[:5])}{' and more' if len(missing) > 5 else ''}.",
            fix="GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO the role of LOOMLINE_DATABASE_URL.",
        )
    if not condition.may_create(connection):
        return ok("rights", "This role may read and write, and may not migrate: `loomline migrate` needs the owner.")
    return ok("rights", "This role may read, write and migrate.")


def _admin(connection: Connection) -> Finding:
    if not condition.has_admin(connection):
        return warning("admin", "Nobody can sign in as an admin.", fix="Run `loomline admin`.")
    return ok("admin", "An admin can sign in.")


def _ledger(ledger: condition.Ledger) -> Iterator[Finding]:
    if ledger.dead:
        yield wrong(
            "dead letters",
            f"{_many(ledger.dead, 'delivery', 'deliveries')} failed too often.",
            fix="`loomline dead-letters list` shows them; repair the cause, then replay or discard each.",
        )
    else:
        yield ok("dead letters", "There are none.")
    if ledger.lag_seconds > LATE_SECONDS:
        yield wrong(
            "ledger",
            f"The oldest due delivery has waited {ledger.lag_seconds:.0f} s to be handed out.",
            fix="Start workers (and the relay, with RabbitMQ), or more of them.",
        )
    else:
        yield ok("ledger", f"{_many(ledger.pending, 'delivery is', 'deliveries are')} not done yet, none of them late.")
    if ledger.stuck_leases:
        yield warning(
            "leases",
            f"{_many(ledger.stuck_leases, 'delivery was', 'deliveries were')} handed out three times and more without any end.",
            fix="Look at the workers' logs: are they killed, or is the broker's queue not consumed?",
        )
    yield from _left_lying(ledger)


def _left_lying(ledger: condition.Ledger) -> Iterator[Finding]:
    if ledger.parked_messages:
        yield warning(
            "parked messages",
            f"{_many(ledger.parked_messages, 'message', 'messages')} from the broker could not be read.",
            fix="An admin reads and decides them at /admin/parked-messages.",
        )
    if ledger.failed_notifications:
        yield warning(
            "notices",
            f"{_many(ledger.failed_notifications, 'notice', 'notices')} could not be sent.",
            fix="Correct the contacts or LOOMLINE_ADMIN_NOTIFY; the board names them.",
        )


def _processes(connected: dict[str, int], *, needed: tuple[tuple[str, frozenset[str]], ...]) -> Finding:
    """Who holds a connection is alive."""
    missing = [kind for kind, names in needed if not names & connected.keys()]
    if missing:
        return warning(
            "processes",
            f"No {' and no '.join(missing)} is connected: nothing {'falls due' if missing == ['sweeper'] else 'is carried out'}.",
            fix="Start Loomline by `loomline up`, or its processes by themselves (docs/architecture.md).",
        )
    return ok("processes", f"A {' and a '.join(kind for kind, _ in needed)} are connected.")


def _alarms(connection: Connection) -> Iterator[Finding]:
    fixes = {"mass_lapse": "Check the clock, then `loomline release-sweep`."}
    for alarm in condition.alarms(connection):
        fix = fixes.get(alarm["name"], "An admin looks at /admin/operations.")
        yield wrong(f"alarm {alarm['name']}", f"{alarm['detail']}.".replace("..", "."), fix=fix)


def _invariants(connection: Connection) -> Iterator[Finding]:
    sentences = {row.name: row.sentence for row in invariants.INVARIANTS}
    broken = {name: found for name, found in invariants.check(connection).items() if found}
    for name, found in broken.items():
        yield wrong(
            f"invariant {name}",
            f"{sentences[name]} {len(found)} break it: {', '.join(found[:5])}{' …' if len(found) > 5 else ''}.",
            fix="Keep the database as it is and report it with `loomline runs timeline` of these.",
        )
    if not broken:
        yield ok("invariants", f"All {len(sentences)} hold.")


def _many(number: int, one: str, several: str) -> str:
    return f"{number} {one if number == 1 else several}"
