"""An image file in, RGB pixels of the network's size out."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image

from noisylab.errors import InputError
from noisylab.images import SIZE

SUFFIXES = (".png", ".jpg", ".jpeg")  # in lower case
#: Of one file, by its header: a photograph of 16 megapixels. While it is decoded it takes up to
#: 262 MiB (measured: RGB with a transparent colour, turned by its EXIF orientation).
MAX_PIXELS = 16_000_000

#: EXIF orientation: how the pixels must be turned. Not by ImageOps.exif_transpose: that writes
#: the EXIF data anew, and fails where a camera's are odd, though the picture is sound.
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

    EXIF orientation is applied, grey and palette become RGB, transparency lies on white, and
    of 16 bits a channel the upper 8 count. Raises InputError where the file is unreadable or
    its header claims more than MAX_PIXELS, which is refused before anything is decoded.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's remarks on odd files that it reads
            with Image.open(path, formats=("PNG", "JPEG")) as photo:
                if photo.width * photo.height > MAX_PIXELS:
                    raise Image.DecompressionBombError
                return np.array(_to_rgb(photo))
    except Image.DecompressionBombError as error:
        raise InputError(
            f"{path}: expected at most {MAX_PIXELS // 10**6} million pixels, "
            "got a header that claims more; make the image smaller"
        ) from error
    except Exception as error:
        # Of damaged files Pillow raises nearly anything: OSError, SyntaxError, AssertionError, ...
        # A file that cannot be opened has a strerror.
        reason = getattr(error, "strerror", None) or "a damaged file or another format"
        raise InputError(
            f"{path}: expected a PNG or JPEG image, got {reason}; export it again or remove it"
        ) from error


def fit(image: np.ndarray) -> np.ndarray:
    """An (H, W, 3) uint8 image as (32, 32, 3) uint8; the aspect ratio is not kept.

    Antialiased bilinear, the same as torchvision's Resize((32, 32)) of a PIL image.
    """
    if image.shape == (SIZE, SIZE, 3):
        return image
    photo = Image.fromarray(np.ascontiguousarray(image))
    return np.array(photo.resize((SIZE, SIZE), Image.Resampling.BILINEAR))


def _to_rgb(photo: Image.Image) -> Image.Image:
    turn = _TURNS.get(photo.getexif().get(ExifTags.Base.Orientation, 1))
    if turn is not None:
        photo = photo.transpose(turn)
    if photo.mode.startswith("I"):  # 16-bit grey: Pillow's own conversion would clip at 255
        return Image.fromarray((np.array(photo) >> 8).astype(np.uint8)).convert("RGB")
    if photo.has_transparency_data:
        photo = photo.convert("RGBA")
        white = Image.new("RGBA", photo.size, "white")
        return Image.alpha_composite(white, photo).convert("RGB")
    return photo.convert("RGB")
