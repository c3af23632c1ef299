"""Pictures in a bucket: stored with their copies, served with safe headers, and nothing left behind by what failed."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from falcon import testing
from sqlalchemy import text

from services.workers import sweeps
from shared.runtime import clock, settings
from shared.storage.files import Files
from tests import pictures, places
from tests.bucket.server import FOLDER, Bucket
from tests.gateway.house import House
from tests.house import House as RunningHouse
from tests.places import System, eventually
from tests.workshop import TestBench


class Stage:
    """One run of a weaver, and the bucket behind it."""

    def __init__(self, house: House, bucket: Bucket) -> None:
        self.house, self.bench, self.bucket = house, house.bench, bucket
        self.run = self.bench.a_sent_run()
        self.weaver = house.a_person_of("ptnr_weaver")

    def upload(self, *files: tuple[str, bytes], **more: Any) -> testing.Result:
        return self.house.upload(f"/partners/production-runs/{self.run}/media", *files, by=self.weaver, **more)

    def get(self, path: str, **headers: str) -> testing.Result:
        return self.house.get(path, by=self.weaver, **headers)

    def assert_nothing_is_left(self) -> None:
        assert_nothing_is_left(self.bench, self.bucket)


def sweep(bench: TestBench, bucket: Bucket, **later: float) -> int:
    """What the sweeper does, so much later."""
    files = Files(settings.read({"LOOMLINE_FILES_URL": bucket.files_url}))
    with bench.engine.begin() as connection:
        return sweeps.take_back_uploads(connection, at=clock.now() + timedelta(**later), files=files)


def assert_nothing_is_left(bench: TestBench, bucket: Bucket) -> None:
    assert (bucket.keys(), bucket.unfinished()) == ([], [])
    assert bench.value("SELECT count(*) FROM media_file") == 0
    assert bench.value("SELECT count(*) FROM media_upload") == 0


@pytest.fixture
def stage(house: House, bucket: Bucket) -> Stage:
    return Stage(house, bucket)


def test_several_files_are_in_the_bucket_with_their_copies(stage: Stage) -> None:
    answer = stage.upload(
        ("front.jpg", pictures.a_picture(size=(2000, 1000))),
        ("back.png", pictures.a_picture("PNG")),
        ("a.pdf", b"%PDF-1.7"),
    )

    assert answer.status_code == 201, answer.text
    rows = stage.bench.rows("SELECT storage_key, message_key, thumbnail_key FROM media_file")
    stored = {key for row in rows for key in row.values() if key}
    assert len(stored) == 3 + 3 + 1
    assert set(stage.bucket.keys()) == {f"{FOLDER}/{key}" for key in stored}


def test_what_is_in_the_bucket_is_served_with_safe_headers(stage: Stage) -> None:
    (told,) = stage.upload(("loom.jpg", pictures.a_picture(size=(2000, 1000)))).json["files"]

    original, message, thumbnail = (stage.get(told["url"] + part) for part in ("", "/message", "/thumbnail"))

    assert [pictures.size_of(each.content) for each in (original, message, thumbnail)] == [
        (2000, 1000), (1280, 640), (320, 160),
    ]  # fmt: skip
    for answer in (original, message, thumbnail):
        assert answer.headers["content-type"] == "image/jpeg"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-security-policy"] == "sandbox; default-src 'none'"
        assert answer.headers["cache-control"].startswith("private")
        assert answer.headers["content-length"] == str(len(answer.content))
    again = stage.get(told["url"], If_None_Match=original.headers["etag"])
    assert (again.status_code, again.content) == (304, b"")


def test_a_stranger_finds_nothing_in_the_bucket(stage: Stage) -> None:
    (told,) = stage.upload(("loom.jpg", pictures.a_picture())).json["files"]
    stranger = stage.house.a_person_of(stage.bench.a_partner("stranger"))

    assert stage.house.get(told["url"], by=stranger).status_code == 404


def test_a_large_file_goes_in_one_piece(stage: Stage) -> None:
    content = b"%PDF-1.7" + bytes(9 * 1024 * 1024)

    (told,) = stage.upload(("pattern.pdf", content)).json["files"]

    assert stage.get(told["url"]).content == content
    assert stage.bucket.unfinished() == []


def test_a_form_with_one_unusable_file_leaves_nothing_in_the_bucket(stage: Stage) -> None:
    refused = stage.upload(("good.jpg", pictures.a_picture()), ("bad.jpg", b"no picture"))

    assert refused.status_code == 415
    stage.assert_nothing_is_left()


def test_a_run_that_is_settled_during_the_upload_leaves_nothing_in_the_bucket(stage: Stage) -> None:
    with stage.bench.engine.begin() as settling:
        settling.execute(
            text("UPDATE production_run SET status = 'completed', completed_at = now() WHERE id = :id"),
            {"id": stage.run},
        )
        asked = stage.bench.hands.submit(stage.upload, ("late.jpg", pictures.a_picture()))
        eventually(lambda: stage.bench.value("SELECT count(*) FROM pg_locks WHERE NOT granted") > 0)
        assert len(stage.bucket.keys()) == 3

    assert asked.result(timeout=10).status_code == 409
    stage.assert_nothing_is_left()


def test_a_bucket_that_does_not_answer_is_away_soon_and_is_swept_when_it_is_back(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_TIMEOUT", "500ms")
    stage.bucket.stall()

    answer = stage.upload(("loom.jpg", pictures.a_picture()))

    assert answer.status_code == 503, answer.text
    assert stage.bench.value("SELECT count(*) FROM media_upload") == 1, "its place is known until it is cleared"
    stage.bucket.go_on()
    monkeypatch.delenv("AWS_TIMEOUT")
    assert [sweep(stage.bench, stage.bucket, minutes=after) for after in (50, 70, 70)] == [0, 1, 0]
    stage.assert_nothing_is_left()


@pytest.fixture
def running(database: str, bucket: Bucket) -> Iterator[System]:
    """A running Loomline that keeps its files in the bucket."""
    with places.a_system("embedded", database_url=database, amqp_url="", files_url=bucket.files_url) as system:
        yield system


@pytest.fixture
def ledger(database: str) -> Iterator[TestBench]:
    """A look into the running one's database."""
    bench = TestBench(database)
    yield bench
    bench.close()


def test_what_a_killed_gateway_left_in_the_bucket_is_found_by_the_sweep(
    running: System, bucket: Bucket, ledger: TestBench
) -> None:
    house = RunningHouse(running)
    partner, phone = house.a_partner()
    run = house.a_run(house.a_design(), partner_id=partner)
    form = [("files", (f"{place}.png", pictures.a_picture("PNG", size=(3000, 2000)))) for place in range(10)]

    with ThreadPoolExecutor(1) as door:
        asked = door.submit(phone.post, f"/partners/production-runs/{run}/media", files=form)
        eventually(lambda: len(bucket.keys()) > 3)
        running.kill("gateway")
        assert asked.exception(timeout=30) is not None
    house.close()

    assert bucket.keys() != []
    assert ledger.value("SELECT count(*) FROM media_file") == 0
    assert sweep(ledger, bucket, minutes=70) == 10
    assert_nothing_is_left(ledger, bucket)
