"""The published contract: both documents as files, so that a change that breaks somebody is seen before it is served.

`python -m services.api.published docs/contract` writes them; `loomline documents` does.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from services.api import app, asyncapi, openapi

DOCUMENTS: dict[str, Callable[[], dict[str, Any]]] = {
    "openapi.json": lambda: openapi.document(app.routes()),
    "asyncapi.json": asyncapi.document,
}
"""Each file and what draws it."""


def drawn(name: str) -> bytes:
    """A document as it is kept: laid out for a reader of changes."""
    return msgspec.json.format(msgspec.json.encode(DOCUMENTS[name](), order="deterministic"), indent=1) + b"\n"


def write(directory: Path) -> list[str]:
    """Write both; returns the names of those that changed."""
    directory.mkdir(parents=True, exist_ok=True)
    changed = [
        name for name in DOCUMENTS if not (directory / name).exists() or (directory / name).read_bytes() != drawn(name)
    ]
    for name in changed:
        (directory / name).write_bytes(drawn(name))
    return changed


if __name__ == "__main__":
    sys.stdout.write("\n".join(write(Path(sys.argv[1]))))
