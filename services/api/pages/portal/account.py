"""Who I am, in which language and time zone, my API tokens, and the way out."""

from collections.abc import Mapping

from services.api import forms
from services.api.forms import Filled, Form
from services.api.pages import acts, frame
from services.api.pages.acts import Act
from services.api.pages.portal import wording
from services.api.queries import people, portal
from services.api.routes import Call, Reply, Route, Who

PATH = "/portal/account"


def show(call: Call, form: Filled | None = None, *, secret: str = "", is_told: bool = True) -> Reply:
    """The account. secret: of a token that was made just now, shown this once. is_told: False when it was shown before."""
    with call.desk.engine.connect() as connection:
        page = people.tokens(connection, call.who.account_id, _cursor(call))
        partner = portal.partner_name(connection, call.who.partner_id or "")
    return frame.page(
        call,
        "portal/account.html",
        status=form.status if form else 200,
        form=wording.plain(form),
        tokens=page["tokens"],
        next_cursor=page["next_cursor"],
        partner_name=partner,
        secret=secret,
        is_told=is_told,
    )


def make_token(call: Call) -> Reply:
    """A new token; its secret stands on the page that follows and nowhere else."""
    reply = acts.ask(call, "POST /auth/tokens", call.body.nested())
    told = reply.body if isinstance(reply.body, Mapping) else {}
    if reply.status >= 400:
        return show(call, forms.filled("token", call.body, told, reply.status))
    return show(call, secret=str(told.get("secret", "")), is_told="secret" in told)


def _cursor(call: Call) -> dict[str, str]:
    return {"cursor": call.query["cursor"]} if call.query.get("cursor") else {}


ACTS: tuple[Act, ...] = (
    Act(name="revoke", path=f"{PATH}/tokens/{{id}}/revoke", api="DELETE /auth/tokens/{id}", page=show, back=PATH, said="removed"),
)  # fmt: skip

ROUTES: tuple[Route, ...] = (
    frame.route("GET", PATH, show, Who.PARTNER, "My account.", query=("cursor",)),
    frame.route("POST", f"{PATH}/tokens", make_token, Who.PARTNER, "Form: POST /auth/tokens", body=Form),
    *acts.routes(ACTS, Who.PARTNER),
)
