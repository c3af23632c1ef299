"""A private PostgreSQL and a private RabbitMQ in the foreground, for the benchmark and runs by hand."""

import contextlib
import signal
from pathlib import Path
from types import FrameType

from rich.console import Console

from .postgres import EmbeddedPostgres
from .rabbitmq import PrivateRabbitMQ


def run(home: Path, *, console: Console) -> None:
    """Start both, print how to use them, and stay until Ctrl-C or SIGTERM. The database is kept for the next time."""
    with contextlib.ExitStack() as held, contextlib.suppress(KeyboardInterrupt):
        signal.signal(signal.SIGTERM, _interrupt)
        postgres = EmbeddedPostgres(home / "services")
        held.callback(postgres.stop)
        rabbitmq = PrivateRabbitMQ()
        held.callback(rabbitmq.stop)
        console.print(f"export LOOMLINE_DATABASE_URL={postgres.start()}", soft_wrap=True, highlight=False)
        console.print(f"export LOOMLINE_AMQP_URL={rabbitmq.start()}", soft_wrap=True, highlight=False)
        signal.pause()


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
