"""docker-compose.yml says the same as the process table and the settings. Checked without an engine."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from services.operator.processes import PROCESSES
from shared.runtime import settings

ROOT = Path(__file__).resolve().parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"].startswith("loomline:")}
MIGRATE = ["python", "-m", "services.operator.main", "migrate"]
SERVICE_KEYS = {
    "build", "cap_drop", "command", "depends_on", "deploy", "environment", "healthcheck", "hostname", "image", "init",
    "ports", "read_only", "restart", "security_opt", "shm_size", "stop_grace_period", "stop_signal", "tmpfs", "volumes",
}  # fmt: skip


def with_values(text: str) -> str:
    """What compose makes of `${NAME:?why}` and `${NAME:-default}`."""
    return re.sub(r"\$\{\w+:(\?[^}]*|-([^}]*))\}", lambda match: "given" if match[2] is None else match[2], text)


def test_every_process_has_a_service_with_its_very_command() -> None:
    commands = [service["command"] for service in OURS.values()]

    assert sorted(commands) == sorted([MIGRATE, *(list(process.command) for process in PROCESSES)])


@pytest.mark.parametrize("name", OURS)
def test_the_settings_of_a_service_are_read_without_complaint(name: str) -> None:
    given = OURS[name]["environment"].items()
    environment = {key: with_values(value) for key, value in given if value is not None}

    read = settings.read(environment)

    assert read.database_url
    assert read.amqp_url


def test_those_who_hold_pictures_and_nobody_else_are_told_where_and_how() -> None:
    told = {
        name: {key for key in service["environment"] if key == "LOOMLINE_FILES_URL" or not key.startswith("LOOMLINE_")}
        for name, service in OURS.items()
    }
    documented = set(re.findall(r"(?:AWS|GOOGLE|AZURE)_\w+", (ROOT / "docs" / "media.md").read_text()))

    assert told.pop("gateway") == told.pop("sweeper") == {"LOOMLINE_FILES_URL", *documented}
    assert set().union(*told.values()) == set()


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_comes_back_and_waits_for_what_it_needs(name: str) -> None:
    service = SERVICES[name]

    assert set(service) <= SERVICE_KEYS
    assert service["restart"] in ("unless-stopped", "on-failure")
    for other, need in service.get("depends_on", {}).items():
        if need["condition"] == "service_healthy":
            assert SERVICES[other]["healthcheck"]["test"]
        else:
            assert need["condition"] == "service_completed_successfully"
            assert SERVICES[other]["restart"] == "on-failure"


@pytest.mark.parametrize("name", SERVICES)
def test_named_volumes_are_declared(name: str) -> None:
    assert {volume.partition(":")[0] for volume in SERVICES[name].get("volumes", [])} <= set(COMPOSE["volumes"])


def test_no_secret_has_a_value_in_the_file() -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    secrets = re.findall(r"^ *(\w*(?:PASS|PASSWORD|SECRET|_KEY|TOKEN)\w*):(?: +(.*))?$", text, re.MULTILINE)

    assert secrets
    assert all(not value or re.fullmatch(r"\$\{\w+:(\?.*|-)\}", value) for _, value in secrets)
    assert re.findall(r"://\w+:(.{2})", text) == ["${", "${"]


def test_we_stop_before_the_engine_loses_patience() -> None:
    assert {service["stop_grace_period"] for service in OURS.values()} == {"30s"}


def test_the_image_runs_as_a_plain_user_and_has_what_the_commands_need() -> None:
    dockerfile = (ROOT / "deploy" / "Dockerfile").read_text()

    assert re.search(r"^USER loomline$", dockerfile, re.MULTILINE)
    assert "--require-hashes" in dockerfile
    for source in re.findall(r"^COPY (?!--)(\S+)", dockerfile, re.MULTILINE):
        assert (ROOT / source).exists()
