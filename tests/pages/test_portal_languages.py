"""The portal in Hindi: every sentence it says is in the table, and refusals are told in it too."""

import re
from collections.abc import Iterable, Iterator
from enum import StrEnum
from inspect import cleandoc
from pathlib import Path

import pytest

from services.api import pages
from services.api.pages import languages, said, words
from services.api.pages.languages_hi import HINDI
from services.api.pages.portal import account, run, tasks, wording
from shared.domain import refusals
from shared.domain.consumption import Unit
from shared.domain.events import EVENTS
from shared.domain.notice_texts import Language
from shared.domain.runs import RejectionReason, RunType
from shared.domain.tasks import TaskStatus
from tests.gateway.house import House
from tests.pages.portal import ALL, Portal

TEMPLATES = Path(str(pages.__file__)).parent / "templates"
SHOWN: tuple[type[StrEnum], ...] = (TaskStatus, RejectionReason, RunType)


def sentences() -> Iterator[str]:
    """Every sentence that a template of the portal says."""
    rooms = [*TEMPLATES.glob("portal/*.html"), *TEMPLATES.glob("parts/*.html"), *TEMPLATES.glob("*.html")]
    for template in rooms:
        for found in re.finditer(r"""\b_\(\s*(?:"([^"]*)"|'([^']*)')""", template.read_text()):
            yield found[1] or found[2]


def missing(wanted: Iterable[str]) -> set[str]:
    return {sentence for sentence in wanted if sentence and sentence not in HINDI}


def test_every_sentence_of_the_templates_has_a_hindi_text() -> None:
    found = list(sentences())

    assert len(found) > 150
    assert missing(found) == set()


def test_every_sentence_that_is_said_after_a_step_has_a_hindi_text() -> None:
    keys = {act.said for act in (*run.ACTS, *tasks.ACTS, *account.ACTS)} | {"uploaded", "completed", "signed_out"}

    assert missing(said.SAID[key] for key in keys) == set()


@pytest.mark.parametrize("kind", SHOWN, ids=lambda kind: kind.__name__)
def test_every_word_of_what_is_chosen_or_shown_has_a_hindi_text(kind: type[StrEnum]) -> None:
    assert missing(words.label(each.value) for each in kind) == set()


def test_every_unit_has_a_hindi_sign() -> None:
    assert missing(words.amount(1, each.value)[2:] for each in Unit) == set()


def test_every_event_of_the_story_has_a_hindi_sentence() -> None:
    assert missing(event.sentence for event in EVENTS.values()) == set()


def test_every_plain_sentence_and_field_has_a_hindi_text() -> None:
    assert missing([*wording.PLAIN.values(), *wording.FIELD_WORDS.values()]) == set()


def test_every_refusal_without_values_has_a_hindi_sentence() -> None:
    fixed = {cleandoc(kind.__doc__ or "").replace("\n", " ") for kind in refusals.Refusal.__subclasses__()}

    assert missing(sentence for sentence in fixed if "{" not in sentence) == set()


def test_a_hindi_text_has_the_same_values_as_its_english_one() -> None:
    for english, hindi in HINDI.items():
        assert set(re.findall(r"\{(\w+)\}", hindi)) <= set(re.findall(r"\{(\w+)\}", english)), english


def test_a_refusal_with_values_is_told_in_hindi_with_them() -> None:
    say = languages.speaker(Language.HINDI)

    told = say.told("Ordered 4, but produced 3 + rejected 0 + short 0 = 3.")
    unknown = say.told("Something that nobody translated.")

    assert told == "माँगे गए 4, पर 3 अच्छे + 0 ख़राब + 0 कम = 3।"
    assert unknown == "यह नहीं हो सका। (Something that nobody translated.)"
    assert languages.speaker(Language.ENGLISH).told("As it is.") == "As it is."


@pytest.mark.parametrize("rest", ["", "/decline", "/finish", "/rework", "/material", "/complete"])
def test_no_page_of_a_run_speaks_english_to_a_hindi_reader(house: House, rest: str) -> None:
    portal = Portal(house)
    portal.bench.a_template("मरम्मत", kind="redo")
    made = portal.a_run(
        "शॉल", steps=ALL if rest == "/complete" else ("accept", "start") if rest in ("/finish", "/rework") else ()
    )
    portal.bench.change("UPDATE task SET title = 'बुनना'")
    portal.bench.change("UPDATE partner SET name = 'बुनकर'")
    portal.speak("hi")

    page = portal.open(f"/portal/runs/{made}{rest}")

    assert page.soup.html["lang"] == "hi"
    plain = re.sub(r"\b[0-9A-Z]{6}\b|Asia/\w+|JPEG|INR|EUR|PDF|PIA|pia|Asha|UTC", "", page.text)
    assert re.findall(r"[A-Za-z]{3,}", plain) == []


def test_a_refused_form_is_told_in_hindi(house: House) -> None:
    portal = Portal(house)
    run = portal.a_run(steps=ALL)
    portal.speak("hi")

    page = portal.send(portal.open(f"/portal/runs/{run}/complete"), "/complete", go="cost", rejected_quantity="1")

    assert "ख़राब पीस का कारण बताएँ।" in page.text


@pytest.mark.parametrize("address", ["/portal", "/portal?tab=waiting", "/portal/tasks", "/portal/tasks?tab=done"])
def test_no_list_speaks_english_to_a_hindi_reader(house: House, address: str) -> None:
    portal = Portal(house)
    portal.a_run("शॉल")
    portal.bench.change("UPDATE task SET title = 'बुनना'")
    portal.speak("hi")

    page = portal.open(address)

    assert re.findall(r"[A-Za-z]{3,}", re.sub(r"\b[0-9A-Z]{6}\b", "", page.text)) == []
