"""`loomline accounts`, `admin` and `tokens`: who may come in, and who may not any more."""

from collections.abc import Iterator

import pytest

from shared.runtime import passwords
from tests.gateway.house import House
from tests.operator.command import Commander
from tests.workshop import TestBench

PASSWORD = "a password that was typed"


@pytest.fixture
def house(bench: TestBench) -> Iterator[House]:
    """The gateway of the same house."""
    house = House(bench)
    yield house
    house.close()


def token_of(house: House, email: str, password: str) -> str:
    answer = house.post("/auth/login", {"email": email, "password": password})
    assert answer.status_code == 200, answer.text
    return str(answer.json["token"])


def test_a_partners_person_signs_in_with_the_password_that_was_shown(loomline: Commander, house: House) -> None:
    partner_id = house.bench.a_partner("weaver")

    ended = loomline.process("accounts", "add", "Pia@Weavers.example", "--name", "Pia", "--partner", "weaver", "--json")

    assert ended.code == 0, ended
    assert ended.json["account"]["partner_id"] == partner_id
    token = token_of(house, "pia@weavers.example", ended.json["password"])
    assert house.get("/auth/me", by=token).json["account"]["role"] == "partner"


def test_a_password_that_is_asked_for_is_never_shown(loomline: Commander, house: House) -> None:
    ended = loomline.process(
        "accounts", "add", "asha@house.example", "--name", "Asha", "--admin", "--ask", stdin=f"{PASSWORD}\n"
    )

    assert ended.code == 0, ended
    assert PASSWORD not in ended.stdout + ended.stderr
    assert token_of(house, "asha@house.example", PASSWORD)


def test_a_weak_password_is_refused(loomline: Commander, bench: TestBench) -> None:
    ended = loomline.run(
        "accounts", "add", "asha@house.example", "--name", "Asha", "--admin", "--ask", "--json", stdin="short\n"
    )

    assert ended.code == 1
    assert ended.json["problem"]["code"] == "weak_password"
    assert bench.value("SELECT count(*) FROM account") == 0


def test_an_address_has_one_account(loomline: Commander) -> None:
    person = ("accounts", "add", "asha@house.example", "--name", "Asha", "--admin")
    loomline.done(*person)

    assert loomline.refused(*person)["code"] == "address_taken"


def test_an_account_is_a_partners_or_an_admins(loomline: Commander) -> None:
    assert loomline.refused("accounts", "add", "p@q.example", "--name", "P", "--partner", "nobody")["code"] == (
        "unknown_partner"
    )
    assert loomline.run("accounts", "add", "p@q.example", "--name", "P").code == 2
    assert loomline.run("accounts", "add", "p@q.example", "--name", "P", "--admin", "--partner", "x").code == 2
    assert loomline.run("accounts", "add", "no address", "--name", "P", "--admin").code == 2


def test_a_new_password_ends_every_session(loomline: Commander, house: House) -> None:
    first = loomline.done("accounts", "add", "asha@house.example", "--name", "Asha", "--admin")["password"]
    token = token_of(house, "asha@house.example", first)

    told = loomline.done("accounts", "password", "asha@house.example")

    assert told["account"]["sessions_ended"] == 1
    assert house.get("/auth/me", by=token).status_code == 401
    assert token_of(house, "asha@house.example", told["password"])


def test_a_switched_off_accounts_sessions_end_for_good(loomline: Commander, house: House) -> None:
    house.bench.a_partner("weaver")
    made = loomline.done("accounts", "add", "pia@weavers.example", "--name", "Pia", "--partner", "weaver")
    token = token_of(house, "pia@weavers.example", made["password"])

    told = loomline.done("accounts", "switch-off", "pia@weavers.example")

    assert told["account"] | {"is_active": False, "sessions_ended": 1} == told["account"]
    assert house.get("/auth/me", by=token).status_code == 401
    assert house.post("/auth/login", {"email": "pia@weavers.example", "password": made["password"]}).status_code == 401
    assert loomline.done("accounts", "switch-on", "pia@weavers.example")["account"]["is_active"]
    assert house.get("/auth/me", by=token).status_code == 401
    assert token_of(house, "pia@weavers.example", made["password"])


def test_the_last_admin_cannot_be_switched_off(loomline: Commander) -> None:
    loomline.done("accounts", "add", "asha@house.example", "--name", "Asha", "--admin")
    loomline.done("accounts", "add", "bela@house.example", "--name", "Bela", "--admin")
    loomline.done("accounts", "switch-off", "bela@house.example")

    assert loomline.refused("accounts", "switch-off", "asha@house.example")["code"] == "last_admin"
    assert loomline.done("accounts", "list", "--admins")["accounts"][0]["is_active"]


def test_nobody_unknown_is_changed(loomline: Commander) -> None:
    for verb in ("password", "switch-off", "switch-on"):
        assert loomline.refused("accounts", verb, "nobody@house.example")["code"] == "unknown_account"


def test_accounts_are_listed_without_their_hashes(loomline: Commander, bench: TestBench) -> None:
    bench.a_partner("weaver")
    loomline.done("accounts", "add", "asha@house.example", "--name", "Asha", "--admin")
    loomline.done("accounts", "add", "pia@weavers.example", "--name", "Pia [the weaver]", "--partner", "weaver")

    of_partner = loomline.done("accounts", "list", "--partner", "weaver")["accounts"]
    shown = loomline.run("accounts", "list").stdout

    assert [account["email"] for account in of_partner] == ["pia@weavers.example"]
    assert "password_hash" not in of_partner[0]
    assert "Pia [the weaver]" in shown
    assert "asha@house.example" in shown


def test_a_token_works_until_it_is_revoked_and_not_while_its_account_is_off(loomline: Commander, house: House) -> None:
    for name in ("asha", "bela"):
        loomline.done("accounts", "add", f"{name}@house.example", "--name", name, "--admin")

    made = loomline.done("tokens", "make", "asha@house.example", "--name", "report")
    assert house.get("/auth/me", by=made["secret"]).json["account"]["email"] == "asha@house.example"
    assert [token["name"] for token in loomline.done("tokens", "list")["tokens"]] == ["report"]

    loomline.done("accounts", "switch-off", "asha@house.example")
    assert house.get("/auth/me", by=made["secret"]).status_code == 401
    loomline.done("accounts", "switch-on", "asha@house.example")
    assert house.get("/auth/me", by=made["secret"]).status_code == 200

    loomline.done("tokens", "revoke", made["token"]["id"])
    assert house.get("/auth/me", by=made["secret"]).status_code == 401
    assert loomline.done("tokens", "list")["tokens"] == []
    assert loomline.refused("tokens", "revoke", made["token"]["id"])["code"] == "unknown_token"


def test_the_admin_command_makes_the_first_and_resets_it(loomline: Commander, bench: TestBench) -> None:
    made = loomline.done("admin", "--email", "Boss@House.example")
    again = loomline.done("admin", "--email", "boss@house.example")

    stored = bench.value("SELECT password_hash FROM account WHERE email = 'boss@house.example'")
    assert (made["account"]["is_new"], again["account"]["is_new"]) == (True, False)
    assert passwords.fits(again["password"], stored)
    assert not passwords.fits(made["password"], stored)
