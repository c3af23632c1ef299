"""Tasks in the portal: of runs and stand-alone, accepted, finished with a cost, with subtasks and comments."""

import pytest

from shared.domain import commands
from tests.gateway.house import House
from tests.pages.portal import Portal


@pytest.fixture
def portal(house: House) -> Portal:
    return Portal(house)


def test_without_tasks_the_page_says_where_they_come_from(portal: Portal) -> None:
    assert "They come with the runs that you accept." in portal.open("/portal/tasks").text


def test_the_list_has_tasks_of_runs_and_stand_alone_ones(portal: Portal) -> None:
    portal.a_run("Indigo shawl", steps=("accept",))
    portal.a_lone_task("Bring the sample book")

    page = portal.open("/portal/tasks")

    assert "3 Open 0 Done" in page.text
    assert "Bring the sample book On its own" in page.text
    assert "weave Indigo shawl" in page.text


def test_a_task_is_accepted_and_finished_with_its_cost(portal: Portal) -> None:
    task = portal.a_lone_task()
    page = portal.open(f"/portal/tasks/{task}")

    accepted = portal.send_twice(page, "/accept")
    finished = portal.send_twice(accepted, "/finish", actual_cost="40", cost_type="total", cost_currency="INR")

    assert accepted.status == 200
    assert "Completed" in finished.text
    assert "40.00 INR for everything" in finished.text
    assert not finished.has_form("/finish")


def test_a_wrong_cost_is_told_beside_its_field_and_kept(portal: Portal) -> None:
    task = portal.a_lone_task()

    page = portal.send(portal.open(f"/portal/tasks/{task}"), "/finish", actual_cost="-3", cost_currency="INR")

    assert page.status == 422
    assert page.soup.find("p", id="finish-actual_cost-error").get_text() == "Cost must not be negative."
    assert page.form("/finish").find("input", {"name": "cost_currency"})["value"] == "INR"


def test_the_last_step_of_a_task_takes_the_task_with_it(portal: Portal) -> None:
    task = portal.a_lone_task("Warp the loom")
    for title in ("Wind the bobbins", "Tie the ends"):
        told = commands.CreateTask(partner_id=portal.partner, title=title, parent_task_id=task)
        portal.bench.done(told)

    first = portal.send(portal.open(f"/portal/tasks/{task}"), "/complete")
    second = portal.send(first, "/complete")

    assert portal.bench.value("SELECT status FROM task WHERE id = :id", id=task) == "completed"
    assert not second.has_form("/complete")


def test_a_comment_is_written_once_and_read_with_its_author(portal: Portal) -> None:
    task = portal.a_lone_task()

    page = portal.send_twice(portal.open(f"/portal/tasks/{task}"), "/comments", comment="Which <b>thread</b>?")

    assert page.text.count("Which <b>thread</b>?") == 1
    assert "pia" in page.text


def test_an_empty_comment_is_told_beside_its_field(portal: Portal) -> None:
    task = portal.a_lone_task()

    page = portal.send(portal.open(f"/portal/tasks/{task}"), "/comments", comment="   ")

    assert page.status == 422
    assert page.soup.find("p", id="comment-comment-error").get_text() == "Comment is missing."


def test_a_task_of_a_run_that_was_not_accepted_says_what_to_do_first(portal: Portal) -> None:
    run = portal.a_run()

    page = portal.open(f"/portal/tasks/{portal.bench.tasks(run)[0]['id']}")

    assert "Accept the run first; its tasks open with it." in page.text
    assert not page.has_form("/finish")
    assert f"/portal/runs/{run}" in page.links()


def test_a_step_of_somebody_elses_task_is_not_there(portal: Portal) -> None:
    mine, other = portal.a_lone_task("Mine"), portal.a_lone_task("Other")
    below = portal.bench.done(commands.CreateTask(partner_id=portal.partner, title="Below", parent_task_id=other))
    page = portal.open(f"/portal/tasks/{mine}")
    token = page.form("/comments").find("input", {"name": "csrf"})["value"]

    answer = portal.browser.post(f"/portal/tasks/{mine}/subtasks/{below['task_id']}/complete", [("csrf", token)])

    assert answer.status == 404


def test_many_tasks_cost_as_many_queries_as_one(portal: Portal) -> None:
    portal.a_run(steps=("accept",))
    with portal.counted_queries() as short:
        portal.open("/portal/tasks")
    for _ in range(4):
        portal.a_run(steps=("accept",))

    with portal.counted_queries() as long:
        portal.open("/portal/tasks")

    assert len(long) == len(short)
    assert len(long) <= 8
