"""LOOMLINE_HOME on disk: who holds it, and the small secrets kept in it. `up` and the embedded PostgreSQL lean on it."""

import fcntl
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


class HomeInUse(Exception):
    """Another process works in this home."""


@contextmanager
def hold(path: Path) -> Iterator[None]:
    """Be the only one here. The kernel lets go when we die, however we die."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise HomeInUse(
                f"Loomline already runs in {path.parent}. Stop it, or set LOOMLINE_HOME to another directory."
            ) from None
        yield


def secret(path: Path, *, make: Callable[[], str] = lambda: secrets.token_urlsafe(24)) -> str:
    """The secret in this file, made on first use and readable by its owner only."""
    kept = read(path)
    if kept is None:
        kept = make()
        write(path, kept)
    return kept


def read(path: Path) -> str | None:
    """What the file holds, or None when there is none (or an interrupted start left it empty)."""
    return (path.read_text().strip() or None) if path.exists() else None


def write(path: Path, text: str) -> None:
    """Put the text there at once or not at all, for the owner's eyes only."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text + "\n")
    fresh.replace(path)
