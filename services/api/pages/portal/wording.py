"""What was refused, in a partner's words: names of fields as they stand on the page, and rules without the house's terms."""

import re
from collections.abc import Mapping

import msgspec

from services.api.forms import Filled
from shared.domain.refusals import Refusal

FIELD_WORDS = {
    "produced_quantity": "Good pieces",
    "rejected_quantity": "Rejected pieces",
    "rejection_reason": "reason",
    "rejection_notes": "Notes on the rejected pieces",
    "short_quantity": "Missing pieces",
    "short_reason": "reason",
    "partner_cost": "Price",
    "cost_currency": "Currency",
    "cost_type": "How the price is meant",
    "actual_cost": "Cost",
    "unit_cost": "Price of one unit",
    "inventory_item_id": "Material",
    "consumption_type": "What it was used for",
    "quantity_basis": "How the amount is meant",
    "unit_of_measure": "Unit",
    "location_id": "Place",
    "template_names": "Rework",
    "template_ids": "Rework",
    "quantity": "Amount",
    "comment": "Comment",
    "reason": "reason",
    "notes": "Notes",
    "name": "Name",
    "piece": "Piece",
}
"""Field of the API → what the portal calls it."""

PLAIN = {
    "wrong_state": "This is not possible now: the work stands at another step.",
    "already_done": "This was done already.",
    "on_hold": "This work is on hold. You will be told when it goes on.",
    "request_in_flight": "Your first tap is still being carried out. Look again in a moment.",
    "idempotency_key_reused": "This page was sent already. Check what is shown and send again.",
    "no_template_choice": "Choose at least one kind of rework.",
}
"""Code → the sentence for partners, where the rule's own speaks the house's language."""

_NAMES = re.compile(rf"\b({'|'.join(sorted(FIELD_WORDS, key=len, reverse=True))})\b")
_UNDERSCORED = re.compile(
    rf"\b({'|'.join(sorted((each for each in FIELD_WORDS if '_' in each), key=len, reverse=True))})\b"
)


_CHOICE = ("template_names choose", "choose exactly one of template_names")


def plain(form: Filled | None, *, fields: Mapping[str, str] | None = None) -> Filled | None:
    """The refused form in a partner's words. fields: field of the API → field of the page, where they differ."""
    if form is None:
        return None
    found = {(fields or {}).get(name, name): sentence(detail) for name, detail in form.errors.items()}
    return msgspec.structs.replace(form, detail=PLAIN.get(form.code) or sentence(form.detail), errors=found)


def of_refusal(refusal: Refusal | None) -> str:
    """Why a step is not possible now, nothing when it is."""
    return (PLAIN.get(refusal.code) or sentence(refusal.detail)) if refusal else ""


def sentence(detail: str) -> str:
    """`produced_quantity must not be negative.` as `Good pieces must not be negative.`"""
    if detail.lower().startswith(_CHOICE):
        return PLAIN["no_template_choice"]
    begun = _NAMES.match(detail)
    start = FIELD_WORDS[begun[1]] if begun else ""
    rest = detail[begun.end() :] if begun else detail
    told = start + _UNDERSCORED.sub(lambda found: FIELD_WORDS[found[1]], rest)
    told = told.replace(" needs a reason.", ": please say why.")
    return told[:1].upper() + told[1:]
