"""Every help text begins with examples, and every example names commands and options that exist."""

import re
import shlex
from collections.abc import Iterator
from typing import Any

import pytest
import typer.main

from services.operator import main
from services.operator.commands.telling import ENDINGS, Ended
from tests.operator.command import Commander

ROOT: Any = typer.main.get_command(main.app)
WITHOUT_JSON = {"up", "services"}
"""They stay in the foreground and answer nothing."""


def walk(command: Any = ROOT, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command and group with its path."""
    yield path, command
    for name, below in getattr(command, "commands", {}).items():
        yield from walk(below, (*path, name))


ALL = dict(walk())


def examples(help_text: str) -> list[str]:
    return [line.removeprefix("$ ") for line in help_text.splitlines() if line.startswith("$ ")]


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_every_help_begins_with_examples(path: tuple[str, ...], loomline: Commander) -> None:
    ended = loomline.run(*path, "--help")

    assert ended.code == 0
    said = [line.strip() for line in ended.stdout.splitlines() if line.strip()]
    assert said[0].startswith("Usage:")
    assert said[1] in ("Example:", "Examples:")
    assert said[2].startswith("$ ")


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_every_example_names_what_exists(path: tuple[str, ...]) -> None:
    for example in examples(ALL[path].help):
        assert_is_known(example, below=path)


def assert_is_known(example: str, *, below: tuple[str, ...] = ()) -> None:
    """The line's command exists, and its options are its own."""
    line = re.split(r"\s{3,}", example.rpartition("| ")[2])[0]
    words = [word for word in shlex.split(line) if not re.match(r"LOOMLINE_\w+=", word)]
    assert words.pop(0) == "loomline", example
    command, path = ROOT, []
    while words and words[0] in getattr(command, "commands", {}):
        path.append(words.pop(0))
        command = command.commands[path[-1]]
    assert tuple(path[: len(below)]) == below, example
    assert not hasattr(command, "commands"), f"{example}: no command at the end"
    known = {option for parameter in command.params for option in parameter.opts}
    assert {word for word in words if word.startswith("--")} <= known, example


def test_every_command_speaks_json() -> None:
    for path, command in ALL.items():
        if not hasattr(command, "commands") and path[-1] not in WITHOUT_JSON:
            assert any("--json" in parameter.opts for parameter in command.params), path


def test_what_destroys_is_a_dry_run_by_default() -> None:
    dry = {path for path, command in ALL.items() if any("--apply" in p.opts for p in getattr(command, "params", []))}

    assert dry == {
        ("runs", "cancel"),
        ("dead-letters", "replay"),
        ("dead-letters", "discard"),
        ("replay",),
        ("legacy", "import"),
    }


def test_the_help_lists_every_exit_code(loomline: Commander) -> None:
    said = " ".join(loomline.process("--help").stdout.split())

    assert set(ENDINGS) == set(Ended)
    for ending, sentence in ENDINGS.items():
        assert f"{ending.value} {sentence}" in said


def test_an_unknown_command_or_option_ends_with_2(loomline: Commander) -> None:
    assert loomline.process("frobnicate").code == Ended.USAGE
    assert loomline.run("runs", "list", "--nonsense").code == Ended.USAGE


def test_a_setting_that_cannot_be_read_ends_with_2(loomline: Commander) -> None:
    loomline.environment["LOOMLINE_PORT"] = "http"

    ended = loomline.process("runs", "list", "--json")

    assert ended.code == Ended.USAGE
    assert ended.json["problem"]["code"] == "setting"
    assert "LOOMLINE_PORT must be a whole number" in ended.stderr


def test_settings_are_told_without_their_secrets(loomline: Commander) -> None:
    loomline.environment["LOOMLINE_EVENT_SECRET"] = "whsec_verysecretverysecretverysecret"

    told = {row["name"]: row for row in loomline.done("settings")["settings"]}
    shown = loomline.run("settings").stdout

    assert told["LOOMLINE_EVENT_SECRET"]["value"] == "hidden"
    assert told["LOOMLINE_EVENT_SECRET"]["is_set"]
    assert "LOOMLINE_EVENT_SECRET  (set: hidden)" in shown
    assert "verysecret" not in shown
