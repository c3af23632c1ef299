"""Stored files as they are shown and served. A partner reaches a file through a run of their own, or it does not exist."""

from typing import Any

from sqlalchemy import Connection, RowMapping

URL = "/media/{id}"


def find(connection: Connection, media_id: str, *, partner_id: str | None) -> RowMapping | None:
    """The file's row, None when it is missing or not for this partner. No partner means everybody's."""
    mine = f" AND {_MINE}" if partner_id else ""
    parameters = {"id": media_id, "partner": partner_id}
    return (
        connection.exec_driver_sql(f"SELECT f.* FROM media_file f WHERE f.id = %(id)s{mine}", parameters)
        .mappings()
        .first()
    )


def hold_run(connection: Connection, run_id: str) -> None:
    """Keep a run from being settled or given away until the transaction ends."""
    connection.exec_driver_sql("SELECT 1 FROM production_run WHERE id = %(id)s FOR SHARE", {"id": run_id})


def of_run(connection: Connection, run_id: str) -> list[dict[str, Any]]:
    """What is attached to a run, in the order in which it came."""
    rows = connection.exec_driver_sql(_ATTACHED, {"run": run_id}).mappings()
    return [
        {
            "id": row["media_id"],
            "url": row["url"] or URL.format(id=row["media_id"]),
            "thumbnail_url": thumbnail_url(row["media_id"], row["thumbnail_key"]),
            "content_type": row["content_type"],
            "is_thumbnail": row["is_thumbnail"],
        }
        for row in rows
    ]


def file_body(row: Any) -> dict[str, Any]:
    """A stored file on the wire."""
    return {
        "id": row["id"],
        "url": URL.format(id=row["id"]),
        "thumbnail_url": thumbnail_url(row["id"], row["thumbnail_key"]),
        **{name: row[name] for name in ("content_type", "size", "width", "height")},
    }


def thumbnail_url(media_id: str, key: str | None) -> str | None:
    return f"{URL.format(id=media_id)}/thumbnail" if key else None


# Uploads of a partner who had the run before stay theirs until they are attached to it.
_MINE = """EXISTS (
    SELECT 1 FROM production_run r
    WHERE r.partner_id = %(partner)s AND r.child_count = 0 AND (
        (r.id = f.run_id AND (f.partner_id IS NULL OR f.partner_id = r.partner_id))
        OR (f.run_id IS NULL AND r.design_id = f.design_id)
        OR EXISTS (SELECT 1 FROM run_media m WHERE m.run_id = r.id AND m.media_id = f.id)))"""
_ATTACHED = """
SELECT m.media_id, m.url, m.is_thumbnail, f.thumbnail_key, f.content_type
FROM run_media m LEFT JOIN media_file f ON f.id = m.media_id
WHERE m.run_id = %(run)s ORDER BY m.created_at, m.id
"""
