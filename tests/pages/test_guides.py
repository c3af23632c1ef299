"""The guides for partners and admins name things as the pages do."""

import re
from pathlib import Path

import pytest

from services.api.pages.frame import environment

ROOT = Path(__file__).resolve().parents[2]
PAGES = ROOT / "services" / "api" / "pages"
GUIDES = {"partners-day.md": "portal", "admins-day.md": "console"}


def words_of(room: str) -> str:
    """Everything the templates and modules of a room may say."""
    templates = [name for name in environment().list_templates() if name.startswith(room) or "/" not in name]
    told = [(PAGES / "templates" / name).read_text() for name in templates]
    return "\n".join([*told, *(path.read_text() for path in (PAGES / room).glob("*.py"))])


@pytest.mark.parametrize("guide", GUIDES)
def test_every_bold_word_of_a_guide_stands_on_a_page(guide: str) -> None:
    said = words_of(GUIDES[guide])
    named = {
        " ".join(each.split()) for each in re.findall(r"\*\*(.+?)\*\*", (ROOT / "docs" / guide).read_text(), re.DOTALL)
    }

    assert {name for name in named if name not in said} == set()
