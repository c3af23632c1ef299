"""The contract and the pages that problems point to: what can be asked, and what each `code` means."""

import html
from functools import cache
from importlib import import_module
from typing import Any

from services.api import asyncapi, errors, etags, openapi
from services.api.resources import catalogue, events_in, health, notices, operations, parked_messages, webhooks
from services.api.routes import Call, Endpoint, Reply, Route, Who

EXPLANATIONS: dict[str, str] = {
    **errors.EXPLANATIONS,
    **etags.CODES,
    **catalogue.CODES,
    **events_in.CODES,
    **operations.CODES,
    **parked_messages.CODES,
    **notices.CODES,
    **webhooks.CODES,
    **health.CODES,
}
"""Every code that a problem can carry, with its sentence."""


def read_contract(_: Call) -> Reply:
    """OpenAPI 3.1, drawn from the routes that are served."""
    return Reply(contract())


def read_channels(_: Call) -> Reply:
    """AsyncAPI 3.0: what shops publish to RabbitMQ, and what we publish."""
    return Reply(channels())


def explain_problem(call: Call) -> Reply:
    """The page behind a problem's `type`."""
    code = call.params["code"]
    sentence = EXPLANATIONS.get(code)
    if sentence is None:
        raise errors.not_found("problem")
    return _page(code, f"<p>{html.escape(sentence)}</p><p><a href='/problems'>All problems</a></p>")


def list_problems(_: Call) -> Reply:
    """All codes on one page."""
    rows = "".join(
        f"<dt><a href='/problems/{html.escape(code)}'><code>{html.escape(code)}</code></a></dt><dd>{html.escape(sentence)}</dd>"
        for code, sentence in sorted(EXPLANATIONS.items())
    )
    return _page("Problems", f"<dl>{rows}</dl>")


def _page(title: str, content: str) -> Reply:
    text = (
        f"<!doctype html><html lang='en'><meta charset='utf-8'><title>{html.escape(title)} - Loomline</title>"
        f"<meta name='viewport' content='width=device-width'><body><h1>{html.escape(title)}</h1>{content}</body></html>"
    )
    return Reply(text.encode(), content_type="text/html; charset=utf-8", headers=_SAFE)


_SAFE = {"Content-Security-Policy": "default-src 'none'; base-uri 'none'; frame-ancestors 'none'"}


@cache
def contract() -> dict[str, Any]:
    """The OpenAPI document of all routes."""
    # The app imports this module, so the way back is taken late.
    return openapi.document(import_module("services.api.app").routes())


@cache
def channels() -> dict[str, Any]:
    """The AsyncAPI document."""
    return asyncapi.document()


def _open_to_all(path: str, do: Endpoint, summary: str, meaning: str) -> Route:
    return Route(
        method="GET", path=path, do=do, who=Who.ANYBODY, tag="contract", summary=summary, answers={200: meaning}
    )


ROUTES: tuple[Route, ...] = (
    _open_to_all("/openapi.json", read_contract, "This contract.", "OpenAPI 3.1."),
    _open_to_all("/asyncapi.json", read_channels, "The contract of the broker.", "AsyncAPI 3.0."),
    _open_to_all("/problems", list_problems, "Every problem's code explained.", "A page."),
    _open_to_all("/problems/{code}", explain_problem, "One problem's code explained.", "A page."),
)
