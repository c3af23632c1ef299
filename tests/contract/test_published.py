"""The contract that is kept beside the source is the promise: today's may add to it and never break it."""

import json
from pathlib import Path
from typing import Any

import pytest

from services.api import breaking, published

KEPT = Path(__file__).resolve().parents[2] / "docs" / "contract"


@pytest.mark.parametrize("name", published.DOCUMENTS)
def test_todays_contract_breaks_nothing_that_was_published(name: str) -> None:
    kept: dict[str, Any] = json.loads((KEPT / name).read_text())

    assert breaking.breaks(kept, json.loads(published.drawn(name))) == []


@pytest.mark.parametrize("name", published.DOCUMENTS)
def test_what_was_added_is_published(name: str) -> None:
    assert (KEPT / name).read_bytes() == published.drawn(name), "run ./dev loomline documents"
