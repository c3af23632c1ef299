"""The frame around every page: templates, what each of them may use, the headers, and how a problem is shown."""

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import falcon
import jinja2
import msgspec

from services.api import auth, cookies, errors
from services.api.pages import assets, languages, said, scope, words
from services.api.routes import Call, Desk, Endpoint, Principal, Reply, Route, Who
from shared.domain.notice_texts import Language
from shared.runtime import ids

SIGN_IN = "/sign-in"

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
    "manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {"Content-Security-Policy": _POLICY, "Cache-Control": "no-store", "Referrer-Policy": "same-origin"}
_HTML = "text/html; charset=utf-8"
_LASTING = {"Strict-Transport-Security": "max-age=31536000"}


class Reader(msgspec.Struct, frozen=True):
    """Who reads the page, and how: in which language and time zone."""

    principal: Principal | None
    language: Language
    time_zone: str

    @property
    def home(self) -> str:
        return home_of(self.principal)


def home_of(principal: Principal | None) -> str:
    """The first page of somebody."""
    if principal is None:
        return SIGN_IN
    if principal.run_id:
        return f"/portal/runs/{principal.run_id}"
    return "/console" if principal.is_admin else "/portal"


def page(
    call: Call, template: str, *, status: int = 200, headers: Mapping[str, str] | None = None, **values: Any
) -> Reply:
    """The template as a page for the caller. `call.query` may say what was done just now (`said`) or is on its way (`command`)."""
    reader = reader_of(call.desk, call.principal)
    return _rendered(
        call.req,
        template,
        reader,
        status=status,
        headers=headers or {},
        said_key=call.query.get("said"),
        command=_standing(call),
        **values,
    )


def reader_of(desk: Desk, principal: Principal | None) -> Reader:
    """A partner's people read in the partner's language and time zone; everybody else in English and UTC."""
    if principal is None or principal.partner_id is None:
        return Reader(principal, Language.ENGLISH, "UTC")
    with desk.engine.connect() as connection:
        row = connection.exec_driver_sql(
            "SELECT language, time_zone FROM partner WHERE id = %(id)s", {"id": principal.partner_id}
        ).first()
    return Reader(principal, Language(row[0]), row[1]) if row else Reader(principal, Language.ENGLISH, "UTC")


def see_other(address: str, *, headers: Mapping[str, str] | None = None, **query: str) -> Reply:
    """303: what was sent is done with, the browser reads on elsewhere."""
    joined = f"{address}{'&' if '?' in address else '?'}{urlencode(query)}" if query else address
    return Reply(b"", status=303, headers={**_HEADERS, "Location": joined, **(headers or {})}, content_type=_HTML)


def route(
    method: str,
    path: str,
    do: Endpoint,
    who: Who,
    summary: str,
    *,
    query: tuple[str, ...] = (),
    body: Any = None,
    before_body: Callable[[Call], object] | None = None,
) -> Route:
    """The route of a page. Every page may be told what was done and what is on its way."""
    return Route(
        method=method,
        path=path,
        do=do,
        who=who,
        summary=summary,
        query=(*query, "said", "command"),
        body=body,
        before_body=before_body,
        shows=show_problem,
        opens=scope.check,
    )


def show_problem(desk: Desk, req: falcon.Request, ex: Exception) -> Reply:
    """A problem as a page; who is not signed in is sent to sign in and comes back."""
    problem = errors.told_of(ex)
    if problem.status == 401:
        return see_other(SIGN_IN, next=req.relative_uri if req.method == "GET" else "/")
    principal = _known(desk, req) if problem.status < 500 else None
    reader = reader_of(desk, principal) if principal else Reader(None, Language.ENGLISH, "UTC")
    headers = {**problem.headers}
    title = errors.TITLES.get(problem.status, "The request was not carried out")
    return _rendered(req, "problem.html", reader, status=problem.status, headers=headers, title=title, problem=problem)


def _standing(call: Call) -> Mapping[str, Any] | None:
    """How the command stands that the page waits for."""
    if "command" not in call.query or call.principal is None:
        return None
    from services.api.pages import on_its_way

    return on_its_way.standing(call, call.query["command"])


def _known(desk: Desk, req: falcon.Request) -> Principal | None:
    token = cookies.session_of(req)
    try:
        return auth.resolve(desk.engine, token) if token else None
    except errors.Problem:
        return None


def _rendered(
    req: falcon.Request,
    template: str,
    reader: Reader,
    *,
    status: int,
    headers: Mapping[str, str],
    said_key: str | None = None,
    command: Mapping[str, Any] | None = None,
    **values: Any,
) -> Reply:
    say = languages.speaker(reader.language)
    text = environment().get_template(template).render(
        _=say,
        reader=reader,
        csrf=cookies.csrf(req),
        once=_Once(),
        here=req.path,
        said=said.sentence(said_key, say),
        command=command,
        when=words.clock_of(reader.time_zone, say),
        asset=assets.address,
        **values,
    )  # fmt: skip
    visitor = {} if cookies.session_of(req) else {"Set-Cookie": cookies.keep_visitor(req)}
    lasting = _LASTING if cookies.is_secure(req) else {}
    return Reply(
        text.encode(), status=status, headers={**_HEADERS, **lasting, **visitor, **headers}, content_type=_HTML
    )


class _Once:
    """`{{ once }}`: a new value wherever it stands."""

    def __str__(self) -> str:
        return ids.fresh("once")

    def __html__(self) -> str:
        return str(self)


@cache
def environment() -> jinja2.Environment:
    """Templates get plain values; everything is escaped, and a name that is not there is a fault."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters.update(FILTERS)
    return made


FILTERS: dict[str, Callable[..., Any]] = {
    "amount": words.amount,
    "money": words.money,
    "label": words.label,
    "short": words.short,
    "path": lambda text: quote(str(text), safe=""),
    "query": lambda pairs: urlencode({name: value for name, value in dict(pairs).items() if value not in (None, "")}),
}
