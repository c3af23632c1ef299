"""What a route is: one row says who may call it, what it parses, what it answers. The app, OpenAPI and the access tests read it."""

from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from typing import Any

import falcon
import msgspec
from sqlalchemy import Connection, Engine

from services.api.gate import Gate
from shared.messages import Actor, ActorKind
from shared.runtime.settings import Settings
from shared.storage.files import Files


class Who(StrEnum):
    """Who may call a route."""

    ANYBODY = "anybody"
    SIGNED_IN = "signed_in"
    PARTNER = "partner"
    ADMIN = "admin"


class Principal(msgspec.Struct, frozen=True):
    """The account behind a request. tenant: the partner whose things it may touch, None for an admin."""

    account_id: str
    name: str
    email: str
    role: str
    partner_id: str | None
    run_id: str | None = None
    """The only run that is open to them: a link in a message let them in, and nobody signed in."""

    @property
    def tenant(self) -> str | None:
        return self.partner_id

    @property
    def is_admin(self) -> bool:
        return self.role == "admin"

    @property
    def actor(self) -> Actor:
        """This account as the envelope of a message names it."""
        return Actor(ActorKind.ADMIN if self.is_admin else ActorKind.PARTNER, self.account_id, self.name)


class Desk(msgspec.Struct, frozen=True):
    """What every endpoint leans on: one per process."""

    settings: Settings
    engine: Engine
    gate: Gate
    files: Files


class Call(msgspec.Struct):
    """One request, authenticated and parsed. body: of the route's own type; query: only parameters the route names."""

    desk: Desk
    req: falcon.Request
    principal: Principal | None
    params: Mapping[str, str]
    query: Mapping[str, str]
    body: Any
    connection: Connection | None = None
    """The open transaction of a route that writes by itself (`transactional`)."""

    @property
    def who(self) -> Principal:
        """The account; only for routes that need one."""
        assert self.principal is not None
        return self.principal

    @property
    def tx(self) -> Connection:
        """The open transaction; only for transactional routes."""
        assert self.connection is not None
        return self.connection


class Reply(msgspec.Struct):
    """What goes back: a JSON object (or bytes with a content type of their own)."""

    body: Mapping[str, Any] | bytes | None
    status: int = 200
    headers: Mapping[str, str] = {}
    content_type: str = "application/json"
    stream: Iterable[bytes] | None = None
    """Sent in place of a body, piece by piece; `Content-Length` is among the headers then."""


Endpoint = Callable[[Call], Reply]
Opens = Callable[[Call, "Route", Mapping[str, str]], None]
Shows = Callable[[Desk, falcon.Request, Exception], Reply]


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """One method on one path.

    body: the type a JSON body is parsed into, None for none, bytes for the raw body, uploads.Files for a form with files.
    before_body: turns a caller away before a large body is read.
    query: the names of the parameters it takes; any other is refused.
    transactional: a short write of the gateway's own (catalogue, accounts), in one transaction with its idempotency key.
    answers: status → what it means, for the contract.
    headers: on every answer of this route, its problems too.
    """

    method: str
    path: str
    do: Endpoint
    who: Who
    summary: str
    body: Any = None
    query: tuple[str, ...] = ()
    before_body: Callable[[Call], object] | None = None
    transactional: bool = False
    answers: Mapping[int, str] = {}
    headers: Mapping[str, str] = {}
    tag: str = ""
    shows: "Shows | None" = None
    """Of a page for people: how it shows a problem. Such a route knows its caller by cookie, checks its forms, and is no part of the contract."""

    opens: "Opens | None" = None
    """Of a page: turns away who came by a link and wants to see more than that link opens."""

    @property
    def is_page(self) -> bool:
        return self.shows is not None
