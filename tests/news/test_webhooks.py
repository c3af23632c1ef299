"""Webhooks: a receiver with the `standardwebhooks` library verifies every delivery, and one that fails for long loses nothing."""

import socket
import ssl
from collections import Counter
from datetime import datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from standardwebhooks import Webhook, WebhookVerificationError

from services.workers import webhooks
from services.workers.outside import SECONDS_IN_ALL
from shared.domain import commands, news
from shared.runtime import clock, ids
from shared.storage import webhook_store
from shared.storage.webhook_store import LEASE_SECONDS, Outcome, Parcel
from tests.actors.steps import a_family, a_share, complete_by_milestones
from tests.news.house import SOURCE, PressOffice, a_secret
from tests.news.receivers import Mood, Receiver, a_receiver

HOUR = timedelta(hours=1)


def listening(office: PressOffice, receiver: Receiver, **more: object) -> str:
    """An endpoint at the receiver, who knows its secret."""
    endpoint, secret = office.an_endpoint(receiver.url, **more)  # type: ignore[arg-type]
    receiver.secrets.append(secret)
    return endpoint


# What is told -------------------------------------------------------------------------------------------------------


def test_a_run_from_order_to_goods_is_told_and_every_delivery_verifies(office: PressOffice, receiver: Receiver) -> None:
    endpoint = listening(office, receiver)
    run = office.bench.a_sent_run()
    complete_by_milestones(office.bench, run)

    office.tell()

    assert receiver.unverified == []
    told = sorted(
        (event for event in receiver.taken if event.get("subject") == run), key=lambda event: event["sequence"]
    )
    assert [event["id"] for event in told] == office.events_of(run)
    assert [event["sequence"] for event in told] == [f"{number:010}" for number in range(1, len(told) + 1)]
    assert office.states(endpoint) == {"delivered"}
    (completed,) = [event for event in told if event["type"] == "com.loomline.production_run.completed.v1"]
    (message,) = office.bench.rows(
        "SELECT * FROM message WHERE kind = 'production_run.completed' AND run_id = :r", r=run
    )
    assert completed["specversion"] == "1.0"
    assert completed["source"] == SOURCE
    assert completed["causationid"] == message["cause"]
    assert completed["correlationid"] == message["correlation"]
    assert datetime.fromisoformat(completed["time"]) == message["created_at"]
    assert completed["data"]["production_run_id"] == run
    assert completed["data"]["design_id"] == office.bench.run(run)["design_id"]
    assert completed["data"]["partner_id"] == "ptnr_weaver"
    assert completed["data"]["actor"] == {"kind": "partner"}
    assert completed["data"]["after"] == message["body"].get("after")


def test_an_endpoint_is_told_what_it_asked_for_from_its_making_on(office: PressOffice, receiver: Receiver) -> None:
    run = office.bench.a_sent_run()
    office.a_note(run, "before")
    listening(office, receiver, event_types=("production_run.noted", "production_run.accepted"))
    office.a_note(run, "after")
    office.bench.done(commands.AcceptRun(), run_id=run)

    office.tell()

    assert sorted(receiver.kinds()) == [
        "com.loomline.production_run.accepted.v1",
        "com.loomline.production_run.noted.v1",
    ]


def test_every_endpoint_is_told_each_event_once(office: PressOffice, receiver: Receiver) -> None:
    run = office.bench.a_sent_run()
    endpoints = [listening(office, receiver) for _ in range(3)]
    office.a_note(run)

    office.tell()
    office.fan_out()

    assert office.send(days=1) == 0
    assert Counter(receiver.came) == {office.events_of(run)[-1]: 3}
    assert [row["endpoint_id"] for row in office.deliveries()] == sorted(endpoints)


def test_a_partners_endpoint_never_hears_of_a_strangers_run(office: PressOffice, receiver: Receiver) -> None:
    bench = office.bench
    with a_receiver() as strangers:
        weaver = bench.a_partner("weaver")
        listening(office, receiver, partner_id=weaver)
        listening(office, strangers, partner_id=bench.a_partner("stranger"))
        bench.a_template("weave")
        shares = [a_share(bench, name, template_names=["weave"]) for name in ("weaver", "dyer")]
        parent, (own, foreign) = a_family(bench, *shares)
        complete_by_milestones(bench, own)
        bench.done(commands.DeclineRun(reason=commands.DeclineReason.CAPACITY), run_id=foreign, tenant="ptnr_dyer")
        bench.done(commands.AssignPartner(partner_id=weaver), run_id=foreign)

        office.tell()

    assert strangers.came == []
    assert receiver.unverified == []
    assert {event["subject"] for event in receiver.taken} <= {own, foreign}
    own_kinds = [event["type"] for event in receiver.taken if event["subject"] == own]
    assert "com.loomline.production_run.completed.v1" in own_kinds
    said = str(receiver.taken)
    assert "ptnr_dyer" not in said
    assert parent not in said
    (given,) = [event for event in receiver.taken if event["type"] == "com.loomline.production_run.reassigned.v1"]
    assert given["data"]["after"]["partner_id"] == weaver
    assert "com.loomline.production_run.declined.v1" not in receiver.kinds()


# A receiver that fails ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mood", [Mood.REFUSES, Mood.HANGS, Mood.RESETS, Mood.DRIPS, Mood.FLOODS])
def test_a_receiver_that_fails_for_an_hour_loses_nothing(office: PressOffice, receiver: Receiver, mood: Mood) -> None:
    endpoint = listening(office, receiver)
    run = office.bench.a_sent_run()
    office.tell()
    before = len(receiver.ids)
    receiver.mood = mood
    for minute in (1, 6, 12, 40):
        office.a_note(run, f"minute {minute}")
        office.fan_out()
        office.send(limit=0.5, per_call=0.3, minutes=minute)
    assert len(receiver.ids) == before
    failed = [row for row in office.deliveries(endpoint) if row["state"] == "pending"]
    assert len(failed) == 4
    assert all(row["error"] and row["attempts"] for row in failed)

    receiver.mood = Mood.WELL
    for later in (60, 90, 150, 400):
        office.send(minutes=later)

    assert set(receiver.ids) == {row["message_id"] for row in office.deliveries(endpoint)}
    assert set(office.events_of(run)) <= set(receiver.ids)
    assert len(receiver.taken) == len(receiver.ids)
    assert receiver.unverified == []
    assert office.states(endpoint) == {"delivered"}
    assert office.endpoint(endpoint)["failing_since"] is None


def test_a_receiver_that_is_not_there_or_speaks_no_tls_is_said_plainly(office: PressOffice, receiver: Receiver) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{free.getsockname()[1]}/"
    run = office.bench.a_sent_run()
    wanted = {
        nobody: "it could not be connected to.",
        receiver.url.replace("http:", "https:"): "its certificate or encryption is not right.",
        "https://nobody.invalid/": "its name is not known.",
    }
    urls = {office.an_endpoint(url)[0]: url for url in wanted}
    office.a_note(run)

    office.tell()

    assert {urls[row["endpoint_id"]]: row["error"] for row in office.deliveries()} == wanted
    assert {row["status"] for row in office.deliveries()} == {None}


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """Of `localhost`, signed by nobody else."""
    key = ec.generate_private_key(ec.SECP256R1())
    name, now = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")]), clock.now()
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + 24 * HOUR)
    named = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
    form, pem, open_ = serialization.PrivateFormat.PKCS8, serialization.Encoding.PEM, serialization.NoEncryption()
    file = tmp_path / "localhost.pem"
    file.write_bytes(key.private_bytes(pem, form, open_) + named.sign(key, hashes.SHA256()).public_bytes(pem))
    return file


def test_a_certificate_that_nobody_vouches_for_is_not_trusted(
    office: PressOffice, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    run = office.bench.a_sent_run()
    with a_receiver(tls=tls) as receiver:
        receiver.url = receiver.url.replace("127.0.0.1", "localhost")
        endpoint = listening(office, receiver)
        office.a_note(run)

        office.tell()
        assert receiver.came == []
        (row,) = office.deliveries(endpoint)
        assert row["error"] == "its certificate or encryption is not right."

        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        office.send(hours=1)
        assert len(receiver.taken) == 1
        assert receiver.unverified == []


def test_no_redirect_is_followed(office: PressOffice, receiver: Receiver) -> None:
    endpoint = listening(office, receiver)
    run = office.bench.a_sent_run()
    office.tell()
    receiver.mood, receiver.status, receiver.headers = Mood.REFUSES, 307, {"Location": receiver.url + "/elsewhere"}
    before = len(receiver.came)
    office.a_note(run)

    office.tell()

    assert len(receiver.came) == before + 1
    assert office.deliveries(endpoint)[-1]["error"] == "it answered 307."


def test_the_retry_table_is_kept_and_its_end_is_a_failure_that_can_be_replayed(
    office: PressOffice, receiver: Receiver
) -> None:
    endpoint = listening(office, receiver)
    run = office.bench.a_sent_run()
    office.tell()
    receiver.mood, receiver.status = Mood.REFUSES, 500
    office.a_note(run)
    office.fan_out()
    at = clock.now() + timedelta(seconds=1)
    waits = []
    for _ in news.PAUSES:
        assert office.send(at=at) == 1
        (row,) = [row for row in office.deliveries(endpoint) if row["state"] == "pending"]
        waits.append(row["next_at"] - at)
        assert office.send(at=row["next_at"] - timedelta(seconds=1)) == 0
        at = row["next_at"]

    assert office.send(at=at) == 1

    for pause, waited in zip(news.PAUSES, waits, strict=True):
        assert pause <= waited <= pause * (1 + news.JITTER)
    (row,) = [row for row in office.deliveries(endpoint) if row["state"] == "failed"]
    assert (row["attempts"], row["status"], row["next_at"]) == (10, 500, None)
    receiver.mood = Mood.WELL
    with office.bench.engine.begin() as connection:
        assert webhook_store.replay(connection, endpoint, failed=True) == 1
    office.send()
    assert receiver.ids[-1] == row["message_id"]


def test_an_endpoint_that_is_gone_is_turned_off_and_admins_are_told(office: PressOffice, receiver: Receiver) -> None:
    endpoint = listening(office, receiver)
    run = office.bench.a_sent_run()
    office.tell()
    receiver.mood, receiver.status = Mood.REFUSES, 410
    for _ in range(8):
        office.a_note(run)

    office.tell()
    assert office.send(days=2) == 0

    row = office.endpoint(endpoint)
    assert (row["state"], row["off_reason"]) == ("off", "It answered 410: it is there no more.")
    (alarm,) = office.bench.rows("SELECT * FROM alarm")
    assert (alarm["name"], alarm["detail"]) == (
        f"webhook_off:{endpoint}",
        "This webhook endpoint was turned off. It answered 410: it is there no more.",
    )
    (notice,) = office.bench.rows("SELECT * FROM notification WHERE kind = 'webhook_endpoint.turned_off'")
    assert (notice["audience"], notice["state"], notice["channel"]) == ("admin", "pending", "console")
    assert receiver.url in notice["text"]
    office.a_note(run)
    office.tell()
    assert len([row for row in office.deliveries(endpoint) if row["state"] != "delivered"]) == 8


def test_turned_on_again_it_gets_what_was_pending(office: PressOffice, receiver: Receiver) -> None:
    endpoint = listening(office, receiver)
    run = office.bench.a_sent_run()
    office.fan_out()
    waiting = {row["message_id"] for row in office.deliveries(endpoint)}
    with office.bench.engine.begin() as connection:
        webhook_store.turn_off(connection, endpoint, reason="A test.", at=clock.now())
    office.a_note(run)
    office.tell()
    assert receiver.came == []

    with office.bench.engine.begin() as connection:
        webhook_store.turn_on(connection, endpoint)
    office.send()

    assert set(receiver.ids) == waiting
    assert office.bench.rows("SELECT * FROM alarm") == []
    with office.bench.engine.begin() as connection:
        since = office.began - HOUR
        count, following = webhook_store.replay_since(connection, endpoint, since=since, source=SOURCE)
    office.send()
    assert set(office.events_of(run)) <= set(receiver.ids)
    assert (count, following) == (len(receiver.ids), None)


def test_an_endpoint_that_nothing_reaches_for_five_days_is_turned_off(office: PressOffice, receiver: Receiver) -> None:
    endpoint = listening(office, receiver)
    run = office.bench.a_sent_run()
    office.tell()
    receiver.mood, receiver.status = Mood.REFUSES, 500
    for day in range(6):
        office.a_note(run)
        office.fan_out()
        office.send(days=day)
        assert office.endpoint(endpoint)["state"] == ("active" if day < 5 else "off"), day

    assert office.endpoint(endpoint)["off_reason"] == "Nothing reached it for 5 days."


def test_one_success_begins_the_five_days_anew(office: PressOffice, receiver: Receiver) -> None:
    endpoint = listening(office, receiver)
    run = office.bench.a_sent_run()
    for day in range(12):
        receiver.mood, receiver.status = (Mood.WELL if day % 4 == 3 else Mood.REFUSES), 500
        office.a_note(run)
        office.fan_out()
        office.send(days=day)

    assert office.endpoint(endpoint)["state"] == "active"


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("asked", "seconds"),
    [("600", 600), ("in an hour", 3_600), ("soon", None), ("-5", None)],
)
def test_an_endpoint_that_asks_for_less_is_left_alone(
    office: PressOffice, receiver: Receiver, status: int, asked: str, seconds: int | None
) -> None:
    endpoint = listening(office, receiver)
    run = office.bench.a_sent_run()
    office.tell()
    told = format_datetime(clock.now() + HOUR) if asked == "in an hour" else asked
    receiver.mood, receiver.status, receiver.headers = Mood.REFUSES, status, {"Retry-After": told}
    before = len(receiver.came)
    for _ in range(6):
        office.a_note(run)
    office.fan_out()
    at = clock.now() + timedelta(seconds=1)
    office.send(at=at)

    assert 0 < len(receiver.came) - before <= webhooks.MOST_OF_ONE_ENDPOINT
    row = office.endpoint(endpoint)
    waits = (row["paused_until"] - at).total_seconds()
    assert 5 <= waits <= 60 if seconds is None else abs(waits - seconds) < 60
    assert office.send(at=row["paused_until"] - timedelta(seconds=1)) == 0
    receiver.headers = {}
    came = len(receiver.came)
    office.send(at=row["paused_until"])
    assert len(receiver.came) == came + 1, "one at a time while it is slow"

    receiver.mood = Mood.WELL
    for hours in (2, 8, 24):
        office.send(hours=hours)
    assert office.states(endpoint) == {"delivered"}
    assert office.endpoint(endpoint)["slow_downs"] == 0


def test_an_endpoint_that_hangs_keeps_nobody_else_waiting(office: PressOffice, receiver: Receiver) -> None:
    with a_receiver() as hanging:
        slow, well = listening(office, hanging), listening(office, receiver)
        hanging.mood = Mood.HANGS
        run = office.bench.a_sent_run()
        for _ in range(20):
            office.a_note(run)
        office.fan_out()

        office.send(limit=1.0, per_call=0.5)

    assert office.states(well) == {"delivered"}
    assert office.states(slow) == {"pending"}
    assert len(receiver.ids) == len(office.deliveries(well))


def test_two_senders_at_once_send_each_event_once(office: PressOffice, receiver: Receiver) -> None:
    listening(office, receiver)
    run = office.bench.a_sent_run()
    for _ in range(20):
        office.a_note(run)
    office.fan_out()
    with (
        webhooks.Sender(office.bench.engine, allow_private=True) as one,
        webhooks.Sender(office.bench.engine, allow_private=True) as other,
    ):
        at = clock.now() + timedelta(seconds=1)
        while one.begin(at=at) + other.begin(at=at):
            pass
        one.deliver(at=at)
        other.deliver(at=at)

    assert len(receiver.came) == len(set(receiver.came)) == len(office.deliveries())


def test_what_a_killed_sender_had_under_way_is_sent_again_under_the_same_id(
    office: PressOffice, receiver: Receiver
) -> None:
    endpoint = listening(office, receiver)
    run = office.bench.a_sent_run()
    office.fan_out()
    at = clock.now() + timedelta(seconds=1)
    with office.bench.engine.begin() as connection:
        claimed = webhook_store.claim(connection, at=at, limit=100, most=100, busy={})
    assert len(claimed) == len(office.deliveries(endpoint))
    assert SECONDS_IN_ALL < LEASE_SECONDS / 2

    assert office.send(at=at + timedelta(seconds=LEASE_SECONDS - 1)) == 0
    office.send(at=at + timedelta(seconds=LEASE_SECONDS))

    assert set(office.events_of(run)) <= set(receiver.ids)
    assert {row["attempts"] for row in office.deliveries()} == {2}


def test_a_late_word_of_an_older_attempt_changes_nothing(office: PressOffice, receiver: Receiver) -> None:
    endpoint = listening(office, receiver, event_types=("production_run.noted",))
    office.a_note(office.bench.a_sent_run())
    office.fan_out()
    at = clock.now() + timedelta(seconds=1)
    with office.bench.engine.begin() as connection:
        (parcel,) = webhook_store.claim(connection, at=at, limit=1, most=1, busy={})
    office.send(at=at + timedelta(seconds=LEASE_SECONDS))

    with office.bench.engine.begin() as connection:
        webhook_store.record(connection, parcel, Outcome(status=410, error="it answered 410."), at=at, chance=0.0)

    assert office.states(endpoint) == {"delivered"}
    assert office.endpoint(endpoint)["state"] == "active"


# Secrets ------------------------------------------------------------------------------------------------------------


def a_parcel(*secrets: str) -> Parcel:
    return Parcel(
        id=1, endpoint_id="whe", url="", secrets=list(secrets), message_id=ids.fresh("msg"), event={}, attempts=1
    )


def test_during_a_rotation_either_secret_verifies_and_no_third_one() -> None:
    old, new = a_secret(), a_secret()
    parcel = a_parcel(new, old)

    headers = webhooks.signed(parcel, b'{"a":1}', at=clock.now())

    assert Webhook(old).verify(b'{"a":1}', headers) == Webhook(new).verify(b'{"a":1}', headers) == {"a": 1}
    with pytest.raises(WebhookVerificationError):
        Webhook(a_secret()).verify(b'{"a":1}', headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(new).verify(b'{"a":2}', headers)


def test_the_old_secret_ends_after_a_day(office: PressOffice, receiver: Receiver) -> None:
    endpoint, old = office.an_endpoint(receiver.url)
    run = office.bench.a_sent_run()
    new = a_secret()
    office.bench.change(
        "UPDATE webhook_endpoint SET secret = :new, previous_secret = secret, previous_until = now() + interval '1 day'",
        new=new,
    )
    receiver.secrets = [old]
    office.tell()
    assert receiver.unverified == []
    office.bench.change("UPDATE webhook_endpoint SET previous_until = now() - interval '1 second'")
    receiver.mood = Mood.WELL
    office.a_note(run)
    office.tell()
    assert len(receiver.unverified) == 1
    receiver.secrets = [new]
    office.send(hours=1)
    assert office.states(endpoint) == {"delivered"}
