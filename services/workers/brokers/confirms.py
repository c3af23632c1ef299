"""Publishing to RabbitMQ in batches with publisher confirms: ten times faster than one by one. The relay leans on it.

It promises only this: a position that is returned was stored by a quorum. One that is not may have been stored as well.
"""

import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Self

import msgspec
import pika
from pika.exceptions import AMQPError
from pika.spec import Basic

from services.workers.brokers import rabbitmq
from services.workers.listening import Reachability

CONFIRM_SECONDS = 10.0
"""A batch that is not confirmed by then is given up; RabbitMQ answers in milliseconds unless it is in trouble."""

CLOSE_SECONDS = 5.0
PERSISTENT = 2


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """A message to an exchange, with its own properties. Nobody need be there to take it from the exchange."""

    exchange: str
    key: str
    body: bytes
    properties: dict[str, Any]


class _Batch:
    """The positions of one batch that RabbitMQ has still to answer for, by delivery tag in the order of publishing."""

    def __init__(self, messages: Sequence[tuple[str, bytes] | Letter]) -> None:
        self.messages = messages
        self.waiting: dict[int, int] = {}
        self.confirmed: set[int] = set()
        self.is_over = threading.Event()

    def settle(self, tag: int, *, multiple: bool, is_confirmed: bool) -> None:
        tags = [t for t in self.waiting if t <= tag] if multiple else [tag] if tag in self.waiting else []
        positions = [self.waiting.pop(t) for t in tags]
        if is_confirmed:
            self.confirmed.update(positions)
        if not self.waiting:
            self.is_over.set()


class Publisher:
    """One connection in a thread of its own, opened again whenever it breaks. One batch is on its way at a time.

    on_change: called from that thread whenever the connection became ready or was lost.
    """

    def __init__(self, url: str, *, on_change: Callable[[], None] = lambda: None) -> None:
        self._parameters = rabbitmq.parameters_of(url)
        self._on_change = on_change
        self._turn = threading.Lock()
        self._gate = threading.Lock()
        self._stopping = threading.Event()
        self._reachability = Reachability("RabbitMQ")
        self._connection: pika.SelectConnection | None = None
        self._channel: Any = None
        self._is_blocked = False
        self._last_tag = 0
        self._batch: _Batch | None = None
        self._epoch = 0
        self._thread = threading.Thread(target=self._run, name="publisher", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def epoch(self) -> int:
        """Counts the connections: another number means that what was sent before may be lost."""
        return self._epoch

    @property
    def is_ready(self) -> bool:
        """Whether a batch would go out now: connected, and not blocked by an alarm of the server's."""
        return self._channel is not None and not self._is_blocked

    def publish(self, batch: Sequence[tuple[str, bytes] | Letter], *, timeout: float = CONFIRM_SECONDS) -> set[int]:
        """Publish letters, or (queue, body) pairs. Returns the positions that RabbitMQ confirmed, at once when it is away.

        A pair counts only when its queue is there.
        """
        with self._turn:
            sent = _Batch(batch)
            if not batch or not self.is_ready or not self._hand_over(sent):
                return set()
            if not sent.is_over.wait(timeout):
                self._call(partial(self._give_up, sent))
                sent.is_over.wait(timeout)
            return sent.confirmed

    def close(self) -> None:
        """Hang up; a batch on its way ends with what was confirmed."""
        self._stopping.set()
        self._call(self._hang_up)
        self._thread.join(CLOSE_SECONDS)

    def _hand_over(self, batch: _Batch) -> bool:
        self._batch = batch
        return self._call(partial(self._send, batch))

    def _call(self, function: Callable[[], None]) -> bool:
        """Run this in the publisher's thread. False when its loop has ended, so that nobody waits for an answer."""
        with self._gate:
            if self._connection is None:
                return False
            self._connection.ioloop.add_callback_threadsafe(function)
            return True

    # Everything below runs in the publisher's own thread: pika's connections belong to one.

    def _run(self) -> None:
        while not self._stopping.is_set():
            connection = self._connect()
            self._pause = 0.0
            with self._gate:
                self._connection = connection
            try:
                connection.ioloop.start()
            except (
                Exception
            ) as error:  # whatever pika stumbles over, a new connection is the cure; a dead thread is none
                self._pause = self._reachability.lost(error)
            with self._gate:
                self._connection = self._channel = None
                self._forget_batch()
                connection.ioloop.close()
            self._stopping.wait(self._pause)

    def _connect(self) -> pika.SelectConnection:
        connection = pika.SelectConnection(
            self._parameters,
            on_open_callback=self._open_channel,
            on_open_error_callback=self._ended,
            on_close_callback=self._ended,
        )
        connection.add_on_connection_blocked_callback(lambda *_: self._set_blocked(True))
        connection.add_on_connection_unblocked_callback(lambda *_: self._set_blocked(False))
        return connection

    def _open_channel(self, connection: Any) -> None:
        if self._stopping.is_set():
            connection.close()
            return
        connection.channel(on_open_callback=self._ask_for_confirms)

    def _ask_for_confirms(self, channel: Any) -> None:
        channel.add_on_close_callback(self._channel_closed)
        channel.add_on_return_callback(self._returned)
        channel.confirm_delivery(self._settled, callback=partial(self._ready, channel))

    def _ready(self, channel: Any, _frame: Any) -> None:
        self._last_tag = 0
        self._is_blocked = False
        self._epoch += 1
        self._channel = channel
        self._reachability.back()
        self._on_change()

    def _send(self, batch: _Batch) -> None:
        if self._batch is not batch or self._channel is None:
            batch.is_over.set()
            return
        try:
            for position, message in enumerate(batch.messages):
                self._last_tag += 1
                batch.waiting[self._last_tag] = position
                self._send_one(message)
        except AMQPError:
            self._forget_batch()

    def _send_one(self, message: tuple[str, bytes] | Letter) -> None:
        if isinstance(message, Letter):
            properties = pika.BasicProperties(delivery_mode=PERSISTENT, **message.properties)
            self._channel.basic_publish(message.exchange, message.key, message.body, properties)
            return
        queue, body = message
        properties = pika.BasicProperties(delivery_mode=PERSISTENT, message_id=str(self._last_tag))
        self._channel.basic_publish("", queue, body, properties, mandatory=True)

    def _settled(self, frame: Any) -> None:
        if self._batch:
            method = frame.method
            self._batch.settle(
                method.delivery_tag, multiple=method.multiple, is_confirmed=isinstance(method, Basic.Ack)
            )

    def _returned(self, _channel: Any, _method: Any, properties: pika.BasicProperties, _body: bytes) -> None:
        # RabbitMQ returns what it cannot route before it acknowledges it, so the acknowledgement finds nobody waiting.
        if self._batch:
            self._batch.settle(int(properties.message_id or 0), multiple=False, is_confirmed=False)

    def _give_up(self, batch: _Batch) -> None:
        batch.is_over.set()
        if self._batch is batch:
            self._batch = None

    def _forget_batch(self) -> None:
        if self._batch:
            self._give_up(self._batch)

    def _set_blocked(self, is_blocked: bool) -> None:
        self._is_blocked = is_blocked
        self._on_change()

    def _channel_closed(self, channel: Any, _reason: BaseException) -> None:
        """The server closes only the channel for some errors; a new connection is the simplest new channel."""
        self._channel = None
        self._forget_batch()
        if channel.connection.is_open:
            channel.connection.close()

    def _ended(self, connection: Any, reason: BaseException | str) -> None:
        self._channel = None
        self._forget_batch()
        if not self._stopping.is_set():
            self._pause = self._reachability.lost(reason)
        connection.ioloop.stop()
        self._on_change()

    def _hang_up(self) -> None:
        # One that is still opening is closed by `_open_channel`, one that is closing ends by itself.
        if self._connection is not None and self._connection.is_open:
            self._connection.close()
