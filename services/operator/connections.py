"""Can we reach the database and the broker the settings name? If not, a sentence that says what to do, without the password."""

from urllib.parse import urlsplit

from shared.runtime.settings import Settings

from .postgres import EmbeddedPostgres


class Unreachable(Exception):
    """A service that the settings name cannot be used; the message says which setting and why."""


def database_url(settings: Settings) -> str:
    """The database the settings mean: theirs, or the embedded one of this home."""
    if settings.database_url:
        return settings.database_url
    embedded = EmbeddedPostgres(settings.home)
    if not embedded.exists():
        raise Unreachable(
            f"There is no database in {settings.home} yet. Run `up` first, or set LOOMLINE_DATABASE_URL to a PostgreSQL."
        )
    return embedded.url


def reachable_database_url(settings: Settings) -> str:
    """The same, and somebody answers there. Raises Unreachable."""
    url = database_url(settings)
    try:
        check_database(url)
    except Unreachable:
        if settings.database_url:
            raise
        raise Unreachable(
            f"The database in {settings.home} does not run. Run `up` in another terminal first."
        ) from None
    return url


def check_database(url: str, *, setting: str = "LOOMLINE_DATABASE_URL") -> None:
    """Raise Unreachable unless we can log in there."""
    import psycopg

    try:
        psycopg.connect(url, connect_timeout=5).close()
    except psycopg.Error as error:
        raise Unreachable(f"{setting}: {_database_sentence(str(error), url=url)}") from None


def check_broker(url: str) -> None:
    """Raise Unreachable unless we can log in there."""
    import pika
    from pika import exceptions

    where = _address(url, port=5672)
    try:
        parameters = pika.URLParameters(url)
        parameters.connection_attempts, parameters.socket_timeout, parameters.blocked_connection_timeout = 1, 5, 5
        pika.BlockingConnection(parameters).close()
    except exceptions.ProbableAuthenticationError:
        raise Unreachable(f"LOOMLINE_AMQP_URL: RabbitMQ at {where} refuses this user or password.") from None
    except exceptions.ProbableAccessDeniedError:
        raise Unreachable(
            f"LOOMLINE_AMQP_URL: RabbitMQ at {where} has no such virtual host, or this user may not use it."
        ) from None
    except (exceptions.AMQPError, OSError, ValueError):
        raise Unreachable(f"LOOMLINE_AMQP_URL: no RabbitMQ answers at {where}. Start it, or correct the URL.") from None


def _database_sentence(error: str, *, url: str) -> str:
    where = _address(url, port=5432)
    name = urlsplit(url).path.removeprefix("/") or "the database"
    sentences = {
        "password authentication failed": f"PostgreSQL at {where} refuses this user or password.",
        "no password supplied": f"PostgreSQL at {where} wants a password, and the URL has none.",
        "role": f"PostgreSQL at {where} does not know this user.",
        "database": f"PostgreSQL at {where} has no database {name!r}. Create it, or correct the URL.",
        "starting up": f"PostgreSQL at {where} is still starting. Try again in a moment.",
        "too many clients": f"PostgreSQL at {where} has no connection left. Raise its max_connections.",
    }
    missing = "does not exist" in error
    for mark, sentence in sentences.items():
        if mark in error and (missing or mark not in ("role", "database")):
            return sentence
    return f"no PostgreSQL answers at {where}. Start it, or correct the URL."


def _address(url: str, *, port: int) -> str:
    parts = urlsplit(url)
    try:
        return f"{parts.hostname or '127.0.0.1'}:{parts.port or port}"
    except ValueError:
        return f"{parts.hostname or '127.0.0.1'} (the port in the URL is not a number)"
