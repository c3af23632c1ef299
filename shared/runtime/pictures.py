"""Pictures: what a file really is, told by its content, and clean copies of it in the sizes that are shown.

A picture is decoded and written anew: orientation applied, colours brought to sRGB, everything else that came along
(place, camera, comments, hidden bytes) left behind. Of a moving picture the first frame is kept.
"""

import io
import struct
import threading
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

MOST_PIXELS = 50_000_000
"""A picture of more is refused by its header, before a pixel is decoded."""

MESSAGE_SIDE = 1280
THUMBNAIL_SIDE = 320
"""The longer side of the copies, in pixels."""

AT_ONCE = 2
"""Pictures one process decodes at the same time: a large one takes hundreds of megabytes."""

PDF = "application/pdf"
TYPES: Mapping[str, str] = {
    "JPEG": "image/jpeg",
    "PNG": "image/png",
    "WEBP": "image/webp",
    "GIF": "image/gif",
}
"""Pillow's names of the formats that are taken, and what they are served as."""

ENDINGS: Mapping[str, str] = {
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "image/webp": ".webp",
    "image/gif": ".gif",
    PDF: ".pdf",
}

_seats = threading.BoundedSemaphore(AT_ONCE)


class UnknownType(Exception):
    """It is neither a picture (JPEG, PNG, WebP, GIF) nor a PDF."""


class BadPicture(Exception):
    """It begins like a picture and cannot be used as one; the message says why."""


class Clean(msgspec.Struct, frozen=True):
    """A file that may be kept. message, thumbnail: smaller copies, JPEG; a PDF has none, and no width and height."""

    content_type: str
    original: Path
    message: Path | None = None
    thumbnail: Path | None = None
    width: int | None = None
    height: int | None = None


def clean(source: Path) -> Clean:
    """The file by what it really is; its copies are laid beside it. Raises UnknownType and BadPicture."""
    with source.open("rb") as file:
        if file.read(5) == b"%PDF-":
            return Clean(PDF, source)
    with _seats:
        try:
            return _clean_picture(source)
        except _BROKEN as fault:
            raise BadPicture("it is broken or cut short") from fault


def _clean_picture(source: Path) -> Clean:
    with _open(source) as opened:
        # MPO: a JPEG with a second picture behind it, as many telephones make them.
        format_ = "JPEG" if opened.format == "MPO" else str(opened.format)
        picture = _upright(opened)
    copies = {name: source.with_name(f"{source.name}.{name}") for name in ("original", "message", "thumbnail")}
    _save(picture, copies["original"], format_=format_)
    shown = _flat(picture)
    for name, side in (("message", MESSAGE_SIDE), ("thumbnail", THUMBNAIL_SIDE)):
        shown.thumbnail((side, side), Image.Resampling.LANCZOS)
        _save(shown, copies[name], format_="JPEG")
    width, height = picture.size
    return Clean(TYPES[format_], **copies, width=width, height=height)


def _open(source: Path) -> Image.Image:
    """The picture with only its header read, of a size that may be decoded."""
    try:
        opened = Image.open(source, formats=list(TYPES))
    except UnidentifiedImageError:
        raise UnknownType from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise BadPicture(_TOO_MANY) from None
    if opened.width * opened.height > MOST_PIXELS:
        opened.close()
        raise BadPicture(_TOO_MANY)
    return opened


_TOO_MANY = f"it has more than {MOST_PIXELS // 1_000_000} million pixels"


def _upright(opened: Image.Image) -> Image.Image:
    """The first frame, decoded, the right way up, in sRGB, with nothing but its pixels."""
    opened.load()
    turned = _in_srgb(ImageOps.exif_transpose(opened))
    has_alpha = turned.has_transparency_data
    bare = turned.convert("RGBA" if has_alpha else "L" if turned.mode in ("1", "L") else "RGB")
    bare.info.clear()
    return bare


def _in_srgb(picture: Image.Image) -> Image.Image:
    """Colours as the camera meant them; a profile that cannot be used is left aside."""
    profile = picture.info.get("icc_profile")
    if not profile or picture.mode not in ("RGB", "CMYK"):
        return picture
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        turned = ImageCms.profileToProfile(picture, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError):
        return picture
    return turned or picture


def _flat(picture: Image.Image) -> Image.Image:
    """A copy without transparency, on white."""
    if picture.mode != "RGBA":
        return picture.copy()
    flat = Image.new("RGB", picture.size, "white")
    flat.paste(picture, mask=picture.getchannel("A"))
    return flat


def _save(picture: Image.Image, target: Path, *, format_: str) -> None:
    picture.save(target, format=format_, **_HOW.get(format_, {}))


_HOW: Mapping[str, Mapping[str, Any]] = {
    "JPEG": {"quality": 90, "optimize": True},
    "WEBP": {"quality": 90},
    "PNG": {"optimize": False},
}
_BROKEN = (
    OSError,
    ValueError,
    SyntaxError,
    EOFError,
    IndexError,
    OverflowError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
)
"""What Pillow raises over a file that is not what it seems."""
