"""Auto-dispatch: an order's run goes out without a person only when the policy, the design and its one route are certain."""

import json
from typing import Any

import pytest

from shared.domain import commands
from tests.actors import steps
from tests.workshop import SHOP, TestBench


@pytest.fixture
def shop(workshop: TestBench) -> TestBench:
    """A workshop with a design that is ready, one product of it, and auto-dispatch turned on."""
    workshop.a_product("prod_1", design_id=workshop.a_design(status="Commerce_Ready"))
    workshop.a_partner("weaver")
    workshop.a_partner("tailor")
    set_policy(workshop)
    return workshop


def set_policy(workshop: TestBench, *, enabled: bool = True, category: str | None = None, **routes: Any) -> None:
    auto = {"enabled": enabled, "template_category": category}
    steps.set_policy(workshop, json.dumps({"auto_dispatch": auto, "routes": routes}))


def link(workshop: TestBench, *partners: str) -> None:
    for partner in partners:
        workshop.change(
            "INSERT INTO design_partner (design_id, partner_id) VALUES ('dsgn_shawl', :partner)", partner=partner
        )


def placed(workshop: TestBench) -> tuple[Any, list[Any]]:
    """Place an order; its run, and the children of it."""
    run_id = workshop.done(workshop.an_order("order_1", ("a", "prod_1")), actor=SHOP)["lines"][0]["production_run_id"]
    children = workshop.rows("SELECT * FROM production_run WHERE parent_run_id = :id", id=run_id)
    return workshop.run(run_id), children


def test_the_only_linked_partner_gets_it_and_the_dispatch_waits_for_templates(shop: TestBench) -> None:
    link(shop, "ptnr_weaver")

    run, (child,) = placed(shop)

    assert run["status"] == "approved"
    assert (child["partner_id"], child["quantity"], child["dispatch_state"]) == ("ptnr_weaver", 2, "awaiting_templates")
    approved = shop.rows(
        "SELECT actor FROM message WHERE run_id = :id AND kind = 'production_run.approved'", id=run["id"]
    )
    assert [row["actor"]["kind"] for row in approved] == ["system"]


def test_with_known_templates_it_is_put_before_the_partner(shop: TestBench) -> None:
    shop.a_template("weave", category="loom")
    set_policy(shop, category="loom")
    link(shop, "ptnr_weaver")

    _, (child,) = placed(shop)

    assert child["status"] == "sent_to_partner"
    assert [task["title"] for task in shop.tasks(child["id"])] == ["weave"]


def test_a_category_without_templates_is_told_and_a_person_chooses(shop: TestBench) -> None:
    set_policy(shop, category="nothing")
    link(shop, "ptnr_weaver")

    _, (child,) = placed(shop)

    assert (child["status"], child["dispatch_state"]) == ("approved", "awaiting_templates")
    assert "production_run.dispatch_failed" in shop.events(child["id"])


@pytest.mark.parametrize(
    ("routes", "goes_to"),
    [
        ({"designs": {"dsgn_shawl": "ptnr_tailor"}}, "ptnr_tailor"),
        ({"categories": {"wraps": "ptnr_tailor"}}, "ptnr_tailor"),
        ({"designs": {"dsgn_shawl": "ptnr_weaver"}, "categories": {"wraps": "ptnr_tailor"}}, "ptnr_weaver"),
        ({"categories": {"hats": "ptnr_tailor"}}, None),
    ],
)
def test_an_explicit_route_decides_between_several_partners(shop: TestBench, routes: Any, goes_to: str | None) -> None:
    shop.change("UPDATE design SET category = 'wraps'")
    link(shop, "ptnr_weaver", "ptnr_tailor")
    set_policy(shop, **routes)

    _, children = placed(shop)

    assert [child["partner_id"] for child in children] == ([goes_to] if goes_to else [])


@pytest.mark.parametrize("why", ["turned off", "design not ready", "no partner", "two partners", "route to a sleeper"])
def test_what_is_not_certain_waits_for_a_person(shop: TestBench, why: str) -> None:
    if why != "no partner":
        link(shop, "ptnr_weaver")
    if why == "turned off":
        set_policy(shop, enabled=False)
    if why == "design not ready":
        shop.change("UPDATE design SET status = 'Approved'")
    if why == "two partners":
        link(shop, "ptnr_tailor")
    if why == "route to a sleeper":
        set_policy(shop, designs={"dsgn_shawl": shop.a_partner("sleeper", status="inactive")})

    run, children = placed(shop)

    assert (run["status"], children) == ("pending_review", [])
    assert shop.errors() == []


def test_a_run_made_by_hand_always_waits_for_a_person(shop: TestBench) -> None:
    link(shop, "ptnr_weaver")

    run = shop.a_run("dsgn_shawl")
    shop.done(commands.RouteRun(), run_id=run)

    assert steps.status(shop, run) == ["pending_review"]
