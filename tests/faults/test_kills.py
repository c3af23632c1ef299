"""kill -9 of every process in the middle of two hundred runs: every run ends completed, every effect once."""

import itertools
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import httpx
import psycopg
import pytest

from shared.storage import invariants
from shared.storage.database import connect
from tests.house import House, ok
from tests.places import System, eventually

RUNS = 200
HANDS = 8


@pytest.fixture
def house(system: System) -> House:
    return House(system)


@pytest.mark.timeout(400)
def test_every_run_ends_completed_and_every_effect_happened_once(house: House) -> None:
    system = house.system
    product = house.a_product(house.a_design())
    template = house.a_template()
    partner, phone = house.a_partner()
    orders = [house.an_order(product) for _ in range(RUNS)]
    finished = threading.Event()

    def killer() -> None:
        for name in itertools.cycle(kill_list(system)):
            if finished.wait(2.0):
                return
            system.kill(name)
            finished.wait(0.3)
            system.restart(name)

    killing = threading.Thread(target=killer)
    killing.start()
    try:
        with ThreadPoolExecutor(HANDS) as pool:
            list(pool.map(lambda order: drive(house, phone, order, partner=partner, template=template), orders))
    finally:
        finished.set()
        killing.join()

    audit(system, orders=RUNS)
    house.close()


def kill_list(system: System) -> list[str]:
    """Every process of the system, in turn."""
    return list(system.processes.names)


def drive(house: House, phone: httpx.Client, order: dict[str, object], *, partner: str, template: str) -> None:
    """Push one order to its end, asking again whatever a killed process left unanswered, as a person would."""
    insist(lambda: house.place(order, event_id=f"evt-{order['id']}").status_code == 202)
    (line,) = insist(lambda: house.lines_of(order) or False)
    run = line["production_run_id"]
    path = f"/admin/production-runs/{run}/approve"
    body = {"assignments": [{"partner_id": partner, "template_names": [template]}]}
    key = {"Idempotency-Key": f"approve-{run}"}
    insist(lambda: is_settled(house.admin.post(path, json=body, headers=key)))
    (child,) = insist(
        lambda: ok(house.admin.get("/admin/production-runs", params={"parent_run_id": run}))["production_runs"]
    )
    for verb in ("accept", "start", "finish", "complete"):
        path = f"/partners/production-runs/{child['id']}/{verb}"
        key = {"Idempotency-Key": f"{verb}-{child['id']}"}
        insist(lambda path=path, key=key: is_settled(phone.post(path, json={}, headers=key)))


def is_settled(answer: httpx.Response) -> bool:
    """Done now, or done before: an answer that got lost makes the repeat a refusal."""
    return answer.status_code == 200 or (answer.status_code == 409 and answer.json()["code"] != "request_in_flight")


def insist(act):  # type: ignore[no-untyped-def]
    """Ask until it is answered; a killed gateway drops connections, a killed worker answers late."""
    return eventually(act, within=90, every=0.2)


def audit(system: System, *, orders: int) -> None:
    """Compare the database with what was asked."""
    with psycopg.connect(system.database_url, autocommit=True) as database:

        def value(sql: str) -> object:
            row = database.execute(sql).fetchone()
            assert row is not None
            return row[0]

        eventually(lambda: value("SELECT count(*) FROM delivery WHERE state = 'pending'") == 0, within=60)
        statuses = Counter(row[0] for row in database.execute("SELECT status FROM production_run"))
        assert statuses == {"completed": 2 * orders}
        assert value("SELECT count(*) FROM order_line") == orders
        assert value("SELECT count(*) FROM delivery WHERE state = 'dead'") == 0
        for kind, per_order in (
            ("production_run.created", 2),
            ("production_run.sent_to_partner", 1),
            ("production_run.accepted", 1),
            ("production_run.started", 1),
            ("production_run.finished", 1),
            ("production_run.completed", 2),
        ):
            assert value(f"SELECT count(*) FROM message WHERE kind = '{kind}'") == per_order * orders, kind
        assert (
            value(
                "SELECT count(*) FROM (SELECT run_id FROM message WHERE kind = 'production_run.completed' GROUP BY 1 HAVING count(*) <> 1) x"
            )
            == 0
        )
        assert value("SELECT count(*) FROM task WHERE status = 'completed'") == orders
    engine = connect(system.database_url)
    with engine.connect() as connection:
        assert {name: ids for name, ids in invariants.check(connection).items() if ids} == {}
    engine.dispose()
