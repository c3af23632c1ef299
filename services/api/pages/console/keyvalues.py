"""Documents as people edit them: rows of a name and a value, or lines. What was not touched goes back exactly as it was.

`care › wash` is the entry `wash` of the group `care`; the entries of a list are numbered. A stored value whose text comes back
unchanged keeps its type.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from msgspec import UNSET

from services.api import answers

BELOW = " › "
NOTE = "Note"
"""What a value is called that came without a name."""

Pair = tuple[str, str]


def pairs(document: Any) -> list[Pair]:
    """A document as names and texts."""
    return [(BELOW.join(path), text(leaf)) for path, leaf in _leaves(document, ()) if path]


def document(rows: Iterable[Pair], stored: Any) -> Any:
    """The document of rows that were typed over a stored one; UNSET where none is stored."""
    tree: dict[str, Any] = {}
    for name, value in rows:
        _put(tree, _path(name), value)
    return _shaped(tree, stored)


def line(entry: Any) -> str:
    """An entry of a list as one line: `Indigo`, or `name: Indigo; code: 4`."""
    if isinstance(entry, (Mapping, list)):
        parts = sorted(pairs(entry), key=lambda part: part[0] not in ("name", "label", "title"))
        return "; ".join(f"{name}: {value}" for name, value in parts)
    return " ".join(text(entry).split())


def entries(lines: Iterable[str], stored: Sequence[Any]) -> list[Any]:
    """The entries of lines that were typed over a stored list."""
    known = {line(entry): entry for entry in stored}
    return [known[each] if each in known else _entry(each) for each in lines]


def text(leaf: Any) -> str:
    """One value as it is read and typed."""
    if leaf is None or leaf == {} or leaf == []:
        return ""
    if isinstance(leaf, bool):
        return "yes" if leaf else "no"
    return str(answers.plain(leaf))


def _leaves(value: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    below: Iterable[tuple[Any, Any]] = ()
    if isinstance(value, Mapping):
        below = value.items()
    elif isinstance(value, list):
        below = enumerate(value, start=1)
    if not value or not isinstance(value, (Mapping, list)):
        yield path, value
    for name, each in below:
        yield from _leaves(each, (*path, str(name)))


def _path(name: str) -> list[str]:
    return [step.strip() for step in name.split(BELOW.strip())] if name.strip() else [NOTE]


def _put(tree: dict[str, Any], path: list[str], value: str) -> None:
    """Nothing that was typed is lost: a name that is taken gets a number."""
    for step in path[:-1]:
        below = tree.setdefault(step, {})
        if not isinstance(below, dict):
            tree[_free(tree, BELOW.join(path))] = value
            return
        tree = below
    tree[_free(tree, path[-1])] = value


def _free(tree: Mapping[str, Any], name: str) -> str:
    if name not in tree:
        return name
    return next(each for n in range(2, len(tree) + 3) if (each := f"{name} ({n})") not in tree)


def _shaped(typed: Any, stored: Any) -> Any:
    """What was typed in the shapes of what is stored."""
    if not isinstance(typed, dict):
        return _valued(typed, stored)
    below = {name: _shaped(each, _child(stored, name)) for name, each in typed.items()}
    return list(below.values()) if isinstance(stored, list) and all(name.isdigit() for name in below) else below


def _child(stored: Any, name: str) -> Any:
    if isinstance(stored, Mapping):
        return stored.get(name, UNSET)
    if isinstance(stored, list) and name.isdigit() and 0 < int(name) <= len(stored):
        return stored[int(name) - 1]
    return UNSET


def _valued(typed: str, stored: Any) -> Any:
    if stored is not UNSET and text(stored) == typed:
        return stored
    if isinstance(stored, bool) and typed.lower() in ("yes", "no"):
        return typed.lower() == "yes"
    if isinstance(stored, (int, float)) and not isinstance(stored, bool):
        return _number(typed)
    return typed


def _number(typed: str) -> Any:
    for kind in (int, float):
        try:
            return kind(typed)
        except ValueError:
            continue
    return typed


def _entry(typed: str) -> Any:
    """`name: Indigo; code: 4` is an entry with parts, anything else a text."""
    parts = [each.partition(": ") for each in typed.split("; ")]
    return (
        document([(name, value) for name, _, value in parts], UNSET) if all(colon for _, colon, _ in parts) else typed
    )
