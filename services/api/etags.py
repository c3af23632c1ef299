"""Edits honour If-Match: a tag is made from what its reader saw, so whatever of it changes counts."""

import hashlib
from collections.abc import Mapping
from typing import Any

import falcon

from services.api import answers, errors
from services.api.routes import Reply

CODES = {"precondition_failed": "It changed since it was read: the ETag in If-Match is not its tag any more."}
"""The problem codes of this module, with their sentences."""


def tagged(body: Mapping[str, Any]) -> Reply:
    """The reply of a read or an edit, with its tag."""
    return Reply(body, headers={"ETag": of(body)})


def of(body: Mapping[str, Any]) -> str:
    """The tag of what is answered."""
    return f'"{hashlib.sha256(answers.encode(body)).hexdigest()[:24]}"'


def check(req: falcon.Request, body: Mapping[str, Any]) -> None:
    """Raise a 412 problem when If-Match came and names another version. Call it under the row's lock."""
    wanted = req.get_header("If-Match")
    if wanted is None or wanted.strip() == "*" or of(body) in [tag.strip() for tag in wanted.split(",")]:
        return
    raise errors.Problem(412, "precondition_failed", "It was changed meanwhile; read it again and repeat your edit.")
