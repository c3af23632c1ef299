"""The work of a partner on a phone and of an admin at a desk, from the first page to the last, in a real Chromium."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests import places
from tests.browser import chromium
from tests.browser.conftest import NewPage
from tests.browser.town import Town, a_shawl

pytestmark = pytest.mark.slow


@pytest.fixture
def picture() -> Iterator[Path]:
    with places.a_directory() as directory:
        path = directory / "shawl.jpg"
        path.write_bytes(a_shawl())
        yield path


def _is_told(page: Page, sentence: str) -> None:
    """The page says it on top; its script says it to screen readers too."""
    expect(page.get_by_role("status").filter(has_text=sentence)).to_be_visible()


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def test_a_partner_makes_a_run_from_the_first_look_to_the_last_piece(
    town: Town, new_page: NewPage, has_javascript: bool, picture: Path
) -> None:
    share = town.share("Meera Looms", "weaving", template_names=["Warp the loom", "Weave"])
    (run,) = town.a_run(f"journey {has_javascript}", "Indigo shawl", share, quantity="12")
    page = new_page(chromium.PHONE, has_javascript=has_javascript)
    chromium.sign_in_as(page, town, "Meera Looms")

    page.locator(f"a[href='/portal/runs/{run}']").first.click()
    expect(page.get_by_role("heading", name="Indigo shawl")).to_be_visible()
    press(page, "Accept")
    _is_told(page, "You can start when you are ready")
    press(page, "Start work")
    _is_told(page, "Good work!")

    page.get_by_role("link", name="Note material").click()
    page.get_by_label("What was used?").select_option(label="Cotton yarn (kg)")
    page.get_by_label("How much?").fill("0.4")
    page.get_by_label("for each piece").check()
    press(page, "Note it")
    expect(page.get_by_text("0.4 kg per piece × 12 = 4.8 kg").first).to_be_visible()
    page.goto(f"/portal/runs/{run}")
    _add_picture(page, picture, has_javascript=has_javascript)

    page.get_by_role("link", name="Finish", exact=True).click()
    expect(page.get_by_text("Warp the loom")).to_be_visible()
    press(page, "Yes, finished")
    page.get_by_role("link", name="Complete", exact=True).click()
    page.get_by_label("Good pieces").fill("10")
    page.get_by_label("Rejected pieces", exact=True).fill("3")
    press(page, "Next")
    expect(page.get_by_role("alert").first).to_be_visible()
    expect(page.get_by_label("Rejected pieces", exact=True)).to_have_value("3")
    page.get_by_label("Rejected pieces", exact=True).fill("2")
    page.get_by_label("Why were they rejected?").select_option(label="Fabric flaw")
    press(page, "Next")
    page.get_by_label("Price").fill("1200")
    page.get_by_label("Currency").fill("INR")
    press(page, "Next")
    press(page, "Next")
    page.get_by_label("Notes").fill("Two had a slub.")
    press(page, "Next")
    expect(page.get_by_text("10 good + 2 rejected + 0 missing = 12 of 12")).to_be_visible()
    press(page, "Send and complete")
    expect(page.get_by_role("heading", name="Completed. Thank you!")).to_be_visible()

    done = town.get(f"/admin/production-runs/{run}")["production_run"]
    assert (done["status"], done["produced_quantity"], done["rejected_quantity"]) == ("completed", "10", "2")
    assert (done["partner_cost"], done["completion_notes"], len(done["media"])) == ("1200", "Two had a slub.", 1)


def _add_picture(page: Page, picture: Path, *, has_javascript: bool) -> None:
    page.locator("input[type=file]").set_input_files(picture)
    send = page.locator("form[enctype='multipart/form-data'] button:visible")
    if send.count():
        send.first.click()
    _is_told(page, "Pictures added.")


def test_an_admin_takes_a_run_from_review_to_goods(town: Town, new_page: NewPage, has_javascript: bool) -> None:
    design = town.designs["Madder stole"]
    run = town.post("/admin/production-runs", {"design_id": design, "quantity": "6"})["production_run"]["id"]
    page = new_page(chromium.DESK, has_javascript=has_javascript)
    chromium.sign_in_as(page, town, "admin")
    expect(page.get_by_role("heading", level=1)).to_be_visible()

    page.goto("/console/runs?phase=review")
    page.locator(f"a[href='/console/runs/{run}']").first.click()
    rows = page.locator("fieldset", has_text="Share")
    for place, (partner, quantity) in enumerate((("Meera Looms", "4"), ("Blue Needle Tailors", "2"))):
        rows.nth(place).get_by_label("Partner").fill(partner)
        rows.nth(place).get_by_label("Role").fill("weaving")
        rows.nth(place).get_by_label("Quantity").fill(quantity)
    press(page, "Approve")
    expect(page.get_by_role("heading", name="Family")).to_be_visible()

    parts = town.get("/admin/production-runs", parent_run_id=run)["production_runs"]
    assert sorted((part["quantity"], part["phase"]) for part in parts) == [("2", "approved"), ("4", "approved")]
    for part in parts:
        _send_and_complete(page, part["id"])
    page.goto(f"/console/runs/{run}")
    expect(page.get_by_text(re.compile("Completed")).first).to_be_visible()
    assert town.get(f"/admin/production-runs/{run}")["production_run"]["produced_quantity"] == "6"


def _send_and_complete(page: Page, part: str) -> None:
    page.goto(f"/console/runs/{part}")
    send = page.locator("form[action$='/send']")
    if not send.is_visible():
        page.locator("details", has=send).last.locator("> summary").click()
    send.get_by_label("Weave", exact=False).first.check()
    send.get_by_role("button").last.click()
    for step in ("accept", "start", "finish", "complete"):
        form = page.locator(f"form[action$='/{step}']")
        form.wait_for(state="attached")
        if not form.is_visible():
            page.locator("details", has=form).last.locator("> summary").click()
        form.get_by_role("button").last.click()
        page.locator(f"form[action$='/{step}']").wait_for(state="detached")


def test_a_partner_works_with_the_keyboard_only(town: Town, new_page: NewPage) -> None:
    (run,) = town.a_run("keyboard", "Indigo shawl", town.share("Meera Looms", "weaving", template_names=["Weave"]))
    page = new_page(chromium.PHONE)
    page.goto("/sign-in")
    _tab_to(page, "E-mail")
    page.keyboard.type(town.people["Meera Looms"])
    _tab_to(page, "Password")
    page.keyboard.type("a password to walk in with")
    page.keyboard.press("Enter")
    page.wait_for_url("**/portal")
    page.goto(f"/portal/runs/{run}")

    _tab_to(page, "Accept")
    page.keyboard.press("Enter")
    _is_told(page, "You can start when you are ready")

    assert town.get(f"/admin/production-runs/{run}")["production_run"]["phase"] == "accepted"


def _tab_to(page: Page, name: str) -> None:
    """Tab until the thing of this name has the focus; what has it is seen to have it."""
    for _ in range(60):
        page.keyboard.press("Tab")
        focused = page.evaluate(
            """() => { const e = document.activeElement; const style = getComputedStyle(e);
                return {name: (e.labels?.[0] || e).textContent.trim(), seen: style.outlineStyle !== 'none'}; }"""
        )
        if focused["name"] == name:
            assert focused["seen"], f"{name} does not show that it has the focus"
            return
    raise AssertionError(f"{name} is not reached by the keyboard")


def test_two_taps_accept_once(town: Town, new_page: NewPage) -> None:
    (run,) = town.a_run("two taps", "Indigo shawl", town.share("Meera Looms", "weaving", template_names=["Weave"]))
    page = new_page(chromium.PHONE)
    chromium.sign_in_as(page, town, "Meera Looms")
    page.goto(f"/portal/runs/{run}")

    page.get_by_role("button", name="Accept", exact=True).dblclick()

    _is_told(page, "You can start when you are ready")
    told = town.get(f"/admin/production-runs/{run}/timeline")["activities"]
    assert [each["verb"] for each in told].count("accepted") == 1


def test_what_was_typed_survives_a_dropped_connection_and_a_closed_browser(town: Town, new_page: NewPage) -> None:
    page = new_page(chromium.PHONE)
    chromium.sign_in_as(page, town, "Meera Looms")
    page.goto(f"/portal/runs/{town.runs['finished']}/complete")
    page.get_by_label("Good pieces").fill("7")
    page.get_by_label("Missing pieces").fill("1")
    page.get_by_label("Why are they missing?").fill("The warp broke")

    page.context.set_offline(True)
    press(page, "Next")
    expect(page.get_by_text("There is no connection")).to_be_visible()
    expect(page.get_by_label("Why are they missing?")).to_have_value("The warp broke")
    page.context.set_offline(False)
    page.close()
    again = page.context.new_page()
    again.goto(f"/portal/runs/{town.runs['finished']}/complete")

    expect(again.get_by_label("Good pieces")).to_have_value("7")
    expect(again.get_by_label("Why are they missing?")).to_have_value("The warp broke")
