"""How a database is set up and how the ledger in it stands: what `loomline doctor` asks. Reads only, and needs no schema but where it says so."""

from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection


class Server(msgspec.Struct, frozen=True, kw_only=True):
    """PostgreSQL as it is set up."""

    version: int
    """As PostgreSQL counts: 150004 is 15.4."""
    synchronous_commit: str
    fsync: str
    full_page_writes: str
    time_zone: str
    now: datetime
    max_connections: int
    connections: int
    encoding: str


def server(connection: Connection) -> Server:
    """The settings as this role finds them, before any of ours."""
    row = connection.exec_driver_sql(
        """SELECT current_setting('server_version_num')::int AS version,
                  current_setting('synchronous_commit') AS synchronous_commit, current_setting('fsync') AS fsync,
                  current_setting('full_page_writes') AS full_page_writes, current_setting('TimeZone') AS time_zone,
                  clock_timestamp() AS now, current_setting('max_connections')::int AS max_connections,
                  (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend') AS connections,
                  pg_encoding_to_char(encoding) AS encoding
           FROM pg_database WHERE datname = current_database()"""
    ).mappings()
    return Server(**row.one())


def missing_rights(connection: Connection) -> list[str]:
    """Tables of ours that this role may not read and write."""
    rows = connection.exec_driver_sql(
        """SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
           WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p') AND c.relname <> 'alembic_version'
             AND NOT (has_table_privilege(c.oid, 'SELECT') AND has_table_privilege(c.oid, 'INSERT')
                      AND has_table_privilege(c.oid, 'UPDATE') AND has_table_privilege(c.oid, 'DELETE'))
           ORDER BY 1"""
    )
    return list(rows.scalars())


def may_create(connection: Connection) -> bool:
    """Whether this role may make tables here, as a migration does."""
    return bool(connection.exec_driver_sql("SELECT has_schema_privilege(current_schema(), 'CREATE')").scalar())


class Ledger(msgspec.Struct, frozen=True, kw_only=True):
    """The ledger in figures; needs the schema."""

    pending: int
    dead: int
    lag_seconds: float
    """For how long the oldest due delivery has waited to be handed out; those behind another of their lane wait rightly."""
    stuck_leases: int
    """Handed out again and again, and never ended in anything."""
    parked_messages: int
    failed_notifications: int


def ledger(connection: Connection) -> Ledger:
    """How the ledger stands now."""
    row = connection.exec_driver_sql(
        """SELECT (SELECT count(*) FROM delivery WHERE state = 'pending') AS pending,
                  (SELECT count(*) FROM delivery WHERE state = 'dead') AS dead,
                  coalesce((SELECT extract(epoch FROM clock_timestamp() - min(d.next_at)) FROM delivery d
                      WHERE d.state = 'pending' AND d.next_at <= clock_timestamp()
                        AND (d.run_id IS NULL OR NOT EXISTS (SELECT 1 FROM delivery o
                             WHERE o.run_id = d.run_id AND o.state = 'pending' AND o.id < d.id))), 0)::float AS lag_seconds,
                  (SELECT count(*) FROM delivery WHERE state = 'pending' AND sends >= 3 AND attempts = 0) AS stuck_leases,
                  (SELECT count(*) FROM parked_message WHERE state = 'parked') AS parked_messages,
                  (SELECT count(*) FROM notification WHERE state = 'failed') AS failed_notifications"""
    ).mappings()
    return Ledger(**row.one())


def alarms(connection: Connection) -> list[dict[str, Any]]:
    """What waits for a person before it goes on."""
    rows = connection.exec_driver_sql(
        "SELECT name, detail, raised_at, released_until FROM alarm WHERE released_until IS NULL OR released_until < now() ORDER BY name"
    )
    return [dict(row) for row in rows.mappings()]


def has_admin(connection: Connection) -> bool:
    """Somebody can sign in as an admin."""
    return bool(connection.exec_driver_sql("SELECT 1 FROM account WHERE role = 'admin' AND is_active LIMIT 1").scalar())


def connected(connection: Connection) -> dict[str, int]:
    """How many connections each program holds on this database, by the name it gave."""
    rows = connection.exec_driver_sql(
        "SELECT application_name, count(*) FROM pg_stat_activity WHERE datname = current_database() GROUP BY 1 ORDER BY 1"
    )
    return {row[0]: row[1] for row in rows}
