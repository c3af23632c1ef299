"""The console's page of a run: every form of it does what the API does, says what was wrong, and shows what became of it."""

import re
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import event

from services.api import app
from services.api.pages.console import run as page_of_runs
from services.api.queries import families, run_choices
from shared.domain import commands
from shared.domain.allocation import Assignment
from shared.domain.consumption import ConsumptionType, Entry
from tests import material, pictures
from tests.gateway.house import House
from tests.pages.browser import Browser, Page

ALIASES = ("start-dispatch", "resume-dispatch")


@pytest.fixture
def browser(house: House) -> Browser:
    """Asha's, who is an admin."""
    made = Browser(house)
    made.sign_in(house.an_account("asha"))
    return made


def at(run_id: str) -> str:
    return f"/console/runs/{run_id}"


def sent(house: House, browser: Browser, run_id: str, form: str, **typed: Any) -> Page:
    """Open the page of a run, fill one of its forms, send it, and have it carried out."""
    with house.open_workshop():
        return browser.send(browser.open(at(run_id)), f"/{form}", **typed)


# Routes ---------------------------------------------------------------------------------------------------------------


def test_whatever_the_api_does_to_a_run_has_a_form_on_its_page() -> None:
    begin = "/admin/production-runs/{id}/"
    offered = {
        f"POST {route.path}"
        for route in app.routes()
        if route.method == "POST" and route.path.startswith(begin) and not route.path.endswith(ALIASES)
    }

    assert {act.api for act in page_of_runs.ACTS} == offered


def test_every_form_of_the_table_is_a_route_of_the_pages() -> None:
    served = {route.path for route in app.pages() if route.method == "POST"}

    assert {act.path for act in page_of_runs.ACTS} <= served


# Approval and allocation ----------------------------------------------------------------------------------------------


def test_an_admin_allocates_a_run_in_two_stages_and_reads_what_became_of_each_part(
    house: House, browser: Browser
) -> None:
    weaver, _ = house.bench.a_partner("weaver"), house.bench.a_partner("dyer")
    template = house.bench.a_template("weave")
    run = house.bench.a_run(house.bench.a_design(), quantity="4")

    page = sent(
        house,
        browser,
        run,
        "approve",
        **{
            "assignments__0__partner_id": "weaver (weaver)",
            "assignments__0__role": "weaving",
            "assignments__0__order": "1",
            "assignments__0__template_ids[]": [template],
            "assignments__1__partner_id": "DYER",
            "assignments__1__quantity": "4",
            "assignments__1__order": "2",
        },
    )

    parts = house.bench.rows("SELECT * FROM production_run WHERE parent_run_id = :id ORDER BY stage", id=run)
    assert [(part["partner_id"], part["stage"], part["quantity"]) for part in parts] == [
        (weaver, 1, Decimal(4)),
        ("ptnr_dyer", 2, Decimal(4)),
    ]
    assert "Approved." in page.text
    assert f"Waits weaving, weaver (run {parts[0]['id'][-6:].upper()})" in page.text
    assert "work on its parts" in page.text


def test_a_failed_dispatch_of_a_part_is_reported_with_its_reason(house: House, browser: Browser) -> None:
    house.bench.a_partner("weaver")
    house.bench.a_template("mend")
    run = house.bench.a_run(house.bench.a_design())

    page = sent(
        house,
        browser,
        run,
        "approve",
        assignments__0__partner_id="weaver",
        assignments__0__template_names="mend\nunheard of",
    )

    assert "Not sent" in page.text
    assert "There is no template named 'unheard of'." in page.text


def test_a_run_is_approved_without_any_share(house: House, browser: Browser) -> None:
    run = house.bench.a_run(house.bench.a_design())

    page = sent(house, browser, run, "approve")

    assert house.bench.run(run)["status"] == "approved"
    assert page.has_form("/split")


def test_a_partner_nobody_knows_is_said_beside_the_field_and_all_that_was_typed_stays(
    house: House, browser: Browser
) -> None:
    house.bench.a_partner("weaver")
    template = house.bench.a_template("weave")
    run = house.bench.a_run(house.bench.a_design())

    page = sent(
        house,
        browser,
        run,
        "approve",
        **{
            "assignments__0__partner_id": "weaver",
            "assignments__0__quantity": "2",
            "assignments__2__partner_id": "wever",
            "assignments__2__role": "weaving",
            "assignments__2__template_ids[]": [template],
        },
    )

    form = page.form("/approve")
    wrong = form.find(id="approve-assignments.1.partner_id")
    assert page.status == 422
    assert (wrong["value"], wrong["aria-invalid"]) == ("wever", "true")
    assert "There is no partner 'wever'." in form.text
    assert form.find("input", {"name": "assignments.0.quantity"})["value"] == "2"
    assert form.find("input", {"name": "assignments.1.template_ids[]"}).has_attr("checked")
    assert house.bench.run(run)["status"] == "pending_review"


def test_without_a_script_a_row_is_added_by_the_page_and_what_was_typed_stays(house: House, browser: Browser) -> None:
    run = house.bench.a_run(house.bench.a_design(), quantity="4")
    page = browser.open(at(run))
    form = page.form("/approve")
    button = form.find("button", {"formaction": True})
    typed = [("assignments.0.partner_id", "weaver"), ("assignments.0.quantity", "3"), ("assignments.1.quantity", "2")]
    csrf = ("csrf", str(form.find("input", {"name": "csrf"})["value"]))
    filled = [*typed, ("assignments.2.role", "dyeing"), ("assignments.2.order", "2")]

    more = browser.post(str(button["formaction"]), [csrf, (str(button["name"]), str(button["value"])), *filled])

    rows = more.form("/approve").find_all("fieldset", class_="run-share")
    assert (more.status, len(rows)) == (200, 4)
    assert rows[0].find("input")["value"] == "weaver"
    assert "Stage 2: 9 of 4 – this does not add up" in more.text
    assert house.bench.run(run)["status"] == "pending_review"


def test_a_part_is_split_again_and_a_family_in_a_family_is_drawn(house: House, browser: Browser) -> None:
    part = a_part(house)
    house.bench.a_partner("hemmer")

    page = sent(house, browser, part, "split", assignments__0__partner_id="hemmer", assignments__0__role="hemming")

    drawn = page.soup.find("svg", class_="run-family")
    links = [str(link["href"]) for link in drawn.find_all("a")]
    below = house.bench.value("SELECT id FROM production_run WHERE parent_run_id = :id", id=part)
    assert at(below) in links
    assert [str(link["href"]) for link in drawn.find_all("a", attrs={"aria-current": "page"})] == [at(part)]
    assert len(drawn.find_all("rect", class_="frame")) == 1
    assert "hemming, hemmer (run" in page.soup.find("ul", class_="run-tree").text


def test_a_split_without_a_share_says_what_is_missing(house: House, browser: Browser) -> None:
    page = sent(house, browser, a_part(house), "split")

    assert page.status == 422
    assert page.form("/split").parent.has_attr("open")
    assert "at least" in page.soup.find("div", class_="banner").text


def a_part(house: House, *, partner: str = "weaver") -> str:
    """An approved part of one partner that was not sent yet."""
    run = house.bench.a_run(house.bench.a_design(f"design_of_{partner}"), partner_id=house.bench.a_partner(partner))
    return str(house.bench.done(commands.ApproveRun(), run_id=run)["children"][0])


# Dispatch -------------------------------------------------------------------------------------------------------------


def test_a_dispatch_is_opened_and_its_templates_are_chosen_by_boxes(house: House, browser: Browser) -> None:
    part, template = a_part(house), house.bench.a_template("weave")

    opened = sent(house, browser, part, "dispatch")
    done = sent(house, browser, part, "confirm", **{"template_ids[]": [template]})

    assert "The dispatch is open: choose what goes out to weaver" in opened.text
    assert not opened.has_form("/send")
    assert house.bench.run(part)["status"] == "sent_to_partner"
    assert "Assigned weave" in done.text


@pytest.mark.parametrize("choice", [{"template_category": "weaving"}, {"template_names": "weave"}])
def test_a_run_is_sent_at_once_by_category_or_by_name(house: House, browser: Browser, choice: dict[str, str]) -> None:
    part = a_part(house)
    house.bench.a_template("weave", category="weaving")

    page = sent(house, browser, part, "send", **choice)

    assert "Sent to the partner." in page.text
    assert [task["title"] for task in house.bench.tasks(part)] == ["weave"]


def test_a_dispatch_without_a_choice_says_so_without_the_names_of_fields(house: House, browser: Browser) -> None:
    page = sent(house, browser, a_part(house), "send")

    assert page.status == 422
    assert "choose exactly one of template names, template ids and template category" in page.text


def test_another_partner_is_named_by_handle(house: House, browser: Browser) -> None:
    part = a_part(house)
    house.bench.a_partner("dyer")

    wrong = sent(house, browser, part, "assign", partner_id="nobody", note="the first is ill")
    right = sent(house, browser, part, "assign", partner_id="dyer", note="the first is ill")

    assert wrong.status == 422
    assert wrong.form("/assign").find("input", {"name": "note"})["value"] == "the first is ill"
    assert house.bench.run(part)["partner_id"] == "ptnr_dyer"
    assert "Partner weaver → then dyer" in right.text


# On the partner's behalf ----------------------------------------------------------------------------------------------


def test_an_admin_takes_every_step_for_the_partner_up_to_a_settled_run(house: House, browser: Browser) -> None:
    run = house.bench.a_sent_run()
    material.a_level(house.bench, stock="10", unit_cost="20")
    for form in ("accept", "start", "finish"):
        sent(house, browser, run, form)

    page = sent(
        house,
        browser,
        run,
        "complete",
        produced_quantity="3",
        rejected_quantity="1",
        rejection_reason="fabric_flaw",
        partner_cost="5.5",
        cost_type="per_unit",
        cost_currency="INR",
        consumptions__0__inventory_item_id="item_yarn",
        consumptions__0__quantity="2",
        notes="one was torn",
    )

    assert house.bench.run(run)["status"] == "completed"
    assert "3 good, 1 rejected (Fabric flaw)" in page.text
    assert "5.50 INR per unit" in page.text
    assert "Material 40.00" in page.text
    assert "So far 56.50" in page.text
    assert material.stocked(house.bench) == 8


def test_pieces_that_do_not_add_up_come_back_with_all_that_was_typed(house: House, browser: Browser) -> None:
    run = house.bench.a_sent_run()
    for command in (commands.AcceptRun(), commands.StartRun(), commands.FinishRun()):
        house.bench.done(command, run_id=run)

    page = sent(
        house, browser, run, "complete", produced_quantity="1", consumptions__1__quantity="7", notes="counted twice"
    )

    form = page.form("/complete")
    assert page.status == 422
    assert form.find("textarea", {"name": "notes"}).text.strip() == "counted twice"
    assert form.find("input", {"name": "consumptions.0.quantity"})["value"] == "7"
    assert form.find("input", {"name": "produced_quantity"})["value"] == "1"


def test_a_run_is_declined_for_the_partner_and_wants_a_new_one(house: House, browser: Browser) -> None:
    run = house.bench.a_sent_run()

    page = sent(house, browser, run, "decline", reason="capacity", notes="two orders already")

    assert "Awaiting reassignment" in page.text
    assert page.form("/assign").parent.has_attr("open")


def test_a_corrected_output_stands_on_the_timeline_with_before_and_after(house: House, browser: Browser) -> None:
    run = a_settled_run(house)

    page = sent(house, browser, run, "correct", produced_quantity="5", reason="counted again")

    assert "Produced quantity 4 → then 5" in page.text
    assert "counted again" in page.text


def a_settled_run(house: House) -> str:
    run = house.bench.a_sent_run()
    for command in (commands.AcceptRun(), commands.StartRun(), commands.FinishRun(), commands.CompleteRun()):
        house.bench.done(command, run_id=run)
    return run


# Standing still, ending, deciding -------------------------------------------------------------------------------------


def test_a_run_is_held_and_resumed(house: House, browser: Browser) -> None:
    run = house.bench.a_sent_run()

    held = sent(house, browser, run, "hold", reason="the loom is broken")
    resumed = sent(house, browser, run, "resume")

    assert "On hold for a moment: the loom is broken" in held.text
    assert not held.has_form("/accept")
    assert "Accept: not yet. This run is on hold; resume it first." in held.text
    assert resumed.has_form("/accept")


def test_a_run_is_cancelled_after_a_question(house: House, browser: Browser) -> None:
    run = house.bench.a_sent_run()
    assert "cannot be undone" in browser.open(at(run)).form("/cancel")["data-ask"]

    page = sent(house, browser, run, "cancel", reason="the shop took it back")

    assert "Cancelled, with all its open parts." in page.text
    assert "the shop took it back" in page.text
    assert not page.has_form("/cancel")


def test_a_flag_is_resolved_with_what_was_decided(house: House, browser: Browser) -> None:
    run = house.bench.a_sent_run()
    house.bench.done(commands.FlagRun(reason="quantity is 6 now, was 4"), run_id=run)

    flagged = browser.open(at(run))
    page = sent(house, browser, run, "resolve", reason="we make 4")

    assert "quantity is 6 now, was 4" in flagged.text
    assert "we make 4" in page.text
    assert not page.has_form("/resolve")


def test_a_note_sent_twice_is_written_once(house: House, browser: Browser) -> None:
    run = house.bench.a_sent_run()
    page = browser.open(at(run))

    with house.open_workshop():
        first = browser.send(page, "/note", text="call Meera")
        browser.send(page, "/note", text="call Meera")

    assert "call Meera" in first.text
    assert house.bench.events(run, "%noted") == ["production_run.noted"]


def test_an_empty_note_is_said_beside_its_field(house: House, browser: Browser) -> None:
    page = sent(house, browser, house.bench.a_sent_run(), "note", text=" ")

    assert page.status == 422
    assert page.soup.find(id="note-text")["aria-invalid"] == "true"


# Tasks, material, pictures --------------------------------------------------------------------------------------------


def test_rework_is_added(house: House, browser: Browser) -> None:
    run = house.bench.a_sent_run()
    mend = house.bench.a_template("mend", kind="redo")

    page = sent(house, browser, run, "tasks", kind="redo", piece="shawl 3", **{"template_ids[]": [mend]})

    assert "mend rework About shawl 3" in page.text


def test_material_is_logged_and_only_what_is_checked_is_committed(house: House, browser: Browser) -> None:
    run = house.bench.a_sent_run()
    material.a_level(house.bench, stock="10")

    sent(house, browser, run, "log", inventory_item_id="item_yarn (item_yarn)", quantity="2")
    page = sent(house, browser, run, "log", quantity="3", consumption_type="labor")
    assert "2 pc item_yarn" in page.text

    none = sent(house, browser, run, "commit")
    assert house.bench.value("SELECT count(*) FROM consumption_log WHERE is_committed") == 0

    boxes = {
        str(box.find_parent("li").text.split()[0]): str(box["value"]) for box in none.soup.select("[name='log_ids[]']")
    }
    sent(house, browser, run, "commit", **{"log_ids[]": [boxes["2"]]})
    assert house.bench.value("SELECT count(*) FROM consumption_log WHERE is_committed") == 1

    sent(house, browser, run, "commit", commit_all="true")
    assert house.bench.value("SELECT count(*) FROM consumption_log WHERE is_committed") == 2


def test_material_that_nobody_stocks_comes_back_with_what_was_typed(house: House, browser: Browser) -> None:
    page = sent(house, browser, house.bench.a_sent_run(), "log", inventory_item_id="silk", quantity="2", notes="for 3")

    form = page.form("/log")
    assert page.status == 422
    assert form.find("input", {"name": "notes"})["value"] == "for 3"
    assert "silk" in page.text


def test_pictures_are_uploaded_and_attached_once_and_one_is_the_thumbnail(house: House, browser: Browser) -> None:
    run = house.bench.a_sent_run()
    page = browser.open(at(run))

    with house.open_workshop():
        statuses = [upload(house, browser, page, run) for _ in range(2)]
        shown = browser.open(at(run))
        chosen = browser.send(shown, "/attach", media_files__0__is_thumbnail="true")

    assert statuses == [303, 303]
    assert len(shown.soup.select(".run-pictures img")) == 1
    assert "thumbnail" in chosen.soup.find("ul", class_="run-pictures").text


def upload(house: House, browser: Browser, page: Page, run: str) -> int:
    """Send the page's own upload form, as a browser does."""
    own = {name: str(page.form("/upload").find("input", {"name": name})["value"]) for name in ("csrf", "once")}
    parts = [
        f'--seam\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}'.encode()
        for name, value in own.items()
    ]
    head = b'--seam\r\nContent-Disposition: form-data; name="files"; filename="shawl.jpg"\r\n\r\n'
    cookies = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    answer = house.http.simulate_post(
        f"{at(run)}/upload",
        body=b"\r\n".join([*parts, head + pictures.a_picture(), b"--seam--\r\n"]),
        headers={
            "Content-Type": "multipart/form-data; boundary=seam",
            "Cookie": cookies,
            "Sec-Fetch-Site": "same-origin",
        },
    )
    return int(answer.status_code)


def test_an_address_elsewhere_is_attached_and_never_shown_as_a_picture(house: House, browser: Browser) -> None:
    run = house.bench.a_sent_run()

    page = sent(house, browser, run, "attach", **{"media_files__0__url": "https://old.example/shawl.jpg"})
    wrong = sent(
        house, browser, house.bench.a_run("dsgn_design_of_weaver"), "attach", **{"media_files__0__url": "shawl"}
    )

    assert "https://old.example/shawl.jpg" in page.links()
    assert not page.soup.select(".run-pictures img")
    assert wrong.status == 422


# What is shown --------------------------------------------------------------------------------------------------------


def test_what_was_agreed_and_the_timeline_read_without_ids(house: House, browser: Browser) -> None:
    material.an_item(house.bench, "item_yarn", unit="Meter")
    run = house.bench.a_sent_run()
    house.bench.change(
        """UPDATE run_snapshot SET design = '{"id": "dsgn_1", "name": "Shawl", "colours": [{"name": "madder", "hex": "#a03020"}]}',
           planned_materials = '[{"inventory_item_id": "item_yarn", "quantity": 2, "unit_of_measure": "Meter"}]'"""
    )
    house.bench.done(commands.AcceptRun(), run_id=run)
    house.bench.done(commands.AddNote(text="my_file_1 is with run 7"), run_id=run)

    page = browser.open(at(run))

    assert "madder, hex #a03020" in page.text
    assert "item_yarn 2 m 8 m" in page.text
    assert "my_file_1 is with run 7" in page.text
    assert not re.findall(r"\b(?:run|ptnr|task|wo|disp|snap|acct|dsgn)_[0-9a-z]{8,}", page.text)
    assert not re.findall(r"[{}]", page.text)


@pytest.mark.parametrize(
    ("steps", "form", "why"),
    [
        ([], "start", "The partner has it and has not answered."),
        ([commands.AcceptRun()], "finish", "Start it first."),
        ([commands.AcceptRun(), commands.StartRun()], "decline", "Work has started"),
        ([commands.CancelRun()], "cancel", "It ended without being made."),
    ],
)
def test_a_step_that_is_not_possible_has_no_button_and_says_why(
    house: House, browser: Browser, steps: list[commands.Command], form: str, why: str
) -> None:
    run = house.bench.a_sent_run()
    for step in steps:
        house.bench.done(step, run_id=run)

    page = browser.open(at(run))

    assert not page.has_form(f"/{form}")
    assert why in page.soup.find("details", class_="run-whys").text


@pytest.mark.parametrize("steps", [0, 1, 3, 4])
def test_every_field_has_a_label_and_every_id_is_there_once(house: House, browser: Browser, steps: int) -> None:
    run = house.bench.a_sent_run()
    for command in (commands.AcceptRun(), commands.StartRun(), commands.FinishRun(), commands.CompleteRun())[:steps]:
        house.bench.done(command, run_id=run)

    for address in (run, house.bench.a_run("dsgn_design_of_weaver"), a_part(house, partner="dyer")):
        soup = browser.open(at(address)).soup
        ids = [str(each["id"]) for each in soup.find_all(id=True)]
        labels = {str(each.get("for", "")) for each in soup.find_all("label")}
        fields = [each for each in soup.find_all(["input", "select", "textarea"]) if each.get("type") != "hidden"]

        assert len(ids) == len(set(ids))
        assert all(each.get("id") in labels or each.find_parent("label") for each in fields)
        assert len(soup.find_all("h1")) == 1
        assert all(each.get("scope") for each in soup.find_all("th"))


def test_a_part_names_what_it_waits_for(house: House, browser: Browser) -> None:
    first, second = house.bench.a_partner("weaver"), house.bench.a_partner("dyer")
    run = house.bench.a_run(house.bench.a_design())
    shares = [
        Assignment(partner_id=first, role="weaving", order=1),
        Assignment(partner_id=second, role="dyeing", order=2),
    ]
    parts = house.bench.done(commands.ApproveRun(assignments=shares), run_id=run)["children"]

    page = browser.open(at(parts[1]))

    assert f"Waits for weaving, weaver (run {parts[0][-6:].upper()}) to be settled first." in page.text
    assert not page.has_form("/send")


def test_a_run_nobody_knows_is_a_page_that_says_so_and_partners_are_turned_away(house: House, browser: Browser) -> None:
    run = house.bench.a_sent_run()
    partner = Browser(house)
    partner.sign_in(house.an_account("pia", partner_id="ptnr_weaver"))

    assert browser.open(at("run_none")).status == 404
    assert partner.open(at(run)).status == 403


def test_a_name_that_is_a_script_is_only_text(house: House, browser: Browser) -> None:
    run = house.bench.a_sent_run()
    evil = "<script>alert(1)</script>"
    house.bench.change("UPDATE design SET name = :evil", evil=evil)
    house.bench.change("UPDATE partner SET name = :evil", evil=evil)
    house.bench.change("UPDATE task_template SET name = :evil", evil=evil)
    house.bench.change("UPDATE production_run SET role = :evil", evil=evil)
    house.bench.done(commands.AddNote(text=evil), run_id=run)

    page = browser.open(at(run))

    assert evil in page.text
    assert not page.soup.find("main").find("script")


def test_a_large_family_costs_one_question_more_than_a_small_one(house: House, browser: Browser) -> None:
    few, many = (counted(house, browser, a_family(house, parts=parts)) for parts in (2, 50))

    assert few[0] + 1 == many[0] <= 15
    assert f"{51 - families.LARGEST} more are not drawn" in many[1].text
    assert len(many[1].soup.select(".run-parts a")) == 50


def test_the_page_stays_small_in_a_large_house(house: House, browser: Browser) -> None:
    part = house.bench.value(
        "SELECT max(id) FROM production_run WHERE parent_run_id = :id", id=a_family(house, parts=50)
    )
    fill(house)
    for place in range(30):
        used = Entry(quantity=Decimal(place + 1), consumption_type=ConsumptionType.LABOR, notes="at night " * 9)
        house.bench.done(commands.LogConsumption(entry=used), run_id=part)
        house.bench.done(commands.AddNote(text=f"note {place}: " + "it takes longer " * 6), run_id=part)

    page = browser.open(at(part))

    assert page.has_form("/split")
    assert len(page.soup.select("#partners option")) == run_choices.MOST_PARTNERS
    assert len(page.html.encode()) < 100_000
    assert "story=" in page.soup.find("section", id="story").find("a")["href"]


def fill(house: House) -> None:
    """More of everything than a page lists."""
    for sql in (
        "INSERT INTO partner (id, name, handle) SELECT 'ptnr_x' || n, 'Handloom weavers no. ' || n, 'weavers-' || n FROM generate_series(1, 300) n",
        "INSERT INTO template_category (id, name) VALUES ('tcat_weaving', 'weaving')",
        "INSERT INTO task_template (id, name, category_id) SELECT 'tmpl_01m82v96s68axdh0773hj' || n, 'Do the step no. ' || n, 'tcat_weaving' FROM generate_series(1, 100) n",
        "INSERT INTO inventory_item (id, sku, title) SELECT 'item_x' || n, 'SKU-2026-' || n, 'Mulberry silk 20/22 no. ' || n FROM generate_series(1, 300) n",
        "INSERT INTO stock_location (id, name) SELECT 'sloc_01m82v96s68axdh0773hj' || n, 'Store no. ' || n FROM generate_series(1, 100) n",
    ):
        house.bench.change(sql)


def a_family(house: House, *, parts: int) -> str:
    design, partner = house.bench.a_design(f"d{parts}"), house.bench.a_partner(f"p{parts}")
    run = house.bench.a_run(design, quantity=str(parts))
    shares = [Assignment(partner_id=partner, quantity=Decimal(1), role=f"part {place}") for place in range(parts)]
    house.bench.done(commands.ApproveRun(assignments=shares), run_id=run)
    return run


def counted(house: House, browser: Browser, run_id: str) -> tuple[int, Page]:
    """How many statements the page asks, and the page."""
    asked: list[str] = []

    def note(*told: Any) -> None:
        asked.append(told[2])

    event.listen(house.desk.engine, "before_cursor_execute", note)
    try:
        page = browser.open(at(run_id))
    finally:
        event.remove(house.desk.engine, "before_cursor_execute", note)
    return len(asked), page
