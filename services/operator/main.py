"""The `loomline` command: puts the groups of `services.operator.commands` together. Each of them says its own why."""

import signal
import sys

import typer

from services.operator.commands import accounts, dead_letters, doctor, orders, runs, start, telling, tokens, upkeep

ENDINGS = "\n\n".join(f"  {code.value}  {sentence}" for code, sentence in telling.ENDINGS.items())
MORE = f"Exit codes:\n\n{ENDINGS}\n\nEvery command takes --json; docs/command-line.md shows all of them."

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help=telling.helped(
        "Loomline: production runs, made by partners.",
        "loomline up                         start everything here",
        "loomline doctor                     what is wrong with this set-up, and how to fix it",
        "loomline orders send order.json     place an order",
        "loomline runs list --overdue        who keeps us waiting",
        more=MORE,
    ),
)
start.register(app)
doctor.register(app)
app.add_typer(orders.orders, name="orders")
app.add_typer(runs.runs, name="runs")
app.add_typer(accounts.accounts, name="accounts")
app.add_typer(tokens.tokens, name="tokens")
app.add_typer(dead_letters.dead_letters, name="dead-letters")
dead_letters.register_replay(app)
accounts.register_admin(app)
upkeep.register(app)


def main() -> None:
    """Run a command. What we know how to explain is a sentence, not a traceback."""
    try:
        app()
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)


if __name__ == "__main__":
    main()
