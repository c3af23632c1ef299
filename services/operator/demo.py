"""The demo: over HTTP only, as a shop, an admin and three partners would, one order is walked until its goods are finished.

Every step asks first how things stand, so a walk that was cut off goes on where it stopped, and a second one changes nothing.
"""

import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import httpx
import msgspec
import standardwebhooks
from rich.console import Console
from rich.markup import escape
from rich.tree import Tree

from shared.intake import signatures
from shared.runtime import clock

from . import home as homes

T = TypeVar("T")
Body = dict[str, Any]

PATIENCE = 20.0
"""Seconds the demo waits for one thing to happen by itself."""

RUNS = "/admin/production-runs"
TOKEN_FILE, PEOPLE_FILE = "demo_token", "demo_passwords"
"""In the home, for its owner's eyes only: the admin's API token, and `partner address password` a line."""


class DemoFailed(Exception):
    """The demo met something it did not expect; the message says what."""


# The catalogue ------------------------------------------------------------------------------------------------------


class Maker(NamedTuple):
    """A partner of the demo and the person who signs in for it."""

    handle: str
    name: str
    person: str


class Stage(NamedTuple):
    """One stage of the first run: who does what, and how its tasks are chosen."""

    role: str
    handle: str
    templates: Mapping[str, Any]


MAKERS = (
    Maker("demo-weaver", "Malabar Looms", "Meera"),
    Maker("demo-cutter", "Straight Edge Cutting", "Karim"),
    Maker("demo-tailor", "Seven Needles", "Tomas"),
)
TEMPLATES: tuple[Body, ...] = (
    {"name": "Warp the loom", "category": "weaving", "position": 1, "estimated_duration_minutes": 240},
    {"name": "Weave the cloth", "category": "weaving", "position": 2, "estimated_duration_minutes": 960},
    {"name": "Mark the pieces", "category": "cutting", "position": 1, "estimated_duration_minutes": 60},
    {"name": "Cut to pattern", "category": "cutting", "position": 2, "estimated_duration_minutes": 120},
    {"name": "Stitch the seams", "category": "stitching", "position": 1, "estimated_duration_minutes": 300},
    {"name": "Press and pack", "category": "finishing", "position": 2, "estimated_duration_minutes": 45},
    {"name": "Mend a fault", "category": "finishing", "kind": "redo", "estimated_duration_minutes": 30},
)
ITEMS: tuple[Body, ...] = (
    {"sku": "DEMO-YARN", "title": "Cotton yarn", "unit_of_measure": "Kilogram", "unit_cost": "6.50"},
    {"sku": "DEMO-DYE", "title": "Indigo dye", "unit_of_measure": "Gram", "unit_cost": "0.08"},
    {"sku": "DEMO-BUTTON", "title": "Shell buttons", "unit_of_measure": "Piece", "unit_cost": "0.15"},
)
OUR_STORE, LOOM_SHED = "Demo: our store", "Demo: the weaver's shed"
LEVELS = (
    ("DEMO-YARN", OUR_STORE, 40),
    ("DEMO-YARN", LOOM_SHED, 25),
    ("DEMO-DYE", LOOM_SHED, 900),
    ("DEMO-BUTTON", OUR_STORE, 500),
)
DESIGNS: tuple[Body, ...] = (
    {
        "name": "Demo: indigo shawl",
        "description": "A light shawl, woven from indigo cotton, with a hand-rolled hem.",
        "status": "Commerce_Ready",
        "category": "demo",
        "specifications": {"weave": "plain", "finished size": "200 × 70 cm", "hem": "rolled by hand"},
        "colours": ["indigo", "undyed"],
        "sizes": ["one size"],
        "uses": {"DEMO-YARN": ("0.4", LOOM_SHED), "DEMO-DYE": ("12", LOOM_SHED)},
    },
    {
        "name": "Demo: market shirt",
        "description": "A collarless shirt with five shell buttons.",
        "status": "Commerce_Ready",
        "category": "demo",
        "specifications": {"cloth": "handloom cotton, 110 g", "stitches": "12 to the inch"},
        "colours": [{"name": "natural", "code": "#efe6d2"}],
        "sizes": ["S", "M", "L"],
        "uses": {"DEMO-YARN": ("0.3", OUR_STORE), "DEMO-BUTTON": ("5", OUR_STORE)},
    },
)
PRODUCTS = {"demo-shawl": "Demo: indigo shawl", "demo-shirt": "Demo: market shirt"}

SOURCE = "demo-shop.localhost"
ORDER: Body = {
    "id": "demo-1001",
    "display_id": "1001",
    "items": [
        {"id": "demo-1001-1", "product_id": "demo-shawl", "title": "Indigo shawl", "quantity": 6},
        {"id": "demo-1001-2", "product_id": "demo-shirt", "title": "Market shirt", "quantity": 3},
        {"id": "demo-1001-3", "product_id": "demo-gift-card", "title": "Gift card", "quantity": 1},
    ],
}
WALKED, LEFT_OPEN, UNMAPPED = (item["id"] for item in ORDER["items"])
STAGES = (
    Stage("weaving", "demo-weaver", {"template_category": "weaving"}),
    Stage("cutting", "demo-cutter", {"template_names": ["Mark the pieces", "Cut to pattern"]}),
    Stage("stitching", "demo-tailor", {"template_names": ["Stitch the seams", "Press and pack"]}),
)
BY_TASKS = "cutting"
"""The stage whose partner reports task by task; the others press start, finish and complete."""

NEXT_STEP = {"assigned": "accept", "accepted": "start", "started": "finish", "finished": "complete"}


# Walking ------------------------------------------------------------------------------------------------------------


def walk(
    url: str,
    *,
    home: Path,
    email: str,
    password: str | None,
    event_secret: str,
    console: Console,
    tend: Callable[[], None] = lambda: None,
) -> None:
    """Walk the demo order through the house at this URL, or say that it was walked. Raises DemoFailed.

    home: where the demo keeps its token and passwords. password: the admin's, needed only while there is no good token.
    event_secret: the setting; signs the shop's event. tend: called while waiting.
    """
    try:
        with httpx.Client(base_url=url, timeout=40) as client:
            admin = Caller("admin", client, tend=tend)
            admin.token = _admin_token(admin, email=email, password=password, file=home / TOKEN_FILE)
            Walk(admin, home=home, event_secret=event_secret, console=console).run()
    except httpx.HTTPError as error:
        raise DemoFailed(f"the gateway did not answer ({type(error).__name__}). The next start goes on.") from None


def _admin_token(admin: "Caller", *, email: str, password: str | None, file: Path) -> str:
    """An API token of the admin's, kept in the home because a generated password is known to the first start only."""
    kept = homes.read(file)
    if kept and admin.is_known(kept):
        return kept
    session = password and _log_in(admin.client, email, password)
    if not session:
        raise DemoFailed(
            "it needs the admin's password, which only the first start knew. "
            "Start once with LOOMLINE_ADMIN_PASSWORD set; the admin gets that one."
        )
    admin.token = session
    secret = str(admin.post("/auth/tokens", {"name": "demo"})["secret"])
    homes.write(file, secret)
    return secret


class Caller:
    """Somebody who calls the gateway. What is no success is a DemoFailed."""

    def __init__(self, name: str, client: httpx.Client, *, tend: Callable[[], None], token: str = "") -> None:
        self.name = name
        self.token = token
        self.client = client
        self.tend = tend

    def get(self, path: str, **query: str) -> Body:
        return _answer(self.client.get(path, params=query, headers=self._headers()))

    def post(self, path: str, body: Mapping[str, Any] | None = None) -> Body:
        """Post and wait for the answer, also when it was not there in time: 202 says where it will be."""
        response = self.client.post(path, json=body or {}, headers=self._headers())
        answer = _answer(response)
        where = response.headers.get("Location", "")
        if response.status_code == 202 and where.startswith("/commands/"):
            self.wait(lambda: self._is_carried_out(where), f"the answer to {path}")
        return answer

    def is_known(self, token: str) -> bool:
        """Whether this is still an admin's token."""
        return self.client.get(RUNS, params={"limit": "1"}, headers=_bearer(token)).status_code == 200

    def wait(self, look: Callable[[], T | None], what: str) -> T:
        """Look again and again until there is something to see."""
        deadline = time.monotonic() + PATIENCE
        while True:
            seen = look()
            if seen:
                return seen
            if time.monotonic() > deadline:
                raise DemoFailed(f"{what} did not come within {PATIENCE:.0f} seconds. The next start goes on.")
            self.tend()
            threading.Event().wait(0.05)

    def _is_carried_out(self, where: str) -> bool:
        command = self.get(where)
        if command["state"] in ("refused", "failed"):
            raise DemoFailed(f"{command['name']}: {(command['problem'] or {}).get('detail', command['state'])}")
        return bool(command["state"] == "done")

    def _headers(self) -> dict[str, str]:
        return _bearer(self.token) if self.token else {}


class Walk:
    """One walk. Use it once."""

    def __init__(self, admin: Caller, *, home: Path, event_secret: str, console: Console) -> None:
        self.admin = admin
        self.home = home
        self.event_secret = event_secret
        self.console = console
        self.partners: dict[str, str] = {}
        """Partner id by handle."""
        self.people: dict[str, Caller] = {}

    def run(self) -> None:
        lines = self._lines()
        if self._is_walked(lines):
            self.console.print("\nThe demo order [bold]demo-1001[/bold] was walked before.", highlight=False)
        else:
            self.console.print("\n[bold]A demo order, from the shop to finished goods[/bold]")
            self._lay_out_catalogue()
            lines = self._take_order()
            self._make_goods(lines[WALKED])
            self._leave_open(lines[LEFT_OPEN])
        self._show(lines[WALKED], lines[LEFT_OPEN])

    def _is_walked(self, lines: Mapping[str, Body]) -> bool:
        parents = [lines[name]["production_run_id"] for name in (WALKED, LEFT_OPEN) if name in lines]
        phases = [self._run(run_id)["phase"] for run_id in parents]
        return len(phases) == 2 and phases[0] in ("completed", "cancelled") and phases[1] != "review"

    # Catalogue --------------------------------------------------------------------------------------------------------

    def _lay_out_catalogue(self) -> None:
        for maker in MAKERS:
            self.partners[maker.handle] = self._ensure(
                "partner", "handle", {"handle": maker.handle, "name": maker.name}
            )
        self._say("admin", f"has {len(MAKERS)} partners: {', '.join(maker.name for maker in MAKERS)}")
        for maker in MAKERS:
            self.people[maker.handle] = self._person_of(maker)
        for template in TEMPLATES:
            self._ensure("task-template", "name", template)
        self._say("admin", f"has {len(TEMPLATES)} task templates, one of them for rework")
        designs = self._lay_out_designs()
        for product, design in PRODUCTS.items():
            self._ensure("product", "product_id", {"product_id": product, "design_id": designs[design]})
        self._say("admin", f"has {len(DESIGNS)} designs, {len(PRODUCTS)} products, {len(ITEMS)} materials in stock")

    def _lay_out_designs(self) -> dict[str, str]:
        """The designs' ids by name, after the materials that they are made of."""
        items = {item["sku"]: self._ensure("inventory-item", "sku", item) for item in ITEMS}
        places = {
            OUR_STORE: self._ensure("stock-location", "name", {"name": OUR_STORE}, search="q"),
            LOOM_SHED: self._ensure(
                "stock-location", "name", {"name": LOOM_SHED, "partner_id": self.partners["demo-weaver"]}, search="q"
            ),
        }
        for sku, place, stocked in LEVELS:
            self._ensure_level(items[sku], places[place], stocked)
        return {each["name"]: self._ensure_design(each, items=items, places=places) for each in DESIGNS}

    def _ensure_design(self, design: Body, *, items: Mapping[str, str], places: Mapping[str, str]) -> str:
        planned = [
            {"inventory_item_id": items[sku], "quantity": quantity, "location_id": places[place]}
            for sku, (quantity, place) in design["uses"].items()
        ]
        told = {name: value for name, value in design.items() if name != "uses"}
        return self._ensure("design", "name", {**told, "planned_materials": planned}, search="q")

    def _ensure_level(self, item: str, place: str, stocked: int) -> None:
        at = {"inventory_item_id": item, "location_id": place}
        if not self.admin.get("/admin/stock-levels", **at)["stock_levels"]:
            self.admin.post("/admin/stock-levels", {**at, "stocked": stocked})

    def _ensure(self, thing: str, key: str, body: Body, *, search: str = "") -> str:
        """The id of the thing with this key, made if it is not there. search: the list's parameter, if not the key's own."""
        path, singular = f"/admin/{thing}s", thing.replace("-", "_")
        found = self.admin.get(path, **{search or key: body[key]}, limit="200")[f"{singular}s"]
        same = [each for each in found if each[key] == body[key] and not each.get("retired_at")]
        made = same[0] if same else self.admin.post(path, body)[singular]
        return str(made["id"])

    # People -----------------------------------------------------------------------------------------------------------

    def _person_of(self, maker: Maker) -> Caller:
        """A partner's person, signed in; the account is made if there is none that we know the password of."""
        client, tend = self.admin.client, self.admin.tend
        email, password = self._kept().get(maker.handle) or self._keep(maker, f"{maker.handle}@loomline.localhost")
        token = _log_in(client, email, password)
        while token is None:
            if not self._add_account(maker, email, password):
                email, password = self._keep(maker, f"{maker.handle}-{secrets.token_hex(3)}@loomline.localhost")
                continue
            token = _log_in(client, email, password)
            self._say("admin", f"{maker.person} signs in: {email}  {password}")
        return Caller(maker.person, client, tend=tend, token=token)

    def _add_account(self, maker: Maker, email: str, password: str) -> bool:
        """False when the address is taken: its password was kept in another home."""
        path = f"/admin/partners/{self.partners[maker.handle]}/accounts"
        if self.admin.get(path, email=email)["accounts"]:
            return False
        self.admin.post(path, {"name": maker.person, "email": email, "password": password})
        return True

    def _kept(self) -> dict[str, tuple[str, str]]:
        """Address and password by the partner's handle."""
        lines = (homes.read(self.home / PEOPLE_FILE) or "").splitlines()
        people = [words for line in lines if len(words := line.split()) == 3]
        return {handle: (email, password) for handle, email, password in people}

    def _keep(self, maker: Maker, email: str) -> tuple[str, str]:
        """Write a new password down before anybody else knows it: a walk may be cut off."""
        people = {**self._kept(), maker.handle: (email, secrets.token_urlsafe(12))}
        homes.write(self.home / PEOPLE_FILE, "\n".join(" ".join((handle, *rest)) for handle, rest in people.items()))
        return people[maker.handle]

    # The order --------------------------------------------------------------------------------------------------------

    def _lines(self) -> dict[str, Body]:
        """The order's lines by their ids; none before it came in."""
        found = self.admin.get("/admin/order-lines", order_id=ORDER["id"], source=SOURCE)["order_lines"]
        return {line["order_line_item_id"]: line for line in found}

    def _take_order(self) -> dict[str, Body]:
        if not self._lines():
            self._place_order()
        lines = self.admin.wait(self._lines, "the order's lines")
        for item in ORDER["items"]:
            line = lines[item["id"]]
            became = "becomes a run" if line["outcome"] == "run" else f"makes no run ({line['outcome']}), kept with why"
            self._say("loomline", f"{item['quantity']} × {item['title']} {became}")
        return lines

    def _place_order(self) -> None:
        raw = msgspec.json.encode(
            {
                "specversion": "1.0",
                "id": ORDER["id"],
                "source": SOURCE,
                "type": "order.placed",
                "datacontenttype": "application/json",
                "data": ORDER,
            }
        )
        headers = {"Content-Type": "application/cloudevents+json", **_signed(raw, setting=self.event_secret)}
        _answer(self.admin.client.post("/events", content=raw, headers=headers))
        self._say("shop", f"places order {ORDER['id']} with {len(ORDER['items'])} lines, signed")

    # The first run ----------------------------------------------------------------------------------------------------

    def _make_goods(self, line: Body) -> None:
        """Allocate the run to three partners in stages and walk every stage."""
        parent = line["production_run_id"]
        if "approve" in self._run(parent)["allowed_actions"]:
            self.admin.post(f"{RUNS}/{parent}/approve", {"assignments": [self._share(stage) for stage in STAGES]})
            self._say("admin", "approves the shawls in stages: weave, cut, stitch", phase=self._run(parent)["phase"])
        children = {child["role"]: child["id"] for child in self._children(parent)}
        if missing := {stage.role for stage in STAGES} - children.keys():
            raise DemoFailed(f"its run was approved in another way, without {', '.join(sorted(missing))}.")
        first = STAGES[0]
        if self._run(children[first.role])["phase"] == "approved":
            self.admin.post(f"{RUNS}/{children[first.role]}/send-to-production", first.templates)
            self._say("admin", f"dispatches the first stage, {first.role}", phase="assigned")
        for stage in STAGES:
            self._work(stage, children[stage.role], is_first=stage is first)
        self.admin.wait(lambda: self._run(parent)["phase"] == "completed", "the parent's end")
        self._say("loomline", "closes the parent run by itself", phase="completed")

    def _share(self, stage: Stage) -> Body:
        order = STAGES.index(stage) + 1
        return {"partner_id": self.partners[stage.handle], "role": stage.role, "order": order, **stage.templates}

    def _work(self, stage: Stage, run_id: str, *, is_first: bool) -> None:
        """One partner's whole stage, from wherever it stands."""
        person = self.people[stage.handle]
        self.admin.wait(lambda: self._run(run_id)["phase"] != "approved", f"the release of {stage.role}")
        if not is_first and self._run(run_id)["phase"] == "assigned":
            self._say("loomline", f"releases the next stage, {stage.role}", phase="assigned")
        for phase in self._phases(person, run_id):
            if stage.role == BY_TASKS and phase in ("accepted", "started"):
                self._finish_tasks(person, run_id)
            else:
                self._step(person, run_id, NEXT_STEP[phase])

    def _phases(self, person: Caller, run_id: str) -> Iterator[str]:
        """The run's phase as its partner sees it, as long as there is something to do."""
        while (phase := _own(person, run_id)["phase"]) in NEXT_STEP:
            yield phase

    def _step(self, person: Caller, run_id: str, verb: str) -> None:
        body = {"notes": "All pieces passed the light table."} if verb == "finish" else {}
        person.post(f"/partners/production-runs/{run_id}/{verb}", body)
        run = _own(person, run_id)
        self._say(person.name, _verb_sentence(verb, run["role"]), phase=run["phase"])

    def _finish_tasks(self, person: Caller, run_id: str) -> None:
        """Task by task; the last one completes the run."""
        tasks = [task for task in _own(person, run_id)["tasks"] if task["status"] not in ("completed", "cancelled")]
        for task in tasks:
            path = f"/partners/assigned-tasks/{task['id']}"
            if not person.get(f"{path}/comments")["comments"]:
                person.post(f"{path}/comments", {"comment": "The nap runs downwards on all pieces."})
            person.post(f"{path}/finish")
            self._say(person.name, f"comments and finishes “{task['title']}”", phase=_own(person, run_id)["phase"])

    # The second run ---------------------------------------------------------------------------------------------------

    def _leave_open(self, line: Body) -> None:
        """The second run goes to one partner, and waits there for the newcomer."""
        parent = line["production_run_id"]
        if "approve" not in self._run(parent)["allowed_actions"]:
            return
        share = {"partner_id": self.partners["demo-tailor"], "role": "stitching", **STAGES[-1].templates}
        self.admin.post(f"{RUNS}/{parent}/approve", {"assignments": [share]})
        self._say("admin", "sends the shirts to Tomas; play with them yourself", phase="assigned")

    # The end ----------------------------------------------------------------------------------------------------------

    def _show(self, walked: Body, left_open: Body) -> None:
        run_id = walked["production_run_id"]
        self.console.print()
        for title, each in (("shawls", run_id), ("shirts", left_open["production_run_id"])):
            self.console.print(self._family(title, each), highlight=False, soft_wrap=True)
        base = str(self.admin.client.base_url).rstrip("/")
        told = (
            "\n[bold]Read the finished run[/bold]",
            f"  TOKEN=$(cat {escape(str(self.home / TOKEN_FILE))})",
            f'  curl -H "Authorization: Bearer $TOKEN" \\\n    {base}{RUNS}/{run_id}',
            f"[bold]Partners' passwords[/bold]  {escape(str(self.home / PEOPLE_FILE))}",
            f"[bold]The shirts wait[/bold]      for Tomas: his portal is at {base}",
            "[bold]The console[/bold]          is at the same address, for the admin",
            f"[bold]Also there[/bold]           {base}/docs  /openapi.json  /metrics",
        )
        for line in told:
            self.console.print(line, highlight=False, soft_wrap=True)

    def _family(self, title: str, run_id: str) -> Tree:
        run = self._run(run_id)
        tree = Tree(f"{run['quantity']} {title}  [dim]{run_id}[/dim]  {_coloured(run['phase'])}")
        for child in self._children(run_id):
            who = escape(child["partner_name"] or "nobody")
            tree.add(f"{escape(child['role'] or 'all'):<10} {who:<22} {_coloured(child['phase'])}")
        return tree

    def _children(self, run_id: str) -> list[Body]:
        return list(self.admin.get(f"{RUNS}/{run_id}")["related"]["children"])

    def _run(self, run_id: str) -> Body:
        return dict(self.admin.get(f"{RUNS}/{run_id}")["production_run"])

    def _say(self, who: str, what: str, *, phase: str = "") -> None:
        """One short line: who did what, and the run's phase afterwards."""
        arrow = f" → {_coloured(phase)}" if phase else ""
        self.console.print(f"  [cyan]{who:<9}[/cyan] {escape(what)}{arrow}", highlight=False, soft_wrap=True)


def _own(person: Caller, run_id: str) -> Body:
    """The run as its partner sees it."""
    return dict(person.get(f"/partners/production-runs/{run_id}")["production_run"])


def _verb_sentence(verb: str, role: str | None) -> str:
    return {
        "accept": f"accepts the {role}",
        "start": f"starts the {role}",
        "finish": f"finishes the {role}, with a note",
        "complete": f"completes the {role}",
    }[verb]


def _coloured(phase: str) -> str:
    return f"[{'green' if phase == 'completed' else 'yellow'}]{phase}[/]"


def _log_in(client: httpx.Client, email: str, password: str) -> str | None:
    """A session's token, or None when the two do not belong together."""
    response = client.post("/auth/login", json={"email": email, "password": password})
    return None if response.status_code == 401 else str(_answer(response)["token"])


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def _signed(raw: bytes, *, setting: str) -> dict[str, str]:
    """The headers of Standard Webhooks, by the first secret of the setting."""
    try:
        key = signatures.keys(setting)[0]
    except (signatures.UnusableSecret, IndexError):
        raise DemoFailed("LOOMLINE_EVENT_SECRET cannot be used; leave it empty and one is made.") from None
    message_id, at = f"msg_{secrets.token_hex(12)}", clock.now()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": standardwebhooks.Webhook(key).sign(message_id, at, raw.decode()),
    }


def _answer(response: httpx.Response) -> Body:
    if response.is_error:
        raise DemoFailed(
            f"{response.request.method} {response.request.url.path} answered {response.status_code}: {response.text[:300]}"
        )
    answer: Body = response.json()
    return answer
