"""Commands that are not answered yet: how they stand, on the page that waits for one and for the script that looks again."""

from typing import Any

from services.api import errors
from services.api.pages import frame
from services.api.resources import commands
from services.api.routes import Call, Reply, Route, Who


def read(call: Call) -> Reply:
    """`{state, detail}`: pending, done, refused or failed, and why it was not done."""
    found = standing(call, call.params["id"])
    if found is None:
        raise errors.not_found("command")
    return Reply(found)


def standing(call: Call, message_id: str) -> dict[str, Any] | None:
    """How a command stands. None for one that is not there, or is somebody else's."""
    found = commands.seen(call, message_id)
    if found is None:
        return None
    told = commands.told(call, found)
    return {"id": message_id, "state": told["state"], "detail": (told["problem"] or {}).get("detail", "")}


ROUTES: tuple[Route, ...] = (frame.route("GET", "/on-its-way/{id}", read, Who.SIGNED_IN, "How a command stands."),)
