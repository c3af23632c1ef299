"""The demo: walks one order over HTTP, as a shop, an admin and partners would, and prints what happened."""

from pathlib import Path

import httpx
from rich.console import Console

from . import home


class DemoFailed(Exception):
    """The demo met something it did not expect; the message says what."""


def walk(url: str, *, email: str, password: str | None, token_file: Path, event_secret: str, console: Console) -> None:
    """Walk a demo order through the house at this URL. `event_secret` signs the shop's event."""
    with httpx.Client(base_url=url, timeout=40) as client:
        token = admin_token(client, email=email, password=password, token_file=token_file)
        client.headers["Authorization"] = f"Bearer {token}"
        runs = _answer(client.get("/admin/production-runs", params={"limit": 1, "count": "true"}))
        console.print(f"  There are {runs.get('count', 0)} production runs.")


def admin_token(client: httpx.Client, *, email: str, password: str | None, token_file: Path) -> str:
    """An API token of the admin's, kept in the home because the password of the first start is known only then."""
    kept = home.read(token_file)
    if kept and client.get("/admin/production-runs", headers={"Authorization": f"Bearer {kept}"}).status_code == 200:
        return kept
    if password is None:
        raise DemoFailed("the admin's password is not known here; set LOOMLINE_ADMIN_PASSWORD, or use --bare")
    login = _answer(client.post("/auth/login", json={"email": email, "password": password}))
    made = _answer(
        client.post("/auth/tokens", json={"name": "demo"}, headers={"Authorization": f"Bearer {login['token']}"})
    )
    home.write(token_file, str(made["token"]))
    return str(made["token"])


def _answer(response: httpx.Response) -> dict[str, object]:
    if response.is_error:
        raise DemoFailed(
            f"{response.request.method} {response.request.url.path} answered {response.status_code}: {response.text[:300]}"
        )
    answer: dict[str, object] = response.json()
    return answer
