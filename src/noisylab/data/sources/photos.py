"""Image files as RGB pixels of the network's size."""

from __future__ import annotations

import io
import re
import warnings
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image

from noisylab.core.errors import InputError
from noisylab.core.files import read_file
from noisylab.core.images import SIZE

SUFFIXES = (".png", ".jpg", ".jpeg")  # in lower case
#: Decoding a photograph of 16 megapixels takes up to 262 MiB (measured: RGB with a transparent
#: colour, turned by its EXIF orientation).
MAX_PIXELS = 16_000_000

MAX_FILE_BYTES = 128 * 2**20  # MAX_PIXELS of noise with 16 bits a channel take 96 MB
MAX_PARTS = 50_000  # chunks of a PNG, segments of a JPEG
MAX_SCANS = 200  # of a JPEG; each takes a pass over the whole picture, however short it is

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


def read_rgb(path: Path) -> np.ndarray:
    """The picture in a PNG or JPEG file as (H, W, 3) uint8, as a viewer would show it.

    EXIF orientation is applied, grey and palette become RGB, transparent pixels lie on white, and
    16-bit channels keep their upper 8 bits. Raises InputError if the file is unreadable, and before
    decoding if its header claims more than MAX_PIXELS.
    """
    content = _read_content(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of odd files that it reads anyway
            with Image.open(io.BytesIO(content), formats=("PNG", "JPEG")) as photo:
                if photo.width * photo.height > MAX_PIXELS:
                    raise Image.DecompressionBombError
                return np.array(_to_rgb(photo))
    except Image.DecompressionBombError as error:
        raise InputError(
            f"{path}: expected at most {MAX_PIXELS // 10**6} million pixels, "
            "got a header that claims more; make the image smaller"
        ) from error
    except Exception as error:
        # Pillow raises nearly anything for damaged files: OSError, SyntaxError, AssertionError, ...
        raise InputError(
            f"{path}: expected a PNG or JPEG image, got a damaged file or another format; "
            "export it again or remove it"
        ) from error


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
        raise InputError(
            f"{path}: expected an image in at most {MAX_PARTS:,} parts, got more; export it again"
        )
    return content


def _to_rgb(photo: Image.Image) -> Image.Image:
    turn = _TURNS.get(photo.getexif().get(ExifTags.Base.Orientation, 1))
    if turn is not None:
        photo = photo.transpose(turn)
    if photo.mode.startswith("I"):  # 16-bit grey; Pillow's own conversion clips at 255
        return Image.fromarray((np.array(photo) >> 8).astype(np.uint8)).convert("RGB")
    if photo.has_transparency_data:
        photo = photo.convert("RGBA")
        white = Image.new("RGBA", photo.size, "white")
        return Image.alpha_composite(white, photo).convert("RGB")
    return photo.convert("RGB")
