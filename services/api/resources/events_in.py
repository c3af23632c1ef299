"""Events in: a signed CloudEvent becomes a command, once. The signature is checked on the raw bytes, before anything is read."""

import functools
from collections.abc import Mapping

from services.api import errors
from services.api.routes import Call, Reply, Route, Who
from shared.intake import canonical, cloudevents, deliveries, pointers, signatures
from shared.runtime import clock, logs
from shared.storage import inbox

SETTING = "LOOMLINE_EVENT_SECRET"

CODES = {
    deliveries.NOT_TAKEN: "Events of this type make nothing here; the detail lists those that do.",
    "not_configured": "The address works once an operator has given the setting that the detail names.",
    "bad_signature": "The event was not signed with one of our secrets, or not within five minutes of now.",
}
"""The problem codes of this module, with their sentences."""


def take_event(call: Call) -> Reply:
    """Store what the event asks for; 202 means that it will happen exactly once, whatever comes again."""
    raw: bytes = call.body
    headers = {name.lower(): value for name, value in call.req.headers.items()}
    check_event_signature(raw, headers, setting=call.desk.settings.event_secret)
    try:
        event = cloudevents.read(raw, headers)
        command = canonical.command_of(event)
        kept = inbox.Kept(body=raw, headers=deliveries.without_secrets(headers), topic=event.type)
        with call.desk.engine.begin() as connection:
            taken = inbox.take_in(
                connection, command, source=event.source, event_id=event.id, message_id=event.message_id, kept=kept
            )
    except pointers.Unreadable as wrong:
        raise problem_of(wrong) from None
    except inbox.UnknownTask:
        raise errors.field(f"{event.at}/task_id", "There is no such task.", code="unknown_reference") from None
    told = {"accepted": True, "duplicate": taken.is_duplicate, "event_id": event.id, "message_id": taken.message_id}
    return Reply(told, status=202)


def check_event_signature(raw: bytes, headers: Mapping[str, str], *, setting: str) -> None:
    """Raise a Problem unless the bytes were signed, as Standard Webhooks says, with the setting's secret."""
    try:
        keys = _keys(setting)
    except signatures.UnusableSecret as why:
        _log.error("event_secret_unusable", setting=SETTING, why=str(why))
        raise not_configured(f"{SETTING} cannot be used") from None
    if not keys:
        raise not_configured(f"{SETTING} is not set")
    try:
        signatures.verify(raw, headers, keys=keys, at=clock.now())
    except signatures.BadSignature:
        raise unsigned("The signature is missing, wrong, or not of the last five minutes.") from None


_keys = functools.lru_cache(maxsize=8)(signatures.keys)


def not_configured(why: str) -> errors.Problem:
    """503: an operator has to give a setting first."""
    return errors.Problem(503, "not_configured", f"No events are taken: {why}.", headers={"Retry-After": "60"})


def unsigned(detail: str) -> errors.Problem:
    """401: nobody we know signed it."""
    return errors.Problem(401, "bad_signature", detail)


def problem_of(wrong: pointers.Unreadable) -> errors.Problem:
    """400 for what is not JSON, 422 with the place for the rest."""
    if wrong.code == pointers.MALFORMED:
        return errors.unreadable(wrong.detail)
    return errors.field(wrong.pointer, wrong.detail, code=wrong.code)


_log = logs.get("events_in")

ROUTES: tuple[Route, ...] = (
    Route(
        method="POST",
        path="/events",
        do=take_event,
        who=Who.ANYBODY,
        tag="events",
        summary="Take a signed CloudEvent in.",
        body=bytes,
        answers={202: "Stored; it happens once.", 401: "Not signed by us.", 503: "No secret is set."},
    ),
)
