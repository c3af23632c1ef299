"""Webhook endpoints over HTTP: made, changed, rotated, tried, replayed; a secret is shown once and nowhere else."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.domain import commands
from shared.runtime import clock
from tests.gateway.house import House
from tests.news.house import PressOffice
from tests.news.receivers import Mood, Receiver, a_receiver

PATH = "/admin/webhook-endpoints"
SAFE = "https://hooks.example/loomline"


@pytest.fixture
def admin(house: House) -> str:
    return house.an_admin()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with a_receiver() as server:
        yield server


@pytest.fixture
def office(house: House) -> PressOffice:
    return PressOffice(house.bench)


def made(house: House, admin: str, **body: Any) -> tuple[dict[str, Any], str]:
    """A new endpoint and its secret."""
    answer = house.post(PATH, {"url": SAFE, **body}, by=admin)
    assert answer.status_code == 201, answer.text
    return answer.json["webhook_endpoint"], answer.json["secret"]


def at_receiver(house: House, admin: str, receiver: Receiver) -> str:
    """An endpoint that was made as one should be, and then leads to a receiver of this machine."""
    endpoint, secret = made(house, admin)
    receiver.secrets.append(secret)
    house.bench.change("UPDATE webhook_endpoint SET url = :url WHERE id = :id", url=receiver.url, id=endpoint["id"])
    return str(endpoint["id"])


def log(house: House, admin: str, endpoint: str, query: str = "") -> list[dict[str, Any]]:
    answer = house.get(f"{PATH}/{endpoint}/deliveries?{query}", by=admin)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json["webhook_deliveries"]
    return found


def test_a_secret_is_shown_when_it_is_made_and_never_again(house: House, admin: str) -> None:
    endpoint, secret = made(house, admin, description="The shop", event_types=["production_run.completed"])

    assert secret.startswith("whsec_")
    assert (endpoint["url"], endpoint["state"], endpoint["partner_id"]) == (SAFE, "active", None)
    one = house.get(f"{PATH}/{endpoint['id']}", by=admin)
    assert one.json == {"webhook_endpoint": endpoint}
    seen = [one.text, house.get(PATH, by=admin).text, house.get(f"{PATH}/{endpoint['id']}/deliveries", by=admin).text]
    assert not any(secret in text for text in seen)


def test_a_repeated_request_makes_one_endpoint_and_keeps_no_secret(house: House, admin: str) -> None:
    first = house.post(PATH, {"url": SAFE}, by=admin, Idempotency_Key="k")
    second = house.post(PATH, {"url": SAFE}, by=admin, Idempotency_Key="k")

    assert second.json == {name: value for name, value in first.json.items() if name != "secret"}
    assert len(house.get(PATH, by=admin).json["webhook_endpoints"]) == 1
    assert first.json["secret"] not in str(house.bench.rows("SELECT * FROM idempotency_key"))


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/url"),
        ({"url": "http://hooks.example/"}, "/url"),
        ({"url": "https://127.0.0.1/"}, "/url"),
        ({"url": "https://2130706433/"}, "/url"),
        ({"url": "https://[::ffff:10.0.0.1]/"}, "/url"),
        ({"url": "https://169.254.169.254/latest"}, "/url"),
        ({"url": "https://user:pw@hooks.example/"}, "/url"),
        ({"url": SAFE, "event_types": ["production_run.eaten"]}, "/event_types"),
        ({"url": SAFE, "partner_id": "ptnr_nobody"}, "/partner_id"),
        ({"url": SAFE, "secret": "whsec_mine"}, "/secret"),
    ],
)
def test_a_wrong_endpoint_is_refused_by_its_field(house: House, admin: str, body: Any, pointer: str) -> None:
    answer = house.post(PATH, body, by=admin)

    assert (answer.status_code, answer.json["errors"][0]["pointer"]) == (422, pointer)
    assert house.bench.rows("SELECT * FROM webhook_endpoint") == []


def test_an_endpoint_is_edited_turned_off_and_on_and_deleted(house: House, admin: str) -> None:
    endpoint, _ = made(house, admin)
    one = f"{PATH}/{endpoint['id']}"

    edited = house.ask("PATCH", one, {"url": SAFE + "/2", "event_types": ["task.completed"]}, by=admin)
    turned_off = house.ask("PATCH", one, {"state": "off"}, by=admin)
    off = turned_off.json["webhook_endpoint"]
    tried = house.post(f"{one}/test-send", by=admin)
    on = house.ask("PATCH", one, {"state": "active"}, by=admin).json["webhook_endpoint"]
    stale = house.ask("PATCH", one, {"description": "x"}, by=admin, If_Match=turned_off.headers["ETag"])

    assert edited.json["webhook_endpoint"]["url"] == SAFE + "/2"
    assert (off["state"], off["off_reason"]) == ("off", "An admin turned it off.")
    assert (tried.status_code, tried.json["code"]) == (409, "endpoint_off")
    assert (on["state"], on["off_reason"], on["off_at"]) == ("active", None, None)
    assert stale.status_code == 412
    assert house.ask("PATCH", one, {"url": "https://10.1.2.3/"}, by=admin).status_code == 422
    assert house.ask("PATCH", one, {"partner_id": "ptnr_x"}, by=admin).status_code == 422
    assert house.ask("DELETE", one, by=admin).json == {"id": endpoint["id"], "deleted": True}
    assert house.get(one, by=admin).status_code == 404


def test_endpoints_are_listed_by_partner_and_state(house: House, admin: str) -> None:
    weaver = house.bench.a_partner("weaver")
    theirs, _ = made(house, admin, partner_id=weaver)
    ours, _ = made(house, admin)
    house.ask("PATCH", f"{PATH}/{ours['id']}", {"state": "off"}, by=admin)

    def some(query: str) -> list[str]:
        return [each["id"] for each in house.get(f"{PATH}?{query}", by=admin).json["webhook_endpoints"]]

    assert some("") == [ours["id"], theirs["id"]]
    assert some(f"partner_id={weaver}") == [theirs["id"]]
    assert some("state=off") == [ours["id"]]
    assert house.get(f"{PATH}?state=asleep", by=admin).status_code == 422


def test_a_test_send_arrives_verified_and_says_how_it_ended(
    house: House, admin: str, office: PressOffice, receiver: Receiver
) -> None:
    endpoint = at_receiver(house, admin, receiver)

    asked = house.post(f"{PATH}/{endpoint}/test-send", by=admin)
    office.send()

    assert asked.status_code == 202
    delivery = asked.json["webhook_delivery"]
    assert (delivery["state"], delivery["kind"], delivery["attempts"]) == ("pending", "webhook_endpoint.test", 0)
    assert receiver.kinds() == ["com.loomline.webhook_endpoint.test.v1"]
    assert receiver.unverified == []
    (ended,) = log(house, admin, endpoint)
    assert (ended["id"], ended["state"], ended["status"], ended["attempts"]) == (delivery["id"], "delivered", 204, 1)


def test_the_log_shows_every_failure(house: House, admin: str, office: PressOffice, receiver: Receiver) -> None:
    endpoint = at_receiver(house, admin, receiver)
    receiver.mood, receiver.status = Mood.REFUSES, 500
    run = house.bench.a_sent_run()
    office.tell()

    failing = log(house, admin, endpoint, f"state=pending&production_run_id={run}")

    assert [each["message_id"] for each in reversed(failing)] == office.events_of(run)
    assert {(each["status"], each["error"], each["attempts"]) for each in failing} == {(500, "it answered 500.", 1)}
    assert all(each["next_at"] and each["event"]["data"]["production_run_id"] == run for each in failing)
    assert log(house, admin, endpoint, "state=delivered") == []
    told = house.get(f"{PATH}/{endpoint}", by=admin).json["webhook_endpoint"]
    assert told["failing_since"]
    assert told["pending_deliveries"] == len(office.deliveries())


def test_during_a_rotation_both_secrets_verify(
    house: House, admin: str, office: PressOffice, receiver: Receiver
) -> None:
    endpoint = at_receiver(house, admin, receiver)
    old = receiver.secrets[0]

    rotated = house.post(f"{PATH}/{endpoint}/rotate", by=admin)

    new = rotated.json["secret"]
    assert new.startswith("whsec_")
    assert new != old
    until = datetime.fromisoformat(rotated.json["webhook_endpoint"]["previous_secret_until"])
    assert timedelta(hours=23) < until - datetime.now(UTC) <= timedelta(hours=24)  # noqa: TID251
    for secret in (old, new):
        receiver.secrets = [secret]
        house.post(f"{PATH}/{endpoint}/test-send", by=admin)
        office.send()
    assert (len(receiver.taken), receiver.unverified) == (2, [])
    assert new not in house.get(f"{PATH}/{endpoint}", by=admin).text


def test_one_delivery_all_failed_or_all_since_an_instant_are_sent_again(
    house: House, admin: str, office: PressOffice, receiver: Receiver
) -> None:
    run = house.bench.a_sent_run()
    endpoint = at_receiver(house, admin, receiver)
    since = clock.now()
    house.bench.done(commands.AcceptRun(), run_id=run)
    house.bench.done(commands.AddNote(text="soft"), run_id=run)
    office.tell()
    (note,) = log(house, admin, endpoint, "kind=production_run.noted")

    def replay(**what: Any) -> Any:
        return house.post(f"{PATH}/{endpoint}/replay", what, by=admin)

    assert replay(delivery_id=note["id"]).json["replayed"] == 1
    assert office.send() == 1
    house.bench.change("UPDATE webhook_delivery SET state = 'failed' WHERE kind = 'production_run.noted'")
    failed = replay(failed=True)
    assert (failed.status_code, failed.json["replayed"], failed.json["next_since"]) == (202, 1, None)
    office.send()
    recent = replay(since=since.isoformat()).json["replayed"]
    assert recent == len(log(house, admin, endpoint))
    office.send()
    assert replay(since=(since - timedelta(hours=1)).isoformat()).json["replayed"] > recent
    office.send()

    assert receiver.unverified == []
    assert receiver.came.count(note["message_id"]) == 5
    assert set(office.events_of(run)) <= set(receiver.ids)


@pytest.mark.parametrize(
    "body", [{}, {"failed": False}, {"failed": True, "delivery_id": "1"}, {"since": "yesterday"}, {"delivery_id": "x"}]
)
def test_a_replay_says_exactly_what(house: House, admin: str, body: Any) -> None:
    endpoint, _ = made(house, admin)

    assert house.post(f"{PATH}/{endpoint['id']}/replay", body, by=admin).status_code == 422


def test_another_endpoints_delivery_is_not_replayed(
    house: House, admin: str, office: PressOffice, receiver: Receiver
) -> None:
    other, endpoint = at_receiver(house, admin, receiver), at_receiver(house, admin, receiver)
    house.post(f"{PATH}/{other}/test-send", by=admin)
    office.send()
    (delivery,) = log(house, admin, other)

    answer = house.post(f"{PATH}/{endpoint}/replay", {"delivery_id": delivery["id"]}, by=admin)

    assert (answer.status_code, answer.json["code"]) == (422, "unknown_reference")
    assert log(house, admin, other)[0]["state"] == "delivered"


def test_the_figures_say_how_news_moves(house: House, admin: str, office: PressOffice) -> None:
    made(house, admin)
    house.bench.a_sent_run()
    office.fan_out()
    house.bench.change("UPDATE webhook_delivery SET state = 'failed' WHERE id = (SELECT min(id) FROM webhook_delivery)")

    text = house.get("/metrics").text

    pending = len(office.deliveries()) - 1
    assert f"loomline_webhook_deliveries_pending {pending}.0" in text
    assert "loomline_webhook_deliveries_failed 1.0" in text
    assert "loomline_webhook_oldest_seconds " in text
    assert 'loomline_feed_lag_seconds{feed="webhooks"} 0.0' in text


def test_a_stale_edit_is_refused_and_what_was_sent_meanwhile_is_no_other_version(house: House) -> None:
    admin = house.an_admin()
    made = house.post("/admin/webhook-endpoints", {"url": "https://hooks.example/in"}, by=admin)
    address, tag = f"/admin/webhook-endpoints/{made.json['webhook_endpoint']['id']}", made.headers["ETag"]
    house.bench.change("UPDATE webhook_endpoint SET paused_until = now() + interval '1 hour', updated_at = now()")

    first = house.ask("PATCH", address, {"description": "one"}, by=admin, If_Match=tag)
    second = house.ask("PATCH", address, {"description": "two"}, by=admin, If_Match=tag)

    assert (first.status_code, second.status_code) == (200, 412)
