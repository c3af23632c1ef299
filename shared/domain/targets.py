"""Targets: where notices go. A target is an Apprise URL and holds secrets; its channel is the name that rows and logs may carry.

Who keeps targets sees them masked: the scheme, what is no secret, and a hint that tells two of them apart.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

CONSOLE = "console"
"""The channel of those who have no target: a line in the log."""

MASK = "****"
"""Stands for what is not shown. No target holds it: in one that is set it is written %2A%2A%2A%2A."""

WITH_A_HOST = frozenset({
    "apprise", "apprises", "form", "forms", "gotify", "gotifys", "json", "jsons", "mailto", "mailtos", "mmost", "mmosts",
    "mqtt", "mqtts", "rocket", "rockets", "xml", "xmls",
})  # fmt: skip
"""Schemes whose URL begins with a user and a host. In any other, a token may stand there."""

HINT = 4
LEAST_HINTED = 20
"""So many last letters of what is hidden are shown, when its last part alone has at least that many."""

Contact = Mapping[str, Any]

_SCHEME = re.compile(r"[a-z][a-z0-9+.-]{0,31}(?=://)")


def of_partner(contacts: Iterable[Mapping[str, Any]]) -> list[str]:
    """The targets among a partner's contacts."""
    return [str(contact["url"]) for contact in contacts if contact.get("kind") == "apprise" and contact.get("url")]


def masked(url: str) -> str:
    """A target as it may be shown. What cannot be told apart from a secret counts as one."""
    scheme = scheme_of(url)
    if not scheme:
        return MASK
    rest = url.strip()[len(f"{scheme}://") :]
    place, path, query = _SPLIT.fullmatch(rest).groups(default="")  # type: ignore[union-attr]
    is_clear = scheme in WITH_A_HOST and "@" not in path and ("@" in place or "@" not in query)
    user, _, host = place.rpartition("@")
    shown = f"{_masked_user(user)}{host}" if is_clear and _HOST.fullmatch(host) else None
    hidden = path.strip("/") if shown else place + path
    return f"{scheme}://{shown or ''}{'/' if shown and hidden else ''}{_masked(hidden)}{f'?{MASK}' if query else ''}"


def is_masked(contact: Contact) -> bool:
    """The target of a contact is not the target itself, but what was shown of it."""
    return MASK in str(contact.get("url") or "")


def shown(contact: Contact) -> dict[str, Any]:
    """A contact with its target masked."""
    return {**contact, "url": masked(str(contact["url"]))} if contact.get("url") else dict(contact)


def unmasked(given: Sequence[Contact], stored: Iterable[Contact]) -> list[dict[str, Any]]:
    """Contacts that came back with the mask they were shown with get their target back, each stored one once.

    The same contact goes before another one whose target looks the same. A mask that stands for nothing stays.
    """
    found, left = [dict(contact) for contact in given], [contact for contact in stored if contact.get("url")]
    for is_meant in (_is_the_same, _looks_the_same):
        for contact in filter(is_masked, found):
            meant = next((each for each in left if is_meant(shown(each), contact)), None)
            if meant is not None:
                left.remove(meant)
                contact["url"] = meant["url"]
    return found


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


def _masked(hidden: str) -> str:
    last = re.split(r"[/:@]", hidden)[-1]
    return f"{MASK}{last[-HINT:] if len(last) >= LEAST_HINTED else ''}" if hidden else ""


def _masked_user(user: str) -> str:
    """A name before a password is shown; alone it may be a token."""
    name, colon, _ = user.partition(":")
    return f"{name if colon else ''}{':' if name and colon else ''}{MASK}@" if user else ""


def _is_the_same(one: Contact, other: Contact) -> bool:
    return one == other


def _looks_the_same(one: Contact, other: Contact) -> bool:
    return bool(one["url"] == other["url"])


_SPLIT = re.compile(r"([^/?#]*)([^?]*)(?:\?(.*))?", re.DOTALL)
_HOST = re.compile(r"(localhost|\[[0-9a-f:.]+\]|[a-z0-9-]+(\.[a-z0-9-]+)+)(:\d{1,5})?", re.IGNORECASE)
