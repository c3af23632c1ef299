"""Stored files and those on their way. A file's place is written down before its bytes are, so that nothing is ever left behind:

announced, stored, kept. What was announced and not kept is taken away again, at once or by the sweep.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from shared.storage.files import Files

GIVEN_UP_AFTER = timedelta(hours=1)
"""An upload that takes longer was cut off."""

PARTS = ("original", "message", "thumbnail")


def keys(place: str) -> list[str]:
    """Every key that a file may have at its place."""
    return [f"{place}/{part}" for part in PARTS]


def announce(connection: Connection, places: Mapping[str, str]) -> None:
    """These files (id → place) are about to be stored; the caller commits before the first byte is."""
    for media_id, place in places.items():
        connection.exec_driver_sql(
            "INSERT INTO media_upload (id, place) VALUES (%(id)s, %(place)s) ON CONFLICT (id) DO NOTHING",
            {"id": media_id, "place": place},
        )


def keep(connection: Connection, rows: Sequence[dict[str, Any]]) -> bool:
    """The files are stored: their rows stay. False when they were given up meanwhile, and nothing is to be committed."""
    found = connection.exec_driver_sql(
        "DELETE FROM media_upload WHERE id = ANY(%(ids)s)", {"ids": [row["id"] for row in rows]}
    )
    if found.rowcount != len(rows):
        return False
    for row in rows:
        connection.exec_driver_sql(_INSERT, row)
    return True


def give_up(connection: Connection, files: Files, media_ids: Collection[str]) -> None:
    """Take away what was announced and not kept. The rows go with the caller's commit, after the bytes."""
    found = connection.exec_driver_sql(_GIVE_UP, {"ids": list(media_ids)})
    for place in found.scalars().all():
        files.delete(keys(place))


def give_up_old(connection: Connection, files: Files, *, at: datetime) -> int:
    """Take away what was announced long ago and never kept. Returns how many files."""
    found = connection.exec_driver_sql(_OLD, {"before": at - GIVEN_UP_AFTER}).scalars().all()
    give_up(connection, files, found)
    return len(found)


def rows_of(connection: Connection, media_ids: Collection[str]) -> list[Any]:
    """The rows of files that are kept, among the given ids, in the order of their ids."""
    return list(
        connection.exec_driver_sql(
            "SELECT * FROM media_file WHERE id = ANY(%(ids)s) ORDER BY id", {"ids": list(media_ids)}
        ).mappings()
    )


_COLUMNS = (
    "id", "run_id", "design_id", "partner_id", "uploaded_by", "file_name", "content_type", "size", "width", "height",
    "sha256", "storage_key", "message_key", "thumbnail_key",
)  # fmt: skip
_INSERT = f"""
INSERT INTO media_file ({", ".join(_COLUMNS)}) VALUES ({", ".join(f"%({name})s" for name in _COLUMNS)})
ON CONFLICT (id) DO NOTHING
"""
_GIVE_UP = """
WITH gone AS (DELETE FROM media_upload WHERE id = ANY(%(ids)s) RETURNING id, place)
SELECT place FROM gone WHERE NOT EXISTS (SELECT 1 FROM media_file f WHERE f.id = gone.id)
"""
_OLD = "SELECT id FROM media_upload WHERE created_at < %(before)s ORDER BY id LIMIT 500 FOR UPDATE SKIP LOCKED"
