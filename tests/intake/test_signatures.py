"""Standard Webhooks: what the library signs is accepted, and nothing that is off by a bit or a second too old."""

import base64
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook

from shared.intake import signatures

SECRET = "whsec_MfKQ9r8GKYqTwjUPD8ILPZIo2LaLaSw8"
AT = datetime(2026, 1, 31, 8, 0, tzinfo=UTC)
BODY = '{"id": "é"}'


def headers(*, at: datetime = AT, secret: str = SECRET, body: str = BODY) -> dict[str, str]:
    """What the library's own sender sends."""
    naive = at.replace(tzinfo=None)
    return {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign("msg_1", naive, body),
    }


def is_good(told: dict[str, str], *, secret: str = SECRET, at: datetime = AT, body: str = BODY) -> bool:
    try:
        signatures.verify(body.encode(), told, keys=signatures.keys(secret), at=at)
    except signatures.BadSignature:
        return False
    return True


def test_what_the_library_signs_is_accepted() -> None:
    assert is_good(headers())


@pytest.mark.parametrize(("seconds", "good"), [(-301, False), (-300, True), (300, True), (301, False)])
def test_five_minutes_are_tolerated_both_ways(seconds: int, good: bool) -> None:
    assert is_good(headers(at=AT + timedelta(seconds=seconds))) is good


def test_any_of_several_signatures_and_secrets_is_enough() -> None:
    other = "whsec_" + base64.b64encode(b"x" * 24).decode()
    told = headers()
    told["webhook-signature"] = f"v1,AAAA v2,{'A' * 44} {told['webhook-signature']}"

    assert is_good(told, secret=f"{other} , {SECRET}")
    assert not is_good(told, secret=other)


@given(st.integers(min_value=0, max_value=10_000))
def test_one_changed_bit_is_one_too_many(bit: int) -> None:
    told = headers()
    version, _, text = told["webhook-signature"].partition(",")
    mac = bytearray(base64.b64decode(text))
    mac[bit // 8 % len(mac)] ^= 1 << bit % 8
    told["webhook-signature"] = f"{version},{base64.b64encode(bytes(mac)).decode()}"

    assert not is_good(told)


@given(st.dictionaries(st.sampled_from(["webhook-id", "webhook-timestamp", "webhook-signature"]), st.text(max_size=40)))
def test_no_header_whatever_breaks_the_check(changed: dict[str, str]) -> None:
    assert is_good({**headers(), **changed}) is all(headers()[name] == value for name, value in changed.items())


def test_a_plain_secret_is_its_own_bytes() -> None:
    plain = "a plain secret of many letters"
    told = headers(secret="whsec_" + base64.b64encode(plain.encode()).decode())

    assert is_good(told, secret=plain)


def test_a_bare_base64_secret_is_good_for_senders_that_decode_it() -> None:
    bare = SECRET.removeprefix("whsec_")

    assert is_good(headers(), secret=bare)
    assert is_good(headers(secret="whsec_" + base64.b64encode(bare.encode()).decode()), secret=bare)


@pytest.mark.parametrize("secret", ["short", "whsec_!!!", "whsec_c2hvcnQ=", f"{SECRET},short"])
def test_a_weak_or_broken_secret_is_not_used_and_not_told(secret: str) -> None:
    with pytest.raises(signatures.UnusableSecret) as why:
        signatures.keys(secret)

    assert secret not in str(why.value)


def test_no_secret_is_no_key() -> None:
    assert signatures.keys("") == signatures.keys(" , ") == ()
