"""`loomline up`: everything from an empty directory to a running Loomline, and back to nothing when it is told to stop."""

import base64
import contextlib
import secrets
import signal
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import TYPE_CHECKING, TypeVar

import msgspec
from rich.console import Console
from rich.markup import escape

from shared.runtime.settings import Settings

from . import connections, home, migrate
from .children import is_free
from .postgres import EmbeddedPostgres
from .processes import ProcessSet

if TYPE_CHECKING:
    from sqlalchemy import Engine

T = TypeVar("T")

PORT_PATIENCE = 3.0
"""Seconds a gateway of a killed `up` may take to leave its port."""

DATABASE_PATIENCE = 20.0
"""Seconds the database may be away while we start."""

READY_WITHIN = 60.0

LOOK_EVERY = 0.3
"""Seconds between two looks at the children."""

FIRST_PASSWORD = "first_admin_password"  # noqa: S105 - a file's name
"""In the home, until the demo has a token of its own."""


class UpFailed(Exception):
    """`up` cannot go on; the message says why and what to do."""


def run(settings: Settings, *, is_bare: bool, console: Console) -> None:
    """Start everything, stay until Ctrl-C or SIGTERM, stop everything. Raises a sentence when something is in the way."""
    with contextlib.ExitStack() as held, _signals_as_interrupt():
        try:
            _run(settings, is_bare=is_bare, console=console, held=held)
        except KeyboardInterrupt:
            _ignore_signals()
            console.print("Stopping …")
            held.close()
            console.print("Stopped.")


def _run(settings: Settings, *, is_bare: bool, console: Console, held: contextlib.ExitStack) -> None:
    held.enter_context(home.hold(settings.home / "lock"))
    _check_port(settings)
    database = _open_database(settings, console=console, held=held)
    settings = _complete(settings, database=database)
    if settings.amqp_url:
        connections.check_broker(settings.amqp_url)
        _say(console, "RabbitMQ answers")
    if _insist(lambda: migrate.upgrade(settings.database_url), database=database):
        _say(console, "database migrated")
    processes = ProcessSet(settings)
    held.callback(_stop, processes, console=console)
    processes.start()
    password = _insist(lambda: _ensure_admin(settings, is_bare=is_bare, console=console), database=database)
    _await(processes, console=console)
    _say(
        console, f"{len(processes.names)} processes run: {', '.join(processes.names)}; logs in {settings.home / 'log'}"
    )
    if not is_bare:
        _walk(processes, database=database, password=password, console=console)
    console.print(f"\nLoomline is at [bold]{processes.url}[/bold]   (Ctrl-C stops it)")
    while True:
        _tend(processes, database=database, console=console)
        threading.Event().wait(LOOK_EVERY)


def _check_port(settings: Settings) -> None:
    deadline = time.monotonic() + PORT_PATIENCE
    while not is_free(settings.port, host=settings.host):
        if time.monotonic() > deadline:
            raise UpFailed(
                f"Port {settings.port} of {settings.host} is taken or not ours to use. "
                "Stop what listens there, or set LOOMLINE_PORT to another port."
            )
        threading.Event().wait(0.1)


def _open_database(settings: Settings, *, console: Console, held: contextlib.ExitStack) -> EmbeddedPostgres | None:
    """Start the embedded PostgreSQL, or see that the given one answers."""
    if settings.database_url:
        connections.check_database(settings.database_url)
        _say(console, "PostgreSQL answers")
        return None
    database = EmbeddedPostgres(settings.home)
    if not database.exists():
        _say(console, f"making a database in {settings.home}")
    held.callback(database.stop)
    database.start()
    _say(console, "PostgreSQL runs (embedded)")
    return database


def _insist(step: Callable[[], T], *, database: EmbeddedPostgres | None) -> T:
    """Do a step again when the database went away under it. Steps may be done twice."""
    deadline = time.monotonic() + DATABASE_PATIENCE
    while True:
        try:
            return step()
        except Exception as error:
            # Both psycopg and SQLAlchemy call an outage so; to import them here would slow every start.
            if type(error).__name__ != "OperationalError":
                raise
            if time.monotonic() > deadline:
                raise UpFailed("The database went away and did not come back. See its log, then start again.") from None
        if database:
            database.tend()
        threading.Event().wait(0.2)


def _complete(settings: Settings, *, database: EmbeddedPostgres | None) -> Settings:
    """The settings with what `up` itself provides: the embedded database, and the secrets that are not given."""
    event_secret = settings.event_secret or home.secret(settings.home / "event_secret", make=_new_event_secret)
    link_secret = settings.link_secret or home.secret(settings.home / "link_secret", make=_new_link_secret)
    url = database.url if database else settings.database_url
    return msgspec.structs.replace(settings, database_url=url, event_secret=event_secret, link_secret=link_secret)


def _new_event_secret() -> str:
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


def _new_link_secret() -> str:
    return secrets.token_hex(32)


def _ensure_admin(settings: Settings, *, is_bare: bool, console: Console) -> str | None:
    """See that there is an admin. Returns the password if it is known.

    A generated one is shown once, and kept only until the demo has signed in with it: this start may be cut off before.
    """
    if settings.admin_password:
        ensure_admin(settings, password=settings.admin_password)
        return settings.admin_password
    if _has_admin(settings):
        return home.read(settings.home / FIRST_PASSWORD)
    password = secrets.token_urlsafe(15)
    if not is_bare:
        home.write(settings.home / FIRST_PASSWORD, password)
    ensure_admin(settings, password=password)
    console.print(
        f"  Admin account: [bold]{escape(settings.admin_email)}[/bold]   password: [bold]{password}[/bold]",
        soft_wrap=True,
    )
    console.print("  The password is shown only now; `./dev loomline admin` makes a new one.")
    return password


def ensure_admin(settings: Settings, *, password: str) -> bool:
    """Create the admin account or give it this password. True when it was created."""
    from shared.storage import directory

    with _engine(settings) as engine:
        return directory.ensure_admin(engine, email=settings.admin_email, password=password)


def _has_admin(settings: Settings) -> bool:
    from shared.storage import directory

    with _engine(settings) as engine:
        return directory.has_admin(engine, email=settings.admin_email)


@contextlib.contextmanager
def _engine(settings: Settings) -> "Iterator[Engine]":
    from shared.storage import database

    engine = database.connect(settings.database_url, pool_size=1)
    try:
        yield engine
    finally:
        engine.dispose()


def _await(processes: ProcessSet, *, console: Console) -> None:
    if not processes.await_readiness(within=READY_WITHIN, tell=lambda line: _warn(console, line)):
        raise UpFailed(
            f"Loomline was not ready after {READY_WITHIN:.0f} seconds. The logs end with:\n{processes.report(lines=8)}"
        )


def _walk(processes: ProcessSet, *, database: EmbeddedPostgres | None, password: str | None, console: Console) -> None:
    """Show the demo. A demo that goes wrong is said, but takes nothing down."""
    from . import demo

    settings = processes.settings
    try:
        demo.walk(
            processes.url,
            home=settings.home,
            email=settings.admin_email,
            password=password,
            event_secret=settings.event_secret,
            console=console,
            tend=lambda: _tend(processes, database=database, console=console),
        )
        (settings.home / FIRST_PASSWORD).unlink(missing_ok=True)
    except demo.DemoFailed as failure:
        _warn(console, f"The demo stopped: {failure} (`--bare` leaves it out.)")


def _tend(processes: ProcessSet, *, database: EmbeddedPostgres | None, console: Console) -> None:
    """Look after the children once."""
    for line in [*(database.tend() if database else []), *processes.tend()]:
        _warn(console, line)


def _stop(processes: ProcessSet, *, console: Console) -> None:
    for name in processes.stop():
        _warn(console, f"{name} would not stop and was killed")


def _say(console: Console, text: str) -> None:
    console.print(f"  [green]✓[/green] {escape(text)}", highlight=False, soft_wrap=True)


def _warn(console: Console, text: str) -> None:
    console.print(f"  [yellow]![/yellow] {escape(text)}", highlight=False, soft_wrap=True)


@contextlib.contextmanager
def _signals_as_interrupt() -> Iterator[None]:
    """Let SIGTERM and a closed terminal end us like Ctrl-C does; give the handlers back afterwards."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, _interrupt) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _ignore_signals() -> None:
    """Nobody may interrupt the farewell: it is bounded anyway."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
