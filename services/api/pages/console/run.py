"""One run in the console: all that is known of it, and a form for every route of the API that is about one run."""

from collections.abc import Callable, Mapping
from typing import Any

from services.api import uploads
from services.api.forms import Filled, Form
from services.api.pages import acts, frame
from services.api.pages.acts import Act
from services.api.pages.console import run_rows, run_view
from services.api.resources import milestones
from services.api.routes import Call, Reply, Route, Who

PAGE = "/console/runs/{id}"
API = "POST /admin/production-runs/{id}/"


def _act(name: str, api: str, said: str, body: Callable[[Call], Mapping[str, Any]] | None = None, **more: Any) -> Act:
    """The form `name` of the page, for the API's route `api`."""
    return Act(
        name=name,
        path=f"{PAGE}/{name}",
        api=API + api,
        page=run_view.show,
        back=PAGE,
        said=said,
        body=body,
        **more,
    )


UPLOAD = _act("upload", "media", "uploaded", takes_files=True)

ACTS = (
    #    form       route                      said             what was typed, as the route's body
    _act("approve", "approve",                 "run_approved",  run_rows.allocation),
    _act("split",   "split",                   "run_split",     run_rows.splitting),
    _act("dispatch", "dispatch",               "run_opened"),
    _act("confirm", "dispatch/confirm",        "run_sent",      run_rows.choice),
    _act("send",    "send-to-production",      "run_sent",      run_rows.choice),
    _act("assign",  "assign-partner",          "run_given",     run_rows.new_partner),
    _act("hold",    "hold",                    "run_held"),
    _act("resume",  "resume",                  "run_resumed"),
    _act("cancel",  "cancel",                  "run_cancelled"),
    _act("resolve", "resolve-flag",            "flag_resolved"),
    _act("accept",  "accept",                  "saved"),
    _act("decline", "decline",                 "saved"),
    _act("start",   "start",                   "saved"),
    _act("finish",  "finish",                  "saved"),
    _act("complete", "complete",               "run_settled",   run_rows.completion),
    _act("correct", "correct-output",          "run_corrected"),
    _act("tasks",   "tasks",                   "tasks_added",   run_rows.choice),
    _act("note",    "notes",                   "note_added"),
    _act("log",     "consumption-logs",        "logged",        run_rows.material),
    _act("commit",  "consumption-logs/commit", "logs_committed", run_rows.commit),
    _act("attach",  "media/attach",            "saved"),
    UPLOAD,
)  # fmt: skip
"""Every form of the page."""


def upload(call: Call) -> Reply:
    """Store the files and attach them: one form, two asks, each carried out once."""
    stored = acts.ask(call, UPLOAD.api, {})
    if stored.status >= 400:
        return _again(call, stored)
    named = [{"id": each["id"]} for each in _told(stored).get("files", ())]
    once = f"{call.body.fields.get('once', '')} attach"
    attached = acts.ask(call, f"{API}media/attach", {"media_files": named}, once=once)
    if attached.status >= 400:
        return _again(call, attached)
    return frame.see_other(PAGE.format(**call.params), said=UPLOAD.said)


def more_rows(call: Call) -> Reply:
    """The page with one row more in the form that asked; nothing was sent yet."""
    name = call.body.text("form")
    kept = Filled(name=name, form=call.body, status=200, detail="", code=run_rows.ONE_MORE)
    return run_view.show(call, kept)


def _again(call: Call, reply: Reply) -> Reply:
    return acts.again(call, UPLOAD, _told(reply), reply.status)


def _told(reply: Reply) -> Mapping[str, Any]:
    return reply.body if isinstance(reply.body, Mapping) else {}


ROUTES: tuple[Route, ...] = (
    frame.route("GET", PAGE, run_view.show, Who.ADMIN, "A run.", query=run_view.QUERY),
    *acts.routes(tuple(act for act in ACTS if act is not UPLOAD), Who.ADMIN),
    frame.route(
        "POST",
        UPLOAD.path,
        upload,
        Who.ADMIN,
        f"Form: {UPLOAD.api}",
        body=uploads.Files,
        before_body=milestones.own_run,
    ),
    frame.route("POST", f"{PAGE}/rows", more_rows, Who.ADMIN, "One more row in a form.", body=Form),
)
