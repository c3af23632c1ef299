"""Health: is the process alive, may it be given requests, and its figures. The gateway needs no broker to be ready."""

import re
from functools import cache
from pathlib import Path
from typing import Any

import prometheus_client
import psycopg
import sqlalchemy.exc
from sqlalchemy import Connection

from services.api import errors
from services.api.queries import figures, operations
from services.api.routes import Call, Reply, Route, Who

LATE_SECONDS = 60.0
"""When something due has waited so long to be handed out, commands take long: degraded, not away."""

VERSIONS = Path(__file__).resolve().parents[3] / "migrations" / "versions"

CODES = {"not_ready": "This process cannot serve yet or just now; `checks` says why."}
"""The problem codes of this module, with their sentences."""


def is_alive(_: Call) -> Reply:
    """The process answers."""
    return Reply({"status": "alive"})


def is_ready(call: Call) -> Reply:
    """The database answers and has this release's schema. Raises a 503 problem with the checks."""
    checks = _checks(call)
    failed = [f"{name}: {check['detail']}" for name, check in checks.items() if check["status"] == "failed"]
    if failed:
        detail = f"Not ready: {'; '.join(failed)}."
        raise errors.Problem(503, "not_ready", detail, extra={"checks": checks}, headers={"Retry-After": "2"})
    is_late = any(check["status"] == "degraded" for check in checks.values())
    told = {"status": "degraded" if is_late else "ready"}
    return Reply({**told, "checks": checks} if "verbose" in call.query else told)


def read_metrics(call: Call) -> Reply:
    """This process's counters, and the ledger's figures while the database answers."""
    text = prometheus_client.generate_latest() + figures.exposition(call.desk.engine)
    return Reply(text, content_type=prometheus_client.CONTENT_TYPE_LATEST)


def _checks(call: Call) -> dict[str, dict[str, Any]]:
    try:
        with call.desk.engine.connect() as connection:
            schema = _schema(connection)
            ledger = _ledger(connection) if schema["status"] != "failed" else {}
    except sqlalchemy.exc.SQLAlchemyError:
        return {"database": {"status": "failed", "detail": "the database does not answer"}}
    checks = {"database": {"status": "ok"}, "migrations": schema}
    return checks | ({"ledger": ledger} if ledger else {})


def _schema(connection: Connection) -> dict[str, Any]:
    """A schema ahead of us was made to serve us as well; one behind us was not."""
    at, known = _revision(connection), revisions()
    told = {"revision": at, "wanted": known[-1] if known else None}
    if at is None:
        return {"status": "failed", "detail": "the database has no schema yet; run `loomline migrate`", **told}
    if at in known[:-1]:
        return {
            "status": "failed",
            "detail": f"the schema is at {at}, before {known[-1]}; run `loomline migrate`",
            **told,
        }
    return {"status": "ok", **told}


def _revision(connection: Connection) -> str | None:
    try:
        found: str | None = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    except sqlalchemy.exc.ProgrammingError as wrong:
        if isinstance(wrong.orig, psycopg.errors.UndefinedTable):
            connection.rollback()
            return None
        raise
    return found


def _ledger(connection: Connection) -> dict[str, Any]:
    lag = operations.lag_seconds(connection)
    if lag > LATE_SECONDS:
        detail = f"something due has waited {lag:.0f} s to be handed out; are workers and relay running?"
        return {"status": "degraded", "detail": detail, "lag_seconds": lag}
    return {"status": "ok", "lag_seconds": lag}


@cache
def revisions(versions: Path = VERSIONS) -> tuple[str, ...]:
    """This release's revisions, oldest first, read from the files' text: to import alembic takes long."""
    found = {}
    for file in versions.glob("*.py"):
        told = dict(_REVISION.findall(file.read_text()))
        if "revision" in told:
            found[told.get("down_revision")] = told["revision"]
    chain: list[str] = []
    while (following := found.get(chain[-1] if chain else None)) is not None:
        chain.append(following)
    return tuple(chain)


_REVISION = re.compile(r"^(revision|down_revision)\b[^=\n]*=\s*['\"]([^'\"]+)['\"]", re.MULTILINE)


def _open_to_all(path: str, do: Any, summary: str, **more: Any) -> Route:
    return Route(method="GET", path=path, do=do, who=Who.ANYBODY, tag="health", summary=summary, **more)


ROUTES: tuple[Route, ...] = (
    _open_to_all("/livez", is_alive, "Is the process alive?", answers={200: "It is."}),
    _open_to_all("/readyz", is_ready, "May it be given requests?", query=("verbose",), answers={200: "It may.", 503: "Not now."}),
    _open_to_all("/metrics", read_metrics, "Figures for Prometheus.", answers={200: "Prometheus' text form."}),
)  # fmt: skip
