"""The `loomline` command: start everything, migrate, show the settings, make an admin. Each command says its own why."""

import os
import secrets
import signal
import sys
import typing
from pathlib import Path

import typer
from rich.console import Console
from rich.markup import escape

from shared.runtime import settings as known
from shared.runtime.settings import Settings, SettingsError

UP = """Start Loomline: database, gateway, workers, sweeper. Ctrl-C stops it.

Examples:

  loomline up                                      everything embedded, state in ./.loomline

  loomline up --bare                               without the demo order

  LOOMLINE_PORT=9000 LOOMLINE_HOME=/srv/b loomline up      a second one beside it

  LOOMLINE_DATABASE_URL=postgresql://… LOOMLINE_AMQP_URL=amqp://… loomline up      on your own services
"""

MIGRATE = """Bring the database to this release's schema. Safe to run twice, and beside the old release.

Example:

  LOOMLINE_DATABASE_URL=postgresql://… loomline migrate
"""

SETTINGS = """Show every setting, what it is for, and whether it is set. Secrets are never shown.

Example:

  LOOMLINE_PORT=9000 loomline settings
"""

SERVICES = """Run a private PostgreSQL and a private RabbitMQ until Ctrl-C, for the benchmark and runs by hand.

Example:

  loomline services        and paste the two lines it prints into another terminal
"""

ADMIN = """Create the admin account, or give it a new password. The password is printed once.

Examples:

  loomline admin

  LOOMLINE_ADMIN_PASSWORD=… loomline admin --email me@example.org
"""

RELEASE = """Let the sweep of deadlines go on after it stopped because too many waits would lapse at once. Check the clock first.

Example:

  loomline release-sweep --minutes 30
"""

DOCUMENTS = """Draw the generated parts of README.md and docs/ again from the tables in the code.

Example:

  loomline documents
"""

LEGACY_IMPORT = """Take over what the old design workflow left in flight. A dry run unless --apply is given; safe to repeat.

Examples:

  loomline legacy import export.jsonl --report report.jsonl            what would become of every row

  loomline legacy import export.jsonl --apply

  loomline legacy import --from postgresql://reader@old-host/shop --apply

docs/legacy-import.md says what the export and the old tables must look like.
"""

SECRET = frozenset({"admin_password", "event_secret", "link_secret", "admin_notify"})

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Loomline: production runs, made by partners. Start with `loomline up`.",
)
legacy = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, help="Taking over from the old system.")
app.add_typer(legacy, name="legacy")
console = Console()
complaints = Console(stderr=True)


@app.command(help=UP)
def up(
    bare: typing.Annotated[bool, typer.Option("--bare", help="Leave out the demo order.")] = False,
) -> None:
    """Start everything and stay."""
    from . import up as starting

    starting.run(_settings(), is_bare=bare, console=console)


@app.command(help=MIGRATE)
def migrate() -> None:
    """Upgrade the database's schema."""
    from . import connections, migrate

    url = connections.reachable_database_url(_settings())
    console.print("The database is up to date now." if migrate.upgrade(url) else "The database was up to date already.")


@app.command(help=SETTINGS)
def settings() -> None:
    """Show all settings."""
    values = _settings()
    for field, annotation in typing.get_type_hints(Settings, include_extras=True).items():
        name, _, sentence = annotation.__metadata__[0].partition(": ")
        state = "set" if os.environ.get(name) else "default"
        console.print(
            f"[bold]{name}[/bold]  ({state}: {escape(_shown(field, getattr(values, field)))})\n    {escape(sentence)}",
            highlight=False,
        )
    for name in sorted(known.ACCEPTED):
        console.print(f"[bold]{name}[/bold]  ({'set' if os.environ.get(name) else 'not set'})", highlight=False)


@app.command(help=SERVICES)
def services() -> None:
    """Private services in the foreground."""
    from . import private_services

    private_services.run(_settings().home, console=console)


@app.command(help=ADMIN)
def admin(
    email: typing.Annotated[str, typer.Option(help="The admin's address; LOOMLINE_ADMIN_EMAIL by default.")] = "",
) -> None:
    """Create or reset the admin account."""
    import msgspec

    from . import connections
    from . import up as starting

    values = _settings()
    url = connections.reachable_database_url(values)
    password = values.admin_password or secrets.token_urlsafe(15)
    values = msgspec.structs.replace(values, database_url=url, admin_email=email or values.admin_email)
    is_new = starting.ensure_admin(values, password=password)
    console.print(
        f"{'Created' if is_new else 'Changed the password of'} {escape(values.admin_email)}.", highlight=False
    )
    if not values.admin_password:
        console.print(f"Password (shown only now): {password}", highlight=False)


@app.command(help=RELEASE)
def release_sweep(
    minutes: typing.Annotated[int, typer.Option(help="For how long the sweep may go on.", min=1, max=1440)] = 60,
) -> None:
    """Let a stopped sweep go on."""
    import psycopg

    from shared.storage import alarms

    from . import connections

    with psycopg.connect(connections.database_url(_settings())) as connection:
        connection.execute(alarms.RELEASE, {"name": alarms.MASS_LAPSE, "minutes": minutes})
    console.print(f"The sweep of deadlines goes on for {minutes} minutes, however many waits lapse.")


@app.command(help=DOCUMENTS)
def documents() -> None:
    """Draw the documents from the tables."""
    from . import documents as drawing

    changed = drawing.write()
    console.print(f"Drawn again: {', '.join(changed)}." if changed else "Every document says what the tables say.")


@legacy.command(name="import", help=LEGACY_IMPORT)
def legacy_import(
    file: typing.Annotated[Path | None, typer.Argument(help="A JSON Lines export.")] = None,
    source: typing.Annotated[str, typer.Option("--from", help="The old system's own PostgreSQL instead.")] = "",
    apply: typing.Annotated[bool, typer.Option("--apply", help="Write; without it nothing is.")] = False,
    report: typing.Annotated[Path | None, typer.Option(help="Write a line of JSON for every row here.")] = None,
) -> None:
    """Import from the old system."""
    from . import connections
    from . import legacy as importing

    if bool(file) == bool(source):
        raise typer.BadParameter("Say either a FILE or --from postgresql://…, and not both.")
    url = connections.reachable_database_url(_settings())
    try:
        importing.run(url, file=file, source_url=source, is_applied=apply, report=report, console=console)
    except importing.ImportFailed as error:
        complaints.print(escape(str(error)), style="red", highlight=False, soft_wrap=True)
        raise typer.Exit(1) from None


def main() -> None:
    """Run a command. What we know how to explain is a sentence, not a traceback."""
    from .connections import Unreachable
    from .home import HomeInUse
    from .postgres import PostgresFailed
    from .rabbitmq import RabbitMQFailed
    from .up import UpFailed

    try:
        app()
    except SettingsError as error:
        complaints.print(escape(str(error)), style="red", highlight=False, soft_wrap=True)
        sys.exit(2)
    except (Unreachable, HomeInUse, PostgresFailed, RabbitMQFailed, UpFailed) as error:
        complaints.print(escape(str(error)), style="red", highlight=False, soft_wrap=True)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)


def _settings() -> Settings:
    return known.read()


def _shown(field: str, value: object) -> str:
    """A value as it may stand on a screen."""
    from shared.storage import database

    if not value:
        return "empty"
    if field in SECRET:
        return "hidden"
    return database.without_password(str(value)) if field.endswith("_url") else str(value)


if __name__ == "__main__":
    main()
