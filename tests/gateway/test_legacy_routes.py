"""The retired send-to-partner flow, over today's runs."""

from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import msgspec
import pytest
from falcon import testing

from services.api import app
from services.api.resources import legacy_designs
from shared.domain import commands, legacy
from shared.domain.runs import Phase
from shared.runtime import ids
from tests.gateway.house import House

DESIGN = "dsgn_shawl"
OLD = f"/partners/designs/{DESIGN}"


@pytest.fixture
def workshop(house: House) -> Iterator[House]:
    """A house whose actors carry out what is asked, with a design and a weaver."""
    house.bench.a_design("shawl")
    house.bench.a_partner("weaver")
    with house.open_workshop():
        yield house


def a_sent_design(house: House, *, admin: str | None = None, notes: str = "Soft.") -> testing.Result:
    body = {"partnerId": "ptnr_weaver", "notes": notes, "whatever": 1}
    return house.post(f"/admin/designs/{DESIGN}/send-to-partner", body, by=admin or house.an_admin())


def walk(house: House, weaver: str, *verbs: str) -> testing.Result:
    for verb in verbs:
        answer = house.post(f"{OLD}/{verb}", {"old_field": True}, by=weaver)
        assert answer.status_code == 200, (verb, answer.text)
    return answer


def test_sending_makes_a_sample_of_one_before_its_partner(workshop: House) -> None:
    answer = a_sent_design(workshop)

    assert answer.status_code == 201, answer.text
    run = answer.json["production_run"]
    assert (run["run_type"], run["quantity"], run["status"]) == ("sample", "1", "sent_to_partner")
    assert answer.json["partner_info"]["partner_status"] == "assigned"
    assert [task["title"] for task in workshop.bench.tasks(run["id"])] == ["start", "redo", "finish", "completed"]
    assert {task["kind"] for task in workshop.bench.tasks(run["id"])} == {"work"}
    assert run["metadata"]["notes"] == "Soft."
    assert "production_run.sent_to_partner" in workshop.bench.events(run["id"])


def test_a_partner_goes_all_the_way_at_the_old_addresses(workshop: House) -> None:
    run_id = a_sent_design(workshop).json["production_run"]["id"]
    weaver = workshop.a_person_of("ptnr_weaver")

    statuses = [
        walk(workshop, weaver, verb).json["partner_info"]["partner_status"] for verb in ("start", "finish", "complete")
    ]

    assert statuses == ["in_progress", "finished", "completed"]
    run = workshop.bench.run(run_id)
    assert (run["status"], run["completion_source"]) == ("completed", "milestone")
    told = workshop.bench.events(run_id, "production_run.%")
    assert [kind.rpartition(".")[2] for kind in told][-4:] == ["accepted", "started", "finished", "completed"]


def test_rework_holds_the_end_back_until_it_is_closed(workshop: House) -> None:
    run_id = a_sent_design(workshop).json["production_run"]["id"]
    weaver = workshop.a_person_of("ptnr_weaver")
    walk(workshop, weaver, "start", "finish")

    again = workshop.post(f"{OLD}/redo", {"notes": "The hem."}, by=weaver)
    too_early = workshop.post(f"{OLD}/complete", by=weaver)
    closed = workshop.post(f"{OLD}/refinish", by=weaver)
    twice = workshop.post(f"{OLD}/refinish", by=weaver)
    done = workshop.post(f"{OLD}/complete", by=weaver)

    assert again.json["partner_info"]["partner_phase"] == "redo"
    assert {
        task["title"]: task["piece"] for task in workshop.bench.tasks(run_id) if task["kind"] == "redo"
    } == dict.fromkeys(legacy.REWORK, "The hem.")
    assert (too_early.status_code, too_early.json["code"]) == (409, "open_redo_tasks")
    assert (closed.status_code, closed.json["partner_info"]["partner_phase"]) == (200, None)
    assert twice.status_code == 409
    assert done.json["partner_info"]["partner_status"] == "completed"


def test_rework_before_the_finish_does_not_end_the_run(workshop: House) -> None:
    a_sent_design(workshop)
    weaver = workshop.a_person_of("ptnr_weaver")

    answer = walk(workshop, weaver, "start", "redo", "refinish")

    assert answer.json["partner_info"]["partner_status"] == "in_progress"
    walk(workshop, weaver, "finish", "complete")


@pytest.mark.parametrize("verb", ["finish", "complete", "refinish"])
def test_a_step_out_of_turn_is_refused_with_what_is_possible(workshop: House, verb: str) -> None:
    a_sent_design(workshop)

    answer = workshop.post(f"{OLD}/{verb}", by=workshop.a_person_of("ptnr_weaver"))

    assert answer.status_code == 409
    assert "accept" in answer.json["allowed_actions"]


def test_a_start_is_not_repeated(workshop: House) -> None:
    run_id = a_sent_design(workshop).json["production_run"]["id"]
    weaver = workshop.a_person_of("ptnr_weaver")
    started = walk(workshop, weaver, "start").json["partner_info"]["partner_started_at"]

    again = workshop.post(f"{OLD}/start", by=weaver)

    assert again.status_code == 409
    assert workshop.get(OLD, by=weaver).json["partner_info"]["partner_started_at"] == started
    assert workshop.bench.events(run_id, "production_run.started") == ["production_run.started"]


def test_the_same_start_twice_is_one_start(workshop: House) -> None:
    run_id = a_sent_design(workshop).json["production_run"]["id"]
    weaver = workshop.a_person_of("ptnr_weaver")

    first, second = (
        workshop.post(f"{OLD}/start", {"notes": "Now."}, by=weaver, Idempotency_Key="once") for _ in range(2)
    )

    assert (first.status_code, second.status_code) == (200, 200)
    assert first.json == second.json
    assert workshop.bench.events(run_id, "production_run.noted") == ["production_run.noted"]


def test_a_strangers_design_does_not_exist(workshop: House) -> None:
    a_sent_design(workshop)
    workshop.bench.a_partner("stranger")
    stranger = workshop.a_person_of("ptnr_stranger")

    assert workshop.get("/partners/designs", by=stranger).json["designs"] == []
    assert workshop.get(OLD, by=stranger).status_code == 404
    for verb in ("start", "finish", "redo", "refinish", "complete"):
        assert workshop.post(f"{OLD}/{verb}", by=stranger).status_code == 404


def test_a_design_that_was_only_linked_is_incoming(workshop: House) -> None:
    weaver = workshop.a_person_of("ptnr_weaver")
    a_sent_design(workshop)
    for name in ("linked", "elsewhere"):
        workshop.bench.a_design(name)
    linked = workshop.post("/admin/designs/dsgn_linked/partners", {"partner_id": "ptnr_weaver"}, by=workshop.an_admin())
    assert linked.status_code in (200, 201), linked.text

    listed = workshop.get("/partners/designs", by=weaver).json
    one = workshop.get("/partners/designs/dsgn_linked", by=weaver)

    assert [(design["id"], design["partner_info"]["partner_status"]) for design in listed["designs"]] == [
        (DESIGN, "assigned"),
        ("dsgn_linked", "incoming"),
    ]
    assert listed["count"] == 2
    assert (one.json["production_run_id"], one.json["partner_info"]["partner_phase"]) == (None, None)
    assert one.json["design"]["partner_info"] == one.json["partner_info"]
    for verb in ("start", "finish", "redo", "refinish", "complete"):
        early = workshop.post(f"/partners/designs/dsgn_linked/{verb}", by=weaver)
        assert (early.status_code, early.json["detail"]) == (409, "This design was not sent to you yet.")


def test_designs_are_paged_by_offset(workshop: House) -> None:
    admin = workshop.an_admin()
    for name in ("a", "b", "c"):
        workshop.bench.a_design(name)
        workshop.post(f"/admin/designs/dsgn_{name}/send-to-partner", {"partner_id": "ptnr_weaver"}, by=admin)
    weaver = workshop.a_person_of("ptnr_weaver")

    page = workshop.get("/partners/designs?limit=2&offset=1", by=weaver).json

    assert [design["id"] for design in page["designs"]] == ["dsgn_b", "dsgn_a"]
    assert (page["count"], page["limit"], page["offset"]) == (3, 2, 1)
    assert page["designs"][0]["partner_info"]["partner_status"] == "assigned"
    assert workshop.get("/partners/designs?offset=-1", by=weaver).status_code == 422


def test_what_a_design_costs_is_not_told(workshop: House) -> None:
    a_sent_design(workshop)

    told = workshop.get(OLD, by=workshop.a_person_of("ptnr_weaver")).json["design"]

    assert not {name for name in told if "cost" in name}


def test_sending_names_what_is_missing(workshop: House) -> None:
    admin = workshop.an_admin()
    where = f"/admin/designs/{DESIGN}/send-to-partner"

    assert workshop.post("/admin/designs/dsgn_no/send-to-partner", {"partner_id": "x"}, by=admin).status_code == 404
    workshop.bench.a_partner("asleep", status="inactive")
    for body in ({}, {"partner_id": "ptnr_no"}, {"partnerId": "ptnr_asleep"}):
        answer = workshop.post(where, body, by=admin)
        assert (answer.status_code, answer.json["errors"][0]["pointer"]) == (422, "/partner_id")


def test_a_completion_may_say_what_was_used_and_what_it_costs(workshop: House) -> None:
    run_id = a_sent_design(workshop).json["production_run"]["id"]
    weaver = workshop.a_person_of("ptnr_weaver")
    walk(workshop, weaver, "start", "finish")
    body = {"notes": "Done.", "partner_cost": 12.5, "cost_type": "total", "consumptions": [], "old_field": "x"}

    answer = workshop.post(f"{OLD}/complete", body, by=weaver)

    assert answer.status_code == 200, answer.text
    run = workshop.bench.run(run_id)
    assert (run["completion_notes"], str(run["partner_cost"])) == ("Done.", "12.500000")


def test_a_completion_tells_what_was_used_in_the_old_spelling(workshop: House) -> None:
    run_id = a_sent_design(workshop).json["production_run"]["id"]
    weaver = workshop.a_person_of("ptnr_weaver")
    yarn = {"sku": "YARN", "title": "Yarn", "unit_of_measure": "Gram"}
    item = workshop.post("/admin/inventory-items", yarn, by=workshop.an_admin()).json["inventory_item"]["id"]
    walk(workshop, weaver, "start", "finish")
    used = {"inventoryItemId": item, "quantity": 40, "unitOfMeasure": "Gram", "colour": "unknown here"}

    answer = workshop.post(f"{OLD}/complete", {"consumptions": [used]}, by=weaver)

    assert answer.status_code == 200, answer.text
    (log,) = workshop.bench.rows("SELECT * FROM consumption_log WHERE production_run_id = :run", run=run_id)
    assert (log["inventory_item_id"], int(log["quantity"]), log["is_committed"]) == (item, 40, True)


def test_a_design_can_be_sent_again_after_it_was_completed(workshop: House) -> None:
    a_sent_design(workshop)
    weaver = workshop.a_person_of("ptnr_weaver")
    walk(workshop, weaver, "start", "finish", "complete")

    a_sent_design(workshop)

    assert workshop.get(OLD, by=weaver).json["partner_info"]["partner_status"] == "assigned"


@pytest.mark.parametrize("verb", ["start", "redo", "refinish"])
def test_an_answer_that_was_lost_is_told_again(workshop: House, verb: str) -> None:
    run_id = a_sent_design(workshop).json["production_run"]["id"]
    weaver = workshop.a_person_of("ptnr_weaver")
    if verb == "refinish":
        walk(workshop, weaver, "start", "redo")
    workshop.post(f"{OLD}/{verb}", by=weaver, Idempotency_Key="lost")
    before = workshop.bench.events(run_id)
    workshop.bench.change("UPDATE idempotency_key SET status = NULL, answer = NULL, headers = NULL WHERE key = 'lost'")

    again = workshop.post(f"{OLD}/{verb}", by=weaver, Idempotency_Key="lost")

    assert again.status_code == 200, again.text
    assert workshop.bench.events(run_id) == before


OLD_ROUTES = {f"{route.method} {route.path}": route for route in legacy_designs.ROUTES}


@pytest.mark.parametrize("name", OLD_ROUTES)
@pytest.mark.parametrize("mode", ["deprecated", "gone"])
def test_every_answer_names_its_end_and_its_successor(open_house: House, name: str, mode: str) -> None:
    route = OLD_ROUTES[name]
    client = _in_mode(open_house, mode)
    someone = open_house.an_admin() if route.path.startswith("/admin") else _a_partners_token(open_house)
    for token in (someone, "nobody"):
        answer = client.simulate_request(
            route.method, route.path.format(id="dsgn_no"), headers={"Authorization": f"Bearer {token}"}
        )

        expected = 401 if token == "nobody" else 410 if mode == "gone" else 200 if name.endswith("designs") else 404
        assert answer.status_code == expected
        since = datetime.fromtimestamp(int(answer.headers["deprecation"].removeprefix("@")), UTC)
        assert since < parsedate_to_datetime(answer.headers["sunset"])
        assert answer.headers["link"].endswith('production-runs>; rel="successor-version"')


@pytest.mark.parametrize(
    ("body", "address", "status"),
    [(b"no json", OLD, 400), (b'{"notes": 5}', OLD, 422), (b"{}", f"{OLD}?colour=red", 422)],
)
def test_what_cannot_be_read_is_turned_away_and_when_it_is_over_everything_is(
    open_house: House, body: bytes, address: str, status: int
) -> None:
    path, _, query = address.partition("?")
    token = _a_partners_token(open_house)

    for mode, expected in (("deprecated", status), ("gone", 410)):
        answer = _in_mode(open_house, mode).simulate_post(
            f"{path}/start",
            query_string=query,
            body=body,
            headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
        )
        assert answer.status_code == expected
        assert {"deprecation", "sunset", "link"} <= set(answer.headers)
        assert answer.headers["content-type"] == "application/problem+json"


def test_the_contract_says_that_the_old_addresses_end(open_house: House) -> None:
    paths = open_house.get("/openapi.json").json["paths"]

    marked = {
        f"{method.upper()} {path}" for path, told in paths.items() for method in told if told[method].get("deprecated")
    }
    assert marked == set(OLD_ROUTES)


def test_an_answer_about_a_design_names_its_run_as_the_successor(workshop: House) -> None:
    run_id = a_sent_design(workshop).json["production_run"]["id"]

    answer = workshop.get(OLD, by=workshop.a_person_of("ptnr_weaver"))

    assert answer.headers["link"] == f'</partners/production-runs/{run_id}>; rel="successor-version"'


def test_other_addresses_take_no_unknown_field(workshop: House) -> None:
    run_id = a_sent_design(workshop).json["production_run"]["id"]

    answer = workshop.post(
        f"/partners/production-runs/{run_id}/accept", {"old": 1}, by=workshop.a_person_of("ptnr_weaver")
    )

    assert answer.status_code == 422


def test_every_phase_has_its_old_word_or_none() -> None:
    assert set(legacy.STATUS_OF_PHASE) == set(Phase)


def test_the_commands_are_still_parsed_by_their_own_types() -> None:
    assert commands.COMMANDS["run.complete"] is commands.CompleteRun


def _a_partners_token(house: House) -> str:
    return house.a_person_of(house.bench.a_partner(ids.fresh("p")))


def _in_mode(house: House, mode: str) -> testing.TestClient:
    """The same house with `LOOMLINE_LEGACY_DESIGN_ROUTES` at this."""
    settings = msgspec.structs.replace(house.desk.settings, legacy_design_routes=mode)
    return testing.TestClient(app.build(msgspec.structs.replace(house.desk, settings=settings), app.routes()))
