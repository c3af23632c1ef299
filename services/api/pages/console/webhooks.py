"""Webhook endpoints: where news of runs is sent, what was sent there and how it ended, and what can be sent again."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from services.api.forms import Filled
from services.api.pages import docs, frame, words
from services.api.pages.acts import Act
from services.api.pages.console import reads, sheets
from services.api.queries import names, webhook_logs
from services.api.routes import Call, Reply
from shared.domain import news
from shared.domain.events import EVENTS
from shared.storage.webhook_store import DeliveryState

AT, ALL_API = "/console/webhooks", "/admin/webhook-endpoints"
ONE, API = f"{AT}/{{id}}", f"{ALL_API}/{{id}}"
GUIDE = f"/docs/{docs.EVENTS}"
FEW_EVENTS = 3
"""So many are named in a list; the others are counted."""

_STATES = tuple((each.value, words.label(each)) for each in DeliveryState)
_TONES = {DeliveryState.PENDING: "waiting", DeliveryState.DELIVERED: "good", DeliveryState.FAILED: "bad"}

# Words --------------------------------------------------------------------------------------------------------------


def event_word(kind: str) -> str:
    """`production_run.sent_to_partner` as `Run: sent to partner`."""
    noun, _, verb = kind.partition(".")
    return "Test" if kind == news.TEST else f"{_noun(noun)}: {verb.replace('_', ' ')}"


def _noun(text: str) -> str:
    return words.label(text.removeprefix("production_"))


def events_in_short(kinds: Sequence[str]) -> str:
    """What an endpoint is told of, in a line."""
    named, more = [event_word(kind) for kind in kinds[:FEW_EVENTS]], len(kinds) - FEW_EVENTS
    return ", ".join(named) + (f" and {more} more" if more > 0 else "") if kinds else "Every event"


def _groups() -> Mapping[str, list[tuple[str, str, str]]]:
    """All events by what they are about: their kind, what it is called, and its sentence."""
    groups: dict[str, list[tuple[str, str, str]]] = {}
    for kind, event in EVENTS.items():
        noun, _, verb = kind.partition(".")
        groups.setdefault(f"{_noun(noun)}s", []).append((kind, words.label(verb), event.sentence))
    return groups


# Pages --------------------------------------------------------------------------------------------------------------


def listing(call: Call, form: Filled | None = None) -> Reply:
    """Where news is sent, and how it goes there."""
    asked = reads.asked_for(call, "cursor")
    found = reads.read(call, ALL_API, asked)
    rows = found["webhook_endpoints"]
    with call.desk.engine.connect() as connection:
        logs = webhook_logs.of(connection, [row["id"] for row in rows])
        partners = names.of(connection, "partner", (row["partner_id"] for row in rows))
    return frame.page(
        call,
        "console/webhooks.html",
        rows=[{**row, "events": events_in_short(row["event_types"])} for row in rows],
        logs=logs,
        partners=partners,
        asked=asked,
        next_cursor=found["next_cursor"],
        most=webhook_logs.MOST_COUNTED,
        guide=GUIDE,
    )


def adding(call: Call, form: Filled | None = None) -> Reply:
    """The form of a new endpoint."""
    find, chosen = call.query.get("find", ""), _typed(form, "partner_id") or call.query.get("partner_id", "")
    with call.desk.engine.connect() as connection:
        partners = names.choices(connection, "partner", find=find, always=[chosen])
    return frame.page(
        call,
        "console/webhook_new.html",
        form=form,
        groups=_groups(),
        chosen=form.form.values.get("event_types[]", []) if form else [],
        partner_id=chosen,
        partners=partners,
        find=find,
        query=call.query,
    )


def editing(call: Call, form: Filled | None = None) -> Reply:
    """The form of an endpoint that is there."""
    body, etag = reads.tagged(call, API)
    endpoint = body["webhook_endpoint"]
    chosen = form.form.values.get("event_types[]", []) if form else endpoint["event_types"]
    return frame.page(
        call, "console/webhook_edit.html", form=form, endpoint=endpoint, groups=_groups(), chosen=chosen, etag=etag
    )


def details(call: Call, form: Filled | None = None) -> Reply:
    """One endpoint: how it stands, what was sent there, and what can be done about it."""
    endpoint = reads.read(call, API)["webhook_endpoint"]
    asked = reads.asked_for(call, "state", "cursor")
    found = reads.read(call, f"{API}/deliveries", asked)
    with call.desk.engine.connect() as connection:
        partners = names.of(connection, "partner", [endpoint["partner_id"]])
        log = webhook_logs.of(connection, [endpoint["id"]])[endpoint["id"]]
    return frame.page(
        call,
        "console/webhook.html",
        form=form,
        endpoint=endpoint,
        events=[event_word(kind) for kind in endpoint["event_types"]],
        partner=partners.get(endpoint["partner_id"], ""),
        log=log,
        most=webhook_logs.MOST_COUNTED,
        rows=_told(found["webhook_deliveries"]),
        asked=asked,
        next_cursor=found["next_cursor"],
        states=_STATES,
        replayed=_whole(call.query.get("replayed", "")),
        next_since=_for_field(call.query.get("next_since", "")),
    )


def _told(rows: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [{**row, "event": event_word(row["kind"]), "tone": _TONES[row["state"]]} for row in rows]


def _typed(form: Filled | None, field: str) -> str:
    return form.form.text(field) if form else ""


def _whole(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def _for_field(text: str) -> str:
    """An instant as the field for it takes it; nothing for what is none."""
    at = _instant(text)
    return at.replace(tzinfo=None).isoformat(timespec="milliseconds") if at else ""


def _instant(text: str) -> datetime | None:
    """What was typed as a time; one without a zone is one of UTC, as all times of the console are."""
    try:
        at = datetime.fromisoformat(text)
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


# Acts ---------------------------------------------------------------------------------------------------------------


def _settings(call: Call) -> dict[str, Any]:
    """What the form says. No box checked is every event."""
    kinds = [kind for kind in call.body.values.get("event_types[]", ()) if kind]
    return {
        "url": call.body.text("url").strip(),
        "description": call.body.text("description").strip() or None,
        "event_types": kinds,
    }


def _new(call: Call) -> dict[str, Any]:
    return {**_settings(call), "partner_id": call.body.text("partner_id") or None}


def _again(call: Call) -> dict[str, Any]:
    """What is to be sent again."""
    said: dict[str, Any] = call.body.nested()
    since = _instant(str(said.get("since", "")))
    return {**said, "since": since.isoformat()} if since else said


def _counted(call: Call, told: Mapping[str, Any]) -> str:
    """Back to the endpoint, with how many there were and where to go on."""
    following = told["next_since"]
    onward = {"next_since": words.clock_of("UTC", str).iso(following)} if following else {}
    return f"{ONE.format(**call.params)}?{urlencode({'replayed': told['replayed'], **onward})}"


def _secret(call: Call, told: Mapping[str, Any]) -> Reply:
    """The page with the new secret on it. Sent twice, the second answer has none: it is kept nowhere."""
    return frame.page(
        call,
        "console/webhook_secret.html",
        endpoint=told["webhook_endpoint"],
        secret=told.get("secret"),
        is_new="id" not in call.params,
        guide=GUIDE,
    )


ACTS: tuple[Act, ...] = (
    Act(name="add", path=f"{AT}/new", api=f"POST {ALL_API}", page=adding, back=AT, body=_new, shows=_secret),
    Act(name="edit", path=f"{ONE}/edit", api=f"PATCH {API}", page=editing, back=ONE, body=_settings),
    Act(name="switch", path=f"{ONE}/switch", api=f"PATCH {API}", page=details, back=ONE),
    Act(name="test", path=f"{ONE}/test-send", api=f"POST {API}/test-send", page=details, back=ONE, said="webhook_tried"),
    Act(name="rotate", path=f"{ONE}/rotate", api=f"POST {API}/rotate", page=details, back=ONE, shows=_secret),
    Act(name="replay", path=f"{ONE}/replay", api=f"POST {API}/replay", page=details, back=_counted, said="", body=_again),
    Act(name="end", path=f"{ONE}/end", api=f"DELETE {API}", page=details, back=AT, said="removed", body=lambda _: {}),
)  # fmt: skip

ROUTES = sheets.routes_with(
    (
        sheets.shown("GET", AT, listing, "Where news is sent.", query=("cursor",)),
        sheets.shown("GET", f"{AT}/new", adding, "A new webhook.", query=("partner_id", "find")),
        sheets.shown("GET", ONE, details, "A webhook.", query=("state", "cursor", "replayed", "next_since")),
        sheets.shown("GET", f"{ONE}/edit", editing, "Edit: a webhook."),
    ),
    ACTS,
)
