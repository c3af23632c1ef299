"""`loomline tokens`: the ways in of machines, each acting as an account."""

from typing import Annotated

import typer

from services.operator.commands.telling import AsJson, Told, command, facts, group, table, words

tokens = group(
    "API tokens: the ways in of machines, each acting as an account.",
    "loomline tokens make admin@loomline.localhost --name nightly-report",
    "loomline tokens list",
    "loomline tokens revoke tok_01…",
)
SHOWN = ("id", "name", "email", "account_is_active", "last_used_at", "expires_at", "created_at")


@command(
    tokens,
    "list",
    "List the tokens that still work.",
    "loomline tokens list",
    "loomline tokens list --account pia@weavers.example",
)
def list_tokens(
    account: Annotated[str | None, typer.Option(help="Of this account only: its address.")] = None,
    as_json: AsJson = False,
) -> Told:
    """Never their secrets: those are stored nowhere."""
    from services.operator.commands.house import opened
    from shared.storage import accounts

    with opened() as house:
        found = house.read(lambda c: accounts.tokens_of(c, email=account))
    return Told({"tokens": found}, [table(found, *SHOWN)])


@command(
    tokens,
    "make",
    "Make a token. Its secret is shown once.",
    "loomline tokens make admin@loomline.localhost --name nightly-report",
)
def make(
    account: Annotated[str, typer.Argument(help="The address of the account it acts as.")],
    name: Annotated[str, typer.Option(help="What it is for, so that it can be told from others.")],
    as_json: AsJson = False,
) -> Told:
    """A machine's way in."""
    from services.operator.commands.house import opened
    from shared.storage import accounts

    if not name.strip():
        raise typer.BadParameter("A token needs a name.")
    with opened() as house:
        made = house.write(lambda c: accounts.add_token(c, email=account, name=name))
    secret = made.pop("secret")
    return Told({"token": made, "secret": secret}, [facts({**made, "secret (shown only now)": secret})])


@command(
    tokens, "revoke", "Revoke a token. It works no more, from the next request on.", "loomline tokens revoke tok_01…"
)
def revoke(
    token: Annotated[str, typer.Argument(metavar="ID", help="The token's id, of `loomline tokens list`.")],
    as_json: AsJson = False,
) -> Told:
    """For good."""
    from services.operator.commands.house import opened
    from shared.storage import accounts

    with opened() as house:
        house.write(lambda c: accounts.revoke_token(c, token))
    words(f"{token} works no more.")
    return Told({"token": {"id": token, "revoked": True}})
