"""Every list: pages that neither skip nor repeat, filters that mean what they say, parameters refused by name."""

import base64

import pytest

from tests.contract.office import Office

DESIGNS = 250


def with_designs(office: Office) -> None:
    """Many designs, made at five instants only, so that most of them are ties."""
    office.rows(
        """INSERT INTO design (id, name, status, created_at)
           SELECT 'dsgn_' || lpad(n::text, 4, '0'), 'Design ' || mod(n, 7),
                  CASE mod(n, 2) WHEN 0 THEN 'Approved' ELSE 'Conceptual' END,
                  timestamptz '2026-01-01T00:00:00.123456Z' + mod(n, 5) * interval '1 microsecond'
           FROM generate_series(1, %(many)s) n""",
        many=DESIGNS,
    )


@pytest.mark.parametrize("sort", ["created_at", "-created_at", "name", "-name", "-status"])
def test_a_walk_over_ties_shows_every_row_once_and_in_order(office: Office, sort: str) -> None:
    with_designs(office)
    field = sort.removeprefix("-")

    seen, cursor = [], ""
    while True:
        page = office.ask("GET", f"/admin/designs?limit=37&sort={sort}{cursor}").json
        seen += [(design[field], design["id"]) for design in page["designs"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"

    assert len(seen) == DESIGNS
    assert seen == sorted(set(seen), reverse=sort.startswith("-"))


def test_a_walk_goes_on_where_it_was_while_rows_are_added(office: Office) -> None:
    with_designs(office)
    first = office.ask("GET", "/admin/designs?limit=100").json
    office.add("/admin/designs", {"name": "Made meanwhile"})

    second = office.ask("GET", f"/admin/designs?limit=200&cursor={first['next_cursor']}").json

    together = [design["id"] for design in (*first["designs"], *second["designs"])]
    assert len(together) == len(set(together)) == DESIGNS


def test_a_list_has_twenty_and_never_more_than_two_hundred(office: Office) -> None:
    with_designs(office)

    assert len(office.ask("GET", "/admin/designs").json["designs"]) == 20
    assert len(office.ask("GET", "/admin/designs?limit=1000000000000000000000").json["designs"]) == 200


def test_the_count_is_of_the_whole_list_and_only_when_asked_for(office: Office) -> None:
    with_designs(office)

    assert office.ask("GET", "/admin/designs?status=Approved&count=true&limit=1").json["count"] == DESIGNS / 2
    assert "count" not in office.ask("GET", "/admin/designs").json


def test_a_filter_takes_any_of_several_values(office: Office) -> None:
    with_designs(office)

    both = office.ask("GET", "/admin/designs?status=Approved,Conceptual&count=true").json

    assert both["count"] == DESIGNS
    assert office.ask("GET", "/admin/designs?status=Revision").json["designs"] == []


def test_created_after_and_before_leave_the_instant_itself_out(office: Office) -> None:
    with_designs(office)
    window = "created_after=2026-01-01T00:00:00.123456Z&created_before=2026-01-01T01:00:00.123458%2B01:00"

    found = office.ask("GET", f"/admin/designs?{window}&count=true").json

    assert found["count"] == DESIGNS / 5
    assert {design["created_at"] for design in found["designs"]} == {"2026-01-01T00:00:00.123457Z"}


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("limit=0", "limit"),
        ("limit=-1", "limit"),
        ("limit=ten", "limit"),
        ("limit=", "limit"),
        ("limit=1.5", "limit"),
        ("limit=%D9%A3", "limit"),
        ("count=maybe", "count"),
        ("sort=colour", "sort"),
        ("sort=", "sort"),
        ("sort=--name", "sort"),
        ("status=", "status"),
        ("status=Approved,", "status"),
        ("status=approved", "status"),
        ("category=", "category"),
        ("created_after=yesterday", "created_after"),
        ("created_after=2026-01-01T00:00:00", "created_after"),
        ("created_before=", "created_before"),
        ("cursor=", "cursor"),
        ("cursor=bm90IG9uZQ", "cursor"),
        ("cursor=%F0%9F%98%80", "cursor"),
        ("colour=red", "colour"),
        ("status=Approved&status=Revision", "status"),
    ],
)
def test_a_parameter_that_means_nothing_is_refused_by_name(quiet_office: Office, query: str, name: str) -> None:
    answer = quiet_office.ask("GET", f"/admin/designs?{query}")

    assert answer.status_code == 422, answer.text
    assert answer.json["errors"][0]["parameter"] == name


def test_a_cursor_is_good_for_its_own_list_only(office: Office) -> None:
    with_designs(office)
    cursor = office.ask("GET", "/admin/designs?limit=5").json["next_cursor"]
    raw = bytearray(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    raw[-4] ^= 1
    tampered = base64.urlsafe_b64encode(bytes(raw)).decode().rstrip("=")

    assert office.ask("GET", f"/admin/designs?cursor={tampered}").status_code == 422
    assert office.ask("GET", f"/admin/designs?cursor={cursor}&status=Approved").status_code == 422
    assert office.ask("GET", f"/admin/designs?cursor={cursor}&sort=name").status_code == 422
    assert office.ask("GET", f"/admin/designs?cursor={cursor}&limit=7&sort=-created_at").status_code == 200
