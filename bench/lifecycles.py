"""Whole lifecycles through the real workers, closed loop, HTTP left out: each client asks as the gateway does and waits for the answer."""

import itertools
import threading
import time
from dataclasses import dataclass

from sqlalchemy import Engine

from bench.place import Place
from services.api.gate import Gate
from shared.domain import commands
from shared.domain.allocation import Assignment
from shared.domain.orders import Line, Order
from shared.messages import Actor, ActorKind
from shared.storage import database, mail
from shared.storage.listening import Listener
from shared.storage.mail import Answer

COMMANDS = 6
"""place, approve (with dispatch), accept, start, finish, complete; the cascade closes the parent."""

_SHOP = Actor(ActorKind.SHOP, "bench", "bench")
_numbers = itertools.count(time.time_ns())


@dataclass
class Figure:
    """What one measurement gave."""

    lifecycles_per_second: float
    worker_cpu_ms_per_lifecycle: float


def measure(place: Place, *, clients: int, seconds: float) -> Figure:
    """Run lifecycles for so long; the last ones are let to their end and counted with their time."""
    engine = database.connect(place.database_url, pool_size=clients)
    _set_up(engine)
    gate = Gate(engine, Listener(place.database_url, mail.ANSWER_CHANNEL))
    counts = [0] * clients
    cpu, begun = place.cpu_seconds(), time.monotonic()
    threads = [threading.Thread(target=_client, args=(gate, n, begun + seconds, counts)) for n in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took, done = time.monotonic() - begun, sum(counts)
    used = place.cpu_seconds() - cpu
    gate.close()
    engine.dispose()
    return Figure(done / took, used * 1000 / max(done, 1))


def _client(gate: Gate, place: int, until: float, counts: list[int]) -> None:
    while time.monotonic() < until:
        _lifecycle(gate)
        counts[place] += 1


def _lifecycle(gate: Gate) -> None:
    line = Line(id=f"line_{next(_numbers)}", product_id="bench_product")
    placed = _ask(gate, commands.PlaceOrder(source="bench", order=Order(id=f"order_{line.id}", items=[line])))
    run_id = (placed.result or {})["lines"][0]["production_run_id"]
    share = Assignment(partner_id="ptnr_bench", template_names=["bench weave"])
    child = (_ask(gate, commands.ApproveRun(assignments=[share]), run_id=run_id).result or {})["children"][0]
    for step in (commands.AcceptRun(), commands.StartRun(), commands.FinishRun(), commands.CompleteRun()):
        _ask(gate, step, run_id=child, tenant="ptnr_bench")


def _ask(gate: Gate, command: commands.Command, *, run_id: str | None = None, tenant: str | None = None) -> Answer:
    answer = gate.ask(command, actor=_SHOP, tenant=tenant, run_id=run_id, wait_seconds=60)
    assert isinstance(answer, Answer), f"{command.kind} was not answered"
    assert answer.state == "done", answer
    return answer


def _set_up(engine: Engine) -> None:
    with engine.begin() as connection:
        for statement in (
            "INSERT INTO partner (id, name, handle) VALUES ('ptnr_bench', 'Bench', 'bench') ON CONFLICT DO NOTHING",
            "INSERT INTO design (id, name) VALUES ('dsgn_bench', 'Bench') ON CONFLICT DO NOTHING",
            "INSERT INTO product_link (id, product_id, design_id) VALUES ('plink_bench', 'bench_product', 'dsgn_bench') "
            "ON CONFLICT DO NOTHING",
            "INSERT INTO task_template (id, name) VALUES ('tmpl_bench', 'bench weave') ON CONFLICT DO NOTHING",
        ):
            connection.exec_driver_sql(statement)
