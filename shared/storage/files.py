"""The file store: a local directory, or a bucket by its URL. Keys are made of hash and id, never of a name somebody sent.

The gateway writes and reads, the sweeper deletes what no row speaks of; all of them must see the same store.
"""

import threading
from collections.abc import Iterable, Iterator
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import obstore
import obstore.store
from obstore.exceptions import BaseError, NotFoundError

from shared.runtime.settings import Settings

CHUNK = 256 * 1024
"""Bytes read from the store at a time."""

IMPATIENCE: Any = {"max_retries": 3, "retry_timeout": timedelta(seconds=20)}
"""A request holds one of the gateway's threads meanwhile: a bucket that does not answer is away soon."""


class StoreAway(Exception):
    """The file store cannot be reached just now."""


class Files:
    """One store, opened with the first use."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._opening = threading.Lock()

    def put(self, key: str, source: Path) -> None:
        """Store a file's bytes under a key; all of it or nothing. Raises StoreAway."""
        try:
            # In one piece: the parts of a cut-off multipart upload would stay in a bucket, where no key names them.
            obstore.put(self._store, key, source, use_multipart=False)
        except (BaseError, OSError) as fault:
            raise StoreAway(str(fault)) from fault

    def get(self, key: str) -> tuple[int, Iterator[bytes]] | None:
        """Size and bytes of what is stored under a key, None when nothing is. Raises StoreAway."""
        try:
            found = obstore.get(self._store, key)
        except (NotFoundError, FileNotFoundError):
            return None
        except (BaseError, OSError) as fault:
            raise StoreAway(str(fault)) from fault
        return found.meta["size"], (bytes(chunk) for chunk in found.stream(min_chunk_size=CHUNK))

    def delete(self, keys: Iterable[str]) -> None:
        """Make sure that nothing is stored under these keys. Raises StoreAway."""
        for key in keys:
            try:
                obstore.delete(self._store, key)
            except (NotFoundError, FileNotFoundError):
                continue
            except (BaseError, OSError) as fault:
                raise StoreAway(str(fault)) from fault

    @cached_property
    def _store(self) -> Any:
        with self._opening:
            return self.__dict__.get("_store") or self._open()

    def _open(self) -> Any:
        url = self._settings.files_url
        if not url:
            return obstore.store.LocalStore(prefix=self._settings.home / "files", mkdir=True)
        if url.startswith("file:"):
            return obstore.store.from_url(url, mkdir=True)
        return obstore.store.from_url(url, **({} if url.startswith("memory:") else {"retry_config": IMPATIENCE}))
