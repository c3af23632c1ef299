"""Webhooks in the console: made, changed, tried, their secrets shown once, what was sent read and sent again, all by forms."""

import pytest

from tests.budget.test_statements import counting
from tests.gateway.house import House
from tests.pages.browser import Browser, Page

NASTY = "<script>alert(1)</script>"
AT = "/console/webhooks"
SAFE = "https://hooks.example/loomline"


@pytest.fixture
def admin(house: House) -> Browser:
    browser = Browser(house)
    browser.sign_in(house.an_account("asha"))
    return browser


# Making -------------------------------------------------------------------------------------------------------------


def test_nobody_listens_yet_and_the_page_says_what_a_webhook_is_for(admin: Browser) -> None:
    page = admin.open(AT)

    assert "tells a shop" in page.text
    assert f"{AT}/new" in page.links()
    assert admin.open(next(link for link in page.links() if link.startswith("/docs"))).status == 200


def test_a_webhook_of_a_partner_is_made_with_the_events_that_were_checked(house: House, admin: Browser) -> None:
    partner = house.bench.a_partner("weaver")

    made = admin.send(
        admin.open(f"{AT}/new"),
        "/new",
        url=SAFE,
        description="The shop",
        partner_id=partner,
        **{"event_types[]": ["production_run.completed", "task.created"]},
    )
    page = admin.open(AT)

    assert made.status == 200
    assert "weaver" in page.text
    assert "The shop" in page.text
    assert "Run: completed, Task: created" in page.text
    assert "none yet" in page.text
    assert page.soup.select_one("td .chip.good").get_text() == "On"


def test_a_webhook_without_checked_events_is_the_house_s_and_told_everything(admin: Browser) -> None:
    a_webhook(admin)

    row = admin.open(AT).soup.select_one("tbody tr").get_text()

    assert "Every event" in row
    assert "The house" in row


def test_the_secret_is_shown_once_and_not_again(house: House, admin: Browser) -> None:
    form = admin.open(f"{AT}/new")

    made = admin.send(form, "/new", url=SAFE)
    again = admin.send(form, "/new", url=SAFE)

    secret = str(made.soup.find(id="secret")["value"])
    assert secret.startswith("whsec_")
    assert "webhook-signature" in made.text
    assert "the secret was shown then" in again.text
    assert house.bench.value("SELECT count(*) FROM webhook_endpoint") == 1
    at = at_of(made)
    assert not any(secret in admin.open(address).html for address in (AT, at, f"{at}/edit"))
    assert secret not in again.html


def test_an_address_that_cannot_be_called_is_told_beside_it_and_everything_typed_is_kept(
    house: House, admin: Browser
) -> None:
    partner = house.bench.a_partner("weaver")

    page = admin.send(
        admin.open(f"{AT}/new"),
        "/new",
        url="http://10.0.0.1/hook",
        description=NASTY,
        partner_id=partner,
        **{"event_types[]": ["order.received"]},
    )

    form = page.form(f"{AT}/new")
    assert page.status == 422
    assert form.find("input", {"name": "url"})["value"] == "http://10.0.0.1/hook"
    assert page.soup.find(id="add-url-error")
    assert form.find("input", {"name": "description"})["value"] == NASTY
    assert [box["value"] for box in form.find_all("input", checked=True)] == ["order.received"]
    assert form.select_one("option[selected]")["value"] == partner
    assert NASTY not in page.html


def test_a_blank_address_is_refused_in_its_place(admin: Browser) -> None:
    page = admin.send(admin.open(f"{AT}/new"), "/new", url=" ")

    assert page.status == 422
    assert page.soup.find(id="add-url-error")


def test_a_partner_beyond_the_cut_is_found_by_name(house: House, admin: Browser) -> None:
    house.bench.change(
        "INSERT INTO partner (id, name, handle) SELECT 'ptnr_' || n, 'Weaver ' || lpad(n::text, 3, '0'), 'w' || n FROM generate_series(1, 300) n"
    )

    cut, narrowed = admin.open(f"{AT}/new"), admin.open(f"{AT}/new?find=299")

    assert "Weaver 299" not in cut.html
    assert "Weaver 299" in narrowed.html


# Changing -----------------------------------------------------------------------------------------------------------


def test_a_webhook_is_edited_and_none_checked_is_every_event_again(admin: Browser) -> None:
    at = a_webhook(admin, description="The shop", **{"event_types[]": ["order.received"]})

    edited = admin.send(admin.open(f"{at}/edit"), "/edit", url=f"{SAFE}/two", description="", **{"event_types[]": [""]})

    assert "Saved." in edited.text
    assert f"{SAFE}/two" in edited.text
    assert "The shop" not in edited.text
    assert "Every event" in edited.text


def test_an_edit_as_it_stands_changes_nothing(house: House, admin: Browser) -> None:
    at = a_webhook(admin, description="The shop", **{"event_types[]": ["order.received"]})
    wanted = "SELECT url, description, event_types FROM webhook_endpoint"
    before = house.bench.rows(wanted)

    admin.send(admin.open(f"{at}/edit"), "/edit")

    assert house.bench.rows(wanted) == before


def test_a_refused_edit_keeps_what_was_typed(admin: Browser) -> None:
    at = a_webhook(admin)

    page = admin.send(admin.open(f"{at}/edit"), "/edit", url="ftp://shop.example", description=NASTY)

    assert page.status == 422
    assert page.form("/edit").find("input", {"name": "url"})["value"] == "ftp://shop.example"
    assert page.form("/edit").find("input", {"name": "description"})["value"] == NASTY
    assert page.soup.find(id="edit-url-error")


def test_a_name_that_is_a_script_is_only_read(house: House, admin: Browser) -> None:
    at = a_webhook(admin, description=NASTY)
    a_delivery(house, at, state="failed", error=NASTY, answer=NASTY)

    pages = [admin.open(address) for address in (AT, at, f"{at}/edit")]

    assert not any(NASTY in page.html for page in pages)
    assert all(NASTY in page.text for page in pages[:2])


def test_a_webhook_is_turned_off_and_on_and_says_why_it_is_off(admin: Browser) -> None:
    at = a_webhook(admin)

    off = admin.send(admin.open(at), "/switch")
    listed = admin.open(AT)
    on = admin.send(off, "/switch")

    assert "An admin turned it off." in off.text
    assert "An admin turned it off." in listed.text
    assert not off.has_form("/test-send")
    assert not off.has_form("/replay")
    assert "turn it on to send a test" in off.text
    assert on.has_form("/test-send")


def test_an_endpoint_that_asked_for_quiet_is_slowed_and_one_that_fails_says_so(house: House, admin: Browser) -> None:
    at = a_webhook(admin)
    house.bench.change("UPDATE webhook_endpoint SET failing_since = now() - interval '2 days'")
    failing = admin.open(AT)
    house.bench.change("UPDATE webhook_endpoint SET paused_until = now() + interval '1 hour'")
    slowed = admin.open(at)

    assert "Nothing has reached it for 2 days" in failing.text
    assert "Slowed" in slowed.text
    assert "asked to be left alone until" in slowed.text


def test_a_changed_secret_is_shown_once_with_how_long_the_old_one_is_good(admin: Browser) -> None:
    made = admin.send(admin.open(f"{AT}/new"), "/new", url=SAFE)
    page = admin.open(at_of(made))

    rotated = admin.send(page, "/rotate")
    again = admin.send(page, "/rotate")

    secret = str(rotated.soup.find(id="secret")["value"])
    assert secret != made.soup.find(id="secret")["value"]
    assert "The old one is good until" in rotated.text
    assert secret not in again.html
    assert secret not in admin.open(at_of(made)).html
    assert "the old one is good until" in admin.open(at_of(made)).text


def test_a_webhook_is_deleted_after_a_question(house: House, admin: Browser) -> None:
    at = a_webhook(admin)
    a_delivery(house, at)
    page = admin.open(at)

    ended = admin.send(page, "/end")

    assert page.form("/end").find_parent("details") is not None
    assert "Delete this webhook?" in page.text
    assert "Removed." in ended.text
    assert admin.open(at).status == 404


# Sending ------------------------------------------------------------------------------------------------------------


def test_a_test_is_sent_once_however_often_it_is_tapped(house: House, admin: Browser) -> None:
    at = a_webhook(admin)
    page = admin.open(at)

    for _ in range(2):
        told = admin.send(page, "/test-send")

    assert "A test is on its way." in told.text
    assert [row.th.get_text().split()[0] for row in told.soup.select("tbody tr")] == ["Test"]
    assert "Pending" in told.soup.select_one("tbody").get_text()
    assert house.bench.value("SELECT count(*) FROM webhook_delivery") == 1


def test_a_webhook_that_was_turned_off_meanwhile_refuses_the_test_in_words(admin: Browser) -> None:
    at = a_webhook(admin)
    stale = admin.open(at)
    admin.send(admin.open(at), "/switch")

    told = admin.send(stale, "/test-send")

    assert told.status == 409
    assert "Turn it on first." in told.text


def test_what_was_sent_tells_how_it_ended_and_can_be_narrowed(house: House, admin: Browser) -> None:
    at = a_webhook(admin)
    run = house.bench.a_run(house.bench.a_design("shawl"))
    a_delivery(house, at, state="failed", attempts=10, status=500, error="It answered 500.", answer="no room", run_id=run)  # fmt: skip
    a_delivery(house, at, state="delivered", attempts=1, status=204)

    every, failed = admin.open(at), admin.open(f"{at}?state=failed")
    pending = admin.open(f"{at}?state=pending")
    listed = admin.open(AT)

    assert len(every.soup.select("tbody tr")) == 2
    (row,) = failed.soup.select("tbody tr")
    assert all(said in row.get_text() for said in ("Run: completed", "10", "It answered 500.", "no room"))
    assert f"/console/runs/{run}" in failed.links()
    assert "No delivery is like this" in pending.text
    assert f"{at}?state=failed" in listed.links()
    assert "Delivered, " in listed.text


def test_failed_ones_are_sent_again_together_and_one_by_itself(house: House, admin: Browser) -> None:
    at = a_webhook(admin)
    for state in ("failed", "failed", "delivered"):
        a_delivery(house, at, state=state)
    page = admin.open(f"{at}?state=delivered")

    one = admin.post(f"{at}/replay", fields_of(page, "delivery_id"))
    all_failed = admin.post(f"{at}/replay", fields_of(admin.open(at), "failed"))
    nothing = admin.post(f"{at}/replay", fields_of(page, "failed"))

    assert "1 event is on its way again." in one.text
    assert "2 events are on their way again." in all_failed.text
    assert "There was nothing to send again." in nothing.text
    assert house.bench.value("SELECT count(*) FROM webhook_delivery WHERE state = 'pending'") == 3


def test_everything_since_a_time_is_sent_also_what_never_was(house: House, admin: Browser) -> None:
    house.bench.a_sent_run()
    at = a_webhook(admin)
    since = house.bench.value("SELECT to_char(now() AT TIME ZONE 'UTC' - interval '1 hour', 'YYYY-MM-DD\"T\"HH24:MI')")

    told = admin.send(admin.open(at), "/replay", since=since)

    assert "are on their way again" in told.text
    assert "Run: sent to partner" in told.text


def test_where_to_go_on_stands_in_the_field_and_nonsense_in_the_address_does_no_harm(admin: Browser) -> None:
    at = a_webhook(admin)

    more = admin.open(f"{at}?replayed=5000&next_since=2026-11-20T10:00:00.5Z")
    nonsense = admin.open(f"{at}?replayed=many&next_since=soon")

    assert more.soup.find(id="replay-since")["value"] == "2026-11-20T10:00:00.500"
    assert "There are more" in more.text
    assert "5,000 events" in more.text
    assert nonsense.status == 200
    assert "on their way" not in nonsense.text


def test_a_time_that_is_none_is_told_beside_its_field(admin: Browser) -> None:
    at = a_webhook(admin)

    blank, wrong = (admin.send(admin.open(at), "/replay", since=typed) for typed in ("", "yesterday"))

    assert [blank.status, wrong.status] == [422, 422]
    assert blank.soup.find(id="replay-since-error")
    assert wrong.soup.find(id="replay-since")["value"] == "yesterday"


def test_a_long_log_pages_and_keeps_its_filter(house: House, admin: Browser) -> None:
    at = a_webhook(admin)
    for _ in range(25):
        a_delivery(house, at, state="failed")

    first = admin.open(f"{at}?state=failed")
    onward = next(link for link in first.links() if "cursor=" in link)

    assert "state=failed" in onward
    assert len(admin.open(onward).soup.select("tbody tr")) == 5


# What it costs ------------------------------------------------------------------------------------------------------


def test_the_pages_cost_the_same_however_much_stands_on_them(house: House, admin: Browser) -> None:
    at = a_webhook(admin)
    few = [statements(admin, address) for address in (AT, at)]

    for n in range(15):
        a_webhook(admin, partner_id=house.bench.a_partner(f"weaver{n}"))
        a_delivery(house, at, state="failed")
    many = [statements(admin, address) for address in (AT, at)]

    assert [now <= before + 1 for now, before in zip(many, few, strict=True)] == [True, True]
    assert all(len(admin.open(address).html.encode()) < 100_000 for address in (AT, at, f"{at}/edit"))


def statements(admin: Browser, address: str) -> int:
    with counting() as counted:
        assert admin.open(address).status == 200
    return len(counted.statements)


# Walking ------------------------------------------------------------------------------------------------------------


def a_webhook(admin: Browser, **typed: object) -> str:
    """Make one with its form; the address of its page."""
    made = admin.send(admin.open(f"{AT}/new"), "/new", **{"url": SAFE, **typed})
    assert made.status == 200, made.text
    return at_of(made)


def at_of(page: Page) -> str:
    return next(link for link in page.links() if link.startswith(f"{AT}/") and not link.endswith("/new"))


def a_delivery(house: House, at: str, *, state: str = "pending", **more: object) -> None:
    """A delivery that has ended so."""
    values = {"attempts": 0, "status": None, "error": None, "answer": None, "run_id": None, **more}
    house.bench.change(
        """INSERT INTO webhook_delivery (endpoint_id, message_id, kind, event, state, attempts, status, error, answer, run_id, attempted_at)
           VALUES (:endpoint, 'msg_' || gen_random_uuid(), 'production_run.completed', '{}', :state, :attempts, :status, :error, :answer, :run_id, now())""",
        endpoint=at.rpartition("/")[2],
        state=state,
        **values,
    )


def fields_of(page: Page, field: str) -> list[tuple[str, str]]:
    """The form that has this field, as it stands."""
    form = page.soup.find("input", {"name": field}).find_parent("form")
    return [(str(each["name"]), str(each.get("value", ""))) for each in form.find_all("input")]
