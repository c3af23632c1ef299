"""Shops' signatures: what a shop signs is accepted, a bit more or less is not, and no header breaks the check."""

import base64
import hmac
import json

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.intake import saleor, shop_signatures
from shared.intake.signatures import BadSignature, UnusableSecret
from tests.intake import shops

BODY = '{"id": 1, "name": "é"}'.encode()
SECRETS = shop_signatures.secrets(f"retired , {shops.SECRET}")
MAC = hmac.digest(shops.SECRET.encode(), BODY, "sha256")
PUBLIC = shop_signatures.public_keys(shops.jwks(shops.a_key()))
JWS = shops.signed_by_key(BODY, {}, key=shops.a_key())[saleor.SIGNATURE]


def is_good(check: object, *arguments: object, **named: object) -> bool:
    try:
        check(*arguments, **named)  # type: ignore[operator]
    except BadSignature:
        return False
    return True


def test_an_hmac_by_either_live_secret_is_accepted() -> None:
    assert is_good(shop_signatures.verify_base64, BODY, base64.b64encode(MAC).decode(), secrets=SECRETS)
    assert is_good(shop_signatures.verify_hex, BODY, MAC.hex(), secrets=SECRETS)
    assert is_good(shop_signatures.verify_hex, BODY, MAC.hex().upper(), secrets=SECRETS)


@pytest.mark.parametrize("body", [BODY + b" ", BODY[:-1], b""])
def test_other_bytes_are_not_what_was_signed(body: bytes) -> None:
    assert not is_good(shop_signatures.verify_base64, body, base64.b64encode(MAC).decode(), secrets=SECRETS)
    assert not is_good(shop_signatures.verify_hex, body, MAC.hex(), secrets=SECRETS)
    assert not is_good(shop_signatures.verify_jws, body, JWS, keys=PUBLIC)


def test_without_a_secret_or_a_key_nothing_is_good() -> None:
    of_nothing = hmac.digest(b"", BODY, "sha256")

    assert shop_signatures.secrets(" , ") == ()
    assert not is_good(shop_signatures.verify_hex, BODY, of_nothing.hex(), secrets=())
    assert not is_good(shop_signatures.verify_jws, BODY, JWS, keys=())


def test_a_detached_jws_of_the_instance_is_accepted_and_anothers_is_not() -> None:
    others = shops.signed_by_key(BODY, {}, key=shops.a_key(2))[saleor.SIGNATURE]
    both = shop_signatures.public_keys(shops.jwks(shops.a_key(2), shops.a_key()))

    assert shop_signatures.is_jws(JWS)
    assert is_good(shop_signatures.verify_jws, BODY, JWS, keys=PUBLIC)
    assert is_good(shop_signatures.verify_jws, BODY, others, keys=both)
    assert not is_good(shop_signatures.verify_jws, BODY, others, keys=PUBLIC)


def test_a_jws_by_another_algorithm_is_not_accepted_whatever_its_key() -> None:
    public = json.loads(shops.jwks(shops.a_key()))["keys"][0]["n"]
    for algorithm, key in (("HS256", public), ("none", None)):
        token = jwt.api_jws.encode(BODY, key, algorithm=algorithm, headers={"crit": ["b64"]}, is_payload_detached=True)
        assert not is_good(shop_signatures.verify_jws, BODY, token, keys=PUBLIC)


def test_a_jws_that_carries_its_own_payload_says_nothing_of_the_body() -> None:
    token = jwt.api_jws.encode(b"{}", shops.a_key(), algorithm="RS256", headers={"kid": shops.KEY_ID})

    assert not is_good(shop_signatures.verify_jws, BODY, token, keys=PUBLIC)


@given(st.text(max_size=200) | st.sampled_from(["..", "a..b", JWS[:-1], JWS.replace("..", "."), "x" * 20_000]))
def test_no_header_whatever_breaks_a_check(given_: str) -> None:
    assert not is_good(shop_signatures.verify_base64, BODY, given_, secrets=SECRETS)
    assert not is_good(shop_signatures.verify_hex, BODY, given_, secrets=SECRETS)
    assert not is_good(shop_signatures.verify_jws, BODY, given_, keys=PUBLIC)


@pytest.mark.parametrize(
    "setting", ["{", "[]", "{}", '{"keys": []}', '{"keys": [{"kty": "oct", "k": "AAAA"}]}', '{"keys": 1}']
)
def test_a_key_set_without_an_rsa_key_is_not_used(setting: str) -> None:
    with pytest.raises(UnusableSecret):
        shop_signatures.public_keys(setting)


def test_no_key_set_is_no_key() -> None:
    assert shop_signatures.public_keys("") == ()
