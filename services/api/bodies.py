"""Bodies: raw bytes to the type a route parses, once, or a problem that points at the wrong field in words a partner understands.

Numbers are decoded from the bytes themselves, so a decimal never passes through a float.
"""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import falcon
import msgspec

from services.api import errors
from services.api.errors import Problem
from shared.domain.commands import Command

CAP = 1024 * 1024
DEEPEST = 50
LONGEST_NAME = 255
"""Names, ids and addresses are looked up in indexes; PostgreSQL's take no longer ones."""


class Nothing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A body without fields."""


# Reading ------------------------------------------------------------------------------------------------------------


def read(req: falcon.Request, *, cap: int = CAP) -> bytes:
    """The raw body, at most `cap` bytes. Raises 400 when it breaks off and 413 when it is larger, whatever its header said."""
    told = req.content_length
    if told is not None and told > cap:
        raise errors.too_large(cap)
    # A server that ends the stream by itself may be read without a length: that is how chunked bodies arrive.
    is_ended = told is not None or req.env.get("wsgi.input_terminated")
    try:
        raw: bytes = req.env["wsgi.input"].read(cap + 1 if told is None else told) if is_ended else b""
    except OSError:
        raise errors.unreadable("The body broke off.") from None
    if told is not None and len(raw) < told:
        raise errors.unreadable("The body is shorter than its Content-Length.")
    if len(raw) > cap:
        raise errors.too_large(cap)
    return raw


def check_content_type(req: falcon.Request) -> None:
    """A body is JSON in UTF-8, not compressed. Raises 415."""
    kind, _, rest = (req.content_type or "").partition(";")
    charset = rest.lower().replace(" ", "").replace('"', "").partition("charset=")[2].partition(";")[0]
    is_json = re.fullmatch(r"application/([\w.-]+\+)?json", kind.strip().lower())
    if not is_json or charset not in ("", "utf-8", "utf8") or req.get_header("Content-Encoding"):
        raise errors.unsupported()


def parse(raw: bytes, kind: Any) -> Any:
    """The body as its own type; an empty one counts as `{}`. Raises 400 for what is no JSON object, 422 for a wrong field."""
    raw = raw or b"{}"
    _check_text(raw)
    try:
        parsed = msgspec.json.decode(raw, type=kind)
        _check_strings(raw)
    except msgspec.ValidationError as wrong:
        raise problem_of(wrong, kind) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as wrong:
        raise errors.unreadable(f"The body is not valid JSON: {_reason(wrong)}.") from None
    except ArithmeticError:
        raise errors.invalid("A number in the body is out of range.") from None
    except RecursionError:
        raise errors.unreadable(f"The body is nested deeper than {DEEPEST} levels.") from None
    return parsed


def _check_text(raw: bytes) -> None:
    try:
        raw.decode()
    except UnicodeDecodeError as wrong:
        raise errors.unreadable(f"The body is not UTF-8: byte {wrong.start} fits nothing.") from None
    if raw.count(b"{") + raw.count(b"[") > DEEPEST and _depth(raw) > DEEPEST:
        raise errors.unreadable(f"The body is nested deeper than {DEEPEST} levels.")
    if raw.lstrip(b" \t\r\n")[:1] != b"{" and _is_json(raw):
        raise errors.unreadable("The body must be a JSON object: {…}.")


def _is_json(raw: bytes) -> bool:
    try:
        msgspec.json.decode(raw)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True


def _depth(raw: bytes) -> int:
    deepest = level = 0
    for found in _BRACKETS.finditer(raw):
        if found[1]:
            level += 1 if found[1] in b"{[" else -1
            deepest = max(deepest, level)
    return deepest


_BRACKETS = re.compile(rb'"(?:[^"\\]|\\.)*"?|([][{}])', re.DOTALL)


def _check_strings(raw: bytes) -> None:
    """Refuse NUL, which PostgreSQL cannot hold, and names that no index takes. Short bodies without an escape have neither."""
    if len(raw) <= LONGEST_NAME and b"\\u0000" not in raw:
        return
    for pointer, name, text in _strings(msgspec.json.decode(raw), "", ""):
        if "\0" in text:
            raise errors.field(pointer, f"{name or 'the text'} must not hold a NUL character.")
        if len(text.encode()) > LONGEST_NAME and _NAMES.search(name) and _OUR_FIELDS.match(pointer):
            raise errors.field(pointer, f"{name} may have at most {LONGEST_NAME} bytes.")


_OUR_FIELDS = re.compile(r"/[^/]+(/\d+)?$|/assignments/\d+/[^/]+(/\d+)?$")
"""Fields that we look up; what stands deeper, in metadata or specifications, is only kept."""

_NAMES = re.compile(r"(^|_)(id|ids|key|name|names|title|sku|handle|email|category|role|status|kind|type)$")


def _strings(value: Any, pointer: str, name: str) -> Iterator[tuple[str, str, str]]:
    """Every string in a parsed body, keys too: its pointer, the name of its field, the text."""
    if isinstance(value, str):
        yield pointer, name, value
    elif isinstance(value, dict):
        for key, below in value.items():
            yield pointer, "", key
            yield from _strings(below, f"{pointer}/{_escaped(key)}", key)
    elif isinstance(value, list):
        for place, below in enumerate(value):
            yield from _strings(below, f"{pointer}/{place}", name)


# What was wrong -----------------------------------------------------------------------------------------------------


def problem_of(wrong: msgspec.ValidationError, kind: Any) -> Problem:
    """A 422 that points at the field. kind: the type that was wanted."""
    what, _, path = str(wrong).partition(" - at `")
    steps = _steps(path)
    if wrong.__cause__ is not None:
        return _of_own_check(what, steps)
    missing = re.fullmatch(r"Object missing required field `(.*)`", what)
    if missing:
        return _pointing([*steps, missing[1]], f"{missing[1]} is missing.")
    unknown = re.fullmatch(r"Object contains unknown field `(.*)`", what, re.DOTALL)
    if unknown:
        return _pointing([*steps, unknown[1]], f"There is no field {unknown[1]!r} here.")
    return _pointing(steps, f"{_name(steps)} {_expectation(what, kind, steps)}.")


def _of_own_check(what: str, steps: list[str]) -> Problem:
    """A type's own check says `field: sentence`."""
    field, colon, sentence = what.partition(": ")
    if not colon or not field.isidentifier():
        return _pointing(steps, f"{what.rstrip('.')}.")
    return _pointing([*steps, field], f"{field} {sentence.rstrip('.')}.")


def _pointing(steps: list[str], sentence: str) -> Problem:
    sentence = sentence[0].upper() + sentence[1:] if not steps else sentence
    return errors.field("".join(f"/{_escaped(step)}" for step in steps), sentence)


def _steps(path: str) -> list[str]:
    """`$.assignments[0].quantity` as steps; it ends where msgspec does not say which key."""
    known = path.rpartition("` in `")[2].partition("[...]")[0]
    return [name or place for name, place in re.findall(r"\.([^.\[\]`]+)|\[(\d+)\]", known)]


def _name(steps: list[str]) -> str:
    named = [step for step in steps if not step.isdigit()]
    return named[-1] if named else "the body"


def _expectation(what: str, kind: Any, steps: list[str]) -> str:
    expected = re.match(r"Expected `([^`]*)`(?: (of length|matching regex|>=?|<=?)(.*))?", what)
    if expected and expected[2]:
        return f"must be {_bound(expected[2], expected[3].strip())}"
    if expected:
        return f"must be {_kinds(expected[1])}"
    if what.startswith("Invalid enum value"):
        return f"must be one of {', '.join(_choices(kind, steps))}"
    return next((f"must be {wanted}" for start, wanted in _SENTENCES.items() if what.startswith(start)), "is not valid")


def _bound(how: str, rest: str) -> str:
    if how == "of length":
        least, _, number = rest.partition(" ")
        return f"{_LENGTHS.get(least, least)} {number} long"
    return f"{_BOUNDS.get(how, how)} {rest}".strip()


_LENGTHS = {">=": "at least", "<=": "at most", "==": "exactly"}
_BOUNDS = {">=": "at least", "<=": "at most", ">": "more than", "<": "less than", "matching regex": "of the form"}


def _kinds(names: str) -> str:
    """`decimal | null` in plain words."""
    words = [_KINDS.get(name, name) for name in names.split(" | ") if name != "null"]
    return " or ".join(words or ["null"])


_KINDS = {
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "decimal": "a whole or decimal number",
    "bool": "true or false",
    "array": "a list",
    "object": "an object",
    "datetime": "a time such as 2026-01-31T08:00:00Z",
    "date": "a date such as 2026-01-31",
}
_SENTENCES = {
    "Invalid decimal": _KINDS["decimal"],
    "Invalid RFC3339": _KINDS["datetime"],
    "Integer value out of range": "a smaller number",
    "Number out of range": "a smaller number",
}


def _choices(kind: Any, steps: list[str]) -> list[str]:
    """The values of the enum or literal that stands at a place of a type."""
    found = [msgspec.inspect.type_info(kind)]
    for step in steps:
        found = [below for info in _plain(found) for below in _below(info, step)]
    return [value for info in _plain(found) for value in _values(info)]


def _below(info: msgspec.inspect.Type, step: str) -> list[msgspec.inspect.Type]:
    if isinstance(info, msgspec.inspect.StructType):
        return [each.type for each in info.fields if each.encode_name == step]
    return [info.item_type] if isinstance(info, msgspec.inspect.ListType) else []


def _plain(found: list[msgspec.inspect.Type]) -> list[msgspec.inspect.Type]:
    return [each for info in found for each in (info.types if isinstance(info, msgspec.inspect.UnionType) else (info,))]


def _values(info: msgspec.inspect.Type) -> list[str]:
    if isinstance(info, msgspec.inspect.EnumType):
        return [str(member.value) for member in info.cls]
    return [str(value) for value in info.values] if isinstance(info, msgspec.inspect.LiteralType) else []


def _reason(wrong: Exception) -> str:
    return str(wrong).removeprefix("JSON is malformed: ").rstrip(".").lower()


def _escaped(step: str) -> str:
    return step.replace("~", "~0").replace("/", "~1")


# Commands whose path says a part ------------------------------------------------------------------------------------


@cache
def without(command: type[Command], *taken: str) -> type[msgspec.Struct]:
    """The body type of a command whose path fills the fields `taken`: the same fields, names, defaults and checks without them."""
    left = [each for each in msgspec.structs.fields(command) if each.name not in taken]

    def __post_init__(self: msgspec.Struct) -> None:
        fill(command, self, **dict.fromkeys(taken, "-"))

    return msgspec.defstruct(
        f"{command.__name__}Body",
        [(each.name, each.type, _default(each)) for each in left],
        namespace={"__doc__": command.__doc__, "__post_init__": __post_init__},
        module=__name__,
        frozen=True,
        kw_only=True,
        forbid_unknown_fields=True,
    )


def fill(command: type[Command], body: msgspec.Struct, **taken: Any) -> Any:
    """The command of a parsed body and what the path says."""
    return command(**msgspec.structs.asdict(body), **taken)


def _default(each: msgspec.structs.FieldInfo) -> Any:
    if each.default_factory is not msgspec.NODEFAULT:
        return msgspec.field(default_factory=each.default_factory, name=each.encode_name)
    if each.default is not msgspec.NODEFAULT:
        return msgspec.field(default=each.default, name=each.encode_name)
    return msgspec.field(name=each.encode_name)
