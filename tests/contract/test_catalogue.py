"""What admins keep by hand: made, read, edited, deleted, and what is refused in words."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from services.api.resources.catalogue_table import CATALOGUE, Thing
from tests.contract.office import Office


def a_body(thing: Thing, office: Office) -> dict[str, Any]:
    """The least that makes a thing, with what it refers to."""
    match thing.singular:
        case "design" | "task_template" | "task_template_category" | "stock_location":
            return {"name": "Linen"}
        case "partner":
            return {"name": "Weavers", "handle": "weavers"}
        case "product":
            return {"product_id": "prod_1", "design_id": office.add("/admin/designs", {"name": "Kurta"})["id"]}
        case "inventory_item":
            return {"sku": "LIN-1", "title": "Linen", "unit_of_measure": "Meter"}
    return {
        "inventory_item_id": office.add("/admin/inventory-items", {"sku": "A", "title": "A"})["id"],
        "location_id": office.add("/admin/stock-locations", {"name": "Ours"})["id"],
        "stocked": "12.5",
    }


@pytest.mark.parametrize("thing", CATALOGUE, ids=lambda thing: thing.singular)
def test_everything_can_be_made_read_listed_edited_and_taken_away(office: Office, thing: Thing) -> None:
    body = a_body(thing, office)

    made = office.ask("POST", thing.path, body)
    one = made.headers["location"]
    listed = office.ask("GET", f"{thing.path}?count=true")
    edited = office.ask("PATCH", one, {})
    gone = office.ask("DELETE", one)

    assert made.status_code == 201
    assert made.json[thing.singular].items() >= body.items()
    assert office.ask("GET", one).status_code == (200 if thing.retires else 404)
    assert listed.json["count"] == 1
    assert listed.json["next_cursor"] is None
    assert listed.json[thing.plural] == [made.json[thing.singular]]
    assert edited.json == made.json
    assert gone.status_code == 200


def test_an_unknown_field_is_refused_by_name(quiet_office: Office) -> None:
    answer = quiet_office.ask("POST", "/admin/designs", {"name": "Kurta", "colour": "red"})

    assert answer.status_code == 422
    assert answer.json["errors"][0]["pointer"] == "/colour"


@pytest.mark.parametrize(
    ("path", "body", "pointer"),
    [
        ("/admin/designs", {"name": "K", "status": "Finished"}, "/status"),
        ("/admin/designs", {"name": "  "}, "/name"),
        ("/admin/designs", {"name": "x" * 201}, "/name"),
        ("/admin/designs", {"name": "K", "description": "x" * 20_001}, "/description"),
        ("/admin/designs", {"name": "K", "material_cost": -1}, "/material_cost"),
        ("/admin/designs", {"name": "K", "media": [{"url": "javascript:alert(1)"}]}, "/media/0/url"),
        (
            "/admin/designs",
            {"name": "K", "planned_materials": [{"inventory_item_id": "item_no", "quantity": 1}]},
            "/planned_materials/0/inventory_item_id",
        ),
        ("/admin/partners", {"name": "P", "handle": "p", "status": "asleep"}, "/status"),
        ("/admin/partners", {"name": "P", "handle": "p", "time_zone": "Mars/Base"}, "/time_zone"),
        ("/admin/partners", {"name": "P", "handle": "p", "language": "tlh"}, "/language"),
        ("/admin/partners", {"name": "P", "handle": "p", "contacts": [{"url": "json://a"}]}, "/contacts/0/url"),
        (
            "/admin/partners",
            {"name": "P", "handle": "p", "contacts": [{"kind": "apprise", "url": "a@b"}]},
            "/contacts/0/url",
        ),
        (
            "/admin/partners",
            {"name": "P", "handle": "p", "contacts": [{"kind": "pigeon", "url": "json://a"}]},
            "/contacts/0/kind",
        ),
        ("/admin/products", {"product_id": "p", "design_id": "dsgn_no"}, "/design_id"),
        ("/admin/inventory-items", {"sku": "A", "title": "A", "unit_of_measure": "Inch"}, "/unit_of_measure"),
        ("/admin/inventory-items", {"sku": "A", "title": "A", "unit_cost": "NaN"}, "/unit_cost"),
        ("/admin/inventory-items", {"sku": "A", "title": "A", "unit_cost": "1e13"}, "/unit_cost"),
        ("/admin/stock-locations", {"name": "Theirs", "partner_id": "ptnr_no"}, "/partner_id"),
    ],
)
def test_a_wrong_field_is_pointed_at(quiet_office: Office, path: str, body: dict[str, Any], pointer: str) -> None:
    answer = quiet_office.ask("POST", path, body)

    assert answer.status_code == 422, answer.text
    assert answer.json["errors"][0]["pointer"] == pointer
    assert "sql" not in answer.text.lower()


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/admin/partners", {"name": "P", "handle": "same"}, "handle"),
        ("/admin/inventory-items", {"sku": "same", "title": "I"}, "sku"),
        ("/admin/task-template-categories", {"name": "same"}, "name"),
    ],
)
def test_what_must_be_unique_clashes_in_words(office: Office, path: str, body: dict[str, Any], field: str) -> None:
    office.add(path, body)

    again = office.ask("POST", path, body)

    assert again.status_code == 409
    assert f"this {field} already" in again.json["detail"]
    assert again.json["errors"][0]["pointer"] == f"/{field}"
    assert "uq_" not in again.text


def test_a_product_is_linked_once_and_each_variant_once(office: Office) -> None:
    design = office.add("/admin/designs", {"name": "Kurta"})["id"]
    office.add("/admin/products", {"product_id": 9007199254740993, "design_id": design})
    office.add("/admin/products", {"product_id": "9007199254740993", "variant_id": "v1", "design_id": design})

    again = office.ask("POST", "/admin/products", {"product_id": "9007199254740993", "design_id": design})

    assert again.status_code == 409
    found = office.ask("GET", "/admin/products?product_id=9007199254740993").json["products"]
    assert {(link["product_id"], link["variant_id"]) for link in found} == {
        ("9007199254740993", None),
        ("9007199254740993", "v1"),
    }


def test_amounts_stay_exact(office: Office) -> None:
    raw = b'{"sku": "A", "title": "A", "unit_cost": 1234567890.123456}'

    item = office.add("/admin/inventory-items", raw)

    assert item["unit_cost"] == "1234567890.123456"


def test_a_partner_keeps_language_time_zone_and_targets(office: Office) -> None:
    told = {
        "language": "hi",
        "time_zone": "Asia/Kolkata",
        "contacts": [{"kind": "apprise", "url": "json://127.0.0.1/x"}],
    }

    made = office.add("/admin/partners", {"name": "Weavers", "handle": "weavers", **told})

    shown = [{"kind": "apprise", "url": "json://127.0.0.1/****"}]
    assert made.items() >= {**told, "contacts": shown}.items()


def test_null_empties_and_absent_leaves(office: Office) -> None:
    design = office.add("/admin/designs", {"name": "Kurta", "description": "Long", "category": "tops"})
    path = f"/admin/designs/{design['id']}"

    edited = office.ask("PATCH", path, {"description": None}).json["design"]

    assert edited["description"] is None
    assert edited["category"] == "tops"
    assert office.ask("PATCH", path, {"name": None}).status_code == 422
    assert office.ask("PATCH", path, {"description": "x", "nme": "y"}).json["errors"][0]["pointer"] == "/nme"


def test_an_edit_of_an_old_version_is_refused(office: Office) -> None:
    design = office.add("/admin/designs", {"name": "Kurta"})
    path = f"/admin/designs/{design['id']}"
    tag = office.ask("GET", path).headers["etag"]

    first = office.ask("PATCH", path, {"name": "Long kurta"}, headers={"If-Match": tag})
    second = office.ask("PATCH", path, {"name": "Short kurta"}, headers={"If-Match": tag})
    third = office.ask("PATCH", path, {"name": "Short kurta"}, headers={"If-Match": first.headers["etag"]})

    assert (first.status_code, second.status_code, third.status_code) == (200, 412, 200)
    assert office.ask("GET", path).headers["etag"] == third.headers["etag"]


def test_of_two_edits_at_once_with_the_same_tag_one_wins(office: Office) -> None:
    design = office.add("/admin/designs", {"name": "Kurta"})
    path = f"/admin/designs/{design['id']}"
    tag = office.ask("GET", path).headers["etag"]

    with ThreadPoolExecutor(8) as hands:
        answers = list(
            hands.map(lambda n: office.ask("PATCH", path, {"name": f"K{n}"}, headers={"If-Match": tag}), range(8))
        )

    assert sorted(answer.status_code for answer in answers) == [200, *[412] * 7]


def test_a_category_is_made_by_naming_it_even_by_two_at_once(office: Office) -> None:
    with ThreadPoolExecutor(8) as hands:
        made = list(
            hands.map(
                lambda n: office.add("/admin/task-templates", {"name": f"T{n}", "category": "stitching"}), range(8)
            )
        )

    assert {template["category"] for template in made} == {"stitching"}
    assert office.ask("GET", "/admin/task-template-categories?count=true").json["count"] == 1
    assert len(office.ask("GET", "/admin/task-templates?category=stitching").json["task_templates"]) == 8


def test_a_template_is_retired_and_stays_readable(office: Office) -> None:
    template = office.add("/admin/task-templates", {"name": "Cut"})
    path = f"/admin/task-templates/{template['id']}"

    first = office.ask("DELETE", path).json["task_template"]["retired_at"]
    second = office.ask("DELETE", path).json["task_template"]["retired_at"]

    assert first is not None
    assert first == second
    assert office.ask("GET", "/admin/task-templates?retired=false").json["task_templates"] == []


def test_what_is_in_use_cannot_be_deleted(office: Office) -> None:
    item = office.add("/admin/inventory-items", {"sku": "A", "title": "A"})["id"]
    planned = [{"inventory_item_id": item, "quantity": "0.5"}]
    design = office.add("/admin/designs", {"name": "Kurta", "planned_materials": planned})["id"]
    office.add("/admin/products", {"product_id": "p", "design_id": design})

    refused = office.ask("DELETE", f"/admin/designs/{design}")
    item_refused = office.ask("DELETE", f"/admin/inventory-items/{item}")

    assert refused.status_code == 409
    assert refused.json["detail"] == "This design is in use by products and cannot be deleted."
    assert item_refused.json["detail"] == "This inventory item is in use by designs and cannot be deleted."


def test_a_design_is_read_back_with_its_partners(office: Office) -> None:
    design = office.add("/admin/designs", {"name": "Kurta"})
    partner = office.add("/admin/partners", {"name": "Weavers", "handle": "weavers"})
    links = f"/admin/designs/{design['id']}/partners"

    linked = office.ask("POST", links, {"partner_id": partner["id"], "role": "weaving"})
    unknown = office.ask("POST", links, {"partner_id": "ptnr_no"})

    assert linked.status_code == 201
    assert [(each["id"], each["role"]) for each in linked.json["design"]["partners"]] == [(partner["id"], "weaving")]
    assert unknown.status_code == 422
    assert len(office.ask("GET", f"/admin/designs?partner_id={partner['id']}").json["designs"]) == 1
    assert office.ask("DELETE", links, {"partner_id": partner["id"]}).json["design"]["partners"] == []
    assert office.ask("DELETE", f"{links}/{partner['id']}").status_code == 404


def test_a_design_without_runs_takes_its_links_with_it(office: Office) -> None:
    design = office.add("/admin/designs", {"name": "Kurta"})["id"]
    partner = office.add("/admin/partners", {"name": "Weavers", "handle": "weavers"})["id"]
    office.add(f"/admin/designs/{design}/partners", {"partner_id": partner})

    assert office.ask("DELETE", f"/admin/partners/{partner}").status_code == 409
    assert office.ask("DELETE", f"/admin/designs/{design}").status_code == 200
    assert office.ask("DELETE", f"/admin/partners/{partner}").status_code == 200


def test_a_partners_person_signs_in_and_nobody_reads_the_password(office: Office) -> None:
    partner = office.add("/admin/partners", {"name": "Weavers", "handle": "weavers"})["id"]
    people = f"/admin/partners/{partner}/accounts"
    person = {"name": "Asha", "email": "Asha@Example.org", "password": "ten letters"}

    made = office.ask("POST", people, person)
    again = office.ask("POST", people, {**person, "email": "asha@example.org"})

    assert made.status_code == 201
    assert made.json["account"]["email"] == "asha@example.org"
    assert "password" not in made.text
    assert "hash" not in made.text
    assert again.status_code == 409
    assert office.log_in("asha@example.org", password="ten letters")
    assert [each["email"] for each in office.ask("GET", people).json["accounts"]] == ["asha@example.org"]


@pytest.mark.parametrize("password", ["short", "asha@example.org", "ASHA@example.org"])
def test_a_weak_password_is_refused(office: Office, password: str) -> None:
    partner = office.add("/admin/partners", {"name": "Weavers", "handle": "weavers"})["id"]

    answer = office.ask(
        "POST",
        f"/admin/partners/{partner}/accounts",
        {"name": "A", "email": "asha@example.org", "password": password},
    )

    assert answer.status_code == 422
    assert answer.json["errors"][0]["pointer"] == "/password"
    assert password not in answer.json["detail"]


def test_policy_changes_at_once_all_count(office: Office) -> None:
    changes: list[dict[str, Any]] = [
        {"auto_dispatch": {"enabled": True}},
        {"deadlines": {"accept": 60}},
        {"deadlines": {"finish": 120}},
        {"on_all_tasks_done": "finish"},
    ]

    with ThreadPoolExecutor(4) as hands:
        answers = list(
            hands.map(lambda change: office.ask("PATCH", "/admin/production-run-policy", {"config": change}), changes)
        )
    policy = office.ask("GET", "/admin/production-run-policy").json

    assert [answer.status_code for answer in answers] == [200] * 4
    assert policy["config"] == {
        "auto_dispatch": {"enabled": True},
        "deadlines": {"accept": 60, "finish": 120},
        "on_all_tasks_done": "finish",
    }
    assert policy["effective_config"]["deadlines"]["templates"] == 3600
    assert policy["unknown"] == []


@pytest.mark.parametrize(
    ("config", "pointer"),
    [
        ({"auto_dispach": {}}, "/config/auto_dispach"),
        ({"deadlines": {"acept": 1}}, "/config/deadlines/acept"),
        ({"deadlines": {"accept": 0}}, "/config/deadlines/accept"),
        ({"sample_design": {"start": "Nowhere"}}, "/config/sample_design/start"),
        ({"over_yield_tolerance": -1}, "/config/over_yield_tolerance"),
    ],
)
def test_a_policy_that_means_nothing_is_refused(quiet_office: Office, config: dict[str, Any], pointer: str) -> None:
    answer = quiet_office.ask("PATCH", "/admin/production-run-policy", {"config": config})

    assert answer.status_code == 422
    assert answer.json["errors"][0]["pointer"] == pointer
    assert quiet_office.ask("GET", "/admin/production-run-policy").json["config"] == {}


def test_a_fraction_in_the_policy_stays_exact(office: Office) -> None:
    told = office.ask("PATCH", "/admin/production-run-policy", b'{"config": {"over_yield_tolerance": 0.100001}}').json

    assert told["effective_config"]["over_yield_tolerance"] == "0.100001"
