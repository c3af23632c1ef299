"""`loomline orders`: send orders from a file, see what became of their lines, judge lines anew."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from services.operator.commands.telling import (
    AsJson,
    Ended,
    Limit,
    Stopped,
    Told,
    Wait,
    command,
    group,
    progress,
    table,
    words,
)
from shared.domain.orders import Outcome

orders = group(
    "Orders of shops and what became of their lines.",
    "loomline orders send order.json",
    "loomline orders lines --outcome unmapped",
    "loomline orders retry --all",
)
SHOWN = ("id", "source", "order_id", "order_line_item_id", "outcome", "production_run_id", "product_id", "reason")


@command(
    orders,
    "send",
    "Place orders: one JSON order, a list of them, or one a line. An order sent before changes nothing.",
    "loomline orders send order.json",
    "loomline orders send orders.jsonl --source old-shop",
    "cat orders.jsonl | loomline orders send -",
    more="An order is {id, display_id?, items: [{id, product_id, variant_id?, sku?, title?, quantity}]}, as POST /events takes it.",
)
def send(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A file, or - for standard input.")],
    source: Annotated[str, typer.Option(help="The shop they come from.")] = "loomline-command",
    as_json: AsJson = False,
) -> Told:
    """Each order is stored by itself: one that cannot be read holds none of the others up."""
    from services.operator import placing
    from services.operator.commands.house import opened

    found = placing.orders_in(_read(file))
    if not found:
        raise Stopped(f"There is no order in {file}.", name="empty")
    with opened() as house, progress("Placing orders", total=len(found)) as step:
        placed: list[dict[str, Any]] = []
        for place, raw in found:
            placed.append(placing.place(house, raw, place=place, source=source))
            step()
    counts = {outcome: sum(each["outcome"] == outcome for each in placed) for outcome in placing.OUTCOMES}
    words(
        f"{len(placed)} order{'s' * (len(placed) != 1)}: "
        + ", ".join(f"{number} {outcome}" for outcome, number in counts.items() if number)
        + "."
    )
    code = Ended.REFUSED if counts[placing.UNREADABLE] else Ended.DONE
    return Told({"orders": placed, "counts": counts}, [table(placed, "place", "order_id", "outcome", "reason")], code)


@command(
    orders,
    "lines",
    "List order lines and what became of each, the newest first.",
    "loomline orders lines --outcome unmapped",
    "loomline orders lines --order 1001 --json",
)
def lines(
    outcome: Annotated[Outcome | None, typer.Option(help="Only lines that came to this.")] = None,
    order: Annotated[str | None, typer.Option(help="Only lines of this order.")] = None,
    source: Annotated[str | None, typer.Option(help="Only lines of this shop.")] = None,
    limit: Limit = 50,
    as_json: AsJson = False,
) -> Told:
    """No line is lost; those without a run say why."""
    from services.operator.commands.house import opened
    from shared.storage import run_reads

    with opened() as house:
        found = house.read(
            lambda c: run_reads.order_lines(c, outcome=outcome, order_id=order, source=source, limit=limit)
        )
    return Told({"order_lines": found}, [table(found, *SHOWN)])


@command(
    orders,
    "retry",
    "Judge order lines that made no run anew, for instance after a product was linked to its design.",
    "loomline orders retry oline_01…",
    "loomline orders retry --all",
)
def retry(
    line: Annotated[str | None, typer.Argument(metavar="ID", help="The line's id.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Every line that is unmapped.")] = False,
    wait: Wait = 10.0,
    as_json: AsJson = False,
) -> Told:
    """Each by a command in the ledger, as POST /admin/order-lines/{id}/retry asks it."""
    from services.operator.commands.house import opened
    from shared.domain.commands import RetryLine
    from shared.storage import run_reads

    if bool(line) == every:
        raise typer.BadParameter("Say either the ID of a line or --all.")
    with opened() as house:
        if line:
            wanted = [house.read(lambda c: run_reads.order_line(c, line))["id"]]
        else:
            unmapped = house.read(
                lambda c: run_reads.order_lines(c, outcome=Outcome.UNMAPPED, order_id=None, source=None, limit=None)
            )
            wanted = [each["id"] for each in unmapped]
        with progress("Retrying lines", total=len(wanted)) as step:
            asked = [house.post(RetryLine(line_id=each)) for each in wanted]
            answers = house.answers(asked, within=wait, told=step)
        found = [house.read(lambda c, each=each: run_reads.order_line(c, each)) for each in wanted]  # type: ignore[misc]
    pending = len(asked) - len(answers)
    if pending:
        words(f"{pending} of {len(asked)} are safely stored and not carried out yet. Is a worker running?")
    code = Ended.PENDING if pending else Ended.DONE
    return Told({"order_lines": found, "pending": pending}, [table(found, *SHOWN)], code)


def _read(file: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise Stopped(f"{file} cannot be read: {error.strerror}.", code=Ended.USAGE, name="unreadable") from None
