"""Hands: threads that each carry one thing outside, so many at once. The courier's notices and the herald's webhooks lean on it."""

import threading
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Generic, TypeVar

P = TypeVar("P")


class Hands(Generic[P]):
    """The hands of one process and what is in them. All but `stop` from one thread only."""

    def __init__(self, number: int, *, name: str) -> None:
        self._number = number
        self._threads = ThreadPoolExecutor(number, thread_name_prefix=name)
        self._held: dict[Future[None], P] = {}
        self._is_stopped = threading.Event()

    @property
    def free(self) -> int:
        """How many may take something up; none after `stop`."""
        return 0 if self._is_stopped.is_set() else self._number - len(self._held)

    @property
    def held(self) -> list[P]:
        """What is under way, or just done and not let go of."""
        return list(self._held.values())

    def take(self, parcel: P, carry: Callable[[P], None], *, on_free: Callable[[], None] = lambda: None) -> None:
        """Give a parcel to a free hand. on_free: called from the hand when it is done."""
        future = self._threads.submit(carry, parcel)
        self._held[future] = parcel
        future.add_done_callback(lambda _: on_free())

    def let_go(self, *, patience: float | None = 0) -> bool:
        """Forget the hands that are done. False when none is. Raises what kept one from recording how its send ended.

        patience: seconds to wait for the first of them; None waits as long as it takes.
        """
        done, _ = wait(self._held, timeout=patience, return_when=FIRST_COMPLETED)
        for future in done:
            del self._held[future]
        for future in done:
            future.result()
        return bool(done)

    def stop(self) -> None:
        """Take nothing more up."""
        self._is_stopped.set()

    def close(self) -> None:
        """Take nothing more up, and wait for what is under way."""
        self.stop()
        self._threads.shutdown(wait=True)
