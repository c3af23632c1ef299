"""PostgreSQL: the schema, one unit of work, and the rooms that read and write. Only this package knows SQL besides the gateway's queries."""
