"""Problems: every answer that is not a success, as RFC 9457. One table turns a refusal's kind into a status, one explains each code."""

import re
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from inspect import cleandoc
from typing import Any

import falcon
import msgspec
import psycopg
import sqlalchemy.exc

from services.api.routes import Reply
from shared.domain.refusals import Kind, Refusal
from shared.runtime import logs
from shared.storage.files import StoreAway

CONTENT_TYPE = "application/problem+json"
RETRY_SECONDS = 2

STATUS_OF_KIND = {Kind.STATE: 409, Kind.REFERENCE: 422, Kind.MISSING: 404}

TITLES = {
    400: "The request cannot be read",
    401: "Sign in first",
    403: "This is not allowed to you",
    404: "There is no such thing",
    405: "This method is not for this address",
    409: "The state forbids it",
    410: "This was retired",
    412: "It changed meanwhile",
    413: "The body is too large",
    415: "The content type is not understood",
    422: "Something in the request is wrong",
    428: "Say which version you mean",
    429: "Too many attempts",
    500: "Something went wrong on our side",
    503: "Not available just now",
}

_GATEWAY_CODES = {
    "bad_request": "The request could not be read as HTTP; look at its headers and address.",
    "unreadable": "The body is not the JSON object that was expected.",
    "invalid": "The body was read, and a field in it is missing, unknown or of the wrong kind; `errors` says which.",
    "bad_parameter": "A query parameter is unknown, given twice, or has a value that means nothing; `errors` names it.",
    "unauthorized": "There is no token, or it is wrong, expired or revoked; sign in at /auth/login.",
    "wrong_credentials": "The address and the password do not belong together.",
    "forbidden": "The account is known, and its role does not allow this.",
    "partner_inactive": "The account's partner is not active; an admin can change that.",
    "not_found": "There is nothing at this address, or it is somebody else's.",
    "method_not_allowed": "This address takes other methods; `Allow` lists them.",
    "conflict": "It clashes with something that is there already.",
    "gone": "This address was retired; the `Link` of the answer names its successor.",
    "request_in_flight": "The first request with this Idempotency-Key is still being carried out; ask again in a moment.",
    "idempotency_key_reused": "This Idempotency-Key was used for another request; take a new key.",
    "too_large": "The body is larger than this address takes.",
    "unsupported": "Bodies are JSON: Content-Type application/json, UTF-8, not compressed.",
    "unsupported_file": "The file is neither a picture (JPEG, PNG, WebP, GIF) nor a PDF, whatever its name says; `errors` names it.",
    "unusable_picture": "The file begins like a picture and is broken, or has too many pixels; `errors` names it.",
    "too_many_attempts": "There were too many failed attempts; `Retry-After` says when to try again.",
    "command_failed": "The command could not be carried out because of a fault; people were told, and it may be replayed.",
    "link_over": "The link of the message is over, or its run is with somebody else now; sign in to see your runs.",
    "form_not_ours": "The form was not sent from a page of ours that is still good; load the page again and send it once more.",
    "unavailable": "The database or the broker is away; nothing was lost, try again shortly.",
    "internal_error": "A fault of ours; it was written down under the request's id.",
}


class Problem(Exception):
    """An answer that is not a success. errors: {pointer or parameter, detail} each; extra: further members of the body."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        errors: Sequence[Mapping[str, str]] = (),
        extra: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.errors = list(errors)
        self.extra = dict(extra or {})
        self.headers = dict(headers or {})

    def body(self, *, prefix: str, instance: str) -> dict[str, Any]:
        """The members of the problem. prefix: scheme and host of our own pages."""
        return {
            "type": f"{prefix}/problems/{self.code}",
            "title": TITLES.get(self.status, "The request was not carried out"),
            "status": self.status,
            "detail": self.detail,
            "instance": instance,
            "code": self.code,
            "errors": self.errors,
            **self.extra,
        }

    def reply(self, req: falcon.Request) -> Reply:
        """The problem as it goes back to this request."""
        return Reply(
            self.body(prefix=req.prefix, instance=req.path),
            status=self.status,
            headers=self.headers,
            content_type=CONTENT_TYPE,
        )


def unreadable(detail: str) -> Problem:
    """400: not even JSON."""
    return Problem(400, "unreadable", detail)


def unauthorized(detail: str = "Sign in first: no valid token came with the request.") -> Problem:
    """401: we do not know who is calling."""
    return Problem(401, "unauthorized", detail, headers={"WWW-Authenticate": 'Bearer realm="loomline"'})


def forbidden(detail: str = "Your account may not do this.", *, code: str = "forbidden") -> Problem:
    """403: known, and not allowed."""
    return Problem(403, code, detail)


def not_found(thing: str = "thing") -> Problem:
    """404: missing, or somebody else's; which of the two is nobody's business."""
    return Problem(404, "not_found", f"There is no such {thing}.")


def conflict(detail: str, *, code: str = "conflict", extra: Mapping[str, Any] | None = None) -> Problem:
    """409: it clashes with what is there."""
    return Problem(409, code, detail, extra=extra)


def gone(detail: str) -> Problem:
    """410: it was here once and was retired."""
    return Problem(410, "gone", detail)


def too_large(cap: int) -> Problem:
    """413: more bytes than this address takes."""
    return Problem(413, "too_large", f"The body may have at most {cap:,} bytes.")


def unsupported(detail: str = "Send JSON: Content-Type application/json.") -> Problem:
    """415: not JSON."""
    return Problem(415, "unsupported", detail)


def invalid(detail: str, *, errors: Sequence[Mapping[str, str]] = (), code: str = "invalid") -> Problem:
    """422: readable, and wrong."""
    return Problem(422, code, detail, errors=errors)


def field(pointer: str, detail: str, *, code: str = "invalid") -> Problem:
    """422 about one field of the body, named by its JSON pointer."""
    return invalid(detail, errors=[{"pointer": pointer, "detail": detail}], code=code)


def parameter(name: str, detail: str) -> Problem:
    """422 about one query parameter."""
    return invalid(detail, errors=[{"parameter": name, "detail": detail}], code="bad_parameter")


def too_many(detail: str, *, retry_seconds: int) -> Problem:
    """429: wait before the next attempt."""
    return Problem(429, "too_many_attempts", detail, headers={"Retry-After": str(max(1, retry_seconds))})


def unavailable(detail: str = "The database is away just now; nothing was lost, try again shortly.") -> Problem:
    """503: not our caller's fault, and it passes."""
    return Problem(503, "unavailable", detail, headers={"Retry-After": str(RETRY_SECONDS)})


def refused(record: Mapping[str, Any], *, standing: Mapping[str, Any] | None = None) -> Problem:
    """A stored refusal. standing: what a 409 says about the run as it is now."""
    status = STATUS_OF_KIND[Kind(record["kind"])]
    extra = standing if status == 409 else None
    return Problem(status, record["code"], record["detail"], errors=record.get("errors") or (), extra=extra)


def handle_in(app: "falcon.App[Any, Any]", send: Any, *, show: Callable[[falcon.Request, Exception], Reply]) -> None:
    """Answer every exception with a problem. send: puts a Reply into a response. show: the problem as a page, for a lost browser."""

    def answering(told: Any) -> Any:
        def handler(req: falcon.Request, resp: falcon.Response, ex: Any, params: Any) -> None:
            send(req, resp, show(req, ex) if _is_lost(req) else told(ex).reply(req))

        return handler

    for kind, told in _TOLD.items():
        app.add_error_handler(kind, answering(told))


def _is_lost(req: falcon.Request) -> bool:
    """Somebody typed an address that leads nowhere."""
    return req.uri_template is None and "text/html" in (req.get_header("Accept") or "")


def told_of(ex: Exception) -> Problem:
    """The problem that an exception comes to."""
    told: Problem = next(_TOLD[kind](ex) for kind in type(ex).__mro__ if kind in _TOLD)
    return told


def _of_http(ex: falcon.HTTPError) -> Problem:
    status = ex.status_code
    code = {404: "not_found", 405: "method_not_allowed", 413: "too_large", 415: "unsupported"}.get(
        status, "bad_request"
    )
    sentences = {404: "There is nothing at this address.", 405: "This address does not take this method."}
    detail = sentences.get(status) or ex.description or ex.title or TITLES.get(status, "The request cannot be read.")
    return Problem(status, code, detail, headers=dict(ex.headers or {}))


def _of_driver(ex: Exception) -> Problem:
    """The database is away, too busy, or took too long: all pass. A value it cannot hold is the request's fault."""
    cause = getattr(ex, "orig", None) or ex
    if isinstance(cause, psycopg.DataError):
        logs.get("problems").warning("value_out_of_range", error=logs.scrub(str(cause)))
        return invalid("A value in the request is out of range.")
    if not isinstance(cause, (psycopg.OperationalError, psycopg.InterfaceError)):
        return _unexpected(ex)
    logs.get("problems").warning("database_unavailable", error=logs.scrub(str(cause)))
    return unavailable()


def _of_full_pool(ex: Exception) -> Problem:
    logs.get("problems").warning("connections_exhausted", error=str(ex))
    return unavailable("Too many requests are waiting for the database; try again shortly.")


def _of_file_store(ex: Exception) -> Problem:
    logs.get("problems").error("file_store_away", error=logs.scrub(str(ex)))
    return unavailable("The file store is away just now; nothing was kept, try again shortly.")


def _unexpected(ex: Exception) -> Problem:
    # Of a database error only the server's own words are kept: SQLAlchemy's text carries the statement's values.
    words = str(getattr(ex, "orig", None) or ex)
    logs.get("problems").error(
        "request_failed",
        error=f"{type(ex).__name__}: {logs.scrub(words)}",
        where="".join(traceback.format_tb(ex.__traceback__)),
    )
    return Problem(500, "internal_error", "Something went wrong on our side; it was written down. Try again later.")


_TOLD: dict[type[Exception], Any] = {
    Problem: lambda ex: ex,
    Refusal: lambda ex: refused(ex.record()),
    falcon.HTTPError: _of_http,
    sqlalchemy.exc.DBAPIError: _of_driver,
    psycopg.Error: _of_driver,
    sqlalchemy.exc.TimeoutError: _of_full_pool,
    StoreAway: _of_file_store,
    Exception: _unexpected,
}
"""What each kind of exception comes to; the nearest class counts."""


def _refusals(below: type[Refusal] = Refusal) -> Iterator[type[Refusal]]:
    for sub in below.__subclasses__():
        yield sub
        yield from _refusals(sub)


def _sentence(kind: type[Refusal]) -> str:
    return re.sub(r"\{[^}]*\}", "…", cleandoc(kind.__doc__ or "").replace("\n", " "))


EXPLANATIONS: dict[str, str] = {**{kind.code: _sentence(kind) for kind in _refusals()}, **_GATEWAY_CODES}
"""Every code that a problem can carry, with its sentence."""


class FieldProblem(msgspec.Struct, frozen=True, omit_defaults=True):
    """One wrong place: a JSON pointer into the body, or the name of a query parameter."""

    detail: str
    pointer: str | None = None
    parameter: str | None = None


class ProblemBody(msgspec.Struct, frozen=True, omit_defaults=True):
    """A problem as the contract describes it."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str
    errors: list[FieldProblem] = []
    current_status: str | None = None
    phase: str | None = None
    allowed_actions: list[str] | None = None
    command_id: str | None = None
    checks: dict[str, Any] | None = None
