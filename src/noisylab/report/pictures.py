"""Pictures inside the page, as WebP: half the size of PNG, or less."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from noisylab.core.errors import InputError
from noisylab.report.run_files import REMEDY

_CHART = 150_000  # bytes of a PNG; charts are smaller, sheets of photographs larger
_QUALITY = 85  # of photographs
_MOST = 16_383  # pixels along a side of a WebP


@dataclass(frozen=True)
class Picture:
    """A picture as a data URI. width, height: in pixels."""

    uri: str
    width: int
    height: int


def embed(plots: Path, file: str) -> Picture:
    """A PNG file of a folder: charts without loss, sheets of photographs nearly so.

    A name with a star stands for the one file that it fits. Raises InputError, which names the
    file, if it is missing or broken.
    """
    path = min(plots.glob(file), default=None) if "*" in file else plots / file
    if path is None:
        raise InputError(f"{plots / file}: there is no such file; {REMEDY}")
    buffer = io.BytesIO()
    try:
        content = path.read_bytes()
        with Image.open(io.BytesIO(content), formats=["PNG"]) as opened:
            image = opened.convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        problem = getattr(error, "strerror", None) or "is not a PNG image"
        raise InputError(f"{path}: cannot be read: {problem}; {REMEDY}") from None
    image.thumbnail((_MOST, _MOST))
    is_chart = len(content) < _CHART
    image.save(buffer, "webp", lossless=is_chart, quality=_QUALITY, method=4)
    text = base64.b64encode(buffer.getvalue()).decode()
    return Picture(f"data:image/webp;base64,{text}", *image.size)
