"""`loomline doctor`: what is wrong with a set-up, and how to fix it. Reads only, but for a probe in the file store."""

from collections.abc import Callable, Iterator

import typer
from rich.markup import escape

from services.operator.checks.findings import Finding, Standing, ok, wrong
from services.operator.commands.telling import AsJson, Ended, Told, command, progress, words
from shared.runtime import settings as known
from shared.runtime.settings import Settings, SettingsError

MARKS = {
    Standing.OK: "[green]ok[/green]     ",
    Standing.WARNING: "[yellow]warning[/yellow]",
    Standing.WRONG: "[red]wrong[/red]  ",
}


def register(app: typer.Typer) -> None:
    command(
        app,
        "doctor",
        "Say what is wrong with this set-up, and how to fix it. Ends with 4 when something is.",
        "loomline doctor",
        "LOOMLINE_DATABASE_URL=postgresql://… LOOMLINE_AMQP_URL=amqp://… loomline doctor --json",
    )(doctor)


def doctor(as_json: AsJson = False) -> Told:
    """Every check, whatever the others found."""
    with progress("Looking", total=None) as step:
        found = []
        for finding in examine():
            found.append(finding)
            step()
    counts = {standing: sum(each.standing is standing for each in found) for standing in Standing}
    words(f"{counts[Standing.OK]} ok, {counts[Standing.WARNING]} to be looked at, {counts[Standing.WRONG]} wrong.")
    body = {
        "healthy": not counts[Standing.WRONG],
        "counts": {standing.value: number for standing, number in counts.items()},
        "findings": found,
    }
    code = Ended.WRONG if counts[Standing.WRONG] else Ended.DONE
    return Told(body, [line for finding in found for line in _lines(finding)], code)


def examine() -> Iterator[Finding]:
    """All findings, from the settings outwards."""
    try:
        settings = known.read()
    except SettingsError as why:
        yield wrong("settings", str(why), fix="Correct or unset it; `loomline settings` lists all of them.")
        return
    yield ok("settings", "Every LOOMLINE_ variable is known and can be read.")
    for look in _looks():
        try:
            yield from look(settings)
        except OSError as error:
            yield wrong("this machine", f"{error}.", fix="Let our user read and write LOOMLINE_HOME.")


def _looks() -> tuple[Callable[[Settings], Iterator[Finding]], ...]:
    from services.operator.checks import broker, database, here

    return here.all_here, database.all_of, broker.all_of


def _lines(finding: Finding) -> list[str]:
    told = f"{MARKS[finding.standing]}  [bold]{escape(finding.name)}[/bold]: {escape(finding.detail)}"
    return [told, f"         → {escape(finding.fix)}"] if finding.fix else [told]
