"""The forms of designs, partners, the policy and the account; and that none of the API's writing routes lacks one."""

import re
from collections.abc import Iterator
from importlib import import_module

import pytest

from services.api import app
from services.api.pages.console import keyvalues
from tests import material
from tests.gateway.house import House
from tests.pages.browser import Browser, Page


@pytest.fixture
def admin(house: House) -> Browser:
    browser = Browser(house)
    browser.sign_in(house.an_account("asha"))
    return browser


@pytest.fixture
def working(house: House) -> Iterator[House]:
    """The house with its workshop open."""
    with house.open_workshop():
        yield house


# What is written as rows and lines -----------------------------------------------------------------------------------


def test_a_specification_is_edited_in_rows_and_what_was_not_touched_keeps_its_type(
    house: House, admin: Browser
) -> None:
    stored = {"weight": 180, "care": {"iron": False, "steps": ["soak", "rinse"]}, "weave": "twill"}
    design = a_design(house, specifications=stored)
    page = admin.open(f"/console/designs/{design}/edit")
    weave = name_of(page, "specifications", "weave")

    admin.send(page, "/edit", **{f"specifications__{weave}__value": "plain", "specifications__5__name": "edge", "specifications__5__value": "knotted"})  # fmt: skip

    assert design_of(house, design)["specifications"] == {**stored, "weave": "plain", "edge": "knotted"}


DOCUMENTS = (
    {},
    [],
    {"weave": "twill", "weight": 180, "width": 70.5, "washable": True, "dyed": False, "edge": None, "care": {}, "steps": []},
    {"care": {"wash": {"by": "hand"}, "steps": ["soak", {"rinse": 2}]}, "38": "S", "40": "M"},
    ["twill", {"label": "Weight", "value": 180}, [1, [2]]],
)  # fmt: skip


@pytest.mark.parametrize("stored", DOCUMENTS)
def test_a_document_that_nobody_touched_comes_back_as_it_was(stored: object) -> None:
    assert keyvalues.document(keyvalues.pairs(stored), stored) == stored


def test_nothing_that_was_typed_is_lost() -> None:
    rows = [("care", "cold"), ("care › wash", "hand"), ("care", "dry"), ("", "fragile")]

    assert keyvalues.document(rows, {}) == {
        "care": "cold",
        "care › wash": "hand",
        "care (2)": "dry",
        "Note": "fragile",
    }


def test_a_row_that_is_emptied_goes_and_the_shop_s_lists_stay_lists(house: House, admin: Browser) -> None:
    design = a_design(house, specifications={"steps": ["soak", "rinse"], "weave": "twill"})
    page = admin.open(f"/console/designs/{design}/edit")
    soak = name_of(page, "specifications", "steps › 1")

    admin.send(page, "/edit", **{f"specifications__{soak}__name": "", f"specifications__{soak}__value": ""})

    assert design_of(house, design)["specifications"] == {"steps": ["rinse"], "weave": "twill"}


def test_colours_and_sizes_are_lines_and_those_with_parts_keep_them(house: House, admin: Browser) -> None:
    design = a_design(house, colours=["Indigo", {"name": "Madder", "code": 4}])
    page = admin.open(f"/console/designs/{design}/edit")
    there = page.form("/edit").find("textarea", {"name": "colours"}).get_text()

    admin.send(page, "/edit", colours=f"{there}\nname: Weld; code: 7\nWalnut", sizes="70 × 200 cm")

    saved = design_of(house, design)
    assert saved["colours"] == ["Indigo", {"name": "Madder", "code": 4}, {"name": "Weld", "code": "7"}, "Walnut"]
    assert saved["sizes"] == ["70 × 200 cm"]


def test_planned_materials_and_media_are_rows_with_names_instead_of_ids(house: House, admin: Browser) -> None:
    item = material.an_item(house.bench)
    design = a_design(house, media=[{"url": "https://shop.example/1.jpg", "is_thumbnail": True}])
    media = design_of(house, design)["media"]

    page = admin.send(
        admin.open(f"/console/designs/{design}/edit"),
        "/edit",
        planned_materials__2__inventory_item_id=item,
        planned_materials__2__quantity="0.5",
        media__1__url="https://shop.example/2.jpg",
    )

    saved = design_of(house, design)
    assert [(each["inventory_item_id"], each["quantity"]) for each in saved["planned_materials"]] == [(item, "0.5")]
    assert saved["media"][0] == media[0]
    assert [each["url"] for each in saved["media"]] == ["https://shop.example/1.jpg", "https://shop.example/2.jpg"]
    assert item not in page.text.replace(f"{item} ({item})", "")


def test_a_wrong_row_says_so_in_its_place(house: House, admin: Browser) -> None:
    item = material.an_item(house.bench)

    page = admin.send(
        admin.open("/console/designs/new"),
        "/new",
        name="Shawl",
        planned_materials__2__inventory_item_id=item,
        planned_materials__2__quantity="-3",
    )

    wrong = page.form("/new").find("input", {"name": "planned_materials.0.quantity"})
    assert page.status == 422
    assert (wrong["value"], wrong["aria-invalid"]) == ("-3", "true")


# Designs ------------------------------------------------------------------------------------------------------------


def test_a_partner_is_linked_with_a_role_and_unlinked(house: House, admin: Browser) -> None:
    design, partner = house.bench.a_design("shawl"), house.bench.a_partner("weaver")

    linked = admin.send(admin.open(f"/console/designs/{design}"), "/partners", partner_id=partner, role="dyer")
    unlinked = admin.send(linked, f"/partners/{partner}/end")

    assert "Linked." in linked.text
    assert "dyer" in linked.text
    assert "Nobody makes this yet" in unlinked.text


def test_a_new_run_goes_to_the_partners_that_its_shares_name(working: House, admin: Browser) -> None:
    design, partner = working.bench.a_design("shawl"), working.bench.a_partner("weaver")
    working.bench.a_template("weave", category="weaving")

    page = admin.send(
        admin.open(f"/console/designs/{design}/runs"),
        "/runs",
        run_type="sample",
        quantity="3",
        assignments__1__partner_id=partner,
        assignments__1__quantity="3",
        assignments__1__template_category="weaving",
        metadata__0__name="season",
        metadata__0__value="spring",
    )

    assert "made and approved" in page.text
    assert "Sample" in page.text
    assert "weaver" in page.text
    assert working.bench.value("SELECT metadata->>'season' FROM production_run WHERE parent_run_id IS NULL") == "spring"


def test_a_new_run_without_shares_goes_to_the_linked_partners(working: House, admin: Browser) -> None:
    design, partner = working.bench.a_design("shawl"), working.bench.a_partner("weaver")
    link(working, design, partner)

    page = admin.send(admin.open(f"/console/designs/{design}/runs"), "/runs", quantity="2")
    again = admin.open(f"/console/designs/{design}/runs?run_type=sample")

    assert working.bench.value("SELECT count(*) FROM production_run WHERE partner_id = :p", p=partner) == 1
    assert "Production" in page.text
    assert "No run is like this" in again.text


def test_a_share_of_a_sleeping_partner_is_refused_in_its_place_with_everything_typed(
    working: House, admin: Browser
) -> None:
    design, partner = working.bench.a_design("shawl"), working.bench.a_partner("weaver")
    form = admin.open(f"/console/designs/{design}/runs")
    working.bench.change("UPDATE partner SET status = 'inactive' WHERE id = :id", id=partner)

    page = admin.send(form, "/runs", quantity="7", assignments__2__partner_id=partner, assignments__2__role="dyer")

    fields = page.form("/runs")
    assert page.status in (409, 422)
    assert fields.find("input", {"name": "quantity"})["value"] == "7"
    assert fields.find("input", {"name": "assignments.0.role"})["value"] == "dyer"
    assert page.soup.find(id="run-assignments.0.partner_id-error")


def test_consumption_is_logged_filtered_and_committed_chosen_or_all(working: House, admin: Browser) -> None:
    run = working.bench.a_sent_run()
    design = str(working.bench.run(run)["design_id"])
    material.a_level(working.bench, stock="10")
    at = f"/console/designs/{design}/consumption"
    first = admin.send(
        admin.open(at), "/consumption", quantity="2", inventory_item_id="item_yarn", production_run_id=run
    )
    admin.send(first, "/consumption", quantity="5", consumption_type="labor", production_run_id=run)
    page = admin.open(at)

    nothing = admin.send(page, "/commit")
    yarn = admin.open(f"{at}?inventory_item_id=item_yarn").soup.find("input", {"name": "log_ids[]"})["value"]
    chosen = admin.send(page, "/commit", **{"log_ids[]": [yarn]})
    every = admin.send(chosen, "/commit", commit_all="yes", default_location_id="sloc_a")

    assert "Material noted" in first.text
    assert nothing.status == 422
    assert len(chosen.soup.select("td .chip.good")) == 1
    assert str(material.stocked(working.bench)) == "8.000000"
    assert "Every log here is committed" in every.text
    assert "Nothing is logged like this" in admin.open(f"{at}?consumed_by=partner").text


def test_a_design_that_nothing_was_used_for_says_what_to_do(house: House, admin: Browser) -> None:
    design = house.bench.a_design("shawl")

    assert "Nothing was used yet" in admin.open(f"/console/designs/{design}/consumption").text
    assert "No run of this design yet" in admin.open(f"/console/designs/{design}/runs").text


# Partners -----------------------------------------------------------------------------------------------------------


def test_a_target_is_shown_masked_and_stays_when_the_rest_is_edited(house: House, admin: Browser) -> None:
    url = "mailto://meera:secret@hill.example"
    made = admin.send(admin.open("/console/partners/new"), "/new", name="Hill", handle="hill", contacts__0__name="Meera", contacts__0__url=url)  # fmt: skip
    at = made.address.partition("?")[0]

    edited = admin.send(admin.open(f"{at}/edit"), "/edit", contacts__0__role="owner", time_zone="Asia/Kolkata", language="hi")  # fmt: skip

    assert "secret" not in edited.html
    assert "mailto://meera:****@hill.example" in edited.text
    assert "Hindi" in edited.text
    assert house.bench.value("SELECT contacts->0->>'url' FROM partner") == url
    assert house.bench.value("SELECT contacts->0->>'role' FROM partner") == "owner"


def test_a_person_is_added_and_can_sign_in_and_a_short_password_is_refused(house: House, admin: Browser) -> None:
    partner = house.bench.a_partner("weaver")
    page = admin.open(f"/console/partners/{partner}")

    short = admin.send(page, "/accounts", name="Pia", email="pia@mill.test", password="short")
    added = admin.send(page, "/accounts", name="Pia", email="pia@mill.test", password="right horse")

    assert short.status == 422
    assert short.form("/accounts").find("input", {"name": "email"})["value"] == "pia@mill.test"
    assert not short.form("/accounts").find("input", {"name": "password"})["value"]
    assert "pia@mill.test" in added.text
    assert Browser(house).sign_in("pia@mill.test").status != 401


def test_a_partner_is_given_a_task_once_however_often_the_form_is_sent(working: House, admin: Browser) -> None:
    partner = working.bench.a_partner("weaver")
    page = admin.open(f"/console/partners/{partner}")

    for _ in range(2):
        given = admin.send(page, "/tasks", title="Send the yarn samples", priority="high")

    assert "The task is given" in given.text
    assert "Send the yarn samples" in given.text
    assert working.bench.value("SELECT count(*) FROM task") == 1


def test_a_partner_s_load_counts_open_and_overdue_runs(house: House, admin: Browser) -> None:
    run = house.bench.a_sent_run(partner="weaver")
    house.bench.change("UPDATE production_run SET overdue_at = now() WHERE id = :id", id=run)

    listed, page = admin.open("/console/partners"), admin.open("/console/partners/ptnr_weaver")

    row = listed.soup.select_one("tbody tr")
    assert row is not None
    assert [cell.get_text(strip=True) for cell in row.select(".number")] == ["1", "1"]
    assert "1 overdue" in page.text
    assert "Overdue" in page.text


# Policy -------------------------------------------------------------------------------------------------------------


def test_the_policy_shows_what_is_stored_beside_what_counts_and_takes_changes(house: House, admin: Browser) -> None:
    page = admin.open("/console/policy")

    changed = admin.send(page, "/policy/deadlines", **{"config__deadlines__accept": "2", "unit__config__deadlines__accept": "86400"})  # fmt: skip
    stored = house.bench.value("SELECT config FROM policy")
    back = admin.send(changed, "/policy/deadlines/defaults")

    assert "Stored – Counts 23 days" in page.text
    assert stored == {"deadlines": {"accept": 172800}}
    assert "Stored 2 days Counts 2 days" in changed.text
    assert house.bench.value("SELECT config FROM policy") == {}
    assert "Stored 2 days" not in back.text


SECTIONS: tuple[tuple[str, dict[str, str], object], ...] = (
    ("general", {"config__over_yield_tolerance": "0.1", "config__auto_dispatch_first_stage": "true"}, {"over_yield_tolerance": "0.1", "auto_dispatch_first_stage": True}),
    ("auto_dispatch", {"config__auto_dispatch__enabled": "true"}, {"auto_dispatch": {"enabled": True}}),
    ("rates", {"config__rates__labor": "220.5"}, {"rates": {"labor": "220.5"}}),
    ("reminders", {"config__reminders__hour": "9"}, {"reminders": {"hour": 9}}),
    ("sample_design", {"config__sample_design__start": ""}, {"sample_design": {"start": None}}),
    ("routes", {"categories__0__key": "wool", "categories__0__partner": "ptnr_weaver"}, {"routes": {"designs": {}, "categories": {"wool": "ptnr_weaver"}}}),
)  # fmt: skip


@pytest.mark.parametrize(("section", "typed", "stored"), SECTIONS, ids=[name for name, *_ in SECTIONS])
def test_every_section_of_the_policy_stores_what_was_typed_and_nothing_else(
    house: House, admin: Browser, section: str, typed: dict[str, str], stored: object
) -> None:
    house.bench.a_partner("weaver")

    page = admin.send(admin.open("/console/policy"), f"/policy/{section}", **typed)

    assert "Saved." in page.text
    assert house.bench.value("SELECT config FROM policy") == stored


def test_the_sections_tried_here_are_all_there_are() -> None:
    policy = import_module("services.api.pages.console.policy")

    assert {section.name for section in policy.SECTIONS} == {"deadlines", *(name for name, *_ in SECTIONS)}


def test_a_route_that_loses_its_partner_ends(house: House, admin: Browser) -> None:
    partner, design = house.bench.a_partner("weaver"), house.bench.a_design("shawl")
    page = admin.send(admin.open("/console/policy"), "/policy/routes", designs__0__key=design, designs__0__partner=partner)  # fmt: skip

    admin.send(page, "/policy/routes", designs__0__partner="")

    assert house.bench.value("SELECT config->'routes'->'designs' FROM policy") == {}


def test_a_route_stays_when_there_are_more_partners_than_can_be_listed(house: House, admin: Browser) -> None:
    house.bench.change(
        "INSERT INTO partner (id, name, handle) SELECT 'ptnr_' || n, 'Weaver ' || lpad(n::text, 3, '0'), n FROM generate_series(1, 300) n"
    )
    found = admin.open("/console/policy?find=299")
    page = admin.send(found, "/policy/routes", categories__0__key="wool", categories__0__partner="ptnr_299")

    admin.send(page, "/policy/routes", categories__1__key="silk", categories__1__partner="ptnr_1")

    assert house.bench.value("SELECT config->'routes'->'categories' FROM policy") == {
        "wool": "ptnr_299",
        "silk": "ptnr_1",
    }


def test_a_wrong_entry_of_the_policy_says_so_beside_its_field(admin: Browser) -> None:
    page = admin.send(admin.open("/console/policy"), "/policy/reminders", config__reminders__hour="25")

    wrong = page.form("/policy/reminders").find("input", {"name": "config.reminders.hour"})
    assert page.status == 422
    assert (wrong["value"], wrong["aria-invalid"]) == ("25", "true")


def test_entries_of_another_release_are_told_and_can_be_taken_away(house: House, admin: Browser) -> None:
    house.bench.change('INSERT INTO policy (id, config) VALUES (1, \'{"colour": "green", "rates": {"steam": 3}}\')')

    page = admin.open("/console/policy")
    cleaned = admin.send(page, "/policy/unknown/end")

    assert "rates › steam" in page.text
    assert "green" in page.text
    assert house.bench.value("SELECT config FROM policy") == {"rates": {}}
    assert "another release" not in cleaned.text


def test_a_policy_that_changed_meanwhile_is_not_overwritten_unseen(house: House, admin: Browser) -> None:
    stale = admin.open("/console/policy")
    admin.send(admin.open("/console/policy"), "/policy/rates", config__rates__labor="10")

    page = admin.send(stale, "/policy/rates", config__rates__labor="20")

    assert page.status == 412
    assert page.form("/policy/rates").find("input", {"name": "config.rates.labor"})["value"] == "20"
    assert "Stored 10 Counts 10" in page.text


# Account ------------------------------------------------------------------------------------------------------------


def test_a_token_s_secret_is_shown_once_works_and_ends_when_it_is_revoked(house: House, admin: Browser) -> None:
    page = admin.open("/console/account")
    made = admin.send(page, "/tokens", name="stock scale")
    secret = str(made.soup.find(id="secret")["value"])
    works = house.get("/auth/me", by=secret).status_code

    again = admin.send(page, "/tokens", name="stock scale")
    listed = admin.open("/console/account")
    ended = admin.send(listed, "/end")

    assert works == 200
    assert secret not in again.html
    assert "was made already" in again.text
    assert house.bench.value("SELECT count(*) FROM api_token") == 1
    assert secret not in listed.html
    assert "Revoked." in ended.text
    assert house.get("/auth/me", by=secret).status_code == 401


def test_a_token_without_a_name_is_refused_in_place(admin: Browser) -> None:
    page = admin.send(admin.open("/console/account"), "/tokens", name="")

    assert page.status == 422
    assert page.soup.find(id="token-name-error")


# The API's routes --------------------------------------------------------------------------------------------------------

MODULES = ("designs", "partners", "products", "templates", "inventory", "policy", "webhooks", "account")
ELSEWHERE = ("/admin/production-runs", "/admin/operations", "/admin/notices")
"""What is no part of the catalogue: other pages of the console are for it."""

WITHOUT_FORM = {
    "DELETE /admin/designs/{id}/partners": "the same with the partner in its body; the form names the partner in its path",
    "POST /admin/designs/{id}/send-to-partner": "of the retired API only",
    "POST /admin/order-lines/{id}/retry": "stands on the page of order lines",
}


def test_everything_an_admin_can_write_in_the_catalogue_has_its_form() -> None:
    pages = [import_module(f"services.api.pages.console.{name}") for name in MODULES]
    asked = {act.api for page in pages for act in page.ACTS}

    writing = {
        f"{route.method} {route.path}" for route in app.routes() if route.method != "GET" and belongs(route.path)
    }

    assert writing - asked == WITHOUT_FORM.keys()


def belongs(path: str) -> bool:
    return path.startswith("/admin/") and not re.match("|".join(f"{begin}(/|$)" for begin in ELSEWHERE), path)


def test_an_admin_reads_the_ledger_and_a_partner_s_tasks_from_the_api_too(house: House) -> None:
    material.a_level(house.bench, stock="10")
    partner, token = house.bench.a_partner("weaver"), house.an_admin()

    ledger = house.get("/admin/stock-movements?reason=delivered&inventory_item_id=item_yarn", by=token).json
    none = house.get("/admin/stock-movements?short=true", by=token).json
    tasks = house.get(f"/admin/partners/{partner}/tasks", by=token)

    assert [(each["quantity"], each["reason"]) for each in ledger["stock_movements"]] == [("10", "delivered")]
    assert none["stock_movements"] == []
    assert tasks.json["tasks"] == []
    assert house.get("/admin/partners/nobody/tasks", by=token).status_code == 404


# Walking --------------------------------------------------------------------------------------------------------------


def a_design(house: House, **more: object) -> str:
    made = house.post("/admin/designs", {"name": "Shawl", **more}, by=house.an_admin())
    assert made.status_code == 201, made.text
    return str(made.json["design"]["id"])


def design_of(house: House, design_id: str) -> dict[str, list[dict[str, object]]]:
    found: dict[str, list[dict[str, object]]] = house.get(f"/admin/designs/{design_id}", by=house.an_admin()).json[
        "design"
    ]
    return found


def link(house: House, design: str, partner: str) -> None:
    house.bench.change("INSERT INTO design_partner (design_id, partner_id) VALUES (:d, :p)", d=design, p=partner)


def name_of(page: Page, field: str, name: str) -> str:
    """The number of the row that has a name."""
    found = page.form("/edit").find("input", {"value": name})
    assert found is not None
    return str(found["name"]).split(".")[1]
