"""Pictures over HTTP: taken by their content, cleaned, shown to the right people only, and attached."""

from pathlib import Path
from typing import Any

import pytest
from falcon import testing
from sqlalchemy import text

from services.api import uploads
from services.workers import sweeps
from shared.domain import commands
from shared.runtime import clock
from shared.storage import upload_store
from tests import pictures
from tests.gateway.house import House
from tests.places import eventually


class Stage:
    """One run of a weaver, and everybody who wants to see its pictures."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.run = house.bench.a_sent_run()
        self.weaver = house.a_person_of("ptnr_weaver")
        self.path = f"/partners/production-runs/{self.run}/media"

    def upload(self, *files: tuple[str, bytes], **more: Any) -> testing.Result:
        return self.house.upload(self.path, *files, by=self.weaver, **more)

    def one(self, content: bytes | None = None, *, name: str = "loom.jpg") -> dict[str, Any]:
        """One file that is taken."""
        answer = self.upload((name, content or pictures.a_picture()))
        assert answer.status_code == 201, answer.text
        return dict(answer.json["files"][0])

    def attach(self, *references: dict[str, Any]) -> testing.Result:
        with self.house.open_workshop():
            return self.house.post(f"{self.path}/attach", {"media_files": list(references)}, by=self.weaver)

    def details(self) -> dict[str, Any]:
        return dict(self.house.get(f"/partners/production-runs/{self.run}", by=self.weaver).json)

    def stored(self) -> list[Path]:
        return [path for path in (self.house.desk.settings.home / "files").rglob("*") if path.is_file()]

    def waiting(self) -> list[Path]:
        return list((self.house.desk.settings.home / "uploads").rglob("*"))

    def assert_nothing_is_left(self) -> None:
        assert self.stored() == []
        assert self.waiting() == []
        assert self.house.bench.value("SELECT count(*) FROM media_file") == 0
        assert self.house.bench.value("SELECT count(*) FROM media_upload") == 0


@pytest.fixture
def stage(house: House) -> Stage:
    return Stage(house)


def test_several_files_are_stored_at_once(stage: Stage) -> None:
    answer = stage.upload(
        ("front.jpg", pictures.a_picture(size=(2000, 1000))),
        ("back.png", pictures.a_picture("PNG", size=(64, 48))),
        ("side.webp", pictures.a_picture("WEBP")),
        ("pattern.gif", pictures.a_picture("GIF")),
        ("measures.pdf", b"%PDF-1.7 sizes"),
    )

    assert answer.status_code == 201, answer.text
    files = answer.json["files"]
    assert [file["content_type"] for file in files] == [
        "image/jpeg", "image/png", "image/webp", "image/gif", "application/pdf",
    ]  # fmt: skip
    assert (files[0]["width"], files[0]["height"]) == (2000, 1000)
    assert set(files[0]) == {"id", "url", "thumbnail_url", "content_type", "size", "width", "height"}
    assert files[4] == {**files[4], "thumbnail_url": None, "width": None, "height": None, "size": 14}
    assert stage.waiting() == []
    assert stage.house.bench.value("SELECT count(*) FROM media_upload") == 0


def test_the_type_is_that_of_the_content_whatever_the_name_says(stage: Stage) -> None:
    told = stage.one(pictures.a_picture("PNG"), name="report.html")

    answer = stage.house.get(told["url"], by=stage.weaver)

    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["content-disposition"] == "inline; filename*=UTF-8''report.png"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("loom.jpg", b"<!doctype html><script>alert(1)</script>"),
        ("loom.svg", b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'),
        ("loom.png", b"MZ\x90\x00 a program"),
        ("loom.heic", b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00heic"),
        ("loom.jpg", b""),
        ("loom.bmp", pictures.a_picture("BMP")),
        ("loom.tiff", pictures.a_picture("TIFF")),
    ],
)
def test_what_is_no_picture_is_refused_by_name(stage: Stage, name: str, content: bytes) -> None:
    answer = stage.upload(("good.jpg", pictures.a_picture()), (name, content))

    assert answer.status_code == 415
    assert answer.json["code"] == "unsupported_file"
    assert answer.json["errors"][0]["pointer"] == "/files/1"
    assert name in answer.json["detail"]
    stage.assert_nothing_is_left()


@pytest.mark.parametrize(
    "content",
    [pictures.a_bomb(), pictures.a_bomb(side=8000), pictures.a_picture()[:-400], pictures.a_picture("PNG")[:60]],
)
def test_bombs_and_broken_pictures_are_refused_and_leave_nothing(stage: Stage, content: bytes) -> None:
    answer = stage.upload(("good.jpg", pictures.a_picture()), ("bad.png", content))

    assert answer.status_code == 422, answer.text
    assert answer.json["code"] == "unusable_picture"
    assert "bad.png" in answer.json["detail"]
    stage.assert_nothing_is_left()


def test_where_a_picture_was_taken_is_told_to_nobody(stage: Stage) -> None:
    given = pictures.a_picture_with_a_place(size=(800, 600))
    told = stage.one(given)

    for part in ("", "/message", "/thumbnail"):
        content = stage.house.get(told["url"] + part, by=stage.weaver).content
        assert dict(pictures.opened(content).getexif()) == {}
        assert b"Secret Camera" not in content
        assert b"woven at home" not in content
    assert b"Secret Camera" in given
    assert (told["width"], told["height"]) == (600, 800), "it lay on its side"


def test_the_copies_are_small(stage: Stage) -> None:
    told = stage.one(pictures.a_picture("PNG", size=(3000, 1500)))

    sizes = {
        part: pictures.opened(stage.house.get(told["url"] + part, by=stage.weaver).content).size
        for part in ("", "/message", "/thumbnail")
    }

    assert sizes == {"": (3000, 1500), "/message": (1280, 640), "/thumbnail": (320, 160)}


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "..\\..\\boot.ini", "/etc/shadow", "a\r\nSet-Cookie: b=1.jpg"[:3], ".."]
)
def test_a_name_is_never_a_path(stage: Stage, name: str) -> None:
    told = stage.one(name=name)

    row = stage.house.bench.rows("SELECT * FROM media_file")[0]
    assert "/" not in row["file_name"]
    assert "\\" not in row["file_name"]
    assert ".." not in row["storage_key"]
    root = stage.house.desk.settings.home.resolve() / "files"
    assert all(root in path.resolve().parents for path in stage.stored())
    assert len(stage.stored()) == 3
    assert stage.house.get(told["url"], by=stage.weaver).status_code == 200


def test_eleven_files_are_too_many(stage: Stage) -> None:
    answer = stage.upload(*[(f"{place}.pdf", b"%PDF-1.7") for place in range(uploads.MOST_FILES + 1)])

    assert answer.status_code == 413
    stage.assert_nothing_is_left()


def test_a_file_over_the_cap_is_refused_by_name(stage: Stage) -> None:
    answer = stage.upload(("huge.pdf", b"%PDF-1.7" + bytes(uploads.MOST_FILE_BYTES)))

    assert answer.status_code == 413
    assert "huge.pdf" in answer.json["detail"]
    stage.assert_nothing_is_left()


def test_a_request_over_the_cap_is_refused_before_it_is_read(stage: Stage) -> None:
    answer = stage.upload(("a.pdf", b"%PDF-1.7"), Content_Length=str(uploads.MOST_BYTES + 1))

    assert answer.status_code == 413


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"{}", "application/json", 415),
        (b"--seam--\r\n", "multipart/form-data; boundary=seam", 422),
        (b"no form at all", "multipart/form-data; boundary=seam", 400),
        (b"--seam\r\nContent-Disposition: form-data; name=files\r\n\r\n%PDF-", "multipart/form-data; boundary=seam", 400),
        (b"--seam--\r\n", "multipart/form-data", 400),
        (b'--seam\r\nContent-Disposition: form-data; name="files"; filename="\xff"\r\n\r\nx\r\n--seam--', "multipart/form-data; boundary=seam", 400),
    ],
)  # fmt: skip
def test_what_is_no_form_is_refused(stage: Stage, body: bytes, content_type: str, status: int) -> None:
    answer = stage.house.ask("POST", stage.path, body, by=stage.weaver, Content_Type=content_type)

    assert answer.status_code == status, answer.text
    stage.assert_nothing_is_left()


def test_another_field_is_refused_by_name(stage: Stage) -> None:
    answer = stage.upload(("a.jpg", pictures.a_picture()), field="images")

    assert answer.status_code == 422
    assert answer.json["errors"][0]["pointer"] == "/images"


def test_a_repeated_upload_is_stored_once(stage: Stage) -> None:
    asked = [stage.upload(("a.jpg", pictures.a_picture()), Idempotency_Key="once") for _ in range(2)]

    assert asked[0].json == asked[1].json
    assert stage.house.bench.value("SELECT count(*) FROM media_file") == 1
    other = stage.upload(("a.jpg", pictures.a_picture(colour="blue")), Idempotency_Key="once")
    assert other.status_code == 422


@pytest.mark.parametrize("status", ["completed", "cancelled"])
def test_a_closed_run_takes_no_pictures(stage: Stage, status: str) -> None:
    told = stage.one()
    stage.house.bench.change(
        f"UPDATE production_run SET status = :status, {status}_at = now() WHERE id = :id", status=status, id=stage.run
    )

    uploaded = stage.upload(("late.jpg", pictures.a_picture()))
    attached = stage.attach({"id": told["id"]})

    assert (uploaded.status_code, attached.status_code) == (409, 409)
    assert uploaded.json["current_status"] == attached.json["current_status"] == status
    assert stage.house.bench.value("SELECT count(*) FROM media_file") == 1
    assert len(stage.stored()) == 3


def test_a_run_on_hold_still_takes_pictures(stage: Stage) -> None:
    stage.house.bench.done(commands.HoldRun(reason="the dye is late"), run_id=stage.run)

    attached = stage.attach({"id": stage.one()["id"]})

    assert attached.status_code == 200
    assert len(stage.details()["media"]) == 1


def test_a_run_that_is_settled_during_the_upload_keeps_nothing_of_it(stage: Stage) -> None:
    bench = stage.house.bench
    with bench.engine.begin() as settling:
        settling.execute(
            text("UPDATE production_run SET status = 'completed', completed_at = now() WHERE id = :id"),
            {"id": stage.run},
        )
        asked = bench.hands.submit(stage.upload, ("late.jpg", pictures.a_picture()))
        eventually(lambda: bench.value("SELECT count(*) FROM pg_locks WHERE NOT granted") > 0)

    assert asked.result(timeout=10).status_code == 409
    stage.assert_nothing_is_left()


def test_an_upload_that_was_given_up_while_it_went_on_keeps_nothing_of_it(stage: Stage) -> None:
    bench, slow = stage.house.bench, pictures.a_picture("PNG", size=(3000, 2000))

    asked = bench.hands.submit(stage.upload, *((f"{place}.png", slow) for place in range(5)))
    eventually(lambda: bench.value("SELECT count(*) FROM media_upload") == 5, every=0.005)
    with bench.engine.begin() as connection:
        later = clock.now() + 2 * upload_store.GIVEN_UP_AFTER
        assert sweeps.take_back_uploads(connection, at=later, files=stage.house.desk.files) == 5

    answer = asked.result(timeout=30)
    assert (answer.status_code, "took too long" in answer.json["detail"]) == (503, True)
    stage.assert_nothing_is_left()


def test_a_stranger_sees_and_adds_nothing(stage: Stage) -> None:
    told = stage.one()
    stage.house.bench.a_partner("stranger")
    stranger = stage.house.a_person_of("ptnr_stranger")

    answers = [
        stage.house.get(told["url"] + part, by=stranger).status_code for part in ("", "/message", "/thumbnail")
    ] + [
        stage.house.upload(stage.path, ("a.jpg", pictures.a_picture()), by=stranger).status_code,
        stage.house.post(f"{stage.path}/attach", {"media_files": [{"id": told["id"]}]}, by=stranger).status_code,
    ]

    assert answers == [404] * 5
    assert stage.house.get(told["url"]).status_code == 401


def test_a_partner_who_lost_the_run_sees_its_pictures_no_more(stage: Stage) -> None:
    told = stage.one()
    stage.house.bench.change(
        "UPDATE production_run SET partner_id = :other WHERE id = :id",
        other=stage.house.bench.a_partner("second"),
        id=stage.run,
    )

    seen = [
        stage.house.get(told["url"], by=who).status_code
        for who in (stage.weaver, stage.house.a_person_of("ptnr_second"), stage.house.an_admin())
    ]

    assert seen == [404, 404, 200], "what was not attached stays with whoever uploaded it"


def test_pictures_are_served_with_safe_headers(stage: Stage) -> None:
    told = stage.one()

    answer = stage.house.get(told["url"], by=stage.weaver)

    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"] == "sandbox; default-src 'none'"
    assert answer.headers["cache-control"].startswith("private")
    assert answer.headers["content-length"] == str(told["size"]) == str(len(answer.content))
    again = stage.house.get(told["url"], by=stage.weaver, If_None_Match=answer.headers["etag"])
    assert (again.status_code, again.content) == (304, b"")


def test_what_is_no_picture_is_only_saved(stage: Stage) -> None:
    told = stage.one(b"%PDF-1.7 <script>alert(1)</script>", name="x.html")

    answer = stage.house.get(told["url"], by=stage.weaver)

    assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''x.pdf"
    assert answer.headers["content-type"] == "application/pdf"
    assert stage.house.get(f"{told['url']}/thumbnail", by=stage.weaver).status_code == 404


def test_what_is_attached_is_on_the_run_once_with_one_thumbnail(stage: Stage) -> None:
    first, second = stage.one(), stage.one(pictures.a_picture(colour="blue"))
    elsewhere = "https://old.example/shawl.jpg"

    stage.attach({"id": first["id"], "is_thumbnail": True}, {"url": elsewhere})
    answer = stage.attach(
        {"url": first["url"]}, {"id": second["id"], "url": second["url"], "is_thumbnail": True}, {"url": elsewhere}
    )

    assert answer.status_code == 200, answer.text
    assert [(each["id"], each["url"], each["is_thumbnail"]) for each in answer.json["media"]] == [
        (first["id"], first["url"], False),
        (None, elsewhere, False),
        (second["id"], second["url"], True),
    ]
    assert answer.json["media"][0]["thumbnail_url"] == first["thumbnail_url"]
    assert stage.details()["production_run"]["media"] == answer.json["media"]


def test_an_admin_uploads_and_attaches_for_the_partner(stage: Stage) -> None:
    admin, path = stage.house.an_admin(), f"/admin/production-runs/{stage.run}/media"
    told = stage.house.upload(path, ("a.jpg", pictures.a_picture()), by=admin).json["files"][0]

    with stage.house.open_workshop():
        answer = stage.house.post(f"{path}/attach", {"media_files": [{"id": told["id"]}]}, by=admin)

    assert answer.status_code == 200, answer.text
    assert stage.house.get(told["url"], by=stage.weaver).status_code == 200


@pytest.mark.parametrize(
    "reference",
    [
        {},
        {"url": "javascript:alert(1)"},
        {"url": "file:///etc/passwd"},
        {"url": "//old.example/a.jpg"},
        {"url": "https://old.example/" + "a" * 2000},
        {"url": "https://[broken"},
        {"id": "media_unknown"},
        {"url": "/media/media_unknown"},
        {"id": "x", "place": 1},
    ],
)
def test_what_is_neither_an_upload_nor_an_address_is_refused(stage: Stage, reference: dict[str, Any]) -> None:
    answer = stage.attach(reference)

    assert answer.status_code == 422, answer.text
    assert answer.json["errors"][0]["pointer"].startswith("/media_files")
    assert stage.details()["media"] == []


def test_a_file_store_that_is_away_costs_a_moment_and_leaves_no_row(stage: Stage) -> None:
    blocked = stage.house.desk.settings.home / "files"
    blocked.write_text("not a directory")

    answer = stage.upload(("a.jpg", pictures.a_picture()))

    assert answer.status_code == 503, answer.text
    assert stage.house.bench.value("SELECT count(*) FROM media_file") == 0


def test_attaching_is_told_on_the_timeline(stage: Stage) -> None:
    stage.attach({"id": stage.one()["id"]})

    assert "production_run.media_attached" in stage.house.bench.events(stage.run)
    assert commands.AttachMedia.kind in commands.COMMANDS
