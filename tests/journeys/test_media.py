"""Pictures over a real server: a form of several files, one sent without a length, one far too large, and the way back."""

from collections.abc import Iterator

from services.api import uploads
from tests import pictures
from tests.house import House, ok

FORM = {"Content-Type": "multipart/form-data; boundary=seam"}


def a_form(content: bytes) -> Iterator[bytes]:
    """A form in pieces: it goes out without a Content-Length."""
    yield b'--seam\r\nContent-Disposition: form-data; name="files"; filename="loom.png"\r\n\r\n'
    yield from (content[begin : begin + 1000] for begin in range(0, len(content), 1000))
    yield b"\r\n--seam--\r\n"


def test_a_partner_uploads_attaches_and_sees_pictures(house: House) -> None:
    partner, phone = house.a_partner()
    run = house.a_run(house.a_design(), partner_id=partner)
    path = f"/partners/production-runs/{run}/media"
    picture = pictures.a_picture_with_a_place()

    told = ok(phone.post(path, files=[("files", (name, picture)) for name in ("a.jpg", "b.jpg")]), 201)["files"]
    streamed = ok(phone.post(path, content=a_form(pictures.a_picture("PNG")), headers=FORM), 201)["files"]
    too_large = phone.post(path, content=a_form(bytes(uploads.MOST_FILE_BYTES + 1)), headers=FORM)
    attached = ok(
        phone.post(f"{path}/attach", json={"media_files": [{"id": each["id"]} for each in [*told, *streamed]]})
    )["media"]
    seen = phone.get(attached[0]["thumbnail_url"])

    assert too_large.status_code == 413
    assert [each["id"] for each in attached] == [each["id"] for each in [*told, *streamed]]
    assert ok(phone.get(f"/partners/production-runs/{run}"))["production_run"]["media"] == attached
    assert (seen.status_code, seen.headers["content-type"]) == (200, "image/jpeg")
    assert int(seen.headers["content-length"]) == len(seen.content)
    assert phone.head(attached[0]["url"]).headers["content-length"] == str(told[0]["size"])
