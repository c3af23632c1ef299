"""A browser without JavaScript: it keeps cookies, follows redirects, reads pages, and sends the forms that stand on them as they stand."""

import hashlib
from typing import Any
from urllib.parse import urlencode, urlsplit

from bs4 import BeautifulSoup, Tag
from falcon import testing

from tests.gateway.house import PASSWORD, House


class Page:
    """A page as it came, after redirects."""

    def __init__(self, address: str, answer: testing.Result) -> None:
        self.address = address
        self.status = answer.status_code
        self.headers = answer.headers
        self.html = answer.text
        self.soup = BeautifulSoup(answer.text, "html.parser")

    @property
    def text(self) -> str:
        """What a person reads in the main part."""
        return " ".join((self.soup.find("main") or self.soup).get_text(" ").split())

    def form(self, action: str) -> Tag:
        """The form that is sent to an address (its end is enough)."""
        found = [form for form in self.soup.find_all("form") if str(form.get("action", "")).endswith(action)]
        assert found, (
            f"no form for {action} on {self.address}: {[form.get('action') for form in self.soup.find_all('form')]}"
        )
        return found[0]

    def has_form(self, action: str) -> bool:
        return any(str(form.get("action", "")).endswith(action) for form in self.soup.find_all("form"))

    def links(self) -> list[str]:
        return [str(link["href"]) for link in self.soup.find_all("a", href=True)]


class Browser:
    """Somebody's browser."""

    def __init__(self, house: House) -> None:
        self._house = house
        self.cookies: dict[str, str] = {}

    def sign_in(self, email: str) -> Page:
        self.open("/sign-in")
        return self.send(self.open("/sign-in"), "/sign-in", email=email, password=PASSWORD)

    def open(self, address: str, **headers: str) -> Page:
        return self._ask("GET", address, headers=headers)

    def send(self, page: Page, action: str, **typed: Any) -> Page:
        """Fill the form that is sent to `action` and send it. typed: with `__` for `.`; a list checks several boxes."""
        form = page.form(action)
        fields = [*self._standing(form, leave=set(map(_field, typed)))]
        for name, value in typed.items():
            fields += [(_field(name), str(each)) for each in (value if isinstance(value, list) else [value])]
        return self.post(str(form["action"]), fields)

    def post(self, address: str, fields: list[tuple[str, str]], **headers: str) -> Page:
        told = {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin", **headers}
        return self._ask("POST", address, body=urlencode(fields).encode(), headers=told)

    def _standing(self, form: Tag, *, leave: set[str]) -> list[tuple[str, str]]:
        """What the form's fields hold already."""
        found = []
        for field in form.find_all(["input", "textarea", "select"]):
            name = str(field.get("name", ""))
            if (
                not name
                or name in leave
                or (field.get("type") in ("checkbox", "radio") and not field.has_attr("checked"))
            ):
                continue
            if field.name == "select":
                chosen = field.find("option", selected=True) or field.find("option")
                found.append((name, str(chosen.get("value", "")) if chosen else ""))
            else:
                found.append((name, field.get_text() if field.name == "textarea" else str(field.get("value", ""))))
        return found

    def _ask(self, method: str, address: str, *, body: bytes | None = None, headers: dict[str, str]) -> Page:
        for _ in range(5):
            told = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items()), **headers}
            path, _, query = address.partition("?")
            answer = self._house.http.simulate_request(method, path, query_string=query, body=body, headers=told)
            for name, cookie in answer.cookies.items():
                self.cookies[name] = cookie.value
            if answer.status_code != 303:
                return Page(address, answer)
            target = urlsplit(answer.headers["location"])
            method, body, headers = "GET", None, {}
            address = f"{target.path}?{target.query}" if target.query else target.path
        raise AssertionError(f"{address} leads round in a circle")


def csrf_of(token: str) -> str:
    """What the forms of a browser with this session carry."""
    return hashlib.sha256(f"form {token}".encode()).hexdigest()[:40]


def _field(name: str) -> str:
    return name.replace("__", ".")
