"""Stylesheet and script: served once, under an address that changes with their content, and kept by browsers."""

import hashlib
from functools import cache
from pathlib import Path

from services.api import errors
from services.api.routes import Call, Reply, Route, Who

_ROOM = Path(__file__).parent / "static"
_SHEETS = ("base.css", "portal.css", "console.css", "print.css")
"""One stylesheet is served, put together from these."""

_SCRIPTS = ("loomline.js", "run.js")
"""And one script."""

_KINDS = {"loomline.css": "text/css; charset=utf-8", "loomline.js": "text/javascript; charset=utf-8", "icon.svg": "image/svg+xml"}  # fmt: skip
_KEPT = {"Cache-Control": "public, max-age=31536000, immutable", "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}  # fmt: skip


def address(name: str) -> str:
    """Where a file is served as it is now."""
    return f"/static/{hashlib.sha256(_content(name)).hexdigest()[:12]}/{name}"


def serve(call: Call) -> Reply:
    """A file. An address of an earlier version gets the file of today, not kept."""
    name = call.params["name"]
    if name not in _KINDS:
        raise errors.not_found("file")
    is_current = call.req.path == address(name)
    return Reply(_content(name), content_type=_KINDS[name], headers=_KEPT if is_current else {})


@cache
def _content(name: str) -> bytes:
    if name == "loomline.css":
        return b"\n".join((_ROOM / sheet).read_bytes() for sheet in _SHEETS)
    if name == "loomline.js":
        return b"\n".join((_ROOM / script).read_bytes() for script in _SCRIPTS)
    return (_ROOM / name).read_bytes()


ROUTES: tuple[Route, ...] = (
    Route(method="GET", path="/static/{version}/{name}", do=serve, who=Who.ANYBODY, summary="A stylesheet, script or picture of the pages."),
)  # fmt: skip
