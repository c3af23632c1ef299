"""`loomline dead-letters` and `replay`: what failed too often is seen, and moved on only when it is told to."""

from shared.domain import commands
from tests.operator.command import Commander, a_dead_letter, at_work
from tests.workshop import TestBench


def a_dead_accept(bench: TestBench) -> tuple[str, int]:
    """A run whose acceptance failed too often, and that delivery."""
    run_id = bench.a_sent_run()
    message_id = bench.post(commands.AcceptRun(), run_id=run_id)
    return run_id, a_dead_letter(bench, message_id)


def state_of(bench: TestBench, delivery_id: int) -> str:
    return str(bench.value("SELECT state FROM delivery WHERE id = :id", id=delivery_id))


def test_a_dead_letter_is_listed_and_shown_with_its_error(loomline: Commander, bench: TestBench) -> None:
    run_id, letter = a_dead_accept(bench)

    (listed,) = loomline.done("dead-letters", "list", "--room", "milestones")["dead_letters"]
    shown = loomline.process("dead-letters", "show", str(letter))

    assert (listed["id"], listed["kind"], listed["production_run_id"]) == (letter, "run.accept", run_id)
    assert loomline.done("dead-letters", "list", "--room", "orders")["dead_letters"] == []
    assert "ZeroDivisionError: division by zero" in loomline.run("dead-letters", "list").stdout
    assert "Traceback" in shown.stdout


def test_a_replay_is_only_said_until_it_is_applied(loomline: Commander, bench: TestBench) -> None:
    run_id, letter = a_dead_accept(bench)

    dry = loomline.process("dead-letters", "replay", str(letter), "--json")
    before = state_of(bench, letter)
    applied = loomline.process("dead-letters", "replay", str(letter), "--apply", "--json")
    bench.pump()

    assert (dry.code, dry.json["applied"], before) == (0, False, "dead")
    assert "Add --apply" in dry.stderr
    assert (applied.code, applied.json["dead_letter"]["state"]) == (0, "pending")
    assert bench.run(run_id)["status"] == "in_progress"
    assert "production_run.operator_acted" in bench.events(run_id)


def test_a_discarded_letter_stays_readable_and_is_decided_once(loomline: Commander, bench: TestBench) -> None:
    run_id, letter = a_dead_accept(bench)

    loomline.done("dead-letters", "discard", str(letter))
    assert state_of(bench, letter) == "dead"
    loomline.done("dead-letters", "discard", str(letter), "--apply")
    bench.pump()

    assert state_of(bench, letter) == "discarded"
    assert loomline.done("dead-letters", "show", str(letter))["dead_letter"]["state"] == "discarded"
    assert loomline.refused("dead-letters", "replay", str(letter), "--apply")["code"] == "not_dead"
    assert bench.run(run_id)["status"] == "sent_to_partner"
    told = bench.rows("SELECT body, actor FROM message WHERE kind = 'production_run.operator_acted'")
    assert [row["body"]["reason"] for row in told] == ["discarded"]
    assert told[0]["actor"]["name"].endswith("(loomline)")


def test_a_delivery_that_is_not_there_is_refused(loomline: Commander) -> None:
    for verb in ("show", "replay", "discard"):
        assert loomline.refused("dead-letters", verb, "4711")["code"] == "unknown_delivery"


def test_what_stands_still_of_an_order_is_replayed_when_it_is_applied(loomline: Commander, bench: TestBench) -> None:
    message_id = bench.post(bench.an_order("1001", ("a", None)))
    letter = a_dead_letter(bench, message_id)

    dry = loomline.done("replay", "--order", "1001")
    before = state_of(bench, letter)
    applied = loomline.done("replay", "--order", "1001", "--apply")
    bench.pump()

    assert [each["id"] for each in dry["deliveries"]] == [letter]
    assert before == "dead"
    assert applied["applied"]
    assert state_of(bench, letter) == "done"
    assert loomline.done("replay", "--message", message_id)["deliveries"] == []


def test_a_run_is_replayed_and_what_was_done_stays_done(loomline: Commander, bench: TestBench) -> None:
    run_id, letter = a_dead_accept(bench)

    with at_work(bench):
        told = loomline.done("replay", "--run", run_id, "--apply")
    bench.pump()

    assert [each["id"] for each in told["deliveries"]] == [letter]
    assert bench.events(run_id).count("production_run.accepted") == 1


def test_exactly_one_scope_is_said(loomline: Commander) -> None:
    assert loomline.run("replay").code == 2
    assert loomline.run("replay", "--order", "1", "--run", "2").code == 2
