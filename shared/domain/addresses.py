"""Addresses outside: which URLs and IP addresses the house may call. Whoever calls resolves a name once and asks here."""

import ipaddress
import socket
from urllib.parse import SplitResult, urlsplit

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

LONGEST_URL = 2_000

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_COMPATIBLE = ipaddress.IPv6Network("::/96")


class Unusable(Exception):
    """The address may not be called; the message is a sentence that says why and names no secret."""


def read(url: str, *, allow_private: bool) -> SplitResult:
    """The parts of a URL that may be called as far as its text tells. Raises Unusable."""
    if len(url) > LONGEST_URL or not url.isascii() or not url.isprintable() or " " in url:
        raise Unusable(f"must be a URL of at most {LONGEST_URL} plain characters")
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise Unusable("cannot be read as a URL") from None
    if parts.scheme not in (("https", "http") if allow_private else ("https",)):
        raise Unusable("must begin with https://")
    if not host or parts.username is not None or parts.password is not None or parts.fragment:
        raise Unusable("must name a host, and neither a user nor a fragment")
    found = literal(host)
    if found is not None and not (allow_private or is_public(found)):
        raise Unusable("must not lead to a private or local address")
    return parts


def literal(host: str) -> IpAddress | None:
    """The address that a host spells out, however it is spelled: `0x7f.1` and `2130706433` are 127.0.0.1. None for a name."""
    try:
        return ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        pass
    try:
        return ipaddress.IPv4Address(socket.inet_aton(host))
    except OSError:
        return None


def is_public(address: IpAddress) -> bool:
    """Anybody on the internet could be called there: not private, local, shared, reserved, nor a group of receivers."""
    inner = _inner(address)
    if inner is not None:
        return is_public(inner)
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)


def _inner(address: IpAddress) -> ipaddress.IPv4Address | None:
    """The IPv4 address that an IPv6 one leads to."""
    if isinstance(address, ipaddress.IPv4Address):
        return None
    if address in _NAT64 or address in _COMPATIBLE:
        return ipaddress.IPv4Address(address.packed[-4:])
    return address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
