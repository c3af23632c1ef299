"""Who is calling: bearer tokens, kept as SHA-256, always looked up in the database so that a revoked one ends at once.

An account of an inactive partner is known and may do nothing: 403 partner_inactive. A switched-off account is nobody: 401.
"""

import secrets
import threading
from collections import deque
from datetime import datetime, timedelta
from typing import Any

import falcon
import msgspec
from sqlalchemy import Connection, Engine

from services.api import cookies, errors
from services.api.routes import Principal, Who
from shared.runtime import clock, tokens

SESSION_PREFIX = "lls_"
API_TOKEN_PREFIX = tokens.API_TOKEN_PREFIX
SESSION_LASTS = timedelta(days=7)
LINK_SESSION_LASTS = timedelta(hours=12)

sha256, new_api_token = tokens.sha256, tokens.new_api_token


def new_session_token() -> str:
    return SESSION_PREFIX + secrets.token_urlsafe(32)


def token_of(req: falcon.Request) -> str | None:
    """The bearer token of a request, None when there is none. Raises 401 for another scheme."""
    header = req.get_header("Authorization")
    if not header:
        return None
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise errors.unauthorized("Send the token as `Authorization: Bearer …`.")
    return token.strip()


def admit(engine: Engine, req: falcon.Request, who: Who, *, by_cookie: bool = False) -> Principal | None:
    """The account behind a request, or a 401 or 403. A route for anybody asks nobody. by_cookie: a page, in a browser."""
    if who is Who.ANYBODY:
        return None
    token = cookies.session_of(req) if by_cookie else token_of(req)
    principal = resolve(engine, token) if token else None
    if principal and principal.run_id and not by_cookie:
        principal = None
    if principal is None:
        raise errors.unauthorized()
    if who is Who.ADMIN and not principal.is_admin:
        raise errors.forbidden("Only an admin may do this.")
    if who is Who.PARTNER and principal.partner_id is None:
        raise errors.forbidden("Only a partner's account may do this; an admin has addresses of their own.")
    return principal


def resolve(engine: Engine, token: str) -> Principal | None:
    """The account of a good token, None for a wrong, expired or revoked one. Raises 403 when its partner is inactive."""
    if token.startswith(API_TOKEN_PREFIX) and tokens.is_well_formed(token):
        statement = _BY_API_TOKEN
    elif token.startswith(SESSION_PREFIX):
        statement = _BY_SESSION
    else:
        return None
    with engine.begin() as connection:
        row = connection.exec_driver_sql(statement, {"hash": sha256(token)}).first()
    if row is None:
        return None
    principal, run_id = principal_of(row), row[6]
    if run_id is None:
        return principal
    return msgspec.structs.replace(principal, name=f"{row[7]} (by link)", run_id=run_id)


def principal_of(row: Any) -> Principal:
    """The principal of (id, name, email, role, partner_id, partner's status[, …, the one run]). Raises 403 when the partner is inactive."""
    if row[5] == "inactive":
        raise errors.forbidden("Your partner is not active; an admin can change that.", code="partner_inactive")
    return Principal(*row[:5])


def open_session(connection: Connection, account_id: str, *, run_id: str | None = None) -> tuple[str, datetime]:
    """A new session's token and when it ends. run_id: the only run it opens."""
    token, until = new_session_token(), clock.now() + (LINK_SESSION_LASTS if run_id else SESSION_LASTS)
    connection.exec_driver_sql(
        """INSERT INTO session (token_hash, account_id, expires_at, run_id)
           VALUES (%(hash)s, %(account)s, %(until)s, %(run)s)""",
        {"hash": sha256(token), "account": account_id, "until": until, "run": run_id},
    )
    return token, until


def revoke(connection: Connection, token: str) -> None:
    """End a session or an API token at once."""
    table = "api_token" if token.startswith(API_TOKEN_PREFIX) else "session"
    connection.exec_driver_sql(
        f"UPDATE {table} SET revoked_at = now(), updated_at = now() WHERE token_hash = %(hash)s AND revoked_at IS NULL",
        {"hash": sha256(token)},
    )


_ACCOUNT = "a.id, a.name, a.email, a.role, a.partner_id, p.status"
_JOINED = "JOIN account a ON a.id = t.account_id AND a.is_active LEFT JOIN partner p ON p.id = a.partner_id"
_BY_SESSION = f"""
SELECT {_ACCOUNT}, t.run_id, p.name FROM session t {_JOINED}
WHERE t.token_hash = %(hash)s AND t.revoked_at IS NULL AND t.expires_at > now()
"""
# When a token was last used is kept to the minute: a write on every request would cost more than it tells.
_BY_API_TOKEN = f"""
WITH used AS (
    UPDATE api_token SET last_used_at = now()
    WHERE token_hash = %(hash)s AND revoked_at IS NULL
      AND (last_used_at IS NULL OR last_used_at < now() - interval '1 minute'))
SELECT {_ACCOUNT}, NULL FROM api_token t {_JOINED}
WHERE t.token_hash = %(hash)s AND t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > now())
"""
BY_EMAIL = """
SELECT a.id, a.name, a.email, a.role, a.partner_id, p.status, a.password_hash
FROM account a LEFT JOIN partner p ON p.id = a.partner_id WHERE a.email = %(email)s AND a.is_active
"""


class Throttle:
    """Counts failures of a key (an e-mail address, a network address) in this process and says how long to wait."""

    def __init__(self, *, failures: int, within: timedelta) -> None:
        self._failures = failures
        self._within = within
        self._seen: dict[str, deque[datetime]] = {}
        self._lock = threading.Lock()

    def check(self, key: str, *, at: datetime) -> None:
        """Raise 429 when the key failed too often lately."""
        with self._lock:
            seen = self._recent(key, at)
            if len(seen) >= self._failures:
                wait = seen[0] + self._within - at
                raise errors.too_many(
                    "There were too many failed attempts; wait a while.", retry_seconds=int(wait.total_seconds()) + 1
                )

    def failed(self, key: str, *, at: datetime) -> None:
        with self._lock:
            if len(self._seen) >= _KEYS_KEPT:
                self._seen = {key: seen for key, seen in self._seen.items() if seen[-1] > at - self._within}
            self._seen.setdefault(key, self._recent(key, at)).append(at)

    def forget(self, key: str) -> None:
        """It succeeded: its failures count no more."""
        with self._lock:
            self._seen.pop(key, None)

    def _recent(self, key: str, at: datetime) -> deque[datetime]:
        seen = self._seen.get(key) or deque(maxlen=self._failures)
        while seen and seen[0] <= at - self._within:
            seen.popleft()
        return seen


_KEYS_KEPT = 10_000
