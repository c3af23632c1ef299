"""The admin's own account: who I am, tokens for machines, and where the other people are."""

from collections.abc import Mapping
from typing import Any

import msgspec

from services.api import forms
from services.api.forms import Filled
from services.api.pages import acts, frame
from services.api.pages.acts import Act
from services.api.pages.console import reads, sheets
from services.api.routes import Call, Reply, Who

AT = "/console/account"
_NEW = f"{AT}/tokens"
_MAKE = "POST /auth/tokens"


def show(call: Call, form: Filled | None = None) -> Reply:
    """Who I am, and the tokens that act as me."""
    return _shown(call, form)


def make_token(call: Call) -> Reply:
    """The page once with the new secret on it. Sent twice, the second answer has no secret: it is kept nowhere."""
    reply = acts.ask(call, _MAKE, call.body.nested())
    told: Mapping[str, Any] = reply.body if isinstance(reply.body, Mapping) else {}
    if reply.status >= 400:
        shown = _shown(call, forms.filled("token", call.body, told, reply.status))
        return msgspec.structs.replace(shown, status=reply.status)
    return _shown(call, None, made=told)


def _shown(call: Call, form: Filled | None, made: Mapping[str, Any] | None = None) -> Reply:
    asked = reads.asked_for(call, "cursor")
    found = reads.read(call, "/auth/tokens", asked)
    return frame.page(
        call,
        "console/account.html",
        me=reads.read(call, "/auth/me")["account"],
        tokens=found["tokens"],
        next_cursor=found["next_cursor"],
        asked=asked,
        form=form,
        made=made,
    )


ACTS: tuple[Act, ...] = (
    Act(name="revoke", path=f"{_NEW}/{{id}}/end", api="DELETE /auth/tokens/{id}", page=show, back=AT, said="revoked", body=lambda _: {}),
)  # fmt: skip

ROUTES = (
    *sheets.routes_with(
        (
            sheets.shown("GET", AT, show, "Who I am.", query=("cursor",)),
            sheets.shown("GET", _NEW, show, "My tokens.", query=("cursor",)),
        ),
        ACTS,
    ),
    frame.route("POST", _NEW, make_token, Who.ADMIN, f"Form: {_MAKE}", body=forms.Form),
)
