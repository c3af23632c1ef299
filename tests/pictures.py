"""Pictures made for tests: with a place in them, sideways, or not what they say they are."""

import io
import struct
import zlib

from PIL import Image

GPS = 0x8825
ORIENTATION = 0x0112


def a_picture(
    format_: str = "JPEG", *, size: tuple[int, int] = (800, 600), colour: str = "#a03020", **how: object
) -> bytes:
    told = io.BytesIO()
    Image.new("RGB", size, colour).save(told, format_, **how)
    return told.getvalue()


def a_picture_with_a_place(*, size: tuple[int, int] = (800, 600), orientation: int = 6) -> bytes:
    """A JPEG that knows where it was taken, and lies on its side."""
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    exif[GPS] = {1: "N", 2: (26.0, 55.0, 12.0), 3: "E", 4: (75.0, 47.0, 0.0)}
    exif[0x010F] = "Secret Camera Works"
    return a_picture(size=size, exif=exif, comment=b"woven at home")


def a_bomb(*, side: int = 60_000) -> bytes:
    """A PNG of a few hundred bytes that says it has billions of pixels."""
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", header)
        + _chunk(b"IDAT", zlib.compress(bytes(100)))
        + _chunk(b"IEND", b"")
    )


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def opened(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content))


def size_of(content: bytes) -> tuple[int, int]:
    """Width and height of a picture."""
    with Image.open(io.BytesIO(content)) as picture:
        return picture.size
