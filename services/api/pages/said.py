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
    "board_approved": "Approved. It goes to its partner once its templates are chosen.",
    "judged_anew": "The line was judged anew; its outcome says what became of it.",
    "sent_again": "It is on its way again.",
    "replayed": "It is carried out again.",
    "discarded": "Given up for good. It stays readable.",
    "taken_in": "Taken in. What it asks for is carried out.",
    "run_made": "The run was made. It waits for approval.",
    "none_chosen": "Nothing was chosen: check the boxes of some runs first.",
    "signed_out": "You are signed out.",
}
"""Key → sentence, in English; `languages` has them in the others."""

CONSOLE = {
    "run_approved": "Approved. What to do says what became of each part.",
    "run_split": "Split. What to do says what became of each part.",
    "run_opened": "The dispatch is open. Now choose its templates.",
    "run_sent": "Sent to the partner.",
    "run_given": "Given to another partner. Dispatch it when it may go out.",
    "run_held": "On hold. Its deadline stands still.",
    "run_resumed": "Resumed. It goes on with the time that was left.",
    "run_cancelled": "Cancelled, with all its open parts.",
    "run_settled": "Settled.",
    "run_corrected": "The output is corrected; the timeline has before and after.",
    "flag_resolved": "The flag is resolved.",
    "tasks_added": "Tasks added.",
    "note_added": "The note is on the timeline.",
    "logs_committed": "Committed.",
    "added": "Added.",
    "retired": "Retired. It goes out no more.",
    "partner_linked": "Linked.",
    "design_run_made": "The run is made and approved.",
    "task_given": "The task is given.",
    "revoked": "Revoked. It works no more.",
    "webhook_tried": "A test is on its way. What was sent says how it ended.",
}
"""What only the console says, which speaks English."""


def sentence(key: str | None, say: Callable[[str], str]) -> str:
    """The sentence of a key, nothing for an unknown one."""
    return say(SAID[key]) if key in SAID else CONSOLE.get(key or "", "")
