"""The catalogue in the console: every thing can be listed, found, made, edited and ended in a browser, and every refusal is told beside what was typed."""

from typing import Any

import pytest

from tests.budget.test_statements import counting
from tests.gateway.house import House
from tests.pages.browser import Browser, Page

NASTY = "<script>alert(1)</script>"


@pytest.fixture
def admin(house: House) -> Browser:
    browser = Browser(house)
    browser.sign_in(house.an_account("asha"))
    return browser


THINGS: tuple[tuple[str, dict[str, str], str, str], ...] = (
    #  list                            what is typed                               the field that names it  another value
    ("/console/designs", {"name": "River shawl"}, "name", "Hill shawl"),
    ("/console/partners", {"name": "Hill weavers", "handle": "hill"}, "name", "Lake weavers"),
    ("/console/templates", {"name": "Weave", "category": "Weaving"}, "name", "Fringe"),
    ("/console/templates/categories", {"name": "Dyeing"}, "name", "Washing"),
    ("/console/inventory", {"sku": "YARN-1", "title": "Yarn"}, "title", "Thick yarn"),
    ("/console/inventory/locations", {"name": "Store"}, "name", "Attic"),
)  # fmt: skip


@pytest.mark.parametrize(("at", "typed", "field", "other"), THINGS, ids=[at for at, *_ in THINGS])
def test_a_thing_is_made_edited_found_and_ended(
    admin: Browser, at: str, typed: dict[str, str], field: str, other: str
) -> None:
    empty = admin.open(at)
    made = admin.send(admin.open(f"{at}/new"), f"{at}/new", **typed)
    page = edit_page(admin, made)
    edited = admin.send(page, path(page), **{field: other})
    found, lost = admin.open(f"{at}?q={other.split()[0]}"), admin.open(f"{at}?q=nowhere")
    ended = admin.send(edit_page(admin, edited), "/end")

    assert f"{at}/new" in empty.links()
    assert "Added." in made.text
    assert "Saved." in edited.text
    assert other in edited.text
    assert other in found.text
    assert "Nothing is like this" in lost.text
    assert "Removed." in ended.text or "Retired." in ended.text


def test_a_product_is_linked_to_its_design_and_unlinked_again(house: House, admin: Browser) -> None:
    design = house.bench.a_design("shawl")
    form = admin.open("/console/products/new?product_id=shop-7&variant_id=red")

    made = admin.send(form, "/new", design_id=design)
    listed = admin.open("/console/products")
    ended = admin.send(made, "/end")

    assert form.form("/new").find("input", {"name": "product_id"})["value"] == "shop-7"
    assert "Added." in made.text
    assert "shop-7" in listed.text
    assert "shawl" in listed.text
    assert "No product is linked" in ended.text


def test_a_level_set_by_hand_stands_in_the_ledger_with_its_reason(admin: Browser) -> None:
    item = made_at(admin, "/console/inventory", sku="YARN-1", title="Yarn", unit_of_measure="Meter", unit_cost="12.50")
    place = made_at(admin, "/console/inventory/locations", name="Store")

    level = admin.send(
        admin.open(f"/console/inventory/levels/new?inventory_item_id={item}"),
        "/new",
        location_id=place,
        stocked="120.5",
    )
    counted = admin.send(level, path(level), stocked="100")
    ledger = admin.open("/console/inventory/movements")

    assert "Yarn (YARN-1) at Store" in level.text
    assert "Saved." in counted.text
    assert "-20.5" in ledger.text
    assert "+120.5" in ledger.text
    assert [row.find_all("td")[5].get_text() for row in ledger.soup.select("tbody tr")] == ["Set by hand"] * 2
    assert "100 m" in admin.open("/console/inventory").text
    assert "Nothing has moved like this" in admin.open("/console/inventory/movements?short=true").text


def test_saving_a_level_as_it_stands_moves_nothing(admin: Browser) -> None:
    item = made_at(admin, "/console/inventory", sku="YARN-1", title="Yarn")
    place = made_at(admin, "/console/inventory/locations", name="Store")
    level = admin.send(
        admin.open("/console/inventory/levels/new"), "/new", inventory_item_id=item, location_id=place, stocked="5"
    )

    admin.send(level, path(level))

    assert len(admin.open("/console/inventory/movements").soup.select("tbody tr")) == 1


# Refusals -----------------------------------------------------------------------------------------------------------


def test_an_error_stands_beside_its_field_and_everything_typed_is_kept(admin: Browser) -> None:
    page = admin.send(
        admin.open("/console/partners/new"),
        "/new",
        name=NASTY,
        handle="hill",
        contacts__1__name="Meera",
        contacts__1__url="no url at all",
    )

    form = page.form("/console/partners/new")
    assert page.status == 422
    assert form.find("input", {"name": "name"})["value"] == NASTY
    assert form.find("input", {"name": "contacts.0.name"})["value"] == "Meera"
    assert form.find("input", {"name": "contacts.0.url"})["aria-invalid"] == "true"
    assert "must be an Apprise URL" in page.text
    assert "<script>alert" not in page.html


def test_a_stale_edit_says_so_keeps_what_was_typed_and_goes_through_the_second_time(
    house: House, admin: Browser
) -> None:
    design = made_at(admin, "/console/designs", name="Shawl", category="wool")
    stale = admin.open(f"/console/designs/{design}/edit")
    admin.send(admin.open(f"/console/designs/{design}/edit"), "/edit", category="silk")

    told = admin.send(stale, "/edit", category="cotton")
    saved = admin.send(told, "/edit")

    assert told.status == 412
    assert "changed meanwhile" in told.text
    assert "It says now: silk" in told.text
    assert told.form("/edit").find("input", {"name": "category"})["value"] == "cotton"
    assert "cotton" in saved.text


def test_what_is_in_use_is_not_deleted_and_says_by_what(house: House, admin: Browser) -> None:
    design = house.bench.a_design("shawl")
    house.bench.a_product("shop-1", design_id=design)

    page = admin.send(admin.open(f"/console/designs/{design}/edit"), "/end")

    assert page.status == 409
    assert "in use by products" in page.text


def test_a_form_sent_twice_makes_one_thing(house: House, admin: Browser) -> None:
    form = admin.open("/console/designs/new")

    for _ in range(2):
        admin.send(form, "/new", name="Shawl")

    assert house.bench.value("SELECT count(*) FROM design") == 1


def test_what_is_not_there_is_a_404_page_and_a_partner_sees_none_of_it(house: House, admin: Browser) -> None:
    browser = Browser(house)
    browser.sign_in(house.an_account("pia", partner_id=house.bench.a_partner("weaver")))

    missing = [f"{at}/nothing{end}" for at, end in ADDRESSES]

    assert {admin.open(address).status for address in missing} == {404}
    assert {browser.open(at).status for at, _ in ADDRESSES} == {403}


ADDRESSES = (
    ("/console/designs", ""),
    ("/console/designs", "/runs"),
    ("/console/designs", "/consumption"),
    ("/console/designs", "/edit"),
    ("/console/partners", ""),
    ("/console/partners", "/edit"),
    ("/console/products", ""),
    ("/console/templates", ""),
    ("/console/templates/categories", ""),
    ("/console/inventory", ""),
    ("/console/inventory/locations", ""),
    ("/console/inventory/levels", ""),
)


@pytest.mark.parametrize("at", [*dict.fromkeys(at for at, _ in ADDRESSES), "/console/inventory/movements"])
def test_an_empty_list_says_what_to_do(admin: Browser, at: str) -> None:
    page = admin.open(at)

    assert page.status == 200
    assert page.soup.find(class_="empty").find("a")["href"].endswith("/new")


# Lists --------------------------------------------------------------------------------------------------------------


def test_a_long_list_pages_and_keeps_its_filters_in_the_address(house: House, admin: Browser) -> None:
    house.bench.change(
        "INSERT INTO design (id, name, status) SELECT 'dsgn_' || n, 'Shawl ' || n, 'Approved' FROM generate_series(1, 30) n"
    )

    first = admin.open("/console/designs?status=Approved&q=Shawl")
    onward = next(link for link in first.links() if "cursor=" in link)
    second = admin.open(onward)

    assert "status=Approved" in onward
    assert "q=Shawl" in onward
    assert len(second.soup.select("tbody tr")) == 10


def test_choices_of_a_long_list_can_be_narrowed_by_name(house: House, admin: Browser) -> None:
    house.bench.change(
        "INSERT INTO design (id, name) SELECT 'dsgn_' || n, 'Shawl ' || lpad(n::text, 3, '0') FROM generate_series(1, 300) n"
    )

    cut = admin.open("/console/products/new")
    narrowed = admin.open("/console/products/new?find=299")

    assert "Shawl 299" not in cut.html
    assert cut.has_form("/console/products/new")
    assert "Shawl 299" in narrowed.html


@pytest.mark.parametrize("at", ["/console/designs", "/console/partners", "/console/inventory/movements"])
def test_a_list_costs_the_same_however_many_rows_it_shows(house: House, admin: Browser, at: str) -> None:
    admin.open(at)
    with counting() as few:
        admin.open(at)
    for n in range(15):
        partner = house.bench.a_partner(f"weaver{n}")
        design = house.bench.a_design(f"shawl{n}")
        house.bench.change("INSERT INTO design_partner (design_id, partner_id) VALUES (:d, :p)", d=design, p=partner)
        made_at(admin, "/console/inventory", sku=f"yarn{n}", title="Yarn")
    with counting() as many:
        page = admin.open(at)

    assert len(many.statements) <= len(few.statements) + 3
    assert len(page.html) < 100_000


@pytest.mark.parametrize("end", ["", "/runs", "/consumption", "/edit"])
def test_a_design_s_pages_cost_the_same_however_much_stands_around_it(house: House, admin: Browser, end: str) -> None:
    run = house.bench.a_sent_run(partner="weaver")
    design = str(house.bench.run(run)["design_id"])
    at = f"/console/designs/{design}{end}"
    admin.open(at)
    with counting() as few:
        admin.open(at)

    for n in range(4):
        partner = house.bench.a_partner(f"dyer{n}")
        house.bench.change("INSERT INTO design_partner (design_id, partner_id) VALUES (:d, :p)", d=design, p=partner)
        house.bench.a_run(design)
    with counting() as many:
        page = admin.open(at)

    assert page.status == 200
    assert len(many.statements) <= len(few.statements)
    assert len(many.statements) <= 16


def test_a_choice_beyond_the_cut_stays_chosen_in_its_filter(house: House, admin: Browser) -> None:
    house.bench.change(
        "INSERT INTO design (id, name) SELECT 'dsgn_' || n, 'Shawl ' || lpad(n::text, 3, '0') FROM generate_series(1, 300) n"
    )

    page = admin.open("/console/products?design_id=dsgn_299")

    assert page.soup.select_one("select[name=design_id] option[selected]")["value"] == "dsgn_299"


BIG = ("/console/designs/new", "/console/designs/dsgn_1/edit", "/console/designs/dsgn_1/runs", "/console/designs/dsgn_1/consumption", "/console/designs/dsgn_1", "/console/partners/ptnr_1/edit", "/console/partners/ptnr_1", "/console/products/new", "/console/inventory/levels/new", "/console/inventory/movements", "/console/policy", "/console/templates")  # fmt: skip


@pytest.mark.parametrize("at", BIG)
def test_a_page_stays_small_in_a_house_with_hundreds_of_everything(house: House, admin: Browser, at: str) -> None:
    for made in MANY:
        house.bench.change(f"{made} FROM generate_series(1, 300) n")

    page = admin.open(at)

    assert page.status == 200
    assert len(page.html.encode()) < 100_000


MANY = (
    "INSERT INTO design (id, name) SELECT 'dsgn_' || n, 'A shawl of the river, number ' || n",
    "INSERT INTO partner (id, name, handle) SELECT 'ptnr_' || n, 'Weavers of the hill, number ' || n, 'hill' || n",
    "INSERT INTO inventory_item (id, sku, title) SELECT 'item_' || n, 'YARN-' || n, 'Merino yarn, undyed, ' || n",
    "INSERT INTO stock_location (id, name) SELECT 'sloc_' || n, 'Shelf in the main store ' || n",
    "INSERT INTO template_category (id, name) SELECT 'tcat_' || n, 'Weaving, part ' || n",
    "INSERT INTO task_template (id, name) SELECT 'tmpl_' || n, 'Weave the border, part ' || n",
)


# Walking --------------------------------------------------------------------------------------------------------------


def made_at(admin: Browser, at: str, **typed: Any) -> str:
    """Make a thing with its form; its id."""
    made = admin.send(admin.open(f"{at}/new"), f"{at}/new", **typed)
    assert made.status == 200, made.text
    return path(made).rpartition("/")[2]


def path(page: Page) -> str:
    return page.address.partition("?")[0]


def edit_page(admin: Browser, page: Page) -> Page:
    """The page with the form of a thing."""
    links = [link for link in page.links() if link == f"{path(page)}/edit"]
    return admin.open(links[0] if links else path(page))
