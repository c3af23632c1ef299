"""Calls outside: one POST to an address that somebody else chose. The herald's webhooks lean on it.

A name is resolved once, every address it has is judged, and the connection goes to one of those: what a name means cannot
change between the look and the call. No redirect is followed, no proxy is asked, no answer is read to its end.
"""

import socket
import ssl
from collections.abc import Mapping

import httpx
import msgspec

from services.workers import time_limits
from shared.domain import addresses
from shared.domain.addresses import IpAddress, Unusable

SECONDS_TO_CONNECT = 5.0
SECONDS_PER_CALL = 10.0
SECONDS_IN_ALL = 20.0
"""With resolving the name well below a delivery's lease."""

LONGEST_ANSWER = 500
"""Characters of an answer that are kept."""


class Answer(msgspec.Struct, frozen=True):
    """What was answered: the status, the headers, how the body began."""

    status: int
    headers: Mapping[str, str]
    text: str


class NotReached(Exception):
    """Nobody answered; the message says why."""


class Caller:
    """Calls from many threads at once. allow_private: also plain http, and addresses of one's own network."""

    def __init__(
        self, *, allow_private: bool, limit: float = SECONDS_IN_ALL, per_call: float = SECONDS_PER_CALL
    ) -> None:
        self._allow_private = allow_private
        self._limit = limit
        # Connections are not kept: the next call judges its address anew.
        self._client = httpx.Client(
            timeout=httpx.Timeout(per_call, connect=min(SECONDS_TO_CONNECT, per_call)),
            follow_redirects=False,
            trust_env=False,
            verify=httpx.create_ssl_context(),
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=0),
            headers={"User-Agent": "Loomline/1", "Accept": "*/*", "Accept-Encoding": "identity"},
        )

    def close(self) -> None:
        """Hang up for good."""
        self._client.close()

    def post(self, url: str, body: bytes, *, headers: Mapping[str, str]) -> Answer:
        """POST a body. Raises NotReached."""
        return self._call("POST", url, body, headers=headers, longest=LONGEST_ANSWER)

    def get(self, url: str, *, headers: Mapping[str, str], longest: int) -> Answer:
        """GET, and at most so many bytes of the answer. Raises NotReached."""
        return self._call("GET", url, b"", headers=headers, longest=longest)

    def _call(self, method: str, url: str, body: bytes, *, headers: Mapping[str, str], longest: int) -> Answer:
        try:
            parts = addresses.read(url, allow_private=self._allow_private)
        except Unusable as why:
            raise NotReached(f"the URL {why}") from None
        host = parts.hostname or ""
        port = parts.port or (443 if parts.scheme == "https" else 80)
        address = self._resolved(host, port)
        try:
            with time_limits.within(self._limit):
                return self._ask(method, url, body, host=host, address=address, headers=headers, longest=longest)
        except time_limits.TookTooLong:
            raise NotReached("it took too long") from None
        except (httpx.HTTPError, httpx.InvalidURL, ssl.SSLError, OSError) as error:
            raise NotReached(_in_our_words(error)) from None

    def _ask(
        self,
        method: str,
        url: str,
        body: bytes,
        *,
        host: str,
        address: str,
        headers: Mapping[str, str],
        longest: int,
    ) -> Answer:
        named = httpx.URL(url)
        # The connection goes to the address that was judged; the server's name and certificate stay those of the URL.
        extensions = {"sni_hostname": host} if named.scheme == "https" else {}
        told = {**headers, "Host": named.netloc.decode("ascii")}
        with self._client.stream(
            method, named.copy_with(host=address), content=body, headers=told, extensions=extensions
        ) as answer:
            return Answer(answer.status_code, answer.headers, _beginning(answer, longest))

    def _resolved(self, host: str, port: int) -> str:
        """One of the host's addresses. Raises NotReached when there is none, or one that may not be called."""
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            raise NotReached("its name is not known") from None
        spelled = [str(each[4][0]).partition("%")[0] for each in found]
        if not self._allow_private and not all(addresses.is_public(_address(each)) for each in spelled):
            raise NotReached("it leads to a private or local address, which is not allowed here")
        return spelled[0]


def _address(spelled: str) -> IpAddress:
    found = addresses.literal(spelled)
    assert found is not None
    return found


def _beginning(answer: httpx.Response, longest: int) -> str:
    """As many characters as are kept, and not a byte more than needed."""
    read = b""
    for part in answer.iter_raw(longest):
        read += part
        if len(read) >= longest:
            break
    return read[:longest].decode("utf-8", "replace").replace("\0", "")


def _in_our_words(error: Exception) -> str:
    if isinstance(error, httpx.TimeoutException):
        return "it took too long"
    if "certificate" in str(error).lower() or "ssl" in str(error).lower():
        return "its certificate or encryption is not right"
    if isinstance(error, httpx.ConnectError):
        return "it could not be connected to"
    return f"the connection broke ({type(error).__name__})"
