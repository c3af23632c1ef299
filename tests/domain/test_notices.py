"""Who is told what, and in which words: the table of notices and the texts of every language."""

from datetime import UTC, datetime
from string import Template
from typing import Any

import pytest

from shared.domain import events, notices, targets
from shared.domain.notice_texts import TEXTS, Language
from shared.domain.notices import Audience, Occasion
from shared.domain.reminders import Stage
from shared.domain.runs import Run
from tests.domain.builders import NOON, a_run_in_progress, a_sent_run

KEYS = {row.key for row in notices.TABLE} - {"reminded"} | {f"reminded_{stage}" for stage in Stage}


def told(event: events.Event, *, run: Run | None = None, by_partner: bool = False) -> list[tuple[str, str]]:
    occasion = Occasion(event=event, run=run or a_sent_run(), partner_id="ptnr_1", by_partner=by_partner)
    return notices.tellings(occasion)


def names_in(*templates: Template) -> set[str]:
    return {name for template in templates for name in template.get_identifiers()}


@pytest.mark.parametrize("language", Language)
def test_every_notice_has_its_words_in_every_language(language: Language) -> None:
    assert set(TEXTS[language]) == KEYS


@pytest.mark.parametrize("key", sorted(KEYS))
def test_all_languages_name_the_same_things(key: str) -> None:
    named = {language: [names_in(template) for template in TEXTS[language][key]] for language in Language}

    assert named[Language.HINDI] == named[Language.ENGLISH]
    assert all(template.is_valid() for language in Language for template in TEXTS[language][key])


@pytest.mark.parametrize("key", sorted(KEYS))
def test_every_text_can_be_filled_from_what_is_known(key: str) -> None:
    occasion = Occasion(event=events.RunFlagged(), run=None, partner_id=None)
    values = notices.values_of(occasion, design=None, partner=None, time_zone="UTC")

    for language in Language:
        assert "$" not in notices.compose(key, values, language=language).text


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (events.RunSentToPartner(), [("ptnr_1", "sent")]),
        (events.RunReminded(after={"stage": "accept"}), [("ptnr_1", "reminded_accept")]),
        (events.RunReassigned(before={"partner_id": "ptnr_0"}, after={"partner_id": "ptnr_1"}), [("ptnr_0", "reassigned")]),
        (events.RunReassigned(before={"partner_id": "ptnr_1"}, after={"partner_id": "ptnr_1"}), []),
        (events.RunReassigned(before={"partner_id": None}, after={"partner_id": "ptnr_1"}), []),
        (events.RunCancelled(before={"status": "in_progress"}), [("ptnr_1", "cancelled")]),
        (events.RunCancelled(before={"status": "approved"}), []),
        (events.TasksAdded(after={"titles": ["mend"]}), [("ptnr_1", "rework")]),
        (events.RunDeclined(), [("admin", "declined")]),
        (events.RunOverdue(), [("admin", "overdue")]),
        (events.RunDispatchLapsed(), [("admin", "dispatch_lapsed")]),
        (events.RunDispatchFailed(), [("admin", "dispatch_failed")]),
        (events.RunEscalated(), [("admin", "escalated")]),
        (events.RunParked(), [("admin", "parked")]),
        (events.RunFlagged(), [("admin", "flagged")]),
        (events.StockShort(), [("admin", "stock_short")]),
        (events.RunAccepted(), []),
    ],
)  # fmt: skip
def test_who_is_told_of_an_event(event: events.Event, expected: list[tuple[str, str]]) -> None:
    assert told(event) == expected


def test_a_partner_is_not_told_of_rework_they_added_themselves() -> None:
    assert told(events.TasksAdded(), by_partner=True) == []


def test_a_split_run_ends_for_its_parts_partners_only() -> None:
    assert told(events.RunCancelled(before={"status": "in_progress"}), run=a_run_in_progress(child_count=2)) == []


def test_every_row_speaks_to_a_known_audience() -> None:
    assert {row.audience for row in notices.TABLE} == set(Audience)


def test_a_notice_is_told_in_the_partners_language_and_time_zone() -> None:
    run = a_sent_run(id="run_01h455vb4pex5vsk", role="weaving", waiting_until=datetime(2026, 3, 3, 4, 30, tzinfo=UTC))
    occasion = Occasion(event=events.RunSentToPartner(), run=run, partner_id="ptnr_1")

    values = notices.values_of(occasion, design="Shawl", partner="Weaver", time_zone="Asia/Kolkata")
    english, hindi = (notices.compose("sent", values, language=language) for language in ("en", "hi"))

    assert english.title == "New work: Shawl"
    assert english.text == (
        "Run 4pex5vsk is yours: 4 × Shawl (weaving). "
        "Please accept or decline it by 2026-03-03 10:00 (Asia/Kolkata)."
    )  # fmt: skip
    assert (hindi.title, hindi.language) == ("नया काम: Shawl", "hi")
    assert "2026-03-03 10:00 (Asia/Kolkata)" in hindi.text


def test_a_language_without_texts_is_told_in_english_and_an_unknown_zone_is_utc() -> None:
    values = notices.values_of(
        Occasion(event=events.RunSentToPartner(), run=a_sent_run(waiting_until=NOON), partner_id="ptnr_1"),
        design="Shawl", partner=None, time_zone="Mars/Olympus",
    )  # fmt: skip

    notice = notices.compose("sent", values, language="fr")

    assert notice.language == "en"
    assert "12:00 (UTC)" in notice.text


def test_values_stay_as_they_are_on_one_line() -> None:
    occasion = Occasion(event=events.RunDeclined(reason="5 $ & <b>\nBcc: x"), run=a_sent_run(), partner_id="ptnr_1")

    values = notices.values_of(occasion, design="$run\r\nShawl", partner="A", time_zone="UTC")
    notice = notices.compose("declined", values, language="en")

    assert notice.title == "Declined: $run Shawl"
    assert "5 $ & <b> Bcc: x" in notice.text


def test_a_very_long_reason_is_cut() -> None:
    assert len(notices.one_line("a" * 10_000)) == notices.LONGEST_VALUE


@pytest.mark.parametrize(
    ("urls", "expected"),
    [
        ([], {"console": ""}),
        (["json://a"], {"json": "json://a"}),
        (["JSON://a", "mailto://b", "json://c"], {"json": "JSON://a", "mailto": "mailto://b", "json#2": "json://c"}),
        (["nonsense"], {"unknown": "nonsense"}),
    ],
)
def test_a_channel_is_named_without_its_secrets(urls: list[str], expected: dict[str, str]) -> None:
    assert targets.by_channel(urls) == expected


@pytest.mark.parametrize(
    ("contacts", "urls"),
    [
        ([{"name": "Asha", "email": "a@b"}], []),
        ([{"kind": "apprise", "url": "json://a"}, {"kind": "apprise"}], ["json://a"]),
    ],
)
def test_only_contacts_with_a_target_are_told(contacts: list[dict[str, Any]], urls: list[str]) -> None:
    assert targets.of_partner(contacts) == urls


def test_the_setting_lists_targets_with_commas() -> None:
    assert targets.of_setting(" json://a , ,mailto://b") == ["json://a", "mailto://b"]


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("mailto://ana:sesame@smtp.example.com:587", "mailto://ana:****@smtp.example.com:587"),
        ("mailtos://ana@x.org:ses@me@smtp.example.com?to=b@x.org&pass=sesame", "mailtos://ana@x.org:****@smtp.example.com?****"),
        ("JSON://reader:sesame@127.0.0.1:8080/sesame", "json://reader:****@127.0.0.1:8080/****"),
        ("jsons://sesame@hooks.example.com", "jsons://****@hooks.example.com"),
        ("jsons://[::1]:9/sesame", "jsons://[::1]:9/****"),
        ("json://127.0.0.1", "json://127.0.0.1"),
        ("mmosts://chat.example.com/sesamesesamesesame3k7w", "mmosts://chat.example.com/****3k7w"),
        ("slack://sesameA/sesameB/sesamesesamesesame1a2b", "slack://****1a2b"),
        ("slack://sesameA/sesameB/sesamesesamesesame1a2b/#general", "slack://****"),
        ("tgram://123456789:sesame/chat", "tgram://****"),
        ("sendgrid://SG.sesame.sesame:from@example.org", "sendgrid://****"),
        ("mailto://ana:sesame/7@example.com", "mailto://****"),
        ("mailto://ana.b:77?sesame@example.com", "mailto://****?****"),
        ("json://sesame/", "json://****"),
        ("sesame", "****"),
    ],
)  # fmt: skip
def test_a_target_is_shown_without_its_secrets(url: str, shown: str) -> None:
    assert targets.masked(url) == shown
    assert "sesame" not in shown


def a_contact(url: str, **more: str) -> dict[str, Any]:
    return {"kind": "apprise", "url": url, **more}


def test_a_mask_that_comes_back_stands_for_its_target() -> None:
    stored = [a_contact("json://a:1@x.org", name="one"), a_contact("json://a:2@x.org", name="two"), {"name": "phone"}]
    shown = [targets.shown(each) for each in stored]

    assert targets.unmasked(shown, stored) == stored
    assert targets.unmasked(shown[::-1], stored) == stored[::-1]
    assert targets.unmasked([{**shown[0], "name": "three"}, shown[0]], stored) == [
        {**stored[1], "name": "three"},
        stored[0],
    ]
    assert targets.unmasked([shown[1], a_contact("json://b:3@x.org")], stored) == [
        stored[1],
        a_contact("json://b:3@x.org"),
    ]


@pytest.mark.parametrize("stored", [[], [a_contact("json://b:2@x.org")], [{"name": "phone"}]])
def test_a_mask_of_nothing_stays_a_mask(stored: list[dict[str, Any]]) -> None:
    came = targets.unmasked([a_contact("json://a:****@x.org")], stored)

    assert [targets.is_masked(each) for each in came] == [True]


def test_one_target_answers_one_mask() -> None:
    stored = [a_contact("json://a:1@x.org")]

    came = targets.unmasked([targets.shown(stored[0])] * 2, stored)

    assert [targets.is_masked(each) for each in came] == [False, True]


def test_every_state_of_a_notice_has_a_sentence() -> None:
    assert list(notices.STATE_SENTENCES) == list(notices.NoticeState)
