"""What a file is that should be a PNG or JPEG image, and what to do about it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from noisylab.core.errors import InputError

_FIRST = 10  # files that one message names

CONVERT = "convert it to PNG or JPEG"
_REPLACE = "replace it or remove it"
_AWAY = "move it away"

#: What a file is and what to do, by how its bytes begin.
_KINDS = (
    (rb"GIF8", "a GIF image", CONVERT),
    (rb"BM", "a BMP image", CONVERT),
    (rb"RIFF....WEBP", "a WebP image", CONVERT),
    (rb"....ftyp(hei|hev|mif1|msf1)", "a HEIC image", CONVERT),
    (rb"....ftypavif", "an AVIF image", CONVERT),
    (rb"....ftyp|RIFF....AVI |\x1a\x45\xdf\xa3", "a video", _AWAY),
    (rb"II\*\0|MM\0\*", "a TIFF or raw image", CONVERT),
    (rb"\0\0\0\x0cj[PX]|\xff\x4f\xff\x51", "a JPEG 2000 image", CONVERT),
    (rb"\0\0\0\x0cJXL |\xff\x0a", "a JPEG XL image", CONVERT),
    (rb"8BPS", "a Photoshop file", CONVERT),
    (rb"\s*<(!doctype html|html|head)", "an HTML page", "download the image again or remove it"),
    (rb"\s*<(\?xml|svg)", "an SVG or XML file", CONVERT),
    (rb"%PDF", "a PDF document", _AWAY),
    (rb"PK\x03\x04|\x1f\x8b|Rar!|7z\xbc", "an archive", "unpack it and move it away"),
    (rb"version https://git-lfs", "a Git LFS pointer", "run git lfs pull"),
)
_CONVERTIBLE = re.compile(
    r"\.(apng|avif|bmp|cr2|dng|gif|heic|heif|ico|jp2|jxl|nef|pbm|pgm|ppm|psd|svg|tga|tiff?|webp)"
)
_JPEG_SUFFIXES = (".jfif", ".jpe", ".jif")


class BadFileError(InputError):
    """A file that is not what it should be. Arguments: path, expected, got, remedy."""

    def __str__(self) -> str:
        path, expected, got, remedy = self.args
        return f"{path}: expected {expected}, got {got}; {remedy}"


def refuse(bad: Sequence[InputError]) -> None:
    """Raise the only error; of several, one that names the first ten files and what each is."""
    if len(bad) == 1:
        raise bad[0]
    if bad:
        named = ", ".join(map(_shorter, bad[:_FIRST]))
        more = f", and {len(bad) - _FIRST:,} more" if len(bad) > _FIRST else ""
        raise InputError(f"{len(bad):,} files or folders cannot be used: {named}{more}")


def unreadable(path: Path, content: bytes) -> BadFileError:
    """The error for a file that Pillow does not read as PNG or JPEG."""
    return BadFileError(path, "a PNG or JPEG image", *_kind(content))


def other_suffix(path: Path, suffixes: Sequence[str]) -> BadFileError:
    """The error for a file among the images whose name does not end like an image's."""
    suffix = path.suffix.lower()
    remedy = _AWAY
    if suffix in _JPEG_SUFFIXES:
        remedy = "rename it to .jpg"
    elif _CONVERTIBLE.fullmatch(suffix):
        remedy = f"{CONVERT}, or {_AWAY}"
    return BadFileError(path, f"one of {', '.join(suffixes)}", path.suffix or "no suffix", remedy)


def _shorter(error: InputError) -> str:
    if not isinstance(error, BadFileError):
        return str(error)
    path, _, got, remedy = error.args
    return f"{path} ({got}; {remedy})"


def _kind(content: bytes) -> tuple[str, str]:
    if not content:
        return "an empty file", _REPLACE
    if not content.strip(b"\0"):
        return "a file of zeros", _REPLACE
    if content.startswith(b"\x89PNG"):
        return f"a {'damaged' if b'IEND' in content[-64:] else 'truncated'} PNG", _REPLACE
    if content.startswith(b"\xff\xd8\xff"):
        is_whole = content.rstrip(b"\0\r\n").endswith(b"\xff\xd9")
        return f"a {'damaged' if is_whole else 'truncated'} JPEG", _REPLACE
    for beginning, kind, remedy in _KINDS:
        if re.match(beginning, content[:64], re.DOTALL | re.IGNORECASE):
            return kind, remedy
    return "another format or a damaged file", "export it again or remove it"
