"""The portal of a test: a weaver with a browser, runs put before them, and a workshop that carries out what they send."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event

from shared.domain import commands
from shared.runtime import ids
from tests.gateway.house import House
from tests.pages.browser import Browser, Page


class Portal:
    """A weaver's browser, signed in."""

    def __init__(self, house: House) -> None:
        self.house, self.bench = house, house.bench
        self.partner = self.bench.a_partner("weaver")
        self.browser = Browser(house)
        self.browser.sign_in(house.an_account("pia", partner_id=self.partner))
        self._templates: list[str] = []

    # Going about ------------------------------------------------------------------------------------------------------

    def open(self, address: str) -> Page:
        return self.browser.open(address)

    def send(self, page: Page, action: str, **typed: Any) -> Page:
        """Fill and send a form while the actors are at work."""
        with self.house.open_workshop():
            return self.browser.send(page, action, **typed)

    def send_twice(self, page: Page, action: str, **typed: Any) -> Page:
        """A double tap: the same form, the same once."""
        self.send(page, action, **typed)
        return self.send(page, action, **typed)

    def upload(self, page: Page, action: str, *files: tuple[str, bytes]) -> int:
        """Send pictures as a browser's form does; returns the status."""
        form = page.form(action)
        told = [(name, str(form.find("input", {"name": name})["value"]).encode()) for name in ("csrf", "once")]
        parts = [
            f'--seam\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'.encode() + value for name, value in told
        ]
        parts += [
            f'--seam\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n\r\n'.encode() + content
            for name, content in files
        ]
        cookie = "; ".join(f"{name}={value}" for name, value in self.browser.cookies.items())
        with self.house.open_workshop():
            answer = self.house.http.simulate_post(
                str(form["action"]),
                body=b"\r\n".join([*parts, b"--seam--\r\n"]),
                headers={"Content-Type": "multipart/form-data; boundary=seam", "Cookie": cookie},
            )
        return int(answer.status_code)

    def status(self, address: str) -> int:
        """What a file's address answers with."""
        cookie = "; ".join(f"{name}={value}" for name, value in self.browser.cookies.items())
        return int(self.house.http.simulate_get(address, headers={"Cookie": cookie}).status_code)

    def speak(self, language: str, *, time_zone: str = "UTC") -> None:
        self.bench.change(
            "UPDATE partner SET language = :language, time_zone = :zone WHERE id = :id",
            language=language,
            zone=time_zone,
            id=self.partner,
        )

    @contextmanager
    def counted_queries(self) -> Iterator[list[str]]:
        """Every statement that the gateway sends while this lasts."""
        found: list[str] = []

        def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
            found.append(statement)

        event.listen(self.house.desk.engine, "before_cursor_execute", note)
        yield found
        event.remove(self.house.desk.engine, "before_cursor_execute", note)

    # Building ---------------------------------------------------------------------------------------------------------

    def a_run(
        self, name: str = "Indigo shawl", *, quantity: str = "4", steps: tuple[str, ...] = (), **design: Any
    ) -> str:
        """A run put before the weaver, moved on by the steps; design: columns of its design."""
        design_id = self.bench.a_design(ids.fresh("d"))
        for column, value in {"name": name, **design}.items():
            told = value if isinstance(value, str) else json.dumps(value)
            kind = "" if isinstance(value, str) else "::jsonb"
            statement = f"UPDATE design SET {column} = CAST(:value AS {kind[2:] or 'text'}) WHERE id = :id"
            self.bench.change(statement, value=told, id=design_id)
        if not self._templates:
            self._templates = ["weave", "wash"]
            for place, template in enumerate(self._templates):
                self.bench.a_template(template, position=place)
        run_id = self.bench.a_run(design_id, partner_id=self.partner, quantity=quantity)
        child = str(self.bench.done(commands.ApproveRun(), run_id=run_id)["children"][0])
        self.bench.done(commands.SendToProduction(template_names=self._templates), run_id=child)
        for step in steps:
            self.bench.done(_STEPS[step](), run_id=child, tenant=self.partner)
        return child

    def a_lone_task(self, title: str = "Bring the sample book") -> str:
        return str(self.bench.done(commands.CreateTask(partner_id=self.partner, title=title))["task_id"])

    def an_item(self, item: str = "item_yarn", *, title: str = "Cotton yarn", unit: str = "Meter") -> dict[str, Any]:
        """A material; returns the line of a design that plans 2.5 of it per piece."""
        self.bench.change(
            "INSERT INTO inventory_item (id, sku, title, unit_of_measure) VALUES (:id, :id, :title, :unit)",
            id=item,
            title=title,
            unit=unit,
        )
        return {"inventory_item_id": item, "quantity": "2.5"}

    def phase_stamps(self, run_id: str) -> list[str]:
        """Which stamps the run has."""
        run = self.bench.run(run_id)
        return [name for name in ("accepted_at", "started_at", "finished_at", "completed_at") if run[name]]


_STEPS = {"accept": commands.AcceptRun, "start": commands.StartRun, "finish": commands.FinishRun}
ALL = ("accept", "start", "finish")
