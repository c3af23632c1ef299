"""`loomline accounts` and `loomline admin`: the people who sign in."""

import secrets
import sys
from typing import Annotated

import typer

from services.operator.commands.telling import AsJson, Stopped, Told, command, facts, group, table, words

Email = Annotated[str, typer.Argument(help="The account's e-mail address.")]
Ask = Annotated[bool, typer.Option("--ask", help="Ask for the password, without showing it; else one is made.")]

accounts = group(
    "The people who sign in: admins, and those of partners.",
    "loomline accounts list",
    "loomline accounts add pia@weavers.example --name Pia --partner malabar-looms",
    "loomline accounts switch-off pia@weavers.example",
)
SHOWN = ("email", "name", "role", "partner_name", "is_active", "created_at")


@command(accounts, "list", "List accounts.", "loomline accounts list", "loomline accounts list --partner malabar-looms")
def list_accounts(
    partner: Annotated[str | None, typer.Option(help="Of this partner: its id or handle.")] = None,
    admins: Annotated[bool, typer.Option("--admins", help="Admins only.")] = False,
    as_json: AsJson = False,
) -> Told:
    """Every account, without what it signs in by."""
    from services.operator.commands.house import opened
    from shared.storage import accounts as people

    with opened() as house:
        found = house.read(lambda c: people.accounts(c, role="admin" if admins else None, partner=partner))
    return Told({"accounts": found}, [table(found, *SHOWN)])


@command(
    accounts,
    "add",
    "Add an account: a partner's person, or an admin. Its password is shown once.",
    "loomline accounts add pia@weavers.example --name Pia --partner malabar-looms",
    "loomline accounts add boss@house.example --name Asha --admin --ask",
)
def add(
    email: Email,
    name: Annotated[str, typer.Option(help="What the person is called.")],
    partner: Annotated[str | None, typer.Option(help="The partner it belongs to: its id or handle.")] = None,
    admin: Annotated[bool, typer.Option("--admin", help="An admin, of no partner.")] = False,
    ask: Ask = False,
    as_json: AsJson = False,
) -> Told:
    """Exactly one of a partner and an admin."""
    from services.operator.commands.house import opened
    from shared.storage import accounts as people

    if bool(partner) == admin:
        raise typer.BadParameter("Say either --partner ID or --admin.")
    _check_address(email)
    with opened() as house:
        password = _password(email, is_asked=ask)
        made = house.write(lambda c: people.add(c, email=email, name=name, password=password, partner=partner))
    return _with_password(made, password, is_asked=ask)


@command(
    accounts,
    "password",
    "Give an account a new password. Its sessions end.",
    "loomline accounts password pia@weavers.example",
    "loomline accounts password pia@weavers.example --ask",
)
def password(email: Email, ask: Ask = False, as_json: AsJson = False) -> Told:
    """Made and shown once, or asked for."""
    from services.operator.commands.house import opened
    from shared.storage import accounts as people

    with opened() as house:
        found = house.read(lambda c: people.account(c, email))
        fresh = _password(email, is_asked=ask)
        ended = house.write(lambda c: people.set_password(c, email=email, password=fresh))
    words(f"{found['email']} signs in with the new password; {ended} sessions ended.")
    return _with_password({**found, "sessions_ended": ended}, fresh, is_asked=ask)


@command(
    accounts,
    "switch-off",
    "Switch an account off: nobody signs in with it, its sessions end, its tokens stop working meanwhile.",
    "loomline accounts switch-off pia@weavers.example",
)
def switch_off(email: Email, as_json: AsJson = False) -> Told:
    """The last admin who can sign in stays."""
    from services.operator.commands.house import opened
    from shared.storage import accounts as people

    with opened() as house:
        ended = house.write(lambda c: people.switch_off(c, email=email))
        found = house.read(lambda c: people.account(c, email))
    words(f"{found['email']} is switched off; {ended} sessions ended.")
    return Told({"account": {**found, "sessions_ended": ended}}, [table([found], *SHOWN)])


@command(
    accounts,
    "switch-on",
    "Switch an account on again. Its tokens work again; its sessions stay ended.",
    "loomline accounts switch-on pia@weavers.example",
)
def switch_on(email: Email, as_json: AsJson = False) -> Told:
    """It may sign in again."""
    from services.operator.commands.house import opened
    from shared.storage import accounts as people

    with opened() as house:
        house.write(lambda c: people.switch_on(c, email=email))
        found = house.read(lambda c: people.account(c, email))
    words(f"{found['email']} is switched on.")
    return Told({"account": found}, [table([found], *SHOWN)])


def register_admin(app: typer.Typer) -> None:
    """`loomline admin`, which makes the first one."""
    command(
        app,
        "admin",
        "Create the admin account, or give it a new password. The password is shown once.",
        "loomline admin",
        "LOOMLINE_ADMIN_PASSWORD=… loomline admin --email me@example.org",
    )(admin)


def admin(
    email: Annotated[str, typer.Option(help="The admin's address; LOOMLINE_ADMIN_EMAIL by default.")] = "",
    as_json: AsJson = False,
) -> Told:
    """Switched on, whatever it was before."""
    from services.operator.commands.house import opened
    from shared.storage import directory

    with opened() as house:
        address = email or house.settings.admin_email
        given = house.settings.admin_password
        fresh = given or secrets.token_urlsafe(15)
        is_new = directory.ensure_admin(house.engine, email=address, password=fresh)
    words(f"{'Created' if is_new else 'Changed the password of'} {address}.")
    return _with_password({"email": address, "is_new": is_new}, fresh, is_asked=bool(given))


def _password(email: str, *, is_asked: bool) -> str:
    """One that was typed, or a new one. Raises Stopped when nobody can be asked, BadParameter when it is too weak."""
    from shared.storage.accounts import LEAST_PASSWORD

    if not is_asked:
        return secrets.token_urlsafe(15)
    if not sys.stdin.isatty():
        typed = sys.stdin.readline().rstrip("\n")
    else:
        typed = str(typer.prompt(f"Password of {email}", hide_input=True, confirmation_prompt=True, err=True))
    if len(typed) < LEAST_PASSWORD or typed.strip().lower() == email.strip().lower():
        raise Stopped(
            f"A password has at least {LEAST_PASSWORD} characters and is not the e-mail address.", name="weak_password"
        )
    return typed


def _check_address(email: str) -> None:
    name, at, host = email.strip().partition("@")
    if not (name and at and host) or any(letter.isspace() for letter in email.strip()):
        raise typer.BadParameter(f"{email!r} is no e-mail address.")


def _with_password(account: dict[str, object], password: str, *, is_asked: bool) -> Told:
    """The account, and a made-up password this once."""
    body = {"account": account} if is_asked else {"account": account, "password": password}
    shown: dict[str, object] = {
        name: account[name] for name in ("email", "name", "role", "partner_name") if name in account
    }
    if is_asked:
        return Told(body, [facts(shown)])
    return Told(body, [facts({**shown, "password (shown only now)": password})])
