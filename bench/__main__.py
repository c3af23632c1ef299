"""The benchmark: lifecycles per second of the running workers beside the raw transaction, measured in one run.

./dev bench [--rabbitmq] [--rounds 3] [--seconds 8] [--clients 16]
./dev bench --pages 100000 [--rounds 20]
"""

import argparse
import statistics
from collections.abc import Sequence

from bench import lifecycles, pages, place, raw


def main() -> None:
    """Measure in interleaved rounds and print medians, spread and ratios."""
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__)
    parser.add_argument(
        "--rabbitmq", action="store_true", help="ring by RabbitMQ through the relay instead of the embedded broker"
    )
    parser.add_argument("--rounds", type=int, default=3, help="interleaved rounds (default 3)")
    parser.add_argument("--seconds", type=float, default=8.0, help="length of each measurement (default 8)")
    parser.add_argument("--clients", type=int, default=16, help="lifecycles in flight at once (default 16)")
    parser.add_argument(
        "--pages", type=int, metavar="RUNS", help="instead: server time of list pages with so many runs"
    )
    asked = parser.parse_args()
    if asked.pages:
        pages.report(asked.pages, rounds=max(asked.rounds, 20))
        return
    with place.open_place(rabbitmq=asked.rabbitmq) as here:
        lifecycles.measure(here, clients=asked.clients, seconds=2)
        raw_rates, rates, cpu = [], [], []
        for _ in range(asked.rounds):
            raw_rates.append(raw.measure(here.database_url, connections=4, seconds=asked.seconds / 2))
            figure = lifecycles.measure(here, clients=asked.clients, seconds=asked.seconds)
            rates.append(figure.lifecycles_per_second)
            cpu.append(figure.worker_cpu_ms_per_lifecycle)
        report(raw_rates, rates, cpu, transport="RabbitMQ" if asked.rabbitmq else "embedded")


def report(raw_rates: Sequence[float], rates: Sequence[float], cpu: Sequence[float], *, transport: str) -> None:
    """Print the table."""
    commands = [rate * lifecycles.COMMANDS for rate in rates]
    ratios = [each / beside for each, beside in zip(commands, raw_rates, strict=True)]
    print(
        f"transport: {transport}; one lifecycle = {lifecycles.COMMANDS} commands and their events, real tasks, timers, timeline"
    )
    print("| figure | median | spread |")
    print("|---|---|---|")
    print(f"| lifecycles/s | {_row(rates)}")
    print(f"| commands/s | {_row(commands)}")
    print(f"| raw four-statement transactions/s, 4 connections | {_row(raw_rates)}")
    print(f"| commands ÷ raw transactions | {_row(ratios, digits=2)}")
    print(f"| CPU ms per lifecycle, workers and relay | {_row(cpu)}")


def _row(values: Sequence[float], *, digits: int = 1) -> str:
    return f"{statistics.median(values):.{digits}f} | {min(values):.{digits}f} – {max(values):.{digits}f} |"


main()
