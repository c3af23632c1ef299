"""Pictures of a run: uploaded, attached, served. An upload is a short write of the gateway's own; attaching is a command.

Nothing a sender says about a file is believed: its type is its content's, its name is only shown, its bytes are written anew.
"""

import contextlib
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy.exc import SQLAlchemyError

from services.api import asking, errors, uploads
from services.api.errors import Problem
from services.api.queries import media, runs
from services.api.resources import milestones
from services.api.routes import Call, Endpoint, Reply, Route, Who
from services.api.uploads import Upload
from shared.domain import commands
from shared.domain import media as rules
from shared.runtime import ids, pictures
from shared.runtime.pictures import BadPicture, Clean, UnknownType
from shared.storage import upload_store
from shared.storage.files import StoreAway

TAG = "Media"

INLINE = frozenset({"image/jpeg", "image/png", "image/webp", "image/gif"})
"""Types that a browser may show; everything else is only saved."""

SAFE_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "private, no-cache",
}

# Uploading ----------------------------------------------------------------------------------------------------------


def upload(call: Call) -> Reply:
    """Store the files of a form: all of them or none. 201 with what was stored."""
    run = _open_run(call)
    named = dict(zip(_media_ids(call, len(call.body.uploads)), call.body.uploads, strict=True))
    with call.desk.engine.begin() as connection:
        known = upload_store.rows_of(connection, list(named))
        if known:
            return _uploaded(known)
        places = {media_id: _place(media_id, each) for media_id, each in named.items()}
        upload_store.announce(connection, places)
    try:
        rows = [_store(call, run, media_id, each, place) for place, (media_id, each) in enumerate(named.items())]
        _keep(call, rows)
    except Exception:
        _take_back(call, places)
        raise
    return _uploaded(rows)


def _media_ids(call: Call, count: int) -> list[str]:
    """With an Idempotency-Key the same ones again, so that a repeated upload stores nothing twice."""
    asked = getattr(call.req.context, "message_id", None)
    one = asked.partition("_")[2] if asked else ids.fresh("media").partition("_")[2]
    return [f"media_{one}{place:02}" for place in range(count)]


def _place(media_id: str, one: Upload) -> str:
    return f"{one.sha256[:2]}/{one.sha256}-{media_id}"


def _store(call: Call, run: runs.View, media_id: str, one: Upload, place: int) -> dict[str, Any]:
    """Clean a file and put it into the store; returns its row."""
    cleaned = _cleaned(one, place)
    parts = (cleaned.original, cleaned.message, cleaned.thumbnail)
    found = [
        (key, part)
        for key, part in zip(upload_store.keys(_place(media_id, one)), parts, strict=True)
        if part is not None
    ]
    for key, part in found:
        call.desk.files.put(key, part)
    keys = [key for key, _ in found]
    return {
        "id": media_id,
        "run_id": run.run.id,
        "design_id": run.run.design_id,
        "partner_id": call.who.tenant,
        "uploaded_by": call.who.account_id,
        "file_name": f"{Path(one.name).stem}{pictures.ENDINGS[cleaned.content_type]}",
        "content_type": cleaned.content_type,
        "size": cleaned.original.stat().st_size,
        "width": cleaned.width,
        "height": cleaned.height,
        "sha256": _sha256(cleaned.original),
        "storage_key": keys[0],
        "message_key": keys[1] if cleaned.message else None,
        "thumbnail_key": keys[2] if cleaned.thumbnail else None,
    }


def _cleaned(one: Upload, place: int) -> Clean:
    try:
        return pictures.clean(one.path)
    except UnknownType:
        raise _about(
            place, 415, "unsupported_file", f"{one.name} is neither a JPEG, PNG, WebP or GIF picture nor a PDF."
        ) from None
    except BadPicture as bad:
        raise _about(place, 422, "unusable_picture", f"{one.name} cannot be used: {bad}.") from None


def _about(place: int, status: int, code: str, detail: str) -> Problem:
    return Problem(status, code, detail, errors=[{"pointer": f"/{uploads.FIELD}/{place}", "detail": detail}])


def _keep(call: Call, rows: Sequence[dict[str, Any]]) -> None:
    """The rows stay if the run is still open and still the caller's: it may have been settled meanwhile."""
    with call.desk.engine.begin() as connection:
        media.hold_run(connection, call.params["id"])
        _open(call, runs.find(connection, call.params["id"], partner_id=call.who.tenant))
        if not upload_store.keep(connection, rows):
            raise errors.unavailable("The upload took too long and was given up; nothing was kept, try again.")


def _take_back(call: Call, places: Mapping[str, str]) -> None:
    # What cannot be taken back now is taken back by the sweep. Announced anew, because the sweep may have given these up
    # already, and what was stored since then would be known to nobody.
    with contextlib.suppress(SQLAlchemyError, StoreAway):
        with call.desk.engine.begin() as connection:
            upload_store.announce(connection, places)
        with call.desk.engine.begin() as connection:
            upload_store.give_up(connection, call.desk.files, list(places))


def _uploaded(rows: Sequence[Any]) -> Reply:
    return Reply({"files": [media.file_body(row) for row in rows]}, status=201)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


# Attaching ----------------------------------------------------------------------------------------------------------


def attach(call: Call) -> Reply:
    """Attach uploads, or addresses elsewhere: the answer is all that is attached."""
    run_id = (milestones.own_run(call) if _is_repeated(call) else _open_run(call)).run.id

    def render(outcome: asking.Outcome) -> Reply:
        told = milestones.shown(call, run_id)
        with call.desk.engine.connect() as connection:
            attached = media.of_run(connection, run_id)
        return Reply({"production_run": {**told, "media": attached}, "media": attached})

    return asking.ask(call, call.body, run_id=run_id, render=render)


def _open_run(call: Call) -> runs.View:
    """The caller's own run, as long as things can be added to it. Raises a 404 or 409 problem."""
    return _open(call, milestones.own_run(call))


def _open(call: Call, run: runs.View | None) -> runs.View:
    if run is None:
        raise errors.not_found("production run")
    no = rules.closed(run.run)
    if no:
        raise errors.refused(no.record(), standing=run.standing(for_partner=not call.who.is_admin))
    return run


def _is_repeated(call: Call) -> bool:
    """The same request may have been carried out before the run was closed; its actor's word counts."""
    return getattr(call.req.context, "message_id", None) is not None


# Serving ------------------------------------------------------------------------------------------------------------


def serve(column: str, *, content_type: str | None = None) -> Endpoint:
    """The endpoint that sends the bytes whose key is in a column. content_type: of the copies, which are all of one."""

    def send(call: Call) -> Reply:
        with call.desk.engine.connect() as connection:
            row = media.find(connection, call.params["id"], partner_id=call.who.tenant)
        if row is None or row[column] is None:
            raise errors.not_found("file")
        kind = content_type or row["content_type"]
        headers = {**SAFE_HEADERS, **_disposition(row, kind), "ETag": f'"{row["sha256"][:32]}-{column}"'}
        if headers["ETag"] in (call.req.get_header("If-None-Match") or ""):
            return Reply(None, status=304, headers=headers)
        found = call.desk.files.get(row[column])
        if found is None:
            raise errors.not_found("file")
        size, chunks = found
        return Reply(None, headers={**headers, "Content-Length": str(size)}, content_type=kind, stream=chunks)

    return send


def _disposition(row: Any, kind: str) -> dict[str, str]:
    how = "inline" if kind in INLINE else "attachment"
    name = quote(f"{Path(row['file_name'] or 'file').stem}{pictures.ENDINGS[kind]}", safe="")
    return {"Content-Disposition": f"{how}; filename*=UTF-8''{name}"}


# Routes -------------------------------------------------------------------------------------------------------------

_FORM = {
    201: "What was stored; attach it by its id.",
    404: milestones.ANSWERS[404],
    409: "The run is completed or cancelled.",
    413: "Too many files, or too many bytes.",
    415: "A file is neither a picture nor a PDF.",
    422: "A picture is broken or has too many pixels, or a field of the form is unknown.",
}


def _on_runs(path: str, who: Who) -> tuple[Route, ...]:
    return (
        Route(
            method="POST",
            path=f"{path}/{{id}}/media",
            do=upload,
            who=who,
            summary="Upload pictures or PDFs of a run, several at once.",
            body=uploads.Files,
            before_body=milestones.own_run,
            answers=_FORM,
            tag=TAG,
        ),
        Route(
            method="POST",
            path=f"{path}/{{id}}/media/attach",
            do=attach,
            who=who,
            summary="Attach uploads to the run: nothing twice, one thumbnail.",
            body=commands.AttachMedia,
            answers={**milestones.ANSWERS, 200: "All that is attached."},
            tag=TAG,
        ),
    )


def _of_file(name: str, endpoint: Endpoint, summary: str) -> Route:
    return Route(
        method="GET",
        path=f"/media/{{id}}{name}",
        do=endpoint,
        who=Who.SIGNED_IN,
        summary=summary,
        answers={200: "The bytes.", 404: "There is no such file, or it is somebody else's."},
        tag=TAG,
    )


ROUTES: tuple[Route, ...] = (
    *_on_runs("/partners/production-runs", Who.PARTNER),
    *_on_runs("/admin/production-runs", Who.ADMIN),
    _of_file("", serve("storage_key"), "A stored file."),
    _of_file(
        "/thumbnail", serve("thumbnail_key", content_type="image/jpeg"), "A picture of at most 320 pixels a side."
    ),
    _of_file("/message", serve("message_key", content_type="image/jpeg"), "A picture small enough for a message."),
)
