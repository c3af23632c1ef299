"""Events in: a signed CloudEvent becomes a command, once. The signature is checked on the raw bytes, before anything is read."""

import functools

from services.api import errors
from services.api.routes import Call, Reply, Route, Who
from shared.intake import canonical, cloudevents, pointers, signatures
from shared.runtime import clock, logs
from shared.storage import inbox

SETTING = "LOOMLINE_EVENT_SECRET"

CODES = {
    canonical.NOT_TAKEN: "Events of this type make nothing here; the detail lists those that do.",
    "not_configured": "The address works once an operator has given the setting that the detail names.",
    "bad_signature": "The event was not signed with one of our secrets, or not within five minutes of now.",
}
"""The problem codes of this module, with their sentences."""


def take_event(call: Call) -> Reply:
    """Store what the event asks for; 202 means that it will happen exactly once, whatever comes again."""
    raw: bytes = call.body
    headers = {name.lower(): value for name, value in call.req.headers.items()}
    _check_signature(raw, headers, setting=call.desk.settings.event_secret)
    try:
        event = cloudevents.read(raw, headers)
        command = canonical.command_of(event)
        with call.desk.engine.begin() as connection:
            taken = inbox.take_in(
                connection, command, source=event.source, event_id=event.id, message_id=event.message_id
            )
    except pointers.Unreadable as wrong:
        raise _problem(wrong) from None
    except inbox.UnknownTask:
        raise errors.field(f"{event.at}/task_id", "There is no such task.", code="unknown_reference") from None
    told = {"accepted": True, "duplicate": taken.is_duplicate, "event_id": event.id, "message_id": taken.message_id}
    return Reply(told, status=202)


def _check_signature(raw: bytes, headers: dict[str, str], *, setting: str) -> None:
    try:
        keys = _keys(setting)
    except signatures.UnusableSecret as why:
        _log.error("event_secret_unusable", setting=SETTING, why=str(why))
        raise _not_configured("cannot be used") from None
    if not keys:
        raise _not_configured("is not set")
    try:
        signatures.verify(raw, headers, keys=keys, at=clock.now())
    except signatures.BadSignature:
        detail = "The signature is missing, wrong, or not of the last five minutes."
        raise errors.Problem(401, "bad_signature", detail) from None


_keys = functools.lru_cache(maxsize=8)(signatures.keys)


def _not_configured(why: str) -> errors.Problem:
    return errors.Problem(
        503, "not_configured", f"No events are taken: {SETTING} {why}.", headers={"Retry-After": "60"}
    )


def _problem(wrong: pointers.Unreadable) -> errors.Problem:
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
