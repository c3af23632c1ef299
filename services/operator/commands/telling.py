"""How a command answers: its table or one JSON object on stdout, words and progress on stderr, and one exit code.

Every command returns a `Told`; what went wrong in a way we can explain becomes one here, never a traceback.
"""

import functools
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from enum import Enum, IntEnum
from typing import Annotated, Any, NamedTuple, ParamSpec

import msgspec
import typer
from rich.console import Console, RenderableType
from rich.markup import escape
from rich.table import Table

from shared.runtime.settings import SettingsError

P = ParamSpec("P")


class Ended(IntEnum):
    """How a command ended."""

    DONE = 0
    REFUSED = 1
    USAGE = 2
    AWAY = 3
    WRONG = 4
    PENDING = 5


ENDINGS = {
    Ended.DONE: "Done, or shown.",
    Ended.REFUSED: "Refused, not found, or in the way; the sentence says why.",
    Ended.USAGE: "The command or a setting is written wrongly.",
    Ended.AWAY: "The database, the broker or the gateway is away, or the database lacks this release's schema.",
    Ended.WRONG: "Only `doctor`: something is wrong with the set-up.",
    Ended.PENDING: "Safely stored, but nobody has carried it out yet; is a worker running?",
}
"""Every exit code with its sentence."""

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object to stdout and nothing else there.")]
Apply = Annotated[bool, typer.Option("--apply", help="Do it; without this it is only said what would happen.")]
Limit = Annotated[int, typer.Option("--limit", help="Show so many at most.", min=1, max=1000)]
Wait = Annotated[float, typer.Option("--wait", help="Seconds to wait for the answer.", min=0, max=300)]


class Told(NamedTuple):
    """What a command found or did: as JSON, as people read it, and how it ended."""

    body: Mapping[str, Any]
    shown: Sequence[RenderableType] = ()
    code: Ended = Ended.DONE


class Stopped(Exception):
    """The command cannot go on; the message is the sentence for its caller."""

    def __init__(self, detail: str, *, code: Ended = Ended.REFUSED, name: str = "refused") -> None:
        super().__init__(detail)
        self.code = code
        self.name = name


def group(sentence: str, *examples: str) -> typer.Typer:
    """A group of commands; its help begins with examples."""
    return typer.Typer(
        add_completion=False,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        help=helped(sentence, *examples),
        short_help=sentence,
    )


def command(
    app: typer.Typer, name: str, sentence: str, *examples: str, more: str = ""
) -> Callable[[Callable[P, Told]], Callable[P, None]]:
    """Make a function a command of a group; its help begins with examples."""

    def register(function: Callable[P, Told]) -> Callable[P, None]:
        telling = _telling(function)
        app.command(name, help=helped(sentence, *examples, more=more), short_help=sentence)(telling)
        return telling

    return register


def helped(sentence: str, *examples: str, more: str = "") -> str:
    """A help text: examples first."""
    head = "Examples:" if len(examples) > 1 else "Example:"
    return "\n\n".join([head, *(f"$ {each}" for each in examples), sentence, more])


def words(text: str, *, style: str | None = None) -> None:
    """A line for people, beside the answer."""
    Console(stderr=True).print(escape(text), style=style, highlight=False, soft_wrap=True)


def table(rows: Iterable[Mapping[str, Any]], *columns: str, title: str | None = None) -> Table:
    """Rows with their named fields as columns; a column that all rows leave empty is left out."""
    rows = list(rows)
    shown = [name for name in columns if any(row.get(name) not in (None, "") for row in rows)] or list(columns)
    drawn = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for name in shown:
        drawn.add_column(name.removesuffix("_at").replace("_", " "), overflow="fold", no_wrap=name.endswith("id"))
    for row in rows:
        drawn.add_row(*(escape(_text(row.get(name))) for name in shown))
    return drawn


def facts(body: Mapping[str, Any]) -> Table:
    """One thing, a field a line; empty ones are left out."""
    drawn = Table.grid(padding=(0, 2))
    for name, value in body.items():
        if value not in (None, "", [], ()):
            drawn.add_row(f"[bold]{escape(name)}[/bold]", escape(_text(value)))
    return drawn


@contextmanager
def progress(description: str, *, total: int | None) -> Iterator[Callable[[], None]]:
    """A bar on stderr that the given function moves on by one; silent when nobody watches."""
    from rich.progress import Progress

    screen = Console(stderr=True)
    with Progress(console=screen, transient=True, disable=not screen.is_terminal) as bar:
        step = bar.add_task(description, total=total)
        yield lambda: bar.advance(step)


def stdout() -> Console:
    """Where answers go. A pipe has no edge, so nothing is folded there."""
    screen = Console()
    return screen if screen.is_terminal else Console(width=240)


def _telling(function: Callable[P, Told]) -> Callable[P, None]:
    @functools.wraps(function)
    def tell(*args: P.args, **kwargs: P.kwargs) -> None:
        told = _outcome(lambda: function(*args, **kwargs))
        if kwargs.get("as_json"):
            sys.stdout.write(msgspec.json.encode(told.body, enc_hook=str).decode() + "\n")
            sys.stdout.flush()
        else:
            _show(told)
        if told.code:
            raise typer.Exit(told.code)

    return tell


def _show(told: Told) -> None:
    screen = stdout()
    for each in told.shown:
        screen.print(each, highlight=False)


def _outcome(do: Callable[[], Told]) -> Told:
    """What the command told, or why it could not."""
    try:
        return do()
    except Exception as error:
        stopped = explained(error)
        if stopped is None:
            raise
    words(str(stopped), style="red")
    return Told({"problem": {"code": stopped.name, "detail": str(stopped)}}, code=stopped.code)


def explained(error: Exception) -> Stopped | None:
    """What we know how to explain, with its exit code; None for anything else, which is a bug."""
    import psycopg
    from sqlalchemy.exc import DBAPIError

    from services.operator.connections import Unreachable
    from services.operator.home import HomeInUse
    from services.operator.postgres import PostgresFailed
    from services.operator.rabbitmq import RabbitMQFailed
    from services.operator.up import UpFailed
    from shared.domain.refusals import Refusal
    from shared.storage.impossible import Impossible

    if isinstance(error, Stopped):
        return error
    if isinstance(error, SettingsError):
        return Stopped(str(error), code=Ended.USAGE, name="setting")
    if isinstance(error, Refusal | Impossible):
        return Stopped(error.detail, name=error.code)
    if isinstance(error, HomeInUse | UpFailed):
        return Stopped(str(error))
    if isinstance(error, Unreachable | PostgresFailed | RabbitMQFailed):
        return Stopped(str(error), code=Ended.AWAY, name="away")
    fault = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(fault, psycopg.OperationalError):
        return Stopped("The database went away meanwhile; try again.", code=Ended.AWAY, name="away")
    return None


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, list | tuple):
        return ", ".join(map(_text, value))
    if isinstance(value, Mapping):
        return msgspec.json.encode(value, enc_hook=str).decode()
    return str(value)
