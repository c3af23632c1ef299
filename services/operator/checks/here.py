"""This machine and its settings: Python, disk, port, secrets, addresses, the file store."""

import http.client
import secrets
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from services.operator import home
from services.operator.checks.findings import Finding, ok, warning, wrong
from services.operator.children import is_free
from shared.intake import signatures
from shared.runtime.settings import Settings

OLDEST_PYTHON = (3, 11)
LEAST_FREE, SCARCE = 200_000_000, 2_000_000_000
"""Bytes on the disk of LOOMLINE_HOME: less is wrong, and less is worth a warning."""


def python() -> Finding:
    """The Python that runs us."""
    told = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < OLDEST_PYTHON:
        return wrong("python", f"Python {told} is too old.", fix="Use Python 3.11 or newer; `./dev` finds one.")
    return ok("python", f"Python {told}.")


def disk(settings: Settings) -> Finding:
    """Room on the disk where our files are."""
    place = next(each for each in (settings.home, *settings.home.parents) if each.exists())
    free = shutil.disk_usage(place).free
    told = f"{free / 1e9:.1f} GB are free at {place}."
    if free < LEAST_FREE:
        return wrong("disk", told, fix="Make room, or set LOOMLINE_HOME to another disk.")
    if free < SCARCE:
        return warning("disk", told, fix="Make room before it is needed.")
    return ok("disk", told)


def port(settings: Settings) -> Finding:
    """Our gateway listens at the port, or it is free."""
    where = f"{settings.host}:{settings.port}"
    try:
        free = is_free(settings.port, host=settings.host)
    except OSError:
        return wrong("port", f"{settings.host} is no address of this machine.", fix="Correct LOOMLINE_HOST.")
    if free:
        return ok("port", f"{where} is free; no gateway runs here.")
    status = _status(settings, "/readyz")
    if status == 200:
        return ok("port", f"The gateway answers at {where} and is ready.")
    if status == 503:
        return wrong(
            "port",
            f"The gateway at {where} answers and is not ready.",
            fix=f"http://{where}/readyz?verbose says why.",
        )
    return wrong(
        "port",
        f"Something else listens at {where}, or it may not be used by us.",
        fix="Stop what listens there, or set LOOMLINE_PORT to another port.",
    )


def event_secret(settings: Settings) -> Finding:
    """Shops can sign what they send us."""
    kept = home.read(settings.home / "event_secret")
    if not settings.event_secret and kept:
        return ok("event secret", "`up` made one; it is kept in LOOMLINE_HOME.")
    if not settings.event_secret:
        return warning(
            "event secret",
            "LOOMLINE_EVENT_SECRET is empty: POST /events takes nothing.",
            fix="Set it: python -c 'import base64, os; print(\"whsec_\" + base64.b64encode(os.urandom(32)).decode())'",
        )
    try:
        number = len(signatures.keys(settings.event_secret))
    except signatures.UnusableSecret as why:
        return wrong(
            "event secret",
            f"LOOMLINE_EVENT_SECRET cannot be used: {why}.",
            fix="Correct it, or leave it empty for `up`.",
        )
    return ok("event secret", f"{number} key{'s are' if number > 1 else ' is'} live.")


def links(settings: Settings) -> Finding:
    """Messages can lead people straight to their run."""
    if settings.link_secret or home.read(settings.home / "link_secret"):
        return ok("links", "Messages carry links.")
    return warning(
        "links",
        "LOOMLINE_LINK_SECRET is empty: messages carry no links.",
        fix="Set it to the output of `openssl rand -hex 32`.",
    )


def public_url(settings: Settings) -> Finding:
    """The address in messages is one that people can open."""
    parts = urlsplit(settings.public_url)
    if parts.hostname in ("0.0.0.0", "::"):  # noqa: S104 - what we warn of
        return wrong(
            "public URL",
            f"Links in messages would lead to {settings.public_url}, which nobody can open.",
            fix="Set LOOMLINE_PUBLIC_URL to the address people reach the gateway at.",
        )
    is_local = parts.hostname in ("127.0.0.1", "::1", "localhost")
    if is_local and settings.database_url:
        return warning(
            "public URL",
            f"Links in messages lead to {settings.public_url}, which opens on this machine only.",
            fix="Set LOOMLINE_PUBLIC_URL to the address people reach the gateway at.",
        )
    if parts.scheme == "http" and not is_local:
        return warning(
            "public URL",
            f"{settings.public_url} is not https: passwords travel in the clear.",
            fix="Put a proxy with https before the gateway and set LOOMLINE_PUBLIC_URL.",
        )
    return ok("public URL", f"{settings.public_url}.")


def files(settings: Settings) -> Finding:
    """Pictures can be stored: a probe is written, read and deleted."""
    from shared.storage.files import Files, StoreAway

    where = settings.files_url or str(settings.home / "files")
    store, key, told = Files(settings), f"doctor/{secrets.token_hex(8)}", secrets.token_bytes(32)
    try:
        with tempfile.TemporaryDirectory() as scratch:
            (probe := Path(scratch) / "probe").write_bytes(told)
            store.put(key, probe)
        found = store.get(key)
        store.delete([key])
    except StoreAway as why:
        return wrong(
            "files",
            f"Nothing can be stored in {where}: {_first_line(why)}",
            fix="Let our user write there, or correct LOOMLINE_FILES_URL; docs/media.md names what each cloud needs.",
        )
    if found is None or b"".join(found[1]) != told:
        return wrong("files", f"{where} does not give back what was stored.", fix="Correct LOOMLINE_FILES_URL.")
    return ok("files", f"{where} can be written, read and cleared.")


def all_here(settings: Settings) -> Iterator[Finding]:
    """Every check of this module."""
    yield python()
    yield disk(settings)
    yield port(settings)
    yield event_secret(settings)
    yield links(settings)
    yield public_url(settings)
    yield files(settings)


def _status(settings: Settings, path: str) -> int | None:
    """What a gateway at our port answers, None when what is there speaks no HTTP."""
    host = "127.0.0.1" if settings.host in ("0.0.0.0", "::") else settings.host  # noqa: S104 - listens everywhere
    connection = http.client.HTTPConnection(host, settings.port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
