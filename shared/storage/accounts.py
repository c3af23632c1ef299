"""People who sign in and the tokens of machines, as the operator's command looks after them. Short writes, each in its own transaction."""

from typing import Any

from sqlalchemy import Connection

from shared.runtime import ids, passwords, tokens
from shared.storage.impossible import Impossible

LEAST_PASSWORD = 10
"""Characters a person's password has at least."""


class UnknownAccount(Impossible):
    """There is no account {email}."""

    code = "unknown_account"


class AddressTaken(Impossible):
    """{email} has an account already."""

    code = "address_taken"


class UnknownPartner(Impossible):
    """There is no partner {partner}; name one by its id or its handle."""

    code = "unknown_partner"


class LastAdmin(Impossible):
    """{email} is the last admin who can sign in; switch another one on first."""

    code = "last_admin"


class UnknownToken(Impossible):
    """There is no token {token} that still works."""

    code = "unknown_token"


_SHOWN = """a.id, a.email, a.name, a.role, a.partner_id, p.name AS partner_name, a.is_active, a.created_at"""
_ACCOUNTS = f"SELECT {_SHOWN} FROM account a LEFT JOIN partner p ON p.id = a.partner_id"


def accounts(connection: Connection, *, role: str | None = None, partner: str | None = None) -> list[dict[str, Any]]:
    """All accounts, or those of a role or of a partner (its id or handle)."""
    rows = connection.exec_driver_sql(
        f"""{_ACCOUNTS} WHERE a.role = coalesce(%(role)s, a.role)
              AND (%(partner)s::text IS NULL OR %(partner)s IN (p.id, p.handle)) ORDER BY a.role, a.email""",
        {"role": role, "partner": partner},
    )
    return [dict(row) for row in rows.mappings()]


def account(connection: Connection, email: str) -> dict[str, Any]:
    """One account by its address. Raises UnknownAccount."""
    row = connection.exec_driver_sql(f"{_ACCOUNTS} WHERE a.email = %(email)s", {"email": _address(email)}).mappings()
    found = row.first()
    if found is None:
        raise UnknownAccount(email=email)
    return dict(found)


def add(connection: Connection, *, email: str, name: str, password: str, partner: str | None) -> dict[str, Any]:
    """A new account: a partner's (named by id or handle), else an admin's. Raises AddressTaken, UnknownPartner."""
    partner_id = _partner_id(connection, partner) if partner else None
    made = connection.exec_driver_sql(
        """INSERT INTO account (id, email, name, role, partner_id, password_hash)
           VALUES (%(id)s, %(email)s, %(name)s, %(role)s, %(partner)s, %(hash)s) ON CONFLICT (email) DO NOTHING""",
        {
            "id": ids.fresh("acct"),
            "email": _address(email),
            "name": name,
            "role": "partner" if partner_id else "admin",
            "partner": partner_id,
            "hash": passwords.hashed(password),
        },
    ).rowcount
    if not made:
        raise AddressTaken(email=email)
    return account(connection, email)


def set_password(connection: Connection, *, email: str, password: str) -> int:
    """A new password; every session of the account ends. Returns how many ended. Raises UnknownAccount."""
    found = account(connection, email)
    connection.exec_driver_sql(
        "UPDATE account SET password_hash = %(hash)s, updated_at = now() WHERE id = %(id)s",
        {"id": found["id"], "hash": passwords.hashed(password)},
    )
    return _end_sessions(connection, found["id"])


def switch_off(connection: Connection, *, email: str) -> int:
    """Nobody signs in with it any more, and its sessions end. Returns how many ended. Raises UnknownAccount, LastAdmin."""
    # Two who switch each other off wait for one another here.
    admins = connection.exec_driver_sql(
        "SELECT email FROM account WHERE role = 'admin' AND is_active ORDER BY id FOR NO KEY UPDATE"
    ).scalars()
    found = account(connection, email)
    if list(admins) == [found["email"]]:
        raise LastAdmin(email=email)
    _set_active(connection, found["id"], is_active=False)
    return _end_sessions(connection, found["id"])


def switch_on(connection: Connection, *, email: str) -> None:
    """It may sign in again; sessions that ended stay ended. Raises UnknownAccount."""
    _set_active(connection, account(connection, email)["id"], is_active=True)


# Tokens -------------------------------------------------------------------------------------------------------------


def tokens_of(connection: Connection, *, email: str | None) -> list[dict[str, Any]]:
    """Tokens that still work, of one account or of all."""
    rows = connection.exec_driver_sql(
        """SELECT t.id, t.name, a.email, a.is_active AS account_is_active, t.created_at, t.last_used_at, t.expires_at
           FROM api_token t JOIN account a ON a.id = t.account_id
           WHERE t.revoked_at IS NULL AND a.email = coalesce(%(email)s, a.email) ORDER BY t.created_at, t.id""",
        {"email": _address(email) if email else None},
    )
    return [dict(row) for row in rows.mappings()]


def add_token(connection: Connection, *, email: str, name: str) -> dict[str, Any]:
    """A new token acting as the account; its secret is in the answer and stored nowhere. Raises UnknownAccount."""
    found = account(connection, email)
    token_id, secret = issue_token(connection, found["id"], name=name)
    return {"id": token_id, "name": name, "email": found["email"], "secret": secret}


def issue_token(connection: Connection, account_id: str, *, name: str) -> tuple[str, str]:
    """A new token acting as an account: its id, and its secret, which is stored nowhere."""
    token_id = ids.fresh("tok")
    secret = tokens.new_api_token(token_id)
    connection.exec_driver_sql(
        "INSERT INTO api_token (id, account_id, name, token_hash) VALUES (%(id)s, %(account)s, %(name)s, %(hash)s)",
        {"id": token_id, "account": account_id, "name": name, "hash": tokens.sha256(secret)},
    )
    return token_id, secret


def revoke_token(connection: Connection, token_id: str) -> None:
    """It works no more, from the next request on. Raises UnknownToken."""
    ended = connection.exec_driver_sql(
        "UPDATE api_token SET revoked_at = now(), updated_at = now() WHERE id = %(id)s AND revoked_at IS NULL",
        {"id": token_id},
    ).rowcount
    if not ended:
        raise UnknownToken(token=token_id)


def _partner_id(connection: Connection, partner: str) -> str:
    found = connection.exec_driver_sql(
        "SELECT id FROM partner WHERE %(partner)s IN (id, handle)", {"partner": partner}
    ).scalar()
    if found is None:
        raise UnknownPartner(partner=partner)
    return str(found)


def _set_active(connection: Connection, account_id: str, *, is_active: bool) -> None:
    connection.exec_driver_sql(
        "UPDATE account SET is_active = %(active)s, updated_at = now() WHERE id = %(id)s",
        {"id": account_id, "active": is_active},
    )


def _end_sessions(connection: Connection, account_id: str) -> int:
    return connection.exec_driver_sql(
        """UPDATE session SET revoked_at = now(), updated_at = now()
           WHERE account_id = %(id)s AND revoked_at IS NULL AND expires_at > now()""",
        {"id": account_id},
    ).rowcount


def _address(email: str) -> str:
    return email.strip().lower()
