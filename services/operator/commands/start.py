"""`loomline up`, `services` and `demo`: what stays in the foreground, and the walk through a house that runs."""

from typing import Annotated

import typer
from rich.console import Console

from services.operator.commands.telling import AsJson, Ended, Stopped, Told, command
from shared.runtime import settings as known


def register(app: typer.Typer) -> None:
    command(
        app,
        "up",
        "Start Loomline: database, gateway, workers, sweeper. Ctrl-C stops it.",
        "loomline up                                      everything embedded, state in ./.loomline",
        "loomline up --bare                               without the demo order",
        "LOOMLINE_PORT=9000 LOOMLINE_HOME=/srv/b loomline up      a second one beside it",
        "LOOMLINE_DATABASE_URL=postgresql://… LOOMLINE_AMQP_URL=amqp://… loomline up      on your own services",
    )(up)
    command(
        app,
        "services",
        "Run a private PostgreSQL and a private RabbitMQ until Ctrl-C, for the benchmark and runs by hand.",
        "loomline services        and paste the two lines it prints into another terminal",
    )(services)
    command(
        app,
        "demo",
        "Walk the demo order through a house that runs, over HTTP, from the shop's order to finished goods.",
        "loomline demo",
        "loomline demo --url https://loomline.example.org",
        more="It goes on where it was cut off, and a second walk changes nothing. The admin's password is "
        "LOOMLINE_ADMIN_PASSWORD; after the first walk a token is kept in LOOMLINE_HOME.",
    )(demo)


def up(bare: Annotated[bool, typer.Option("--bare", help="Leave out the demo order.")] = False) -> Told:
    """Start everything and stay."""
    from services.operator import up as starting

    starting.run(known.read(), is_bare=bare, console=Console())
    return Told({})


def services() -> Told:
    """Private services in the foreground."""
    from services.operator import private_services

    private_services.run(known.read().home, console=Console())
    return Told({})


def demo(
    url: Annotated[
        str, typer.Option(help="Where the gateway answers; LOOMLINE_HOST and LOOMLINE_PORT by default.")
    ] = "",
    as_json: AsJson = False,
) -> Told:
    """As a shop, an admin and three partners would."""
    from services.operator import demo as walking
    from services.operator import home
    from services.operator.up import FIRST_PASSWORD

    settings = known.read()
    where = url or f"http://{settings.host}:{settings.port}"
    try:
        walking.walk(
            where,
            home=settings.home,
            email=settings.admin_email,
            password=settings.admin_password or home.read(settings.home / FIRST_PASSWORD),
            event_secret=settings.event_secret or home.read(settings.home / "event_secret") or "",
            console=Console(stderr=True) if as_json else Console(),
        )
    except walking.DemoFailed as failure:
        is_away = "did not answer" in str(failure)
        raise Stopped(
            f"The demo stopped: {failure}", code=Ended.AWAY if is_away else Ended.REFUSED, name="demo"
        ) from None
    return Told({"walked": True, "url": where})
