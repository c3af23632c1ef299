"""What is attached to runs: read under the run's lock, written when the command is decided."""

from collections.abc import Collection, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection

from shared.domain.media import Attached, Upload
from shared.storage.writes import Writes


class MediaStore:
    """The attachments of one unit of work."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._added: list[dict[str, Any]] = []
        self._unset: list[str] = []
        self._set: list[dict[str, Any]] = []

    def of_run(self, run_id: str) -> list[Attached]:
        """What is attached to a run, in the order in which it came."""
        rows = self._connection.exec_driver_sql(
            "SELECT id, media_id, url, is_thumbnail FROM run_media WHERE run_id = %(run)s ORDER BY created_at, id",
            {"run": run_id},
        )
        return [Attached(**row) for row in rows.mappings()]

    def uploads(self, media_ids: Collection[str]) -> dict[str, Upload]:
        """The stored files that exist among the given ids."""
        if not media_ids:
            return {}
        rows = self._connection.exec_driver_sql(
            """SELECT id, run_id, design_id, partner_id, content_type LIKE 'image/%%' AS is_picture
               FROM media_file WHERE id = ANY(%(ids)s)""",
            {"ids": list(media_ids)},
        )
        return {row["id"]: Upload(**row) for row in rows.mappings()}

    def save(self, run_id: str, *, before: Sequence[Attached], after: Sequence[Attached]) -> None:
        """Write what is new, and which one is the thumbnail now."""
        known = {each.id: each for each in before}
        self._added += [{"run_id": run_id, **msgspec.structs.asdict(each)} for each in after if each.id not in known]
        changed = [each for each in after if each.id in known and known[each.id].is_thumbnail != each.is_thumbnail]
        self._unset += [each.id for each in changed if not each.is_thumbnail]
        self._set += [{"id": each.id, "is_thumbnail": True} for each in changed if each.is_thumbnail]

    def flush(self, writes: Writes) -> None:
        if self._unset:
            # A statement of its own: the unique index of thumbnails is looked at row by row, the old one goes first.
            self._connection.exec_driver_sql(
                "UPDATE run_media SET is_thumbnail = false, updated_at = now() WHERE id = ANY(%(ids)s)",
                {"ids": self._unset},
            )
        writes.insert("run_media", self._added)
        writes.update("run_media", self._set)
