"""Every page of the house as somebody sees it in the town: made from the route table, so that no page is forgotten."""

import re
from typing import Any

import msgspec

from services.api import app
from services.api.routes import Route, Who
from tests.browser.chromium import DESK, PHONE
from tests.browser.town import Town

NOT_PAGES = ("/static/", "/pictures/", "/on-its-way/", "/l/")
"""Addresses that browsers ask for and people do not look at, or that lead on."""


class View(msgspec.Struct, frozen=True):
    """A page that somebody looks at. who: the partner's name, "admin", or nobody."""

    name: str
    address: str
    who: str = "admin"

    @property
    def size(self) -> tuple[int, int]:
        return PHONE if self.address.startswith("/portal") or not self.who else DESK


def of(town: Town) -> list[View]:
    """All views: one of every page, and more of those that look different from case to case."""
    ids = _ids(town)
    found = [_view(route, ids) for route in app.pages() if _is_page(route)]
    return [View("sign-in", "/sign-in", ""), *found, *_cases(town)]


def routes() -> list[Route]:
    """The routes that have views."""
    return [route for route in app.pages() if _is_page(route)]


def _is_page(route: Route) -> bool:
    is_looked_at = route.path not in ("/", "/sign-in") and not route.path.startswith(NOT_PAGES)
    return route.method == "GET" and is_looked_at and not _LIKE_ANOTHER.fullmatch(route.path)


_LIKE_ANOTHER = re.compile(r"/console/policy/(?!general)\w+(/defaults)?")
"""The sections of the policy are one page; each has an address that leads to it."""


def _view(route: Route, ids: dict[str, str]) -> View:
    begin = max((begin for begin in ids if route.path.startswith(begin)), key=len, default="")
    address = re.sub(r"\{id\}", ids.get(begin, "-"), route.path)
    address = address.replace("{partner_id}", ids["/console/partners/"]).replace("{page}", "webhook-events")
    name = route.path.strip("/").replace("/", "-").replace("{", "").replace("}", "")
    return View(name, address, "Meera Looms" if route.who is Who.PARTNER else "admin")


def _ids(town: Town) -> dict[str, str]:
    """An id for every path that has one, by how the path begins."""

    def first(path: str, plural: str, **query: str) -> str:
        return str(next(iter(town.get(path, limit="1", **query)[plural]), {"id": "-"})["id"])

    task = next(iter(town.get(f"/admin/production-runs/{town.runs['working']}")["tasks"]))
    return {
        "/portal/runs/": town.runs["working"],
        "/portal/runs/{id}/decline": town.runs["incoming"],
        "/portal/runs/{id}/complete": town.runs["finished"],
        "/portal/tasks/": str(task["id"]),
        "/console/runs/": town.runs["staged"],
        "/console/designs/": town.designs["Indigo shawl"],
        "/console/partners/": town.partners["Meera Looms"],
        "/console/products/": first("/admin/products", "products"),
        "/console/templates/": first("/admin/task-templates", "task_templates"),
        "/console/templates/categories/": first("/admin/task-template-categories", "task_template_categories"),
        "/console/inventory/": first("/admin/inventory-items", "inventory_items"),
        "/console/inventory/locations/": first("/admin/stock-locations", "stock_locations"),
        "/console/inventory/levels/": first("/admin/stock-levels", "stock_levels"),
        "/console/order-lines/": first("/admin/order-lines", "order_lines"),
        "/console/notices/": first("/admin/notices", "notices"),
        "/console/operations/dead-letters/": first("/admin/operations/dead-letters", "dead_letters"),
        "/console/account/tokens/": town.token,
        "/console/webhooks/": town.webhook,
        "/portal/account/tokens/": town.partner_token,
    }


def _cases(town: Town) -> list[View]:
    """Pages that look different from case to case."""
    hindi = "Rangrez Dye House"
    partner = [
        View(f"portal-run-{name}", f"/portal/runs/{town.runs[name]}", "Meera Looms")
        for name in ("incoming", "finished", "done")
    ]
    admin = [
        View(f"console-run-{name}", f"/console/runs/{town.runs[name]}")
        for name in ("review", "working", "declined", "held", "done")
    ]
    tabs = [View(f"portal-{tab}", f"/portal?tab={tab}", "Meera Looms") for tab in ("in_progress", "waiting", "done")]
    return [*partner, *admin, *tabs, View("portal-hindi", "/portal", hindi), View("nowhere", "/console/nowhere")]


def stands(address: str, answer: Any) -> bool:
    """The page is there (the page for lost people is there too)."""
    return answer is not None and answer.status == (404 if "nowhere" in address else 200)
