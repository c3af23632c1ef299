"""Alarms in sentences: what is wrong, and what a person does about it."""

from collections.abc import Iterable, Mapping
from typing import Any

from shared.storage import alarms, invariants

_SENTENCES = {
    alarms.MASS_LAPSE: (
        "The sweep of deadlines stopped: it would have ended a tenth of all waits at once.",
        "Look at the clock of the database server. When it is right, run: loomline release-sweep",
    ),
    alarms.FAILED_NOTICES: (
        "Notices could not be sent.",
        "Look at the failed messages below, mend the cause and send them again.",
    ),
}
_PROMISES = {f"invariant:{row.name}": row.sentence for row in invariants.INVARIANTS}
_BROKEN = "The system found rows that break this promise. Look them up by their ids; the alarm ends when it is mended."


def told(raised: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Every alarm with its sentence and what to do."""
    return [_told(alarm) for alarm in raised]


def _told(alarm: Mapping[str, Any]) -> dict[str, Any]:
    name = alarm["name"]
    if name in _PROMISES:
        return {**alarm, "sentence": f"Not kept: {_PROMISES[name]}", "advice": _BROKEN}
    sentence, advice = _SENTENCES.get(name, (f"{name.replace('_', ' ').capitalize()}.", ""))
    return {**alarm, "sentence": sentence, "advice": advice}
