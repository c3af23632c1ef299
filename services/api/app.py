"""The gateway as a WSGI application: every route of the resource modules on Falcon, one Desk for the process."""

import re
import time
from collections.abc import Iterable
from importlib import import_module
from typing import Any

import falcon
import structlog

from services.api import answers, dispatching, errors
from services.api.gate import Gate
from services.api.pages import frame
from services.api.routes import Desk, Route
from shared.runtime import ids, logs, metrics
from shared.runtime import settings as settings_
from shared.runtime.settings import Settings
from shared.storage import database, mail
from shared.storage.files import Files
from shared.storage.listening import Listener

App = falcon.App[falcon.Request, falcon.Response]

MOST_CONNECTIONS = 20
"""Of one gateway process to the database; requests beyond it wait a moment for a free one."""

RESOURCES = (
    "accounts",
    "partner_runs",
    "tasks",
    "admin_runs",
    "material",
    "commands",
    "catalogue",
    "order_lines",
    "operations",
    "parked_messages",
    "notices",
    "webhooks",
    "policy",
    "media",
    "events_in",
    "shops_in",
    "legacy_designs",
    "health",
    "contract",
)
"""The modules under `resources` whose ROUTES make the JSON API."""

PAGES = (
    "assets",
    "sign_in",
    "links",
    "pictures",
    "on_its_way",
    "docs",
    "portal.runs",
    "portal.run",
    "portal.completing",
    "portal.tasks",
    "portal.account",
    "console.today",
    "console.runs",
    "console.several",
    "console.order_lines",
    "console.notices",
    "console.operations",
    "console.orders",
    "console.parked",
    "console.run",
    "console.designs",
    "console.partners",
    "console.products",
    "console.templates",
    "console.inventory",
    "console.policy",
    "console.webhooks",
    "console.account",
)
"""The modules under `pages` whose ROUTES make the portal and the console."""


def create(settings: Settings | None = None) -> App:
    """The application of this process. Connections open with the first request."""
    settings = settings or settings_.read()
    logs.start(settings, process="gateway")
    return build(desk_of(settings), [*routes(), *pages()])


def desk_of(settings: Settings) -> Desk:
    """The one Desk of a process."""
    engine = database.connect(
        settings.database_url, pool_size=min(settings.gateway_threads, MOST_CONNECTIONS), application="loomline-gateway"
    )
    return Desk(settings, engine, Gate(engine, Listener(settings.database_url, mail.ANSWER_CHANNEL)), Files(settings))


def routes() -> list[Route]:
    """Every route of the JSON API, in the order of its modules."""
    return _of("resources", RESOURCES)


def pages() -> list[Route]:
    """Every page for people, in the order of its modules."""
    return _of("pages", PAGES)


def _of(room: str, names: Iterable[str]) -> list[Route]:
    modules = [import_module(f"services.api.{room}.{name}") for name in names]
    return [route for module in modules for route in module.ROUTES]


def build(desk: Desk, served: Iterable[Route]) -> App:
    """An application that serves these routes."""
    app: App = falcon.App(middleware=[Frame()])
    by_path: dict[str, list[Route]] = {}
    for route in served:
        by_path.setdefault(route.path, []).append(route)
    for path, together in by_path.items():
        app.add_route(path, dispatching.Address(desk, together))
    errors.handle_in(app, answers.send, show=lambda req, ex: frame.show_problem(desk, req, ex))
    return app


class Frame:
    """Around every request: its id, the headers every answer carries, a line in the log, the metrics."""

    def __init__(self) -> None:
        self._log = logs.get("gateway")

    def process_request(self, req: falcon.Request, resp: falcon.Response) -> None:
        given = req.get_header("X-Request-Id") or ""
        req.context.request_id = given if re.fullmatch(r"[\w.:-]{1,128}", given, re.ASCII) else ids.fresh("req")
        req.context.began = time.perf_counter()
        structlog.contextvars.bind_contextvars(request_id=req.context.request_id)

    def process_response(self, req: falcon.Request, resp: falcon.Response, resource: Any, succeeded: bool) -> None:
        for name, value in _HEADERS.items():
            if resp.get_header(name) is None:
                resp.set_header(name, value)
        resp.set_header("X-Request-Id", req.context.request_id)
        seconds = time.perf_counter() - req.context.began
        template = req.uri_template or "(none)"
        method = req.method if req.method in falcon.HTTP_METHODS else "(other)"
        metrics.HTTP_REQUESTS.labels(method, template, resp.status_code).inc()
        metrics.HTTP_SECONDS.labels(method, template).observe(seconds)
        self._log.debug("answered", method=method, route=template, status=resp.status_code, seconds=round(seconds, 4))
        structlog.contextvars.unbind_contextvars("request_id")


_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-store",
}
