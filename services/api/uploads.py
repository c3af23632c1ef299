"""Files that come in a multipart body: each streamed to disk under a hard cap, in a directory that goes with the request."""

import contextlib
import hashlib
import re
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import falcon
import msgspec
from falcon.media.multipart import BodyPart, MultipartFormHandler, MultipartParseOptions

from services.api import errors
from services.api.errors import Problem

FIELD = "files"
MOST_FILES = 10
MOST_FILE_BYTES = 10 * 1024 * 1024
MOST_BYTES = 50 * 1024 * 1024
"""Of a whole request, the form's own lines included."""

LONGEST_NAME = 200
_CHUNK = 64 * 1024
_LONGEST_FIELD = 200


class Upload(msgspec.Struct, frozen=True):
    """One file as it came. name: what its sender calls it, without folders; never used as a path."""

    name: str
    path: Path
    sha256: str


class Files(msgspec.Struct, frozen=True):
    """The body type of a route that takes files."""

    uploads: list[Upload]
    fields: Mapping[str, str] = {}
    """What a page's form says beside its files."""

    @property
    def digest(self) -> bytes:
        """The same for the same files in the same order, whatever the form around them was."""
        return "\n".join(f"{each.sha256} {each.name}" for each in self.uploads).encode()


SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "required": [FIELD],
    "properties": {
        FIELD: {"type": "array", "maxItems": MOST_FILES, "items": {"type": "string", "format": "binary"}},
    },
}
"""The form as the contract shows it."""


@contextlib.contextmanager
def received(req: falcon.Request, *, room: Path, own_fields: frozenset[str] = frozenset()) -> Iterator[Files]:
    """The files of a request, on disk below `room` as long as this lasts. Raises 400, 413, 415 and 422 problems.

    own_fields: short text fields that a page's form has beside its files.
    """
    if not (req.content_type or "").lower().startswith("multipart/form-data") or req.get_header("Content-Encoding"):
        raise errors.unsupported(f"Send a form: Content-Type multipart/form-data, with files in the field {FIELD}.")
    if (req.content_length or 0) > MOST_BYTES:
        raise errors.too_large(MOST_BYTES)
    room.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=room) as desk:
        yield _read(req, Path(desk), own_fields)


def _read(req: falcon.Request, desk: Path, own_fields: frozenset[str]) -> Files:
    uploads: list[Upload] = []
    fields: dict[str, str] = {}
    try:
        for part in _parts(req):
            if part.name in own_fields:
                fields[part.name] = part.stream.read(_LONGEST_FIELD).decode()
                continue
            if part.name != FIELD:
                raise errors.field(f"/{part.name}", f"There is no field {part.name!r} here; files come in {FIELD}.")
            if len(uploads) == MOST_FILES:
                raise Problem(413, "too_large", f"A request may have at most {MOST_FILES} files.")
            uploads.append(_take(part, desk / str(len(uploads))))
    except (OSError, ValueError):
        raise errors.unreadable("The form broke off, or it is not a form.") from None
    if not uploads:
        raise errors.field(f"/{FIELD}", f"{FIELD} is missing: send at least one file.")
    return Files(uploads, fields)


def _parts(req: falcon.Request) -> Iterator[BodyPart]:
    options = MultipartParseOptions()
    options.max_body_part_count = 0  # counted here, for an answer that says so
    length = req.content_length
    if length is None:
        # Chunked: the server ends the stream; one byte more than allowed is enough to know.
        length = MOST_BYTES + 1 if req.env.get("wsgi.input_terminated") else 0
    form = MultipartFormHandler(options).deserialize(_Capped(req.env["wsgi.input"]), req.content_type, length)
    yield from form


class _Capped:
    """A stream that refuses to go on behind the cap."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._left = MOST_BYTES

    def read(self, size: int | None = None, /) -> bytes:
        read: bytes = self._stream.read(MOST_BYTES + 1 if size is None else size)
        self._left -= len(read)
        if self._left < 0:
            raise errors.too_large(MOST_BYTES)
        return read


def _take(part: BodyPart, path: Path) -> Upload:
    name, size, sha256 = plain_name(part.filename or ""), 0, hashlib.sha256()
    with path.open("wb") as file:
        while chunk := part.stream.read(_CHUNK):
            size += len(chunk)
            if size > MOST_FILE_BYTES:
                raise Problem(
                    413, "too_large", f"{name} is too large: a file may have at most {MOST_FILE_BYTES:,} bytes."
                )
            sha256.update(chunk)
            file.write(chunk)
    return Upload(name, path, sha256.hexdigest())


def plain_name(told: str) -> str:
    """The last part of a file's name, in one line of printable characters."""
    last = re.split(r"[/\\]", told)[-1]
    return "".join(c for c in last if c.isprintable()).strip(" .")[:LONGEST_NAME] or "file"
