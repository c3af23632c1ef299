"""Cookies of people's pages: who is signed in, and the token that every form of theirs carries.

The JSON API takes no cookie, so a page somewhere else can ask it nothing. A form's token is made from the cookie and says
nothing about it; before anybody is signed in, a cookie of its own serves the sign-in form.
"""

import hashlib
import secrets

import falcon

SESSION = "loomline"
VISITOR = "loomline_visitor"
_HOST = "__Host-"
"""Over TLS the names begin so: the browser then keeps them to this very host and to TLS."""


def session_of(req: falcon.Request) -> str | None:
    """The session's token, None without one."""
    return _read(req, SESSION)


def csrf(req: falcon.Request) -> str:
    """What forms for this browser carry."""
    token = session_of(req) or visitor(req)
    return hashlib.sha256(f"form {token}".encode()).hexdigest()[:40]


def visitor(req: falcon.Request) -> str:
    """The token of a browser that nobody signed in with; made with its first page."""
    known: str | None = getattr(req.context, "visitor", None) or _read(req, VISITOR)
    req.context.visitor = known or secrets.token_urlsafe(24)
    return str(req.context.visitor)


def keep_visitor(req: falcon.Request) -> str:
    return _cookie(req, VISITOR, visitor(req))


def sign_in(req: falcon.Request, token: str) -> str:
    """The Set-Cookie that signs a browser in, as long as its session lasts."""
    return _cookie(req, SESSION, token)


def sign_out(req: falcon.Request) -> str:
    return f"{_cookie(req, SESSION, '')}; Max-Age=0"


def is_secure(req: falcon.Request) -> bool:
    """The browser speaks TLS to us, or to the proxy in front."""
    return req.forwarded_scheme == "https"


def _read(req: falcon.Request, name: str) -> str | None:
    found = req.get_cookie_values((_HOST if is_secure(req) else "") + name)
    return found[0] if found else None


def _cookie(req: falcon.Request, name: str, value: str) -> str:
    secure = is_secure(req)
    prefix, suffix = (_HOST, "; Secure") if secure else ("", "")
    return f"{prefix}{name}={value}; Path=/; HttpOnly; SameSite=Lax{suffix}"
