"""Attaching pictures in the workshop: merged, checked, refused on a closed run; cut-off uploads are taken back."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from services.workers import sweeps
from shared.domain import commands
from shared.domain.media import MediaReference
from shared.runtime import clock, settings
from shared.storage import upload_store
from shared.storage.files import Files
from tests.workshop import TestBench


def an_upload(workshop: TestBench, run_id: str, name: str, *, partner_id: str | None = "ptnr_weaver") -> str:
    """A stored file of a run, without its bytes."""
    workshop.change(
        """INSERT INTO media_file (id, run_id, partner_id, uploaded_by, content_type, size, sha256, storage_key)
           VALUES (:id, :run, :partner, 'acct', 'image/jpeg', 1, :id, :id)""",
        id=f"media_{name}",
        run=run_id,
        partner=partner_id,
    )
    return f"media_{name}"


def attach(*references: str | dict[str, Any]) -> commands.AttachMedia:
    told = [MediaReference(id=each) if isinstance(each, str) else MediaReference(**each) for each in references]
    return commands.AttachMedia(media_files=told)


def attached(workshop: TestBench, run_id: str) -> list[tuple[str, bool]]:
    rows = workshop.rows("SELECT * FROM run_media WHERE run_id = :run ORDER BY created_at, id", run=run_id)
    return [(row["media_id"] or row["url"], row["is_thumbnail"]) for row in rows]


def test_the_thumbnail_moves_to_the_one_asked_last(workshop: TestBench) -> None:
    run = workshop.a_sent_run()
    first, second, third = (an_upload(workshop, run, name) for name in ("a", "b", "c"))

    workshop.done(attach({"id": first, "is_thumbnail": True}, second), run_id=run, tenant="ptnr_weaver")
    workshop.done(
        attach({"id": third, "is_thumbnail": True}, {"id": second, "is_thumbnail": True}, first),
        run_id=run,
        tenant="ptnr_weaver",
    )

    assert attached(workshop, run) == [(first, False), (second, True), (third, False)]


def test_attaching_the_same_again_changes_and_tells_nothing(workshop: TestBench) -> None:
    run = workshop.a_sent_run()
    command = attach(an_upload(workshop, run, "a"), {"url": "https://old.test/a.jpg", "is_thumbnail": True})

    for _ in range(2):
        workshop.done(command, run_id=run, tenant="ptnr_weaver")

    assert attached(workshop, run) == [("media_a", False), ("https://old.test/a.jpg", True)]
    assert workshop.events(run).count("production_run.media_attached") == 1


def test_an_upload_of_another_run_or_partner_is_unknown_here(workshop: TestBench) -> None:
    run, other = workshop.a_sent_run(), workshop.a_sent_run(partner="dyer")
    foreign = an_upload(workshop, other, "foreign", partner_id="ptnr_dyer")
    others = an_upload(workshop, run, "others", partner_id="ptnr_dyer")

    refusals = [
        workshop.refused(attach(media_id), run_id=run, tenant="ptnr_weaver")
        for media_id in (foreign, others, "media_x")
    ]

    assert {refusal["code"] for refusal in refusals} == {"unknown_reference"}
    assert attached(workshop, run) == []


def test_one_wrong_upload_attaches_none(workshop: TestBench) -> None:
    run = workshop.a_sent_run()

    refusal = workshop.refused(attach(an_upload(workshop, run, "a"), "media_x"), run_id=run, tenant="ptnr_weaver")

    assert refusal["errors"][0]["pointer"] == "/media_files/1"
    assert attached(workshop, run) == []


def test_a_stranger_finds_no_run(workshop: TestBench) -> None:
    run = workshop.a_sent_run()
    workshop.a_partner("stranger")

    refusal = workshop.refused(attach(an_upload(workshop, run, "a")), run_id=run, tenant="ptnr_stranger")

    assert refusal["code"] == "not_found"


@pytest.mark.parametrize("status", ["completed", "cancelled"])
def test_a_closed_run_refuses(workshop: TestBench, status: str) -> None:
    run = workshop.a_sent_run()
    media_id = an_upload(workshop, run, "a")
    workshop.change(
        f"UPDATE production_run SET status = :status, {status}_at = now() WHERE id = :id", status=status, id=run
    )

    assert workshop.refused(attach(media_id), run_id=run, tenant="ptnr_weaver")["code"] == "wrong_state"
    assert attached(workshop, run) == []


def test_an_upload_that_was_cut_off_is_taken_back_after_an_hour(workshop: TestBench, tmp_path: Path) -> None:
    files, source = Files(settings.read({"LOOMLINE_HOME": str(tmp_path)})), tmp_path / "picture"
    source.write_bytes(b"half of it")
    with workshop.engine.begin() as connection:
        upload_store.announce(connection, {"media_cut": "ab/cut", "media_kept": "ab/kept"})
    for key in ("ab/cut/original", "ab/kept/original"):
        files.put(key, source)
    an_upload(workshop, workshop.a_sent_run(), "kept")

    taken = [sweep(workshop, files, **later) for later in ({"minutes": 50}, {"minutes": 70}, {"minutes": 70})]

    assert taken == [0, 2, 0]
    assert files.get("ab/cut/original") is None
    assert files.get("ab/kept/original") is not None, "a file that has its row is never taken away"


def sweep(workshop: TestBench, files: Files, **later: float) -> int:
    with workshop.engine.begin() as connection:
        return sweeps.take_back_uploads(connection, at=clock.now() + timedelta(**later), files=files)
