"""Links from messages: straight to one run, for who has no password at hand. They open that run and nothing else (`scope`).

A program that only looks at the link (a preview, a scanner) changes nothing: a person taps once to go in.
"""

from sqlalchemy import Connection

from services.api import auth, cookies, errors
from services.api.forms import Form
from services.api.pages import frame
from services.api.queries import runs
from services.api.routes import Call, Reply, Route, Who
from shared.runtime import clock, links
from shared.runtime.links import RunLink

PATH = "/l/{token}"


def ask(call: Call) -> Reply:
    """One tap before the door opens."""
    link = _link(call)
    with call.desk.engine.connect() as connection:
        _, partner = _account(connection, link)
    return frame.page(call, "link.html", partner=partner, run_id=link.run_id)


def go_in(call: Call) -> Reply:
    """A session for the one run."""
    link = _link(call)
    with call.desk.engine.begin() as connection:
        account_id, _ = _account(connection, link)
        token, _until = auth.open_session(connection, account_id, run_id=link.run_id)
    return frame.see_other(f"/portal/runs/{link.run_id}", headers={"Set-Cookie": cookies.sign_in(call.req, token)})


def _link(call: Call) -> RunLink:
    """The link of the address, still good, its run still the partner's. Raises 404 and 410."""
    link = links.opened(call.params["token"], secret=call.desk.settings.link_secret)
    if link is None:
        raise errors.not_found("link")
    with call.desk.engine.connect() as connection:
        run = runs.find(connection, link.run_id, partner_id=link.partner_id)
    if run is None or link.is_over(at=clock.now()):
        raise _over()
    return link


def _account(connection: Connection, link: RunLink) -> tuple[str, str]:
    """Whose account it is done by, and the partner's name. Raises 410 when the partner has nobody, or is not active."""
    row = connection.exec_driver_sql(
        """SELECT a.id, p.name FROM account a JOIN partner p ON p.id = a.partner_id
           WHERE p.id = %(id)s AND p.status = 'active' AND a.is_active ORDER BY a.created_at, a.id LIMIT 1""",
        {"id": link.partner_id},
    ).first()
    if row is None:
        raise _over()
    return row[0], row[1]


def _over() -> errors.Problem:
    return errors.Problem(410, "link_over", errors.EXPLANATIONS["link_over"])


ROUTES: tuple[Route, ...] = (
    frame.route("GET", PATH, ask, Who.ANYBODY, "The door of a link in a message."),
    frame.route("POST", PATH, go_in, Who.ANYBODY, "Form: go in by a link.", body=Form),
)
