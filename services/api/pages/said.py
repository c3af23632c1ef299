"""What a page says after something was done: a short key travels in the address, the sentence stands here."""

from collections.abc import Callable

SAID = {
    "saved": "Saved.",
    "removed": "Removed.",
    "accepted": "Accepted. You can start when you are ready.",
    "declined": "Declined. We will find somebody else.",
    "started": "Started. Good work!",
    "finished": "Finished. Now tell us how many pieces there are.",
    "completed": "Completed. Thank you!",
    "logged": "Material noted.",
    "uploaded": "Pictures added.",
    "task_done": "Task done.",
    "task_accepted": "Task accepted.",
    "commented": "Comment added.",
    "rework_added": "Rework added.",
    "signed_out": "You are signed out.",
}
"""Key → sentence, in English; `languages` has them in the others."""


def sentence(key: str | None, say: Callable[[str], str]) -> str:
    """The sentence of a key, nothing for an unknown one."""
    return say(SAID[key]) if key in SAID else ""
