"""The queues on RabbitMQ: their names and arguments. The workers declare them so, the operator's command sees that they are so."""

from shared.routing import Room

ANY_NUMBER_OF_RETURNS = 1_000_000_000
"""RabbitMQ 4 gives up after 20 returns unless told otherwise. Its -1 for "never" dead-letters at the first return in 3.10."""


def queue_name(namespace: str, room: str) -> str:
    """The queue of a room. The version changes with the arguments, which RabbitMQ does not let us alter."""
    return f"{namespace}.{room}.v1"


def dead_letter_queue(namespace: str) -> str:
    """Where bodies go that are no ring of ours. Nothing there expires; the ledger has its own dead ones."""
    return queue_name(namespace, "dead")


def arguments(namespace: str) -> dict[str, str | int]:
    """Of a room's queue."""
    return {
        "x-queue-type": "quorum",
        "x-delivery-limit": ANY_NUMBER_OF_RETURNS,
        "x-dead-letter-exchange": "",
        "x-dead-letter-routing-key": dead_letter_queue(namespace),
        # At-least-once dead-lettering works only together with reject-publish.
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
    }


def all_queues(namespace: str) -> dict[str, dict[str, str | int]]:
    """Every queue of a namespace by its name, with its arguments."""
    rooms: dict[str, dict[str, str | int]] = {queue_name(namespace, room): arguments(namespace) for room in Room}
    return {dead_letter_queue(namespace): {"x-queue-type": "quorum"}, **rooms}
