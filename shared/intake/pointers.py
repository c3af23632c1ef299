"""Where something was wrong: msgspec's words about a value turned into a JSON pointer and a sentence."""

import re

import msgspec


class Unreadable(Exception):
    """What came cannot be taken in. pointer: the wrong place, "" for the whole."""

    def __init__(self, detail: str, *, pointer: str = "", code: str = "invalid") -> None:
        super().__init__(detail)
        self.detail = detail
        self.pointer = pointer
        self.code = code


def unreadable(wrong: Exception, *, below: str) -> Unreadable:
    """What was wrong with the document at the pointer `below`."""
    if isinstance(wrong, RecursionError):
        return Unreadable("It is nested too deeply.", pointer=below)
    if not isinstance(wrong, msgspec.ValidationError):
        return Unreadable(f"It is not valid JSON: {wrong}.", pointer=below, code=MALFORMED)
    what, _, path = str(wrong).partition(" - at `")
    pointer = below + "".join(f"/{name or place}" for name, place in _STEP.findall(path))
    field, colon, sentence = what.partition(": ")
    if colon and field.isidentifier():
        return Unreadable(f"{field} {sentence.rstrip('.')}.", pointer=f"{pointer}/{field}")
    missing = _MISSING.fullmatch(what)
    if missing:
        return Unreadable(f"{missing[1]} is missing.", pointer=f"{pointer}/{missing[1]}")
    name = pointer.rpartition("/")[2] or "the event"
    return Unreadable(f"{name}: {what[:1].lower()}{what[1:].rstrip('.')}.", pointer=pointer)


MALFORMED = "unreadable"
"""The code of what is not even JSON."""

_STEP = re.compile(r"\.([^.\[\]`]+)|\[(\d+)\]")
_MISSING = re.compile(r"Object missing required field `(.*)`")
