"""Time limits: what a thread does is ended after so many seconds. The courier leans on it.

The end is raised between two steps of Python, so a single call that blocks needs a timeout of its own beside it.
"""

import ctypes
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class TookTooLong(BaseException):
    """It took too long. No Exception, so nobody takes it for a failure of their own and goes on."""


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Raise TookTooLong in this thread, inside the block, when it is not left after so long."""
    limit = _Limit(threading.get_ident())
    timer = threading.Timer(seconds, limit.end)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        limit.lift()
        timer.cancel()  # an end that was raised in the last instant arrives with this call, not after it


class _Limit:
    """Of one thread, until it is lifted."""

    def __init__(self, thread: int) -> None:
        self._thread = ctypes.c_ulong(thread)
        self._lock = threading.Lock()
        self._is_lifted = False

    def lift(self) -> None:
        with self._lock:
            self._is_lifted = True

    def end(self) -> None:
        with self._lock:
            if not self._is_lifted:
                ctypes.pythonapi.PyThreadState_SetAsyncExc(self._thread, ctypes.py_object(TookTooLong))
