"""Media of a run: what is attached, once each, with one thumbnail. The merge is pure; who may attach what is a rule here too."""

import re
from collections.abc import Callable, Mapping, Sequence
from urllib.parse import urlsplit

import msgspec

from shared.domain import refusals
from shared.domain.refusals import InvalidField, WrongState
from shared.domain.runs import TERMINAL, Run, Status

MOST_AT_ONCE = 100
LONGEST_URL = 2000

_OWN_URL = re.compile(r"/media/(media_[0-9a-z]+)", re.ASCII)
_ENDED = {Status.COMPLETED: "the run is completed.", Status.CANCELLED: "the run was cancelled."}


class MediaReference(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One thing to attach: the id of an upload, or an address elsewhere, which is kept and never fetched."""

    id: str | None = None
    url: str | None = None
    is_thumbnail: bool = False

    def __post_init__(self) -> None:
        if self.id is None and self.url is None:
            raise ValueError("id: give the id of an upload, or a url")
        if self.media_id is None and not _is_web_address(self.url or ""):
            raise ValueError(f"url: must be an http or https address of at most {LONGEST_URL} characters")

    @property
    def media_id(self) -> str | None:
        """The upload that is meant: by its id, or by the address we gave it. None for an address elsewhere."""
        own = _OWN_URL.fullmatch(self.url or "")
        return self.id or (own[1] if own else None)


class Upload(msgspec.Struct, frozen=True):
    """What the rules need to know of a stored file. partner_id: whose it is, None when an admin uploaded it."""

    id: str
    run_id: str | None
    design_id: str | None
    partner_id: str | None
    is_picture: bool


class Attached(msgspec.Struct, kw_only=True):
    """One attachment of a run: a stored file or an address, never both."""

    id: str
    media_id: str | None = None
    url: str | None = None
    is_thumbnail: bool = False

    @property
    def key(self) -> tuple[str | None, str | None]:
        return self.media_id, self.url


def closed(run: Run) -> WrongState | None:
    """Why nothing can be added to this run any more, None while it is open."""
    return WrongState(verb="media", why=_ENDED[run.status]) if run.status in TERMINAL else None


def check(asked: Sequence[MediaReference], uploads: Mapping[str, Upload], run: Run, *, partner_id: str | None) -> None:
    """Every upload that is named belongs here. partner_id: of the asker, None for an admin. Raises Unknown, InvalidField."""
    for place, reference in enumerate(asked):
        if reference.media_id is None:
            continue
        upload = uploads.get(reference.media_id)
        if upload is None or not _may_attach(upload, run, partner_id=partner_id):
            raise refusals.Unknown(thing="upload", value=reference.media_id, pointer=f"/media_files/{place}")
        if reference.is_thumbnail and not upload.is_picture:
            raise InvalidField(
                sentence="Only a picture can be the thumbnail.", pointer=f"/media_files/{place}/is_thumbnail"
            )


def merge(
    attached: Sequence[Attached], asked: Sequence[MediaReference], *, new_id: Callable[[int], str]
) -> list[Attached]:
    """What is attached afterwards: nothing twice, nothing lost; of several thumbnails the last one asked for wins."""
    merged = {each.key: msgspec.structs.replace(each) for each in attached}
    for place, reference in enumerate(asked):
        media_id = reference.media_id
        wanted = Attached(id=new_id(place), media_id=media_id, url=None if media_id else reference.url)
        kept = merged.setdefault(wanted.key, wanted)
        if reference.is_thumbnail:
            for each in merged.values():
                each.is_thumbnail = each is kept
    return list(merged.values())


def _may_attach(upload: Upload, run: Run, *, partner_id: str | None) -> bool:
    is_of_here = upload.run_id == run.id or upload.design_id == run.design_id
    return is_of_here and partner_id in (None, upload.partner_id)


def _is_web_address(url: str) -> bool:
    if len(url) > LONGEST_URL or not url.isprintable() or " " in url:
        return False
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)
