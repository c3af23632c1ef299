"""docs/http.md is true: every block of it is tried on a running system, in the order in which it is read."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any, NamedTuple

import httpx

from services.operator.processes import ROOT
from tests import places
from tests.places import System, eventually

GUIDE = ROOT / "docs" / "http.md"
ANYTHING = "…"

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_NAME = re.compile(r"\{([a-z_]+)\}")


class Half(NamedTuple):
    """A request or an answer: its first line, its headers, its body."""

    first: str
    headers: dict[str, str]
    body: str


class Reader:
    """Follows the guide and remembers what its names stand for."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.known = {"admin_email": places.ADMIN_EMAIL, "admin_password": places.ADMIN_PASSWORD}

    def follow(self, kind: str, text: str) -> None:
        if kind == "python":
            self._run(text)
            return
        request, told = (half_of(part) for part in re.split(r"^(?=HTTP/1\.1 )", text, maxsplit=1, flags=re.MULTILINE))
        if request.first.startswith("GET "):
            eventually(lambda: self._check(self._send(request), told))
        else:
            self._check(self._send(request), told)

    def _run(self, program: str) -> None:
        environment = {**os.environ, "URL": self.system.url, "SECRET": self.system.event_secret}
        ended = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True)
        assert ended.stdout.strip() == "202", ended.stderr

    def _send(self, request: Half) -> httpx.Response:
        method, path = self._filled(request.first).split(" ", 1)
        headers = {name: self._filled(value) for name, value in request.headers.items()}
        body = self._filled(request.body)
        if body:
            headers.setdefault("Content-Type", "application/json")
        return self.system.client.request(method, path, headers=headers, content=body)

    def _check(self, answer: httpx.Response, told: Half) -> None:
        assert f"HTTP/1.1 {answer.status_code} {answer.reason_phrase}" == told.first, answer.text
        if told.body:
            self._compare(json.loads(told.body), answer.json(), "")
        for name, value in told.headers.items():
            self._compare(value, answer.headers[name], name)

    def _compare(self, told: Any, found: Any, where: str) -> None:
        """What is told must be found; more may be found."""
        if isinstance(told, dict):
            for name, value in told.items():
                assert name in found, f"{where}/{name}"
                self._compare(value, found[name], f"{where}/{name}")
        elif isinstance(told, list):
            assert len(told) == len(found), where
            for place, (one, other) in enumerate(zip(told, found, strict=True)):
                self._compare(one, other, f"{where}/{place}")
        elif told != ANYTHING:
            assert self._learned(told, found) == found, where

    def _learned(self, told: Any, found: Any) -> Any:
        """What is told in full; a name that is new is learned from what was found."""
        if not isinstance(told, str):
            return told
        name = _NAME.fullmatch(told)
        if name:
            self.known.setdefault(name[1], found)
        return self._filled(told)

    def _filled(self, text: str) -> str:
        return _NAME.sub(lambda name: self.known[name[1]], text)


def blocks() -> Iterator[tuple[str, str]]:
    """The blocks of the guide that say what they are."""
    for found in _BLOCK.finditer(GUIDE.read_text()):
        yield found[1], found[2]


def half_of(text: str) -> Half:
    head, _, body = text.strip().partition("\n\n")
    first, *headers = head.splitlines()
    return Half(first, dict(header.split(": ", 1) for header in headers), body.strip())


def test_every_example_of_the_guide_is_true(shared_system: System) -> None:
    reader = Reader(shared_system)
    for kind, text in blocks():
        try:
            reader.follow(kind, text)
        except Exception as error:
            error.add_note(f"in this block of {GUIDE.name}:\n{text}")
            raise


def test_every_block_with_a_language_is_one_that_is_tried() -> None:
    assert {kind for kind, _ in blocks()} == {"http", "python"}
