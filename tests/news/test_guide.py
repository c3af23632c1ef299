"""docs/webhooks.md is true: its receiver is started as it stands there, and its example has the members of what is sent."""

import os
import re
import subprocess
import sys
from typing import Any

import msgspec

from services.operator.children import free_port
from services.operator.processes import ROOT
from shared.domain import news
from shared.runtime import clock
from tests.news.house import PressOffice
from tests.places import eventually

GUIDE = (ROOT / "docs" / "webhooks.md").read_text()


def block(kind: str) -> str:
    found = re.search(rf"^```{kind}\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)
    assert found
    return found[1]


def test_the_receiver_of_the_guide_verifies_what_is_sent(office: PressOffice) -> None:
    port = free_port()
    endpoint, secret = office.an_endpoint(f"http://127.0.0.1:{port}/")
    run = office.bench.a_sent_run()
    office.fan_out()
    with subprocess.Popen(
        [sys.executable, "-c", block("python"), str(port)],
        env={**os.environ, "SECRET": secret},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as receiver:
        eventually(lambda: bool(office.send(days=30)) and office.states(endpoint) == {"delivered"})
        receiver.kill()
        assert receiver.stdout is not None
        told = [line.split() for line in receiver.stdout]

    assert ["com.loomline.production_run.sent_to_partner.v1", run] in [[kind, about] for kind, _, about in told]


def test_the_example_has_the_members_of_what_is_sent() -> None:
    example: dict[str, Any] = msgspec.json.decode(block("json"))
    event = news.Happened(
        id="msg", kind="production_run.completed", version=1, body={}, actor_kind="partner", created_at=clock.now(),
        correlation="msg", cause="msg", run_id="run", number=9,
    )  # fmt: skip

    told = news.told(event, source="https://loom.example")

    assert list(example) == [*list(told)]
    assert list(example["data"]) == list(told["data"])
    assert (example["type"], example["sequence"]) == (told["type"], told["sequence"])


def test_the_guide_names_the_pauses_that_are_kept() -> None:
    words = "5 seconds, 5 minutes, 30 minutes, 2, 5, 10, 14,\n20 and 24 hours"
    seconds = [5, 300, 1800, *(hours * 3600 for hours in (2, 5, 10, 14, 20, 24))]

    assert words in GUIDE
    assert [pause.total_seconds() for pause in news.PAUSES] == seconds
