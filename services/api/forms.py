"""Forms of pages: what a browser sends, as the nested object that the JSON of the same request would be.

A field's name is the place of its value: `assignments.0.quantity`; a name that ends in `[]` is a list. Blank fields count as
left out, and so do rows of which nothing was filled in.
"""

import secrets
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl

import falcon
import msgspec

from services.api import bodies, cookies, errors
from shared.runtime import ids

MOST_FIELDS = 2_000
OWN_FIELDS = frozenset({"csrf", "once", "etag"})
"""Fields of the form itself, no part of what it says."""


class Form(msgspec.Struct, frozen=True):
    """The body type of a page that takes a form. values: every field with all its values, as typed."""

    values: Mapping[str, list[str]]

    def text(self, name: str, default: str = "") -> str:
        """One field as it was typed."""
        return next(iter(self.values.get(name, ())), default)

    @property
    def once(self) -> str:
        """The same for every sending of one form: what makes a double tap change nothing."""
        return self.text("once") or ids.fresh("once")

    def nested(self, *, keep_blank: bool = False) -> dict[str, Any]:
        """The fields as one object. keep_blank: a blank field is null, for edits that empty something."""
        tree: dict[str, Any] = {}
        for name, values in self.values.items():
            if name in OWN_FIELDS:
                continue
            if name.endswith("[]"):
                _put(tree, name[:-2].split("."), [value for value in values if value.strip()])
            elif values[-1].strip() or keep_blank:
                _put(tree, name.split("."), values[-1].strip() or None)
        plain: dict[str, Any] = _rows(tree)
        return plain


class Filled(msgspec.Struct, frozen=True, kw_only=True):
    """A form that is shown again: what was typed, and what was wrong with it."""

    name: str
    form: Form
    status: int
    detail: str
    code: str
    errors: Mapping[str, str] = {}
    """Field name → sentence."""

    def value(self, name: str, field: str, default: Any = "") -> Any:
        """What was typed into a field of the form `name`, else the default."""
        return self.form.text(field) if name == self.name and field in self.form.values else default

    def error(self, name: str, field: str) -> str:
        return self.errors.get(field, "") if name == self.name else ""


def filled(name: str, form: Form, problem: Mapping[str, Any], status: int) -> Filled:
    """The form as it comes back, from a problem's body."""
    found = {_field(each["pointer"]): each["detail"] for each in problem.get("errors", ()) if each.get("pointer")}
    detail, code = str(problem.get("detail", "")), str(problem.get("code", ""))
    return Filled(name=name, form=form, status=status, detail=detail, code=code, errors=found)


def read(raw: bytes, req: falcon.Request) -> Form:
    """The fields of an urlencoded body. Raises 400 for what is none, 415 for another kind."""
    kind = (req.content_type or "").partition(";")[0].strip().lower()
    if raw and kind != "application/x-www-form-urlencoded":
        raise errors.unsupported("Send a form: Content-Type application/x-www-form-urlencoded.")
    try:
        pairs = parse_qsl(raw.decode(), keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS)
    except ValueError:
        raise errors.unreadable("The form cannot be read.") from None
    values: dict[str, list[str]] = {}
    for name, value in pairs:
        if "\0" in name or "\0" in value:
            raise errors.field(f"/{name}".replace("\0", ""), "The text must not hold a NUL character.")
        values.setdefault(name, []).append(value.replace("\r\n", "\n"))
    return Form(values)


def check(req: falcon.Request, told: str) -> None:
    """Turn a form away that was not sent from a page of ours. Raises 403."""
    origin = req.get_header("Origin")
    is_foreign = req.get_header("Sec-Fetch-Site") in ("cross-site", "same-site") or (
        origin is not None and origin != "null" and origin.rpartition("//")[2] != req.netloc
    )
    if is_foreign or not secrets.compare_digest(told.encode(), cookies.csrf(req).encode()):
        raise errors.forbidden(
            "This form is not from a page of yours that is still good. Load the page again and send it once more.",
            code="form_not_ours",
        )


def parsed(body: Mapping[str, Any], kind: Any) -> Any:
    """The nested object as the type that the JSON of the same request is parsed into. Raises the same problems."""
    bodies.parse(msgspec.json.encode(body), dict[str, Any])
    wanted = bodies.Nothing if kind is None else kind
    try:
        return msgspec.convert(body, wanted, strict=False)
    except msgspec.ValidationError as wrong:
        raise bodies.problem_of(wrong, wanted) from None


def _put(tree: dict[str, Any], path: list[str], value: Any) -> None:
    for step in path[:-1]:
        below = tree.setdefault(step, {})
        if not isinstance(below, dict):
            raise errors.unreadable("The form cannot be read: a field is both a value and a group.")
        tree = below
    tree[path[-1]] = value


def _rows(tree: Any) -> Any:
    """Groups whose names are all numbers are lists; what nothing was filled in of is left out of them."""
    if not isinstance(tree, dict):
        return tree
    plain = {name: _rows(below) for name, below in tree.items()}
    if plain and all(name.isdigit() for name in plain):
        return [plain[name] for name in sorted(plain, key=int)]
    return plain


def _field(pointer: str) -> str:
    return pointer.removeprefix("/").replace("/", ".").replace("~1", "/").replace("~0", "~")


def fields_of(value: Any, prefix: str = "") -> Iterator[tuple[str, str]]:
    """A nested object as form fields, the way back from `nested`: for steps that carry earlier answers along."""
    if isinstance(value, dict):
        for name, below in value.items():
            yield from fields_of(below, f"{prefix}.{name}" if prefix else name)
    elif isinstance(value, list):
        for place, below in enumerate(value):
            yield from fields_of(below, f"{prefix}.{place}")
    elif value is not None:
        yield prefix, str(value)
