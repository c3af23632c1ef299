"""Runs over HTTP: the road of a run, what partners see, filters, the 202 and where it points."""

from typing import Any

import pytest

from services.api.queries import runs
from shared.domain.runs import Phase, Status
from tests.gateway.house import House

RUNS = "/admin/production-runs"
MINE = "/partners/production-runs"


def ids_of(answer: Any) -> list[str]:
    return [run["id"] for run in answer.json["production_runs"]]


def test_a_run_goes_the_whole_road(house: House) -> None:
    admin, person = house.an_admin(), house.a_person_of(house.bench.a_partner("weaver"))
    design_id = house.bench.a_design()
    house.bench.a_template("Weave")

    with house.open_workshop():
        made = house.post(RUNS, {"design_id": design_id, "quantity": "10.50", "partner_id": "ptnr_weaver"}, by=admin)
        run_id = made.json["production_run"]["id"]
        approved = house.post(f"{RUNS}/{run_id}/approve", by=admin)
        child = approved.json["children"][0]["id"]
        paused = house.post(f"{RUNS}/{child}/dispatch", by=admin)
        transaction_id = paused.json["transaction_id"]
        sent = house.post(
            f"{RUNS}/{child}/dispatch/confirm",
            {"template_names": ["Weave"], "transaction_id": transaction_id},
            by=admin,
        )
        steps = [house.post(f"{MINE}/{child}/{step}", by=person) for step in ("accept", "start", "finish", "complete")]
    parent = house.get(f"{RUNS}/{run_id}", by=admin)

    assert (made.status_code, approved.status_code, paused.status_code, sent.status_code) == (201, 200, 202, 200)
    assert made.json["production_run"]["quantity"] == "10.5"
    assert approved.json["dispatch"] == {"dispatched": [], "skipped": [child], "failed": []}
    assert paused.json["dispatch"]["state"] == "awaiting_templates"
    assert "Location" not in paused.headers
    assert [task["title"] for task in sent.json["tasks"]] == ["Weave"]
    assert [step.json["production_run"]["phase"] for step in steps] == ["accepted", "started", "finished", "completed"]
    assert steps[1].json["production_run"]["allowed_actions"] == ["finish"]
    assert parent.json["production_run"]["status"] == "completed"


def test_a_step_out_of_turn_says_how_the_run_stands(house: House) -> None:
    child = house.bench.a_sent_run()

    answer = house.post(f"{MINE}/{child}/start", by=house.a_person_of("ptnr_weaver"), Prefer="respond-async")

    assert answer.status_code == 409
    assert answer.json["code"] == "wrong_state"
    assert answer.json["current_status"] == "sent_to_partner"
    assert answer.json["phase"] == "assigned"
    assert answer.json["allowed_actions"] == ["accept", "decline"]
    assert house.bench.value("SELECT count(*) FROM message WHERE kind = 'run.start'") == 0


def test_a_refusal_by_the_actor_says_how_the_run_stands(house: House) -> None:
    child, admin = house.bench.a_sent_run(), house.an_admin()
    house.bench.a_template("Again", kind="redo")
    house.bench.change("UPDATE production_run SET status = 'cancelled', cancelled_at = now() WHERE id = :id", id=child)

    with house.open_workshop():
        answer = house.post(f"{RUNS}/{child}/tasks", {"template_names": ["Again"]}, by=admin)

    assert answer.status_code == 409
    assert answer.json["phase"] == "cancelled"
    assert answer.json["allowed_actions"] == []


def test_not_answered_yet_points_to_the_command(house: House) -> None:
    admin, design_id = house.an_admin(), house.bench.a_design()
    partner_id = house.bench.a_partner("weaver")

    later = house.post(RUNS, {"design_id": design_id}, by=admin, Prefer="respond-async")
    command = later.headers["Location"]
    pending = house.get(command, by=admin)
    house.bench.pump()
    done = house.get(command, by=admin)

    assert (later.status_code, later.headers["Preference-Applied"]) == (202, "respond-async")
    assert later.json["command"] == {"id": command.removeprefix("/commands/"), "name": "run.create", "state": "pending"}
    assert pending.json["state"] == "pending"
    assert done.json["state"] == "done"
    assert done.json["production_run_id"] == done.json["result"]["run_id"]
    assert house.get(command, by=house.a_person_of(partner_id)).status_code == 404


def test_a_refused_command_keeps_its_problem(house: House) -> None:
    admin = house.an_admin()
    later = house.post(RUNS, {"design_id": "dsgn_none"}, by=admin, Prefer="respond-async")
    house.bench.pump()

    answer = house.get(later.headers["Location"], by=admin)

    assert answer.json["state"] == "refused"
    assert answer.json["problem"]["status"] == 422
    assert answer.json["problem"]["errors"][0]["pointer"] == "/design_id"


def test_a_command_that_died_is_a_fault_of_ours(house: House) -> None:
    admin = house.an_admin()
    later = house.post(
        RUNS, {"design_id": house.bench.a_design()}, by=admin, Idempotency_Key="k", Prefer="respond-async"
    )
    house.bench.change("UPDATE delivery SET state = 'dead'")

    answer = house.post(RUNS, {"design_id": "dsgn_shawl"}, by=admin, Idempotency_Key="k")

    assert house.get(later.headers["Location"], by=admin).json["state"] == "failed"
    assert (answer.status_code, answer.json["code"]) == (500, "command_failed")
    assert answer.json["command_id"] == later.json["command"]["id"]


def test_somebody_elses_run_does_not_exist(house: House) -> None:
    child, stranger = house.bench.a_sent_run(), house.a_person_of(house.bench.a_partner("cutter"))
    owner = house.a_person_of("ptnr_weaver")
    parent = house.bench.run(child)["parent_run_id"]
    task_id = house.bench.tasks(child)[0]["id"]

    for path in (f"{MINE}/{child}", f"{MINE}/{child}/timeline", f"/partners/assigned-tasks/{task_id}"):
        assert house.get(path, by=owner).status_code == 200
        assert house.get(path, by=stranger).status_code == 404
    for path in (f"{MINE}/{child}/accept", f"{MINE}/{child}/finish", f"/partners/assigned-tasks/{task_id}/accept"):
        assert house.post(path, by=stranger).status_code == 404
    assert house.get(f"{MINE}/{parent}", by=owner).status_code == 404
    assert ids_of(house.get(MINE, by=owner)) == [child]
    assert ids_of(house.get(MINE, by=stranger)) == []


def test_a_new_partner_learns_nothing_of_the_one_before(house: House) -> None:
    child, admin = house.bench.a_sent_run(), house.an_admin()
    before = house.a_person_of("ptnr_weaver")
    now = house.a_person_of(house.bench.a_partner("cutter"))
    with house.open_workshop():
        declined = house.post(f"{MINE}/{child}/decline", {"reason": "capacity", "notes": "sorry"}, by=before)
        given = house.post(f"{RUNS}/{child}/assign-partner", {"partner_id": "ptnr_cutter"}, by=admin)

    details, timeline = house.get(f"{MINE}/{child}", by=now), house.get(f"{MINE}/{child}/timeline", by=now)

    assert (declined.status_code, given.status_code) == (200, 200)
    assert given.json["production_run"]["previous_partner_id"] == "ptnr_weaver"
    assert "weaver" not in details.text.replace("design_of_weaver", "")
    assert "weaver" not in timeline.text
    assert "sorry" not in timeline.text
    assert "sorry" in house.get(f"{RUNS}/{child}/timeline", by=admin).text
    assert house.get(f"{MINE}/{child}", by=before).status_code == 404


def test_details_tell_what_stands_around_a_run(house: House) -> None:
    admin, design_id = house.an_admin(), house.bench.a_design()
    people = {name: house.a_person_of(house.bench.a_partner(name)) for name in ("weaver", "cutter")}
    shares = [{"partner_id": "ptnr_weaver", "order": 1}, {"partner_id": "ptnr_cutter", "order": 2}]
    with house.open_workshop():
        made = house.post(
            f"/admin/designs/{design_id}/production-runs", {"quantity": 4, "assignments": shares}, by=admin
        )
    first, second = (child["id"] for child in made.json["children"])

    late = house.get(f"{MINE}/{second}", by=people["cutter"])
    parent = house.get(f"{RUNS}/{made.json['production_run']['id']}", by=admin)

    assert made.status_code == 201
    assert late.json["production_run"]["depends_on_run_ids"] == [first]
    assert late.json["production_run"]["snapshot"]["design"]["id"] == design_id
    assert late.json["related"]["waits_on_run_ids"] == [first]
    assert late.json["related"]["predecessors"][0]["phase"] == "approved"
    assert "ptnr_weaver" not in late.text
    assert "children" not in late.json["related"]
    assert {child["id"] for child in parent.json["related"]["children"]} == {first, second}


def test_a_run_is_stuck_when_an_earlier_one_was_cancelled(house: House) -> None:
    admin, design_id = house.an_admin(), house.bench.a_design()
    for name in ("weaver", "cutter"):
        house.bench.a_partner(name)
    shares = [{"partner_id": "ptnr_weaver", "order": 1}, {"partner_id": "ptnr_cutter", "order": 2}]
    with house.open_workshop():
        made = house.post(
            f"/admin/designs/{design_id}/production-runs", {"quantity": 4, "assignments": shares}, by=admin
        )
        first, second = (child["id"] for child in made.json["children"])
        before = ids_of(house.get(f"{RUNS}?stuck=true", by=admin))
        house.post(f"{RUNS}/{first}/cancel", {"reason": "no yarn"}, by=admin)

    assert before == []
    assert ids_of(house.get(f"{RUNS}?stuck=true", by=admin)) == [second]
    assert second not in ids_of(house.get(f"{RUNS}?stuck=false", by=admin))


def test_to_cancel_twice_is_no_mistake(house: House) -> None:
    admin, run_id = house.an_admin(), house.bench.a_run(house.bench.a_design())

    with house.open_workshop():
        answers = [house.post(f"{RUNS}/{run_id}/cancel", {"reason": "x"}, by=admin) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 200]


def test_a_note_stands_on_the_timeline(house: House) -> None:
    admin, run_id = house.an_admin(), house.bench.a_run(house.bench.a_design())

    with house.open_workshop():
        answer = house.post(f"{RUNS}/{run_id}/notes", {"text": "Call them first"}, by=admin)

    last = answer.json["activities"][-1]
    assert answer.status_code == 201
    assert last["verb"] == "noted"
    assert "Call them first" in str(last)
    assert last["actor"]["name"] == "asha"


def test_a_partner_adds_rework_only(house: House) -> None:
    child, person = house.bench.a_sent_run(), house.a_person_of("ptnr_weaver")
    house.bench.a_template("Again", kind="redo")

    with house.open_workshop():
        house.post(f"{MINE}/{child}/accept", by=person)
        work = house.post(f"{MINE}/{child}/tasks", {"template_names": ["Again"], "kind": "work"}, by=person)
        redo = house.post(f"{MINE}/{child}/tasks", {"template_names": ["Again"], "piece": "hem"}, by=person)
    run = house.get(f"{MINE}/{child}", by=person).json["production_run"]

    assert (work.status_code, work.json["errors"][0]["pointer"]) == (422, "/kind")
    assert redo.status_code == 201
    assert [task["piece"] for task in redo.json["tasks"]] == ["hem"]
    assert run["task_counts"] == {"total": 3, "open": 3, "completed": 0, "cancelled": 0}


def test_tasks_are_worked_on_with_their_subtasks_and_comments(house: House) -> None:
    child, admin = house.bench.a_sent_run(), house.an_admin()
    person = house.a_person_of("ptnr_weaver")
    tasks = "/partners/assigned-tasks"

    with house.open_workshop():
        house.post(f"{MINE}/{child}/accept", by=person)
        first, second = (task["id"] for task in house.get(tasks, by=person).json["tasks"])
        subtask = house.post("/admin/partners/ptnr_weaver/tasks", {"title": "Spin", "parent_task_id": first}, by=admin)
        subtask_id = subtask.json["task"]["id"]
        wrong = house.post(f"{tasks}/{second}/subtasks/{subtask_id}/complete", by=person)
        ended = house.post(f"{tasks}/{first}/subtasks/{subtask_id}/complete", by=person)
        said = house.post(f"{tasks}/{second}/comments", {"comment": "nearly"}, by=person)
        last = house.post(f"{tasks}/{second}/finish", {"actual_cost": 12.50}, by=person)

    assert subtask.status_code == 201
    assert wrong.status_code == 404
    assert (ended.status_code, ended.json["parent_completed"], ended.json["run_completed"]) == (200, True, False)
    assert said.status_code == 201
    assert [each["comment"] for each in house.get(f"{tasks}/{second}/comments", by=person).json["comments"]] == [
        "nearly"
    ]
    assert last.json["task"]["actual_cost"] == "12.5"
    assert last.json["run_completed"] is True


def test_a_task_is_given_to_a_partner_that_exists(house: House) -> None:
    admin = house.an_admin()
    house.bench.a_partner("weaver")

    nobody = house.post("/admin/partners/ptnr_none/tasks", {"title": "x"}, by=admin)
    no_parent = house.post("/admin/partners/ptnr_weaver/tasks", {"title": "x", "parent_task_id": "task_x"}, by=admin)

    assert nobody.status_code == 404
    assert (no_parent.status_code, no_parent.json["errors"][0]["pointer"]) == (422, "/parent_task_id")


_STAMPS = {Phase.STARTED: ("started_at",), Phase.FINISHED: ("started_at", "finished_at")}


@pytest.mark.parametrize("phase", Phase)
def test_a_list_finds_every_phase_as_the_domain_names_it(house: House, phase: Phase) -> None:
    admin, run_id = house.an_admin(), house.bench.a_run(house.bench.a_design())
    status = {Phase.REVIEW: Status.DRAFT, Phase.ASSIGNED: Status.SENT_TO_PARTNER}.get(
        phase, Status(phase) if phase in list(Status) else Status.IN_PROGRESS
    )
    stamps = ", ".join(f"{name} = now()" for name in ("accepted_at", *_STAMPS.get(phase, ())))
    ends = ", completed_at = now(), cancelled_at = now()" if phase in (Phase.COMPLETED, Phase.CANCELLED) else ""
    house.bench.change(
        f"UPDATE production_run SET status = :status, {stamps}{ends} WHERE id = :id", status=status.value, id=run_id
    )

    found = house.get(f"{RUNS}?phase={phase.value}", by=admin)
    others = house.get(f"{RUNS}?phase={','.join(other.value for other in Phase if other is not phase)}", by=admin)

    assert [run["phase"] for run in found.json["production_runs"]] == [phase.value]
    assert ids_of(others) == []


def test_a_run_on_the_wire_has_every_field_of_the_domain(house: House) -> None:
    admin, run_id = house.an_admin(), house.bench.a_run(house.bench.a_design())

    run = house.get(f"{RUNS}/{run_id}", by=admin).json["production_run"]

    assert set(runs.RUN_COLUMNS) - {"snapshot_id", "dispatch_id", "dispatch_round"} <= set(run)
    assert {"phase", "allowed_actions", "depends_on_run_ids", "task_counts", "metadata", "snapshot", "tasks"} <= set(
        run
    )


def test_an_approved_part_is_split_again_and_a_second_split_is_refused(house: House) -> None:
    admin, design = house.an_admin(), house.bench.a_design("shawl")
    first, second = house.bench.a_partner("first"), house.bench.a_partner("second")
    shares = {"assignments": [{"partner_id": first, "quantity": 4}, {"partner_id": second, "quantity": 2}]}

    with house.open_workshop():
        run_id = house.post(RUNS, {"design_id": design, "quantity": 6}, by=admin).json["production_run"]["id"]
        approved = house.post(f"{RUNS}/{run_id}/approve", {"assignments": [{"partner_id": first}]}, by=admin)
        (child,) = approved.json["children"]
        split = house.post(f"{RUNS}/{child['id']}/split", shares, by=admin)
        again = house.post(f"{RUNS}/{child['id']}/split", shares, by=admin)

    assert "split" in child["allowed_actions"]
    assert split.status_code == 200
    assert [part["quantity"] for part in split.json["children"]] == ["4", "2"]
    assert (again.status_code, again.json["code"]) == (409, "already_allocated")
