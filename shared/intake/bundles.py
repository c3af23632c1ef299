"""Bundles and composites: shops tell the whole and its parts as lines of one order. The parts are made, the whole is not."""

from collections.abc import Mapping

PARTS_ARE_MADE = "a bundle is not made itself; its parts are"


def wholes(part_of: Mapping[str, str | None]) -> frozenset[str]:
    """The lines that are made of other lines, at every depth. part_of: each line that is made → the line it is a part of.

    Only what has a part at the bottom is a whole: lines that name each other in a circle are all made.
    """
    parents = {whole for line, whole in part_of.items() if whole and whole != line}
    found: set[str] = set()
    for line in part_of.keys() - parents:
        whole = part_of[line]
        while whole and whole in part_of and whole not in found and whole != line:
            found.add(whole)
            whole = part_of[whole]
    return frozenset(found)
