"""`loomline orders`: orders from a file take the road of POST /events, and lines without a run are judged anew."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from services.operator.children import outside_environment
from services.operator.processes import ROOT
from tests.operator.command import Commander, at_work
from tests.workshop import TestBench


def an_order(number: str, *products: str) -> dict[str, Any]:
    return {
        "id": number,
        "display_id": f"#{number}",
        "items": [{"id": f"{number}-{n}", "product_id": p, "quantity": 2} for n, p in enumerate(products)],
    }


def lines_of(bench: TestBench) -> list[tuple[str, str]]:
    rows = bench.rows("SELECT order_line_item_id, outcome FROM order_line ORDER BY 1")
    return [(row["order_line_item_id"], row["outcome"]) for row in rows]


def test_an_order_of_a_file_makes_its_runs(loomline: Commander, bench: TestBench, tmp_path: Path) -> None:
    bench.a_product("shawl", design_id=bench.a_design())
    (file := tmp_path / "order.json").write_text(json.dumps(an_order("1001", "shawl", "gift"), indent=2))

    ended = loomline.process("orders", "send", str(file), "--source", "old-shop", "--json")
    bench.pump()

    assert ended.code == 0, ended
    assert ended.json["counts"] == {"taken": 1, "repeated": 0, "unreadable": 0}
    assert ended.stderr == "1 order: 1 taken.\n", "no bar where nobody watches"
    assert lines_of(bench) == [("1001-0", "run"), ("1001-1", "unmapped")]
    asked = bench.rows("SELECT actor, id FROM message WHERE kind = 'order.placed'")[0]
    assert asked["actor"] == {"kind": "shop", "id": "old-shop", "name": "old-shop"}
    assert asked["id"] == ended.json["orders"][0]["message_id"]


def test_who_watches_sees_a_bar_beside_the_answer(loomline: Commander, tmp_path: Path) -> None:
    (file := tmp_path / "orders.jsonl").write_text("\n".join(json.dumps(an_order(str(n), "a")) for n in range(30)))
    watched, screen = os.openpty()

    done = subprocess.run(
        [sys.executable, "-m", "services.operator.main", "orders", "send", str(file), "--json"],
        env=outside_environment(os.environ) | loomline.environment | {"TERM": "xterm"},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=screen,
        timeout=60,
    )
    os.close(screen)
    seen = os.read(watched, 100_000).decode(errors="replace")
    os.close(watched)

    assert done.returncode == 0
    assert json.loads(done.stdout)["counts"]["taken"] == 30
    assert "Placing orders" in seen


def test_an_order_that_was_sent_before_changes_nothing(loomline: Commander, bench: TestBench, tmp_path: Path) -> None:
    (file := tmp_path / "order.json").write_text(json.dumps(an_order("1001", "gift")))
    loomline.done("orders", "send", str(file))
    file.write_text(json.dumps(an_order("1001", "gift")) + "\n")

    again = loomline.done("orders", "send", str(file))

    assert again["counts"]["repeated"] == 1
    assert bench.value("SELECT count(*) FROM message WHERE kind = 'order.placed'") == 1


def test_orders_come_one_a_line_from_a_pipe_and_a_bad_one_holds_none_up(loomline: Commander, bench: TestBench) -> None:
    rows = (json.dumps(an_order("1", "a")), "", '{"id": "2", "items": [{"id": "x", "quantity": -1}]}', "nonsense")
    lines = "\n".join([*rows, json.dumps(an_order("3", "a"))])

    ended = loomline.process("orders", "send", "-", "--json", stdin=lines)

    assert ended.code == 1
    told = {each["place"]: each for each in ended.json["orders"]}
    assert {place: each["outcome"] for place, each in told.items()} == {
        "line 1": "taken",
        "line 3": "unreadable",
        "line 4": "unreadable",
        "line 5": "taken",
    }
    assert told["line 3"]["reason"].startswith("/items/0/quantity: ")
    assert "not valid JSON" in told["line 4"]["reason"]
    assert bench.value("SELECT count(*) FROM message WHERE kind = 'order.placed'") == 2


def test_a_list_is_one_order_after_the_other(loomline: Commander) -> None:
    told = loomline.done("orders", "send", "-", stdin=json.dumps([an_order("1", "a"), an_order("2", "a")]))

    assert [each["order_id"] for each in told["orders"]] == ["1", "2"]


def test_a_file_without_orders_or_that_is_not_there_is_said(loomline: Commander, tmp_path: Path) -> None:
    (empty := tmp_path / "empty.jsonl").write_text("\n")

    assert loomline.refused("orders", "send", str(empty))["code"] == "empty"
    assert loomline.run("orders", "send", str(tmp_path / "nowhere")).code == 2


def test_unmapped_lines_are_listed_and_retried(loomline: Commander, bench: TestBench) -> None:
    bench.done(bench.an_order("1001", ("a", "shawl"), ("b", "shirt"), ("c", None)))
    found = loomline.done("orders", "lines", "--outcome", "unmapped")["order_lines"]
    line = next(each["id"] for each in found if each["order_line_item_id"] == "a")
    bench.a_product("shawl", design_id=bench.a_design())

    with at_work(bench):
        one = loomline.done("orders", "retry", line)
        bench.a_product("shirt", design_id="dsgn_shawl")
        every = loomline.done("orders", "retry", "--all")

    assert {each["order_line_item_id"] for each in found} >= {"a", "b"}
    assert [each["outcome"] for each in one["order_lines"]] == ["run"]
    assert {each["order_line_item_id"]: each["outcome"] for each in every["order_lines"]}["b"] == "run"
    asked = bench.rows("SELECT actor FROM message WHERE kind = 'order.retry_line'")
    assert all(row["actor"]["kind"] == "admin" and row["actor"]["name"].endswith("(loomline)") for row in asked)


def test_a_retry_without_workers_is_stored_and_says_so(loomline: Commander, bench: TestBench) -> None:
    bench.done(bench.an_order("1001", ("a", "shawl")))

    ended = loomline.run("orders", "retry", "--all", "--wait", "0.2", "--json")

    assert ended.code == 5
    assert ended.json["pending"] == 1
    assert "Is a worker running?" in ended.stderr
    assert bench.value("SELECT count(*) FROM delivery WHERE actor = 'retry_line' AND state = 'pending'") == 1


def test_a_line_that_is_not_there_cannot_be_retried(loomline: Commander) -> None:
    assert loomline.refused("orders", "retry", "oline_nowhere")["code"] == "not_found"
    assert loomline.run("orders", "retry").code == 2
