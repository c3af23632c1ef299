"""The templates of the retired flow: made when they are first wanted, and then ordinary templates of the house."""

from sqlalchemy import Connection

from shared.domain import legacy


def ensure(connection: Connection) -> None:
    """See that the templates are there. Ones that are there already stay as an admin left them."""
    connection.exec_driver_sql(
        "INSERT INTO template_category (id, name) VALUES (%(id)s, %(name)s) ON CONFLICT DO NOTHING",
        {"id": legacy.CATEGORY_ID, "name": legacy.CATEGORY},
    )
    templates = legacy.TEMPLATES.values()
    connection.exec_driver_sql(
        """INSERT INTO task_template (id, name, kind, position, category_id)
           SELECT t.id, t.name, t.kind, t.position, c.id
           FROM unnest(%(ids)s::text[], %(names)s::text[], %(kinds)s::text[], %(positions)s::int[])
                    AS t (id, name, kind, position), template_category c
           WHERE c.name = %(category)s ON CONFLICT (id) DO NOTHING""",
        {
            "ids": [template.id for template in templates],
            "names": [template.name for template in templates],
            "kinds": [template.kind.value for template in templates],
            "positions": [template.position for template in templates],
            "category": legacy.CATEGORY,
        },
    )
