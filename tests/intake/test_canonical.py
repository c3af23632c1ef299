"""A shop's event → the command it asks for: exact numbers, exact ids, and a place for everything that is wrong."""

import base64
import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.commands import PlaceOrder, TaskChange, UpdateTask
from shared.intake import canonical, cloudevents
from shared.intake.cloudevents import CloudEvent
from shared.intake.pointers import MALFORMED, Unreadable

STRUCTURED = {"content-type": "application/cloudevents+json; charset=utf-8"}


def an_event(data: bytes, *, type_: str = "order.placed") -> CloudEvent:
    return CloudEvent(id="e", source="shop", type=type_, data=data, at="/data")


def an_order(data: str) -> Any:
    command = canonical.command_of(an_event(data.encode()))
    assert isinstance(command, PlaceOrder)
    return command.order


def refusal(raw: bytes, headers: dict[str, str]) -> Unreadable:
    with pytest.raises(Unreadable) as wrong:
        canonical.command_of(cloudevents.read(raw, headers))
    return wrong.value


@given(st.decimals(min_value="0.000001", max_value="999999999999", places=6))
def test_a_quantity_is_never_rounded(quantity: Decimal) -> None:
    for told in (f"{quantity:f}", f'"{quantity:f}"'):
        order = an_order(f'{{"id": "o", "items": [{{"id": "a", "quantity": {told}}}]}}')

        assert order.items[0].quantity == quantity


@given(st.integers(min_value=0, max_value=10**40))
def test_an_id_that_is_a_number_becomes_its_digits(number: int) -> None:
    assert an_order(f'{{"id": {number}}}').id == str(number)


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=200))
def test_an_id_that_is_text_is_kept_as_it_is(text: str) -> None:
    assert an_order(json.dumps({"id": text})).id == text


def test_a_thin_order_has_no_lines_and_an_empty_one_has_none_either() -> None:
    assert an_order('{"id": "o"}').items is None
    assert an_order('{"id": "o", "items": null}').items is None
    assert an_order('{"id": "o", "items": []}').items == []


def test_shops_may_send_more_than_we_read() -> None:
    order = an_order('{"id": "o", "total": 1.1, "customer": {"id": 1}, "items": [{"id": "a", "tax": [1, {"r": 2}]}]}')

    assert order.items[0].quantity == 1


def test_a_time_without_a_zone_is_utc() -> None:
    assert an_order('{"id": "o", "placed_at": "2026-01-31T08:00:00"}').placed_at == datetime(2026, 1, 31, 8, tzinfo=UTC)


def test_a_task_is_named_by_task_id_or_id() -> None:
    for name in ("task_id", "id"):
        told = json.dumps({name: "t", "status": "in_progress", "more": 1}).encode()
        command = canonical.command_of(an_event(told, type_="task.updated"))
        assert command == UpdateTask(task_id="t", status=TaskChange.IN_PROGRESS)


def test_structured_and_binary_mode_are_one_event() -> None:
    data = b'{"id": 1.0e0, "items": []}'
    attributes = {"specversion": "1.0", "id": "e", "source": "/shops/é", "type": "order.placed"}
    structured = b'{"data": ' + data + b", " + json.dumps(attributes).encode()[1:]
    encoded = json.dumps({**attributes, "data_base64": base64.b64encode(data).decode()}).encode()
    headers = {f"ce-{name}": value for name, value in attributes.items()} | {"ce-source": '"/shops/%C3%A9"'}

    found = [
        cloudevents.read(structured, STRUCTURED),
        cloudevents.read(encoded, {"content-type": "application/json"}),
        cloudevents.read(data, {**headers, "content-type": "application/json"}),
    ]

    assert {event.data for event in found} == {data}
    assert len({event.message_id for event in found}) == 1


def test_the_message_of_an_event_follows_from_its_source_and_id_alone() -> None:
    event = an_event(b"{}")
    other = CloudEvent(id="p", source="shope", type="order.placed")

    assert event.message_id == an_event(b"[]").message_id
    assert CloudEvent(id="ep", source="shop", type="t").message_id != other.message_id


@pytest.mark.parametrize(
    ("raw", "headers", "pointer"),
    [
        (b'{"specversion": "1.0", "source": "s", "type": "t"}', STRUCTURED, "/id"),
        (b'{"specversion": "1.0", "id": 1, "source": "s", "type": "t"}', STRUCTURED, "/id"),
        (b'{"specversion": "1.0", "id": "a\\nb", "source": "s", "type": "t"}', STRUCTURED, "/id"),
        (b'{"specversion": "1.0", "id": "a", "source": "s", "type": "order.placed"}', STRUCTURED, "/data"),
        (b'{"specversion": "1.0", "id": "a", "source": "s", "type": "t", "data_base64": "?"}', STRUCTURED, "/data_base64"),
        (b"{}", {"ce-specversion": "1.0", "ce-source": "s", "ce-type": "t"}, "/id"),
        (b"{}", {"ce-specversion": "2.0", "ce-id": "a", "ce-source": "s", "ce-type": "t"}, "/specversion"),
        (b"[]", {"content-type": "application/cloudevents-batch+json"}, ""),
    ],
)  # fmt: skip
def test_a_wrong_envelope_is_refused_with_the_place(raw: bytes, headers: dict[str, str], pointer: str) -> None:
    assert refusal(raw, headers).pointer == pointer


@pytest.mark.parametrize("raw", [b"", b"{", b"\xff", b'{"id": "\xff"}', b'{"id": "\\ud800"}'])
def test_what_is_not_json_is_told_as_such(raw: bytes) -> None:
    assert refusal(raw, STRUCTURED).code == MALFORMED


def test_what_is_nested_without_end_is_refused() -> None:
    deep = b"[" * 100_000
    for data in (deep, b'{"id": "o", "note": ' + deep, b'{"id": "o", "items": [{"id": "a", "properties": ' + deep):
        with pytest.raises(Unreadable):
            canonical.command_of(an_event(data))


@given(st.binary(max_size=200))
def test_no_bytes_whatever_break_the_reading(raw: bytes) -> None:
    for read in (lambda: cloudevents.read(raw, STRUCTURED), lambda: canonical.command_of(an_event(raw))):
        try:
            read()
        except Unreadable:
            continue


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(), lambda below: st.lists(below) | st.dictionaries(st.text() | st.sampled_from(["id", "items", "quantity"]), below), max_leaves=20))  # fmt: skip
def test_no_document_whatever_breaks_the_reading(document: Any) -> None:
    try:
        canonical.command_of(an_event(json.dumps(document).encode()))
    except Unreadable:
        return
