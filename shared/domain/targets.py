"""Targets: where notices go. A target is an Apprise URL and holds secrets; its channel is the name that rows and logs may carry."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

CONSOLE = "console"
"""The channel of those who have no target: a line in the log."""

_SCHEME = re.compile(r"[a-z][a-z0-9+.-]{0,31}(?=://)")


def of_partner(contacts: Iterable[Mapping[str, Any]]) -> list[str]:
    """The targets among a partner's contacts."""
    return [str(contact["url"]) for contact in contacts if contact.get("kind") == "apprise" and contact.get("url")]


def of_setting(listed: str) -> list[str]:
    """The targets of a comma separated list. A comma inside a URL is written %2C."""
    return [url.strip() for url in listed.split(",") if url.strip()]


def by_channel(urls: Iterable[str]) -> dict[str, str]:
    """The targets by channel: the URL's scheme, and a number from the second of a scheme on. None at all is the console."""
    found: dict[str, str] = {}
    for url in urls:
        scheme = scheme_of(url) or "unknown"
        taken = sum(1 for channel in found if channel.partition("#")[0] == scheme)
        found[f"{scheme}#{taken + 1}" if taken else scheme] = url
    return found or {CONSOLE: ""}


def scheme_of(url: str) -> str | None:
    """The scheme of something that looks like an Apprise URL."""
    found = _SCHEME.match(url.strip().lower())
    return found[0] if found else None
