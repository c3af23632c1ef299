"""`loomline runs`: what it asks takes the road of HTTP: a command in the ledger, carried out by an actor, told on the timeline."""

from tests.operator.command import Commander, at_work
from tests.workshop import TestBench


def test_a_run_is_led_to_its_end_by_commands_only(loomline: Commander, bench: TestBench) -> None:
    run_id = bench.a_sent_run()

    with at_work(bench):
        phases = [
            loomline.done("runs", verb, run_id)["production_run"]["phase"]
            for verb in ("accept", "start", "finish", "complete")
        ]

    assert phases == ["accepted", "started", "finished", "completed"]
    asked = bench.rows("SELECT kind, actor FROM message WHERE run_id = :id AND kind = 'run.accept'", id=run_id)
    assert asked[0]["actor"]["kind"] == "admin"
    assert asked[0]["actor"]["name"].endswith("(loomline)")


def test_a_step_that_is_not_possible_is_refused_with_its_sentence(loomline: Commander, bench: TestBench) -> None:
    run_id = bench.a_sent_run()

    with at_work(bench):
        ended = loomline.process("runs", "start", run_id, "--json")

    assert ended.code == 1
    assert ended.json["problem"]["code"] == "wrong_state"
    assert ended.json["problem"]["detail"] in ended.stderr


def test_hold_resume_note_and_the_timeline_that_keeps_them(loomline: Commander, bench: TestBench) -> None:
    run_id = bench.a_sent_run()

    with at_work(bench):
        held = loomline.done("runs", "hold", run_id, "--reason", "the dye house is closed")
        resumed = loomline.done("runs", "resume", run_id)
        loomline.done("runs", "note", run_id, "The yarn comes on Monday.")
    told = loomline.done("runs", "timeline", run_id)["activities"]
    shown = loomline.run("runs", "timeline", run_id).stdout

    assert held["production_run"]["held_reason"] == "the dye house is closed"
    assert resumed["production_run"]["held_at"] is None
    assert [entry["verb"] for entry in told][-3:] == ["held", "resumed", "noted"]
    assert "the dye house is closed" in shown
    assert "(loomline)" in shown


def test_a_cancel_says_what_would_end_and_ends_it_only_when_told(loomline: Commander, bench: TestBench) -> None:
    child = bench.a_sent_run()
    parent = bench.run(child)["parent_run_id"]

    dry = loomline.process("runs", "cancel", parent, "--json")
    untouched = bench.run(child)["status"]
    with at_work(bench):
        applied = loomline.done("runs", "cancel", parent, "--reason", "the customer withdrew", "--apply")

    assert dry.code == 0, dry
    assert {each["id"] for each in dry.json["would_cancel"]} == {parent, child}
    assert "Add --apply" in dry.stderr
    assert untouched == "sent_to_partner"
    assert applied["production_run"]["status"] == "cancelled"
    assert bench.run(child)["status"] == "cancelled"


def test_a_dry_cancel_is_refused_where_the_actor_would_refuse(loomline: Commander, bench: TestBench) -> None:
    run_id = bench.a_sent_run()
    with at_work(bench):
        loomline.done("runs", "cancel", run_id, "--apply")
        real = loomline.refused("runs", "cancel", run_id, "--apply")

    assert loomline.refused("runs", "cancel", run_id) == real


def test_an_approved_run_goes_to_another_partner_and_is_sent(loomline: Commander, bench: TestBench) -> None:
    bench.a_partner("weaver")
    other = bench.a_partner("dyer")
    bench.a_template("Weave", category="weaving")
    run_id = bench.a_run(bench.a_design(), partner_id="ptnr_weaver")

    with at_work(bench):
        approved = loomline.done("runs", "approve", run_id)["production_run"]
        part = approved["children"][0]["id"]
        loomline.done("runs", "assign", part, other, "--note", "the first loom broke")
        sent = loomline.done("runs", "send", part, "--category", "weaving")["production_run"]

    assert (sent["partner_id"], sent["phase"]) == (other, "assigned")
    assert [task["title"] for task in sent["tasks"]] == ["Weave"]
    assert loomline.run("runs", "send", part).code == 2


def test_runs_are_listed_as_they_are_wanted(loomline: Commander, bench: TestBench) -> None:
    sent = bench.a_sent_run()
    waiting = bench.a_run("dsgn_design_of_weaver", order_id="1001")
    bench.change("UPDATE production_run SET overdue_at = now() WHERE id = :id", id=sent)

    def ids(*filters: str) -> set[str]:
        return {run["id"] for run in loomline.done("runs", "list", *filters)["production_runs"]}

    assert ids() >= {sent, waiting}
    assert ids("--status", "sent_to_partner") == {sent}
    assert ids("--order", "1001") == {waiting}
    assert ids("--overdue") == {sent}
    assert sent in ids("--partner", "weaver")
    assert ids("--held") == ids("--flagged") == set()
    assert len(loomline.done("runs", "list", "--limit", "1")["production_runs"]) == 1
    assert loomline.run("runs", "list", "--status", "lost").code == 2


def test_a_run_is_shown_with_what_may_be_done(loomline: Commander, bench: TestBench) -> None:
    run_id = bench.a_sent_run(templates=2)

    told = loomline.done("runs", "show", run_id)["production_run"]
    shown = loomline.process("runs", "show", run_id)

    assert {"accept", "decline", "cancel", "hold"} <= set(told["allowed_actions"])
    assert len(told["tasks"]) == 2
    assert run_id in shown.stdout
    assert "weaver_step_1" in shown.stdout
    assert shown.stderr == ""


def test_a_run_that_is_not_there_is_refused_before_anything_is_asked(loomline: Commander, bench: TestBench) -> None:
    for arguments in (("show",), ("timeline",), ("accept",), ("cancel",), ("hold", "--reason", "x")):
        assert loomline.refused("runs", arguments[0], "run_nowhere", *arguments[1:])["code"] == "not_found"
    assert bench.value("SELECT count(*) FROM message") == 0


def test_without_workers_a_command_is_stored_and_its_id_told(loomline: Commander, bench: TestBench) -> None:
    run_id = bench.a_sent_run()

    ended = loomline.run("runs", "accept", run_id, "--wait", "0.2", "--json")
    bench.pump()

    assert ended.code == 5
    assert bench.answer(ended.json["command"]["id"]).state == "done"
    assert bench.run(run_id)["status"] == "in_progress"


def test_an_empty_reason_is_a_usage_error(loomline: Commander, bench: TestBench) -> None:
    assert loomline.run("runs", "hold", bench.a_sent_run(), "--reason", " ").code == 2


def test_a_database_that_is_away_ends_with_3(loomline: Commander) -> None:
    loomline.environment["LOOMLINE_DATABASE_URL"] = "postgresql://me:hunter2@127.0.0.1:1/x"

    ended = loomline.process("runs", "list", "--json")

    assert ended.code == 3
    assert ended.json["problem"]["code"] == "away"
    assert "hunter2" not in ended.stdout + ended.stderr
    assert ended.stderr.startswith("LOOMLINE_DATABASE_URL: no PostgreSQL answers")
