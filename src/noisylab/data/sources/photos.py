"""Image files as RGB pixels of the network's size."""

from __future__ import annotations

import io
import re
import warnings
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import ExifTags, Image

from noisylab.core.errors import InputError
from noisylab.core.files import read_file
from noisylab.core.images import SIZE
from noisylab.data.sources import deep
from noisylab.data.sources.kinds import BadFileError, refuse, unreadable

SUFFIXES = (".png", ".jpg", ".jpeg")  # in lower case
#: Decoding a picture of 16 megapixels takes up to 262 MiB (measured: RGB with a transparent
#: colour, turned by its EXIF orientation).
MAX_PIXELS = 16_000_000
#: A JPEG may be larger if it can be decoded at a reduced scale with at most MAX_PIXELS. One of 65
#: megapixels takes 38 MiB, a progressive one 395, 527 in CMYK (measured).
MAX_JPEG_PIXELS = 65_000_000

MAX_FILE_BYTES = 128 * 2**20  # MAX_PIXELS of noise with 16 bits a channel take 96 MB
MAX_PARTS = 50_000  # chunks of a PNG, segments of a JPEG
MAX_SCANS = 200  # of a JPEG; each takes a pass over the whole picture, however short it is

_LEAST_SIDE = 8 * SIZE  # pixels that a JPEG keeps at a reduced scale; more make no difference

Sizes = Counter[tuple[int, int]]  # number of resized images by (height, width)

#: How to turn the pixels, by EXIF orientation. ImageOps.exif_transpose rewrites the EXIF data and
#: fails on the odd data of some cameras, even if the picture is sound.
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_ON_THEIR_SIDE = (5, 6, 7, 8)  # orientations that exchange width and height


class Photo(NamedTuple):
    """A decoded photograph.

    pixels: (H, W, 3) uint8, RGB.
    size:   height and width before any reduction.
    depth:  of a PNG with 16 bits a channel, else None.
    """

    pixels: np.ndarray
    size: tuple[int, int]
    depth: deep.Depth | None


def read_photos(paths: Sequence[Path]) -> tuple[np.ndarray, list[str]]:
    """All photographs of a source, (N, 32, 32, 3) uint8 in the order of `paths`, and notices.

    Those with 16 bits a channel share one scale; see `deep.bits_of`. Raises one InputError that
    names the files which cannot be read.
    """
    images = np.zeros((len(paths), SIZE, SIZE, 3), np.uint8)
    resized, depths, bad = Sizes(), {}, []
    for index, path in enumerate(paths):
        try:
            photo = decode(path)
        except InputError as error:
            bad.append(error)
            continue
        if photo.size != (SIZE, SIZE):
            resized[photo.size] += 1
        images[index] = fit(photo.pixels, Sizes())
        if photo.depth:
            depths[index] = photo.depth
    refuse(bad)
    bits = deep.bits_of(depths.values())
    if bits < deep.FULL:
        for index in depths:
            images[index] = fit(decode(paths[index], bits).pixels, Sizes())
    return images, [*resize_notices(resized), *deep.notices(depths.values(), bits)]


def read_rgb(path: Path, *, whole: bool = False) -> np.ndarray:
    """The picture in a PNG or JPEG file as (H, W, 3) uint8, as a viewer would show it.

    EXIF orientation is applied, grey and palette become RGB, transparent pixels lie on white, and
    16-bit channels keep their upper 8 bits. A JPEG of more than 512 pixels along both sides comes
    at a reduced scale unless `whole`. Raises InputError if the file is unreadable, and before
    decoding if its header claims too many pixels.
    """
    return decode(path, whole=whole).pixels


def decode(path: Path, bits: int = deep.FULL, *, whole: bool = False) -> Photo:
    """The picture as in `read_rgb`; channels of 16 bits hold values of `bits` bits."""
    content = _read_content(path)
    claimed = "more"  # Pillow refuses 179 million without saying how many
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of odd files that it reads anyway
            with Image.open(io.BytesIO(content), formats=("PNG", "JPEG")) as photo:
                width, height = photo.size
                is_jpeg = photo.format == "JPEG"
                most = MAX_JPEG_PIXELS if is_jpeg else MAX_PIXELS
                if not whole:
                    photo.draft(None, (_LEAST_SIDE, _LEAST_SIDE))
                n_scans = content.count(b"\xff\xda") if is_jpeg else 1
                is_slow = width * height * n_scans > MAX_PIXELS * MAX_SCANS
                claimed = f"{width}x{height}" + f" in {n_scans} scans" * is_slow
                is_large = width * height > most or photo.width * photo.height > MAX_PIXELS
                if is_large or is_slow:
                    raise Image.DecompressionBombError
                orientation = photo.getexif().get(ExifTags.Base.Orientation, 1)
                picture, depth = deep.decode(content, photo, bits)
                pixels = np.array(_to_rgb(picture, _TURNS.get(orientation)))
    except Image.DecompressionBombError:
        raise BadFileError(
            path,
            f"at most {MAX_PIXELS // 10**6} million pixels, or "
            f"{MAX_JPEG_PIXELS // 10**6} million in a JPEG",
            claimed,
            "make the image smaller",
        ) from None
    except Exception as error:
        # Pillow raises nearly anything for damaged files: OSError, SyntaxError, AssertionError, ...
        raise unreadable(path, content) from error
    size = (width, height) if orientation in _ON_THEIR_SIDE else (height, width)
    return Photo(pixels, size, depth)


def fit(image: np.ndarray, resized: Sizes) -> np.ndarray:
    """An (H, W, 3) uint8 image as (32, 32, 3) uint8; the aspect ratio is not kept.

    Antialiased bilinear, as torchvision's Resize((32, 32)) of a PIL image. Counts an image of
    another size in `resized`.
    """
    if image.shape == (SIZE, SIZE, 3):
        return image
    resized[image.shape[0], image.shape[1]] += 1
    photo = Image.fromarray(np.ascontiguousarray(image))
    return np.array(photo.resize((SIZE, SIZE), Image.Resampling.BILINEAR))


def fit_all(images: Iterable[np.ndarray], n_images: int, resized: Sizes) -> np.ndarray:
    """Images from `fit`, one by one: (n_images, 32, 32, 3) uint8."""
    fitted = np.dtype((np.uint8, (SIZE, SIZE, 3)))
    return np.fromiter((fit(image, resized) for image in images), fitted, n_images)


def resize_notices(resized: Sizes) -> list[str]:
    """One notice about the images that `fit` resized, or none."""
    if not resized:
        return []
    sizes = [f"{width}x{height}" for (height, width), _ in resized.most_common()]
    count = "1 image" if resized.total() == 1 else f"{resized.total()} images"
    return [f"{count} resized to {SIZE}x{SIZE}, from {first_few(sizes, 'sizes')}"]


def first_few(items: list[str], what: str) -> str:
    """Up to three items, and their number if there are more."""
    few = ", ".join(items[:3])
    return few if len(items) <= 3 else f"{few}, ... ({len(items)} {what})"


def _read_content(path: Path) -> bytes:
    """The file's bytes, unless they have so many parts that decoding would take hours."""
    content = read_file(path, MAX_FILE_BYTES)
    if content.startswith(b"\x89PNG"):
        position, n_parts = 8, 0
        while position < len(content) and n_parts <= MAX_PARTS:
            position += 12 + int.from_bytes(content[position : position + 4], "big")
            n_parts += 1
    else:
        # In a JPEG's compressed bytes, 255 before one of these bytes is always a marker; elsewhere
        # it may be chance. Pillow joins EXIF data in many parts one by one.
        n_slow = max(content.count(b"\xff\xda"), content.count(b"Exif\0\0"))
        n_parts = len(re.findall(rb"\xff[\xc0-\xcf\xd9-\xfe]", content))
        n_parts = max(n_parts, MAX_PARTS // MAX_SCANS * n_slow)
    if n_parts > MAX_PARTS:
        raise BadFileError(
            path, f"an image in at most {MAX_PARTS:,} parts", "more", "export it again"
        )
    return content


def _to_rgb(photo: Image.Image, turn: Image.Transpose | None) -> Image.Image:
    if turn is not None:
        photo = photo.transpose(turn)
    if photo.has_transparency_data:
        photo = photo.convert("RGBA")
        white = Image.new("RGBA", photo.size, "white")
        return Image.alpha_composite(white, photo).convert("RGB")
    return photo.convert("RGB")
