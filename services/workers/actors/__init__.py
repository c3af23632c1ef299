"""The actors: plain functions `(command or event, work) -> None`, one file per subject; milestones, material and media share a room. Named as in the routing tables."""

from collections.abc import Callable
from typing import Any

from services.workers.actors import cascade, dispatch, effects, material, media, milestones, orders, tasks
from shared.storage.work import Work

HANDLERS: dict[str, Callable[[Any, Work], None]] = {
    handler.__name__: handler
    for handler in (
        *orders.ACTORS,
        *dispatch.ACTORS,
        *milestones.ACTORS,
        *material.ACTORS,
        *media.ACTORS,
        *tasks.ACTORS,
        *cascade.ACTORS,
        *effects.ACTORS,
    )
}
"""Every actor by its name."""
