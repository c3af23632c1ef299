"""Signing in and out in a browser, and the front door, which leads everybody to their own first page."""

import re
from urllib.parse import urlsplit

from services.api import auth, cookies, errors, forms
from services.api.forms import Filled, Form
from services.api.pages import frame
from services.api.resources import accounts
from services.api.routes import Call, Reply, Route, Who


def front_door(call: Call) -> Reply:
    """To the portal, the console, or the sign-in."""
    return frame.see_other(frame.home_of(call.principal))


def ask(call: Call, form: Filled | None = None) -> Reply:
    """The sign-in page."""
    onward = form.form.text("next") if form else call.query.get("next", "")
    return frame.page(call, "sign_in.html", status=form.status if form else 200, form=form, onward=_own_address(onward))


def sign_in(call: Call) -> Reply:
    """Right: a cookie, and on to where they wanted to go. Wrong: the page again."""
    form: Form = call.body
    try:
        token, principal, _ = accounts.opened(call, email=form.text("email"), password=form.text("password"))
    except errors.Problem as problem:
        told = problem.reply(call.req)
        return ask(call, forms.filled("sign_in", form, told.body if isinstance(told.body, dict) else {}, told.status))
    onward = _own_address(form.text("next")) or frame.home_of(principal)
    return frame.see_other(onward, headers={"Set-Cookie": cookies.sign_in(call.req, token)})


def sign_out(call: Call) -> Reply:
    """The session ends on the server too."""
    token = cookies.session_of(call.req)
    if token:
        with call.desk.engine.begin() as connection:
            auth.revoke(connection, token)
    return frame.see_other(frame.SIGN_IN, headers={"Set-Cookie": cookies.sign_out(call.req)}, said="signed_out")


def _own_address(text: str) -> str:
    """An address of ours to go on to, nothing for any other."""
    parts = urlsplit(text)
    is_own = re.match(r"/(?![/\\])", text) and not parts.scheme and not parts.netloc and text.isprintable()
    return text if is_own else ""


ROUTES: tuple[Route, ...] = (
    frame.route("GET", "/", front_door, Who.SIGNED_IN, "The front door."),
    frame.route("GET", frame.SIGN_IN, ask, Who.ANYBODY, "Sign in.", query=("next",)),
    frame.route("POST", frame.SIGN_IN, sign_in, Who.ANYBODY, "Form: sign in.", body=Form),
    frame.route("POST", "/sign-out", sign_out, Who.ANYBODY, "Form: sign out.", body=Form),
)
