"""The first page of a partner: their runs by tab, each with the one thing to do next."""

from collections.abc import Mapping
from typing import Any

from services.api.pages import frame
from services.api.pages.portal import shown
from services.api.queries import portal, runs
from services.api.routes import Call, Reply, Route, Who
from shared.domain.runs import RunType

_KEPT = ("run_type", "role")
"""Filters that stay when another tab is opened."""


def listed(call: Call) -> Reply:
    """One tab of the runs."""
    partner_id = call.who.partner_id or ""
    kept = {name: call.query[name] for name in _KEPT if call.query.get(name)}
    with call.desk.engine.connect() as connection:
        counted = portal.counts(connection, partner_id, run_type=kept.get("run_type"), role=kept.get("role"))
        tab = chosen(call.query.get("tab"), counted)
        asked = {**kept, **cursor_of(call), "status": ",".join(portal.TABS[tab])}
        page = runs.page(connection, asked, partner_id=partner_id)
        cards = portal.cards(connection, [run["id"] for run in page["production_runs"]])
        roles = portal.roles(connection, partner_id)
    return frame.page(
        call,
        "portal/runs.html",
        runs=[_row(run, cards) for run in page["production_runs"]],
        tabs=[(name, capped(count)) for name, count in counted.items()],
        tab=tab,
        kept=kept,
        roles=roles,
        run_types=[each.value for each in RunType],
        next_cursor=page["next_cursor"],
        is_later="cursor" in asked,
    )


def chosen(asked: str | None, counted: Mapping[str, int]) -> str:
    """The tab that was asked for, else the first that holds something."""
    if asked is not None and asked in counted:
        return asked
    return next((tab for tab, count in counted.items() if count), next(iter(counted)))


def capped(count: int) -> str:
    """A count as a tab shows it."""
    return str(count) if count < portal.MOST_COUNTED else f"{portal.MOST_COUNTED - 1}+"


def cursor_of(call: Call) -> dict[str, str]:
    """Where the page begins, if not at the beginning."""
    return {"cursor": call.query["cursor"]} if call.query.get("cursor") else {}


def _row(run: Mapping[str, Any], cards: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    step = shown.NEXT.get(run["phase"])
    is_open = step is not None and step.value in run["allowed_actions"]
    return {
        **run,
        **cards.get(run["id"], {"design": "", "picture": None}),
        "next": step.value if step and is_open else "",
    }


ROUTES: tuple[Route, ...] = (
    frame.route("GET", "/portal", listed, Who.PARTNER, "My runs.", query=("tab", "cursor", *_KEPT)),
)
