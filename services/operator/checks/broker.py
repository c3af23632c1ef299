"""RabbitMQ: can be reached, has room, and its queues are as we declare them."""

from collections.abc import Iterator
from typing import Any

from services.operator import connections
from services.operator.checks.findings import Finding, ok, warning, wrong
from shared import queues
from shared.routing import Room
from shared.runtime.settings import Settings

OLDEST = (3, 10)
NOT_FOUND, PRECONDITION_FAILED = 404, 406


def all_of(settings: Settings) -> Iterator[Finding]:
    """Every check of this module; without an AMQP URL there is nothing to look at."""
    if not settings.amqp_url:
        yield ok("broker", "LOOMLINE_AMQP_URL is empty: workers take their work from PostgreSQL itself.")
        return
    try:
        connections.check_broker(settings.amqp_url)
    except connections.Unreachable as why:
        detail, _, fix = str(why).partition(". ")
        yield wrong("broker", f"{detail.rstrip('.')}.", fix=fix or "Correct LOOMLINE_AMQP_URL, or the user's rights.")
        return
    connection = _connect(settings.amqp_url)
    try:
        yield _version(connection)
        yield _memory(connection)
        yield _queues(connection, settings.namespace)
        yield from _consumers(connection, settings.namespace)
    finally:
        connection.close()


def _connect(url: str) -> Any:
    import pika

    parameters = pika.URLParameters(url)
    parameters.connection_attempts, parameters.socket_timeout, parameters.blocked_connection_timeout = 1, 5, 5
    return pika.BlockingConnection(parameters)


def _version(connection: Any) -> Finding:
    version = (connection._impl.server_properties or {}).get("version", "?")
    told = version.decode() if isinstance(version, bytes) else str(version)
    numbers = tuple(int(part) for part in told.split(".")[:2] if part.isdigit())
    if numbers and numbers < OLDEST:
        return wrong("broker", f"RabbitMQ {told} is too old for our queues.", fix="Upgrade it to 3.10 or newer.")
    return ok("broker", f"RabbitMQ {told} answers.")


def _memory(connection: Any) -> Finding:
    """RabbitMQ says that it takes nothing more to whoever publishes; this goes to no queue."""
    reasons: list[str] = []
    connection.add_on_connection_blocked_callback(lambda _, method: reasons.append(str(method.method.reason)))
    channel = connection.channel()
    channel.basic_publish(exchange="", routing_key="loomline.doctor.nowhere", body=b"")
    connection.process_data_events(time_limit=0.5)
    if reasons:
        return wrong(
            "broker alarm",
            f"RabbitMQ takes nothing more: {reasons[0]}.",
            fix="Free memory or disk there; `rabbitmq-diagnostics alarms` says which.",
        )
    return ok("broker alarm", "RabbitMQ takes what is published.")


def _queues(connection: Any, namespace: str) -> Finding:
    """Each is there with our arguments. To declare what is there already changes nothing."""
    wanted = queues.all_queues(namespace)
    found = {name: _standing(connection, name, arguments) for name, arguments in wanted.items()}
    differing = [name for name, code in found.items() if code == PRECONDITION_FAILED]
    if differing:
        return wrong(
            "queues",
            f"{', '.join(differing)} {'has' if len(differing) == 1 else 'have'} other arguments than ours.",
            fix="Delete them (the ledger loses nothing), or set LOOMLINE_NAMESPACE to another prefix.",
        )
    missing = [name for name, code in found.items() if code == NOT_FOUND]
    if missing:
        return warning(
            "queues",
            f"{len(missing)} of {len(wanted)} queues of {namespace!r} are not there yet.",
            fix="Start the workers and the relay: they declare them.",
        )
    return ok("queues", f"All {len(wanted)} queues of {namespace!r} are as we declare them.")


def _consumers(connection: Any, namespace: str) -> Iterator[Finding]:
    """A room whose queue nobody consumes stands still."""
    from pika.exceptions import ChannelClosedByBroker

    idle = []
    for room in Room:
        try:
            declared = connection.channel().queue_declare(queues.queue_name(namespace, room), passive=True)
        except ChannelClosedByBroker:
            return
        if not declared.method.consumer_count:
            idle.append(room.value)
    if idle:
        yield warning("workers", f"Nobody consumes the queues of {', '.join(idle)}.", fix="Start the workers.")
    else:
        yield ok("workers", "Every room's queue is consumed.")


def _standing(connection: Any, name: str, arguments: dict[str, str | int]) -> int | None:
    """The code RabbitMQ closes the channel with, None when the queue is ours."""
    from pika.exceptions import ChannelClosedByBroker

    for is_passive in (True, False):
        channel = connection.channel()
        try:
            channel.queue_declare(name, passive=is_passive, durable=True, arguments=arguments)
        except ChannelClosedByBroker as closed:
            return int(closed.reply_code)
        channel.close()
    return None
