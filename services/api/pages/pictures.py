"""Stored pictures for pages: the same files as the API serves, for who is signed in by cookie."""

from services.api.pages import frame
from services.api.resources import media
from services.api.routes import Route, Who

ROUTES: tuple[Route, ...] = tuple(
    frame.route("GET", route.path.replace("/media/", "/pictures/"), route.do, Who.SIGNED_IN, route.summary)
    for route in media.ROUTES
    if route.path.startswith("/media/")
)
