"""Where random histories happen, and how many: HISTORIES_PROFILE names the profile, `./dev histories` sets it."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests.properties.asks import CLOSED_PARTNER, DESIGN
from tests.properties.model import PARTNERS, TEMPLATES
from tests.workshop import TestBench

# A history is a conversation with a database: no step has a time limit of its own. In CI the same ones are told each time.
settings.register_profile("ci", deadline=None, derandomize=True, max_examples=80, stateful_step_count=25)
settings.register_profile(
    "thousands",
    deadline=None,
    database=None,
    print_blob=True,
    max_examples=int(os.environ.get("HISTORIES_COUNT", "1000")),
    stateful_step_count=int(os.environ.get("HISTORIES_STEPS", "30")),
)


@pytest.fixture(scope="session")
def profile() -> settings:
    """How many histories, of how many steps."""
    return settings.get_profile(os.environ.get("HISTORIES_PROFILE", "ci"))


@pytest.fixture
def bench(database: str) -> Iterator[TestBench]:
    """A house with three partners, one that is closed, a product and templates."""
    made = TestBench(database)
    for partner in PARTNERS:
        made.a_partner(partner.removeprefix("ptnr_"))
    made.a_partner(CLOSED_PARTNER.removeprefix("ptnr_"), status="inactive")
    made.a_product("prod_1", design_id=made.a_design(DESIGN.removeprefix("dsgn_")))
    for name, kind in TEMPLATES.items():
        made.a_template(name, kind=kind)
    yield made
    made.close()
