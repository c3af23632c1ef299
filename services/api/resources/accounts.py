"""Signing in and out, who am I, and API tokens for machines."""

from datetime import datetime, timedelta
from typing import Any

import msgspec

from services.api import auth, errors
from services.api.queries import lists, people
from services.api.routes import Call, Principal, Reply, Route, Who
from shared.runtime import clock, passwords
from shared.storage import accounts

TAG = "Accounts"

PER_EMAIL = auth.Throttle(failures=10, within=timedelta(minutes=15))
PER_ADDRESS = auth.Throttle(failures=100, within=timedelta(minutes=15))


class Credentials(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who wants to sign in."""

    email: str
    password: str


class NewToken(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the token is called, so that it can be told from others and revoked."""

    name: str

    def __post_init__(self) -> None:
        if not self.name.strip():
            raise ValueError("name: must not be empty")


def log_in(call: Call) -> Reply:
    """A session's token. Unknown people and wrong passwords get the same answer after the same time."""
    token, principal, until = opened(call, email=call.body.email, password=call.body.password)
    return Reply({"token": token, "expires_at": until, "account": account(principal)})


def opened(call: Call, *, email: str, password: str) -> tuple[str, Principal, datetime]:
    """A new session of who knows the password: its token, whose it is, when it ends. Raises 401 and 429 problems."""
    email, address, now = email.strip().lower(), call.req.remote_addr, clock.now()
    PER_EMAIL.check(email, at=now)
    PER_ADDRESS.check(address, at=now)
    with call.desk.engine.connect() as connection:
        row = connection.exec_driver_sql(auth.BY_EMAIL, {"email": email}).first()
    if not passwords.fits(password, row[6] if row else None) or row is None:
        PER_EMAIL.failed(email, at=now)
        PER_ADDRESS.failed(address, at=now)
        raise errors.Problem(401, "wrong_credentials", "The address and the password do not belong together.")
    PER_EMAIL.forget(email)
    principal = auth.principal_of(row)
    with call.desk.engine.begin() as connection:
        token, until = auth.open_session(connection, principal.account_id)
    return token, principal, until


def log_out(call: Call) -> Reply:
    """The token that came with the request is worth nothing from now on."""
    auth.revoke(call.tx, auth.token_of(call.req) or "")
    return Reply(None, status=204)


def me(call: Call) -> Reply:
    return Reply({"account": account(call.who)})


def account(principal: Principal) -> dict[str, Any]:
    """An account on the wire."""
    return {
        "id": principal.account_id,
        "name": principal.name,
        "email": principal.email,
        "role": principal.role,
        "partner_id": principal.partner_id,
    }


def new_token(call: Call) -> Reply:
    """A token for a machine, acting as this account. The secret is shown this once and stored nowhere."""
    token_id, secret = accounts.issue_token(call.tx, call.who.account_id, name=call.body.name)
    return Reply({"token": people.token(call.tx, token_id), "secret": secret}, status=201)


def list_tokens(call: Call) -> Reply:
    with call.desk.engine.connect() as connection:
        return Reply(people.tokens(connection, call.who.account_id, call.query))


def revoke_token(call: Call) -> Reply:
    ended = call.tx.exec_driver_sql(
        """UPDATE api_token SET revoked_at = now(), updated_at = now()
           WHERE id = %(id)s AND account_id = %(account)s AND revoked_at IS NULL""",
        {"id": call.params["id"], "account": call.who.account_id},
    ).rowcount
    if not ended:
        raise errors.not_found("token")
    return Reply(None, status=204)


ROUTES: tuple[Route, ...] = (
    Route(
        method="POST",
        path="/auth/login",
        do=log_in,
        who=Who.ANYBODY,
        summary="Sign in with an e-mail address and a password.",
        body=Credentials,
        answers={200: "The session's token.", 401: "They do not belong together.", 429: "Too many failed attempts."},
        tag=TAG,
    ),
    Route(
        method="POST",
        path="/auth/logout",
        do=log_out,
        who=Who.SIGNED_IN,
        summary="End this session.",
        transactional=True,
        answers={204: "It is ended."},
        tag=TAG,
    ),
    Route(
        method="GET",
        path="/auth/me",
        do=me,
        who=Who.SIGNED_IN,
        summary="Whose token this is.",
        tag=TAG,
    ),
    Route(
        method="POST",
        path="/auth/tokens",
        do=new_token,
        who=Who.SIGNED_IN,
        summary="Make an API token; its secret is shown this once.",
        body=NewToken,
        transactional=True,
        answers={201: "The token and its secret."},
        tag=TAG,
    ),
    Route(
        method="GET",
        path="/auth/tokens",
        do=list_tokens,
        who=Who.SIGNED_IN,
        summary="My API tokens that still work.",
        query=lists.LIST_PARAMETERS,
        tag=TAG,
    ),
    Route(
        method="DELETE",
        path="/auth/tokens/{id}",
        do=revoke_token,
        who=Who.SIGNED_IN,
        summary="Revoke one of my API tokens.",
        transactional=True,
        answers={204: "It works no more.", 404: "There is no such token."},
        tag=TAG,
    ),
)
