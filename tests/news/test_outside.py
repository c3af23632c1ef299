"""Calls outside: what may be called, judged by where a name leads, in every way an address can be spelled."""

import ipaddress
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from services.workers.outside import Caller, NotReached
from shared.domain import addresses
from tests.news.receivers import Mood, Receiver

INWARD = (
    "127.0.0.1", "localhost", "2130706433", "0x7f000001", "0x7f.1", "017700000001", "127.1", "0", "0.0.0.0",
    "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]",
    "169.254.169.254", "[fe80::1]", "[fd00:ec2::254]", "10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1",
    "198.18.0.1", "224.0.0.1", "255.255.255.255", "240.0.0.1", "[ff02::1]", "[::ffff:10.0.0.1]", "[2001:db8::1]",
)  # fmt: skip
"""Hosts that lead into this machine, its network or nowhere."""

PUBLIC = ("1.1.1.1", "93.184.216.34", "2606:4700:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101", "2002:101:101::")


@pytest.fixture
def strict() -> Iterator[Caller]:
    caller = Caller(allow_private=False)
    yield caller
    caller.close()


@pytest.fixture
def easy() -> Iterator[Caller]:
    caller = Caller(allow_private=True, limit=2.0, per_call=1.0)
    yield caller
    caller.close()


@pytest.mark.parametrize("host", INWARD)
def test_nothing_that_leads_inward_is_called(strict: Caller, receiver: Receiver, host: str) -> None:
    port = receiver.url.rpartition(":")[2].partition("/")[0]

    with pytest.raises(NotReached, match="private or local address"):
        strict.post(f"https://{host}:{port}/", b"{}", headers={"webhook-id": "x"})

    assert receiver.came == []


@pytest.mark.parametrize("host", [host for host in INWARD if not host.startswith("localhost")])
def test_what_an_address_spells_is_seen_before_it_is_stored(host: str) -> None:
    with pytest.raises(addresses.Unusable, match="private or local"):
        addresses.read(f"https://{host}/hooks", allow_private=False)


@pytest.mark.parametrize("spelled", PUBLIC)
def test_what_anybody_may_call_may_be_called(spelled: str) -> None:
    assert addresses.is_public(ipaddress.ip_address(spelled))


@pytest.mark.parametrize(
    "url",
    [
        "http://shop.example/hooks", "ftp://shop.example/", "https://", "https:///hooks", "shop.example", "//shop.example",
        "https://user:pass@shop.example/", "https://user@shop.example/", "https://shop.example/#part", "https://shop.example:70000/",
        "https://[::1/", "https://shop.example/a b", "https://shöp.example/", "https://shop.example/\n", "file:///etc/passwd",
        "https://shop.example/" + "a" * 2_000,
    ],
)  # fmt: skip
def test_a_url_of_another_kind_is_refused(url: str) -> None:
    with pytest.raises(addresses.Unusable):
        addresses.read(url, allow_private=False)


@pytest.mark.parametrize(
    "url", ["https://shop.example/hooks?x=1", "https://shop.example:8443", "https://93.184.216.34/"]
)
def test_a_plain_https_url_may_be_kept(url: str) -> None:
    assert addresses.read(url, allow_private=False).scheme == "https"


def test_a_name_with_one_private_address_among_public_ones_is_not_called(
    strict: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def resolve(host: str, port: int, **_: Any) -> list[Any]:
        asked.append(host)
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in ("93.184.216.34", "10.0.0.7")
        ]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)

    with pytest.raises(NotReached, match="private or local"):
        strict.post("https://two.example/", b"{}", headers={})
    assert asked == ["two.example"]


def test_a_name_is_asked_for_once_and_the_call_goes_where_it_led(
    easy: Caller, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    real = socket.getaddrinfo

    def resolve(host: Any, port: Any, *more: Any, **named: Any) -> Any:
        asked.append(host)
        return real("127.0.0.1" if host == "shop.example" else host, port, *more, **named)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    receiver.mood, receiver.status = Mood.REFUSES, 200

    answer = easy.post(receiver.url.replace("127.0.0.1", "shop.example"), b"{}", headers={"webhook-id": "x"})

    assert answer.status == 401
    assert [host for host in asked if host != "127.0.0.1"] == ["shop.example"]


def test_a_proxy_of_the_environment_is_not_asked(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)

    caller = Caller(allow_private=True)
    assert caller.post(receiver.url, b"{}", headers={"webhook-id": "x"}).status == 401
    caller.close()


def test_an_answer_is_read_no_further_than_it_is_kept(easy: Caller, receiver: Receiver) -> None:
    receiver.mood = Mood.FLOODS

    answer = easy.post(receiver.url, b"{}", headers={"webhook-id": "x"})

    assert (answer.status, len(answer.text)) == (500, 500)


def test_an_answer_that_takes_too_long_is_ended(easy: Caller, receiver: Receiver) -> None:
    receiver.mood = Mood.DRIPS

    with pytest.raises(NotReached, match="too long"):
        easy.post(receiver.url, b"{}", headers={"webhook-id": "x"})
