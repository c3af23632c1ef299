"""`loomline migrate`, `settings`, `documents`, `release-sweep` and `legacy import`: what is done once in a while."""

import os
import typing
from pathlib import Path

import typer
from rich.console import Console
from rich.markup import escape

from services.operator.commands.telling import Apply, AsJson, Stopped, Told, command, group
from shared.runtime import settings as known
from shared.runtime.settings import Settings

SECRET = frozenset(
    {
        "admin_password",
        "event_secret",
        "shopify_secret",
        "woocommerce_secret",
        "saleor_secret",
        "medusa_token",
        "link_secret",
        "admin_notify",
    }
)

legacy = group(
    "Taking over from the old system.",
    "loomline legacy import export.jsonl --report report.jsonl",
    "loomline legacy import --from postgresql://reader@old-host/shop --apply",
)


def register(app: typer.Typer) -> None:
    command(
        app,
        "migrate",
        "Bring the database to this release's schema. Safe to run twice, and beside the old release.",
        "loomline migrate",
        "LOOMLINE_DATABASE_URL=postgresql://… loomline migrate",
    )(migrate)
    command(
        app,
        "settings",
        "Show every setting, what it is for, and whether it is set. Secrets are never shown.",
        "loomline settings",
        "LOOMLINE_PORT=9000 loomline settings --json",
    )(settings)
    command(
        app,
        "release-sweep",
        "Let the sweep of deadlines go on after it stopped because too many waits would lapse at once. Check the clock first.",
        "loomline release-sweep --minutes 30",
    )(release_sweep)
    command(
        app,
        "documents",
        "Draw the generated parts of README.md and docs/ again from the tables in the code.",
        "loomline documents",
    )(documents)
    app.add_typer(legacy, name="legacy")


def migrate(as_json: AsJson = False) -> Told:
    """Upgrade the database's schema."""
    from services.operator import connections, migrate

    changed = migrate.upgrade(connections.reachable_database_url(known.read()))
    sentence = "The database is up to date now." if changed else "The database was up to date already."
    return Told({"changed": changed, "revision": migrate.head()}, [sentence])


def settings(as_json: AsJson = False) -> Told:
    """Show all settings."""
    values, found, shown = known.read(), [], []
    for field, annotation in typing.get_type_hints(Settings, include_extras=True).items():
        name, _, sentence = annotation.__metadata__[0].partition(": ")
        is_set, value = bool(os.environ.get(name)), _shown(field, getattr(values, field))
        found.append({"name": name, "is_set": is_set, "value": value, "sentence": sentence})
        state = "set" if is_set else "default"
        shown.append(f"[bold]{name}[/bold]  ({state}: {escape(value)})\n    {escape(sentence)}")
    return Told({"settings": found}, shown)


def release_sweep(
    minutes: typing.Annotated[int, typer.Option(help="For how long the sweep may go on.", min=1, max=1440)] = 60,
    as_json: AsJson = False,
) -> Told:
    """Let a stopped sweep go on."""
    from services.operator.commands.house import opened
    from shared.storage import alarms

    with opened() as house:
        house.write(lambda c: c.exec_driver_sql(alarms.RELEASE, {"name": alarms.MASS_LAPSE, "minutes": minutes}))
    sentence = f"The sweep of deadlines goes on for {minutes} minutes, however many waits lapse."
    return Told({"released_minutes": minutes}, [sentence])


def documents(as_json: AsJson = False) -> Told:
    """Draw the documents from the tables."""
    from services.operator import documents as drawing

    changed = drawing.write()
    sentence = f"Drawn again: {', '.join(changed)}." if changed else "Every document says what the tables say."
    return Told({"changed": changed}, [sentence])


@command(
    legacy,
    "import",
    "Take over what the old design workflow left in flight. A dry run unless --apply is given; safe to repeat.",
    "loomline legacy import export.jsonl --report report.jsonl            what would become of every row",
    "loomline legacy import export.jsonl --apply",
    "loomline legacy import --from postgresql://reader@old-host/shop --apply",
    more="docs/legacy-import.md says what the export and the old tables must look like.",
)
def legacy_import(
    file: typing.Annotated[Path | None, typer.Argument(help="A JSON Lines export.")] = None,
    source: typing.Annotated[str, typer.Option("--from", help="The old system's own PostgreSQL instead.")] = "",
    apply: Apply = False,
    report: typing.Annotated[Path | None, typer.Option(help="Write a line of JSON for every row here.")] = None,
    as_json: AsJson = False,
) -> Told:
    """Import from the old system."""
    from services.operator import connections
    from services.operator import legacy as importing

    if bool(file) == bool(source):
        raise typer.BadParameter("Say either a FILE or --from postgresql://…, and not both.")
    url = connections.reachable_database_url(known.read())
    try:
        outcomes = importing.run(
            url, file=file, source_url=source, is_applied=apply, report=report, console=Console(stderr=as_json)
        )
    except importing.ImportFailed as error:
        raise Stopped(str(error), name="import_failed") from None
    return Told({"applied": apply, "rows": {outcome.value: number for outcome, number in outcomes.items()}})


def _shown(field: str, value: object) -> str:
    """A value as it may stand on a screen."""
    from shared.storage import database

    if not value:
        return "empty"
    if field in SECRET:
        return "hidden"
    return database.without_password(str(value)) if field.endswith("_url") else str(value)
