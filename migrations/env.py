"""How alembic reaches our database: over the connection it was handed, or the one that the settings name."""

from alembic import context
from sqlalchemy import Connection, create_engine
from sqlalchemy.pool import NullPool

from shared.runtime import settings
from shared.storage import database, tables


def run_on(connection: Connection) -> None:
    """Run the migrations, each in a transaction of its own: one that fails leaves the earlier ones done."""
    context.configure(
        connection=connection,
        target_metadata=tables.metadata,
        transaction_per_migration=True,
        compare_type=True,
        compare_server_default=True,
    )
    with context.begin_transaction():
        context.run_migrations()


def run() -> None:
    """Use the given connection, so that tests and `loomline migrate` decide where to."""
    given = context.config.attributes.get("connection")
    if given is not None:
        run_on(given)
        return
    engine = create_engine(database.sqlalchemy_url(settings.read().database_url), poolclass=NullPool)
    with engine.connect() as connection:
        run_on(connection)


if context.is_offline_mode():
    context.configure(url="postgresql+psycopg://", target_metadata=tables.metadata, literal_binds=True)
    with context.begin_transaction():
        context.run_migrations()
else:
    run()
