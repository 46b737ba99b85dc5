"""The photographs behind the images of a set, for a person who looks at them."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image

from noisylab.core.errors import InputError
from noisylab.data.sources.photos import Sizes, decode, fit

_LARGEST_SIDE = 384  # pixels; the page shows fewer


def read_original(source: Path, name: str, image: np.ndarray) -> np.ndarray | None:
    """The photograph (H, W, 3) uint8 in its own aspect ratio, at most 384 pixels along a side.

    name: its path below the folder `source`. image: (32, 32, 3) uint8, as the model sees it.

    None if there is no such photograph, if it is no larger, or if it is another one by now: what a
    person decides on must be the image of the set.
    """
    relative = PurePosixPath(name)  # of a pickle, it may be any text
    if relative.is_absolute() or ".." in relative.parts:
        return None
    try:
        photo = decode(source / relative)
    except (InputError, OSError, ValueError):
        return None
    if photo.pixels.shape == image.shape or (fit(photo.pixels, Sizes()) != image).any():
        return None
    picture = Image.fromarray(photo.pixels)
    picture.thumbnail((_LARGEST_SIDE, _LARGEST_SIDE))
    return np.array(picture)
