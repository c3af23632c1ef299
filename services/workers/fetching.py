"""Fetching back: a thin event named an order, and its lines are asked for at the shop's own API. The sweeper leans on it.

Orders wait for nobody here: a thin order is parked until its lines come, and every call is outside any transaction.
"""

import base64
import re
from urllib.parse import quote

from sqlalchemy import Engine

from services.workers.outside import Caller, NotReached
from shared.intake import deliveries, medusa
from shared.intake.pointers import Unreadable
from shared.runtime import logs
from shared.runtime.settings import Settings
from shared.storage import inbox
from shared.storage.inbox import Wanted

AT_ONCE = 20
"""Orders fetched in one round; the rest is due in the next."""

SECONDS_PER_ORDER = 10.0
LONGEST_ORDER = 2 * 1024 * 1024
"""Bytes of an answer; a longer one is no order."""

_ORDER_ID = re.compile(r"[\w-]{1,100}", re.ASCII)

FIELDS = "id,display_id,status,payment_status,is_draft_order,canceled_at,created_at,updated_at,*items,*items.detail"

_log = logs.get("fetching")


def fetch_orders(engine: Engine, chosen: Settings) -> int:
    """Fetch every order that is due, once each. Returns how many came; 0 where no fetch-back is configured."""
    if not (chosen.medusa_url and chosen.medusa_token):
        return 0
    with engine.begin() as connection:
        due = inbox.claim_wanted(connection, source=medusa.SOURCE, limit=AT_ONCE)
    if not due:
        return 0
    caller = Caller(allow_private=chosen.medusa_allow_private == "yes", limit=SECONDS_PER_ORDER)
    try:
        return sum(_fetch(engine, caller, wanted, chosen) for wanted in due)
    finally:
        caller.close()


def _fetch(engine: Engine, caller: Caller, wanted: Wanted, chosen: Settings) -> bool:
    try:
        body = _ask(caller, wanted.order_id, url=chosen.medusa_url, token=chosen.medusa_token)
        command = medusa.fetched(body, source=wanted.source, order_id=wanted.order_id)
    except NotReached as why:
        return _give_back(engine, wanted, reason=f"the shop could not be asked: {why}")
    except Unreadable as wrong:
        return _give_back(engine, wanted, reason=f"the shop's answer cannot be used: {wrong.detail}")
    message_id = f"msg_{deliveries.digest(wanted.order_id.encode(), body)}"
    with engine.begin() as connection:
        inbox.record_fetched(connection, wanted, command, message_id=message_id, body=body)
    return True


def _ask(caller: Caller, order_id: str, *, url: str, token: str) -> bytes:
    """The order as the shop's API tells it. Raises NotReached, also for an answer that is not 200 or too long."""
    if not _ORDER_ID.fullmatch(order_id):
        raise NotReached("its id is no id of an order of Medusa")
    address = f"{url}/admin/orders/{order_id}?fields={quote(FIELDS, safe='')}"
    key = base64.b64encode(f"{token}:".encode()).decode()
    headers = {"Authorization": f"Basic {key}", "Accept": "application/json"}
    answer = caller.get(address, headers=headers, longest=LONGEST_ORDER)
    if answer.status != 200:
        raise NotReached(f"it answered {answer.status}")
    if len(answer.text) >= LONGEST_ORDER:
        raise NotReached("its answer is too long")
    return answer.text.encode()


def _give_back(engine: Engine, wanted: Wanted, *, reason: str) -> bool:
    with engine.begin() as connection:
        is_over = inbox.record_not_fetched(connection, wanted, reason=reason)
    say = _log.error if is_over else _log.warning
    say("order_not_fetched", order_id=wanted.order_id, attempt=wanted.attempts, given_up=is_over, why=reason)
    return False
