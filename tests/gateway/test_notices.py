"""What people were told, as admins see it; and targets, which nobody sees once they are set."""

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy.exc
from falcon import testing

from shared.domain import commands
from shared.domain.notices import NoticeState
from tests.actors.steps import take
from tests.actors.told import Target, a_reader, a_run_before, a_target, deliver
from tests.gateway.house import House


@pytest.fixture
def target() -> Iterator[Target]:
    with a_target() as server:
        yield server


@pytest.fixture
def admin(house: House) -> str:
    return house.an_admin()


def notices(house: House, query: str = "", *, by: str) -> list[dict[str, Any]]:
    """The notices of a list's first page."""
    answer = house.get(f"/admin/notices?{query}", by=by)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json["notices"]
    return found


def a_declined_run(house: House) -> str:
    """A run that the weaver was told of, and the house of the weaver's no."""
    run = a_run_before(house.bench, "weaver")
    take(house.bench, run, commands.DeclineRun(reason=commands.DeclineReason.CAPACITY))
    return run


def a_failed_notice(house: House, target: Target) -> None:
    """A target took a notice at none of its attempts."""
    a_reader(house.bench, "weaver", targets=(target.url,))
    a_run_before(house.bench, "weaver")
    target.status = 500
    for day in range(7):
        deliver(house.bench, days=day)


def test_admins_see_what_was_said_to_whom_and_how_far_it_is(house: House, admin: str, target: Target) -> None:
    a_failed_notice(house, target)

    (told,) = notices(house, by=admin)

    assert told["title"].startswith("New work")
    assert "Please accept or decline it" in told["text"]
    assert (told["kind"], told["language"]) == ("production_run.sent_to_partner", "en")
    assert (told["audience"], told["partner_id"], told["channel"]) == ("partner", "ptnr_weaver", "json")
    assert (told["state"], told["attempts"], told["error"]) == ("failed", 6, "json: the target answered 500")
    assert told["state_sentence"] == "No attempt reached its target; a person is asked to look."
    assert (told["sent_at"], told["next_at"]) == (None, None)
    assert house.get(f"/admin/notices/{told['id']}", by=admin).json == {"notice": told}
    assert "sesame" not in house.get("/admin/notices", by=admin).text


def test_notices_are_narrowed_and_paged(house: House, admin: str) -> None:
    a_reader(house.bench, "weaver")
    run, other = a_declined_run(house), a_declined_run(house)
    told = notices(house, by=admin)
    assert len(told) == 4

    def some(query: str) -> set[str]:
        return {each["id"] for each in notices(house, query, by=admin)}

    assert some(f"production_run_id={run}") == {each["id"] for each in told if each["production_run_id"] == run}
    assert some("partner_id=ptnr_weaver") == {each["id"] for each in told if each["audience"] == "partner"}
    assert some("partner_id=admin") == set()
    assert some("kind=production_run.declined") == {each["id"] for each in told if each["audience"] == "admins"}
    assert some("state=pending") == {each["id"] for each in told}
    assert some("state=sent,failed") == set()
    instant = told[1]["created_at"]
    assert some(f"created_before={instant}") | some(f"created_after={instant}") == {each["id"] for each in told} - {
        each["id"] for each in told if each["created_at"] == instant
    }
    first = house.get("/admin/notices?limit=3&count=true", by=admin).json
    second = house.get(f"/admin/notices?limit=3&cursor={first['next_cursor']}", by=admin).json
    assert [each["id"] for each in first["notices"] + second["notices"]] == [each["id"] for each in told]
    assert (first["count"], second["next_cursor"]) == (4, None)
    assert other in {each["production_run_id"] for each in told}


@pytest.mark.parametrize("query", ["state=lost", "state=", "colour=green", "created_after=yesterday", "cursor=x"])
def test_a_wrong_filter_is_named(house: House, admin: str, query: str) -> None:
    answer = house.get(f"/admin/notices?{query}", by=admin)

    assert (answer.status_code, answer.json["code"]) == (422, "bad_parameter")
    assert query.partition("=")[0] in answer.json["detail"]


def test_a_failed_notice_is_sent_again_with_all_its_attempts(house: House, admin: str, target: Target) -> None:
    a_failed_notice(house, target)
    (failed,) = notices(house, "state=failed", by=admin)
    target.status = 200

    answer = house.post(f"/admin/notices/{failed['id']}/send-again", by=admin)

    assert answer.status_code == 200, answer.text
    again = answer.json["notice"]
    assert (again["id"], again["state"], again["attempts"]) == (failed["id"], "pending", 0)
    assert deliver(house.bench) == 1
    (sent,) = notices(house, by=admin)
    assert (sent["state"], sent["attempts"], sent["error"]) == ("sent", 1, None)
    assert set(target.keys) == {failed["id"]}


@pytest.mark.parametrize(
    ("state", "sentence"),
    [
        ("pending", "It is on its way: it waits to be sent, or to be tried again."),
        ("sent", "Its target took it."),
        ("superseded", "It was not sent any more: what it asks for was answered, or the run moved on."),
    ],
)
def test_only_a_failed_notice_is_sent_again(house: House, admin: str, state: str, sentence: str) -> None:
    a_reader(house.bench, "weaver")
    a_run_before(house.bench, "weaver")
    house.bench.change("UPDATE notification SET state = :state", state=state)
    (told,) = notices(house, by=admin)

    answer = house.post(f"/admin/notices/{told['id']}/send-again", by=admin)

    assert (answer.status_code, answer.json["code"]) == (409, "not_failed")
    assert answer.json["detail"] == f"This notice is not sent again. {sentence}"
    assert notices(house, by=admin) == [told]


def test_the_table_of_refusals_lists_every_state() -> None:
    (cases,) = [mark.args[1] for mark in test_only_a_failed_notice_is_sent_again.pytestmark]
    assert {state for state, _ in cases} == set(NoticeState) - {NoticeState.FAILED}


def test_a_notice_that_is_not_there_is_not_found(house: House, admin: str) -> None:
    assert house.get("/admin/notices/note_no", by=admin).status_code == 404
    assert house.post("/admin/notices/note_no/send-again", by=admin).status_code == 404


def test_two_who_send_again_at_once_send_once(house: House, admin: str, target: Target) -> None:
    a_failed_notice(house, target)
    (failed,) = notices(house, by=admin)

    answers = list(
        house.bench.hands.map(
            lambda _: house.post(f"/admin/notices/{failed['id']}/send-again", by=admin).status_code, range(4)
        )
    )

    assert sorted(answers) == [200, 409, 409, 409]


def test_the_board_counts_what_could_not_be_sent(house: House, admin: str, target: Target) -> None:
    assert house.get("/admin/operations", by=admin).json["failed_notifications"] == 0
    a_failed_notice(house, target)

    assert house.get("/admin/operations", by=admin).json["failed_notifications"] == 1

    (failed,) = notices(house, by=admin)
    house.post(f"/admin/notices/{failed['id']}/send-again", by=admin)
    assert house.get("/admin/operations", by=admin).json["failed_notifications"] == 0


# Targets ------------------------------------------------------------------------------------------------------------

URL = "json://reader:sesame@127.0.0.1:9/sesame"
MASK = "json://reader:****@127.0.0.1:9/****"


def a_partner(house: House, *urls: str, by: str, **headers: str) -> testing.Result:
    contacts = [{"kind": "apprise", "url": url} for url in urls]
    return house.post(
        "/admin/partners", {"name": "Weavers", "handle": "weavers", "contacts": contacts}, by=by, **headers
    )


def stored(house: House) -> list[str]:
    return [contact["url"] for contact in house.bench.value("SELECT contacts FROM partner")]


def test_nobody_is_shown_a_target_once_it_is_set(house: House, admin: str) -> None:
    made = a_partner(house, URL, by=admin, Idempotency_Key="weavers")
    again = a_partner(house, URL, by=admin, Idempotency_Key="weavers")
    path = made.headers["Location"]
    answers = [
        made,
        again,
        house.get(path, by=admin),
        house.get("/admin/partners", by=admin),
        house.ask("PATCH", path, {"name": "Hill weavers"}, by=admin),
        house.ask("PATCH", path, {"contacts": [{"kind": "apprise", "url": URL}]}, by=admin),
    ]

    assert [answer.status_code for answer in answers] == [201, 201, 200, 200, 200, 200]
    assert again.headers["Idempotency-Replayed"] == "true"
    for answer in answers:
        assert MASK in answer.text
        assert "sesame" not in answer.text
    assert "sesame" not in str(house.bench.rows("SELECT row_to_json(k)::text AS kept FROM idempotency_key k"))
    assert stored(house) == [URL]


def test_a_mask_that_comes_back_unchanged_leaves_the_target(house: House, admin: str) -> None:
    other = "slack://sesameA/sesameB/sesamesesamesesame1a2b"
    path = a_partner(house, URL, other, by=admin).headers["Location"]
    shown = house.get(path, by=admin).json["partner"]["contacts"]

    answer = house.ask("PATCH", path, {"contacts": [{"email": "ana@x.org"}, *reversed(shown)]}, by=admin)

    assert answer.status_code == 200, answer.text
    assert answer.json["partner"]["contacts"] == [{"email": "ana@x.org"}, *reversed(shown)]
    assert house.bench.value("SELECT contacts FROM partner") == [
        {"email": "ana@x.org"},
        {"kind": "apprise", "url": other},
        {"kind": "apprise", "url": URL},
    ]


def test_a_target_is_replaced_beside_one_that_stays(house: House, admin: str) -> None:
    path = a_partner(house, URL, "mailto://ana:sesame@example.com", by=admin).headers["Location"]
    (_, mail) = house.get(path, by=admin).json["partner"]["contacts"]
    fresh = URL.replace("sesame", "poppy")

    house.ask("PATCH", path, {"contacts": [{"kind": "apprise", "url": fresh}, mail]}, by=admin)

    assert stored(house) == [fresh, "mailto://ana:sesame@example.com"]


def test_a_mask_of_nothing_that_is_set_is_refused(house: House, admin: str) -> None:
    path = a_partner(house, URL, by=admin).headers["Location"]
    contacts = [{"kind": "apprise", "url": MASK}, {"kind": "apprise", "url": "json://somebody:****@127.0.0.1:9"}]

    edited = house.ask("PATCH", path, {"contacts": contacts}, by=admin)
    made = house.post("/admin/partners", {"name": "P", "handle": "p", "contacts": contacts[:1]}, by=admin)

    assert (edited.status_code, edited.json["errors"][0]["pointer"]) == (422, "/contacts/1/url")
    assert (made.status_code, made.json["errors"][0]["pointer"]) == (422, "/contacts/0/url")
    assert stored(house) == [URL]


def test_an_edit_of_the_secret_alone_makes_another_version(house: House, admin: str) -> None:
    path = a_partner(house, URL, by=admin).headers["Location"]
    before = house.get(path, by=admin).headers["ETag"]

    house.ask("PATCH", path, {"contacts": [{"kind": "apprise", "url": URL.replace("sesame", "poppy")}]}, by=admin)

    late = house.ask("PATCH", path, {"name": "Late"}, by=admin, If_Match=before)
    assert late.status_code == 412


def test_what_the_database_refuses_is_said_without_its_values(house: House) -> None:
    with pytest.raises(sqlalchemy.exc.DBAPIError) as refused, house.desk.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE partner SET contacts = %(contacts)s::jsonb / 0", {"contacts": f'"{URL}"'})

    assert "sesame" not in str(refused.value)
