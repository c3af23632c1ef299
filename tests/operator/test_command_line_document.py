"""docs/command-line.md and docs/runbook.md are true: every line is run, in the order in which it is read; those that stay must at least exist."""

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.operator.children import free_port
from services.operator.processes import ROOT
from shared.domain import commands
from tests.operator.command import Commander, a_dead_letter, at_work
from tests.operator.test_command_help import ALL, assert_is_known
from tests.workshop import TestBench

GUIDE = ROOT / "docs" / "command-line.md"
RUNBOOK = ROOT / "docs" / "runbook.md"
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)

_NAME = re.compile(r"\$([A-Z_]+)")


def lines(kind: str, document: Path = GUIDE) -> Iterator[str]:
    """The command lines of the blocks of a kind."""
    for found in _BLOCK.finditer(document.read_text()):
        if found[1] == kind:
            yield from (line.removeprefix("$ ") for line in found[2].splitlines())


class Furniture:
    """What the guide's names stand for, made when a line first speaks of it."""

    def __init__(self, bench: TestBench, directory: Path) -> None:
        self._bench = bench
        self._directory = directory
        self._known: dict[str, str] = {}

    def filled(self, line: str) -> str:
        return _NAME.sub(lambda name: self._known.get(name[1]) or self._made(name[1]), line)

    def _made(self, name: str) -> str:
        self._known[name] = str(getattr(self, f"make_{name.lower()}")())
        return self._known[name]

    def make_run(self) -> str:
        self._bench.a_template("Weave", category="weaving")
        return self._bench.a_sent_run(templates=1, partner="spinner")

    def make_other_run(self) -> str:
        return self._bench.a_run(self._bench.a_design("scarf"), partner_id="ptnr_weaver")

    def make_flagged_run(self) -> str:
        run_id = self._bench.a_run(self._bench.a_design("hat"), partner_id="ptnr_weaver")
        self._bench.done(commands.FlagRun(reason="the shop changed its quantity"), run_id=run_id)
        return run_id

    def make_partner(self) -> str:
        return self._bench.a_partner("dyer")

    def make_line(self) -> str:
        return str(self._bench.value("SELECT max(id) FROM order_line"))

    def make_token(self) -> str:
        return str(self._bench.value("SELECT id FROM api_token"))

    def make_message(self) -> str:
        return self._bench.post(commands.RetryLine(line_id="nothing"))

    def make_letter(self) -> int:
        return a_dead_letter(self._bench, self.make_message())

    make_other_letter = make_letter

    def make_file(self) -> Path:
        order = {"id": "1001", "items": [{"id": "1001-1", "product_id": "shawl", "quantity": 3}]}
        return self._written("order.json", order)

    def make_export(self) -> Path:
        return self._written("export.jsonl", {"kind": "partner", "id": "p1", "name": "P", "handle": "p"})

    def _written(self, name: str, content: object) -> Path:
        (file := self._directory / name).write_text(json.dumps(content))
        return file


@pytest.mark.parametrize("document", [GUIDE, RUNBOOK], ids=lambda path: path.stem)
def test_every_line_ends_well(loomline: Commander, bench: TestBench, tmp_path: Path, document: Path) -> None:
    loomline.environment["LOOMLINE_PORT"] = str(free_port())
    bench.a_partner("weaver")
    furniture = Furniture(bench, tmp_path)
    if document is RUNBOOK:
        loomline.run("accounts", "add", "asha@house.example", "--name", "Asha", "--admin")

    with at_work(bench) as hands:
        for line in lines("console", document):
            with hands:
                words = shlex.split(furniture.filled(line))
            ended = loomline.run(*words[1:])
            # The doctor of a house without its processes finds something wrong, and says so.
            well = {0, 4} if words[1] == "doctor" else {0}
            assert words[0] == "loomline"
            assert ended.code in well, (line, ended)
            if "--json" in words:
                assert isinstance(ended.json, dict), line


def test_every_line_that_stays_names_what_exists() -> None:
    for line in lines("elsewhere"):
        assert_is_known(line)


def test_the_guide_leaves_no_command_out() -> None:
    told = [*lines("console"), *lines("elsewhere")]

    for path, command in ALL.items():
        if not hasattr(command, "commands"):
            assert any(line.startswith(f"loomline {' '.join(path)}") for line in told), path


def test_every_block_is_of_a_kind_that_is_looked_at() -> None:
    assert {found[1] for found in _BLOCK.finditer(GUIDE.read_text())} == {"console", "elsewhere"}
