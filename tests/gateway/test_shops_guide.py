"""docs/shops.md is true: every script of it is run against a gateway, and every list in it is one the adapters know."""

import os
import re
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest

from services.operator.processes import ROOT
from shared.intake import medusa, saleor, shopify
from shared.runtime import settings
from tests.browser import chromium
from tests.gateway.shop_street import Street
from tests.intake import shops

GUIDE = (ROOT / "docs" / "shops.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)
SCRIPTS = dict(
    zip(("shopify", "woocommerce", "saleor"), (text for kind, text in BLOCKS if kind == "python"), strict=True)
)
PRODUCTS = {"shopify": "632910392", "woocommerce": "93", "saleor": "UHJvZHVjdDox"}

CALL_IT = """
import forward, { config } from "./loomline.mjs"
const [name] = config.event
console.log(await forward({ event: { name, data: { id: "order_1" }, metadata: { eventGroupId: "group_1" } } }))
"""


class Quiet(WSGIRequestHandler):
    def log_message(self, *_: Any) -> None:
        return


@pytest.fixture
def url(street: Street) -> Iterator[str]:
    """Where the street's gateway listens."""
    with make_server("127.0.0.1", 0, street.office.client.app, handler_class=Quiet) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def block(kind: str) -> str:
    (found,) = (text for told, text in BLOCKS if told == kind)
    return str(found)


def printed(*command: str, url: str) -> str:
    secrets = {f"LOOMLINE_{name}_SECRET": shops.SECRET for name in ("SHOPIFY", "WOOCOMMERCE", "SALEOR")}
    told = {"URL": url, "LOOMLINE_URL": url, "LOOMLINE_EVENT_SECRET": shops.EVENT_SECRET, **secrets}
    ended = subprocess.run(command, env={**os.environ, **told}, capture_output=True, text=True, timeout=60)
    return ended.stdout.strip() or ended.stderr


def test_every_block_of_the_guide_is_tried_here() -> None:
    assert sorted(kind for kind, _ in BLOCKS) == ["graphql", "javascript", "python", "python", "python", "toml"]


@pytest.mark.parametrize("vendor", SCRIPTS)
def test_the_script_of_a_shop_makes_a_run(street: Street, url: str, vendor: str) -> None:
    street.make(PRODUCTS[vendor])

    assert printed(sys.executable, "-c", SCRIPTS[vendor], url=url) == "202"

    street.bench.pump()
    assert [row["product_id"] for row in street.runs()] == [PRODUCTS[vendor]]


def test_the_forwarder_of_medusa_parks_the_order(street: Street, url: str, tmp_path: Path) -> None:
    (tmp_path / "loomline.mjs").write_text(block("javascript"))
    (tmp_path / "call.mjs").write_text(CALL_IT)
    node = chromium.ensure_node()

    assert [printed(node, str(tmp_path / "call.mjs"), url=url) for _ in range(2)] == ["202", "202"]

    street.bench.pump()
    assert [outcome for outcome, _ in street.lines().values()] == ["parked"]
    assert len(street.kept()) == 1


def test_the_forwarder_listens_to_events_that_are_taken() -> None:
    told = re.findall(r'"(order[\w.-]+)"', block("javascript").partition("config")[2])

    assert told
    assert set(told) <= set(medusa.EVENTS)


def test_the_topics_of_the_shopify_app_are_taken() -> None:
    (subscription,) = tomllib.loads(block("toml"))["webhooks"]["subscriptions"]

    assert set(subscription["topics"]) <= shopify.TOPICS
    assert subscription["uri"].endswith("/events/shopify")


def test_the_subscription_of_saleor_asks_for_events_that_are_taken_and_all_that_is_read() -> None:
    told = block("graphql")
    events = [re.sub(r"(?<=[a-z])(?=[A-Z])", "_", each).lower() for each in re.findall(r"\.\.\. on (\w+)", told)]

    assert events
    assert set(events) <= saleor.EVENTS.keys()
    assert {"id", "status", "updatedAt", "chargeStatus", "lines", "quantity", "metadata", "product", "issuedAt"} <= set(
        re.findall(r"\w+", told)
    )


def test_every_setting_that_the_guide_names_exists() -> None:
    told = set(re.findall(r"LOOMLINE_[A-Z_]+", GUIDE)) - {"LOOMLINE_URL"}

    assert settings.read(dict.fromkeys(told, ""))
