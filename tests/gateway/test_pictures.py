"""Pictures of every kind come out upright, bare and in colours that every browser knows."""

import io
from pathlib import Path

import pytest
from PIL import Image, ImageCms

from shared.runtime import pictures
from tests.pictures import a_picture, a_picture_with_a_place


def cleaned(tmp_path: Path, content: bytes) -> pictures.Clean:
    source = tmp_path / "picture"
    source.write_bytes(content)
    return pictures.clean(source)


def drawn(mode: str, format_: str, **how: object) -> bytes:
    told = io.BytesIO()
    Image.new(mode, (40, 30), 1 if mode in ("1", "P") else None).save(told, format_, **how)
    return told.getvalue()


def several_frames(format_: str) -> bytes:
    told = io.BytesIO()
    frames = [Image.new("RGB", (40, 30), colour) for colour in ("red", "green", "blue")]
    frames[0].save(told, format_, save_all=True, append_images=frames[1:])
    return told.getvalue()


@pytest.mark.parametrize(
    ("content", "content_type"),
    [
        (drawn("1", "PNG"), "image/png"),
        (drawn("L", "JPEG"), "image/jpeg"),
        (drawn("LA", "PNG"), "image/png"),
        (drawn("P", "PNG", transparency=0), "image/png"),
        (drawn("P", "GIF", transparency=0), "image/gif"),
        (drawn("I;16", "PNG"), "image/png"),
        (drawn("RGBA", "WEBP"), "image/webp"),
        (drawn("CMYK", "JPEG"), "image/jpeg"),
        (several_frames("GIF"), "image/gif"),
        (several_frames("WEBP"), "image/webp"),
        (several_frames("PNG"), "image/png"),
        (several_frames("MPO"), "image/jpeg"),
    ],
)
def test_every_kind_of_picture_is_taken(tmp_path: Path, content: bytes, content_type: str) -> None:
    clean = cleaned(tmp_path, content)

    assert clean.content_type == content_type
    assert (clean.width, clean.height) == (40, 30)
    for path in (clean.original, clean.message, clean.thumbnail):
        assert path is not None
        with Image.open(path) as opened:
            assert opened.size == (40, 30)
            assert getattr(opened, "n_frames", 1) == 1


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_stands_upright_however_the_camera_was_held(tmp_path: Path, orientation: int) -> None:
    clean = cleaned(tmp_path, a_picture_with_a_place(size=(80, 60), orientation=orientation))

    assert (clean.width, clean.height) == ((80, 60) if orientation < 5 else (60, 80))


@pytest.mark.parametrize("profile", [ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes(), b"no profile"])
def test_a_colour_profile_is_applied_and_left_behind(tmp_path: Path, profile: bytes) -> None:
    clean = cleaned(tmp_path, a_picture(icc_profile=profile))

    with Image.open(clean.original) as opened:
        assert "icc_profile" not in opened.info


def test_what_hides_behind_a_picture_is_left_behind(tmp_path: Path) -> None:
    clean = cleaned(tmp_path, a_picture("PNG") + b"PK\x03\x04<script>alert(1)</script>")

    assert b"<script>" not in clean.original.read_bytes()
