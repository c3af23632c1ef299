"""The lock files pin everything by hash and name no place to fetch from."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_every_requirement_is_pinned_with_a_hash_and_no_address(name: str) -> None:
    text = (ROOT / name).read_text()
    pinned = re.findall(r"^([a-z0-9][\w.\[\]-]*)==\S+(?: ; .+)? \\$", text, re.MULTILINE)
    named = re.findall(r"^([a-z0-9][\w.\[\]-]*)", text, re.MULTILINE)

    assert pinned
    assert named == pinned
    assert text.count("--hash=sha256:") >= len(pinned)
    assert "://" not in text
    assert "--index" not in text
    assert "--extra-index" not in text
