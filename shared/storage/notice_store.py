"""Notices: what somebody was told, one row per message, audience and channel."""

from typing import Any

from shared.storage.writes import Writes


class NoticeStore:
    """The notices of one unit of work."""

    def __init__(self) -> None:
        self._notices: list[dict[str, Any]] = []

    def add(
        self, *, notice_id: str, message_id: str, audience: str, channel: str, text: str, run_id: str | None
    ) -> None:
        """Record that somebody was told; the same message tells each audience once."""
        self._notices.append(
            {
                "id": notice_id,
                "message_id": message_id,
                "audience": audience,
                "channel": channel,
                "text": text,
                "state": "sent",
                "run_id": run_id,
            }
        )

    def flush(self, writes: Writes) -> None:
        writes.insert("notification", self._notices, on_conflict="(message_id, audience, channel) DO NOTHING")
