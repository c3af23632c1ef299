"""What is open to somebody who came by a link in a message: the one run of that link, its tasks, its pictures."""

from collections.abc import Mapping

from services.api import errors
from services.api.routes import Call, Route, Who

_OPEN = ("/", "/on-its-way/{id}")


def check(call: Call, route: Route, params: Mapping[str, str]) -> None:
    """Who came by a link sees their run, its tasks and its pictures. Raises 401, which leads to the sign-in."""
    run_id = call.principal.run_id if call.principal else None
    if run_id is None or route.who is Who.ANYBODY or route.path in _OPEN:
        return
    if route.path.startswith("/portal/runs/{id}") and params["id"] == run_id:
        return
    statement = next((sql for begin, sql in _OF_RUN.items() if route.path.startswith(begin)), None)
    if statement is not None:
        with call.desk.engine.connect() as connection:
            if connection.exec_driver_sql(statement, {"id": params["id"], "run": run_id}).first():
                return
    raise errors.unauthorized("The link opens one run only; sign in to see the others.")


_OF_RUN = {
    "/portal/tasks/{id}": "SELECT 1 FROM task WHERE id = %(id)s AND run_id = %(run)s",
    "/pictures/{id}": """SELECT 1 FROM production_run r JOIN media_file f ON f.id = %(id)s
        WHERE r.id = %(run)s AND (f.run_id = r.id OR (f.run_id IS NULL AND f.design_id = r.design_id)
            OR EXISTS (SELECT 1 FROM run_media m WHERE m.run_id = r.id AND m.media_id = f.id))""",
}
