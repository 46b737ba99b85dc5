"""PNG images with 16 bits a channel, of which microscopes and X-ray devices often use only 12."""

from __future__ import annotations

import io
from collections.abc import Collection
from typing import NamedTuple

import numpy as np
from PIL import Image

FULL = 16  # bits of a channel
_PNG = b"\x89PNG\r\n\x1a\n"

#: How Pillow unpacks the lower bytes, by how it unpacks the upper ones. It reads no 16-bit RGB.
_LOWER = {"RGB;16B": "RGB;16L", "RGBA;16B": "RGBA;16L", "LA;16B": "RGBA"}


class Depth(NamedTuple):
    """top: the greatest value in the file. declared: bits that matter by its sBIT, 0 without."""

    top: int
    declared: int


def is_deep(content: bytes) -> bool:
    """Whether a file that begins with this is a PNG with 16 bits a channel."""
    return content.startswith(_PNG) and content[24:25] == bytes([FULL])


def decode(content: bytes, photo: Image.Image, bits: int) -> tuple[Image.Image, Depth | None]:
    """A picture with 8 bits a channel, and the depth of one that had 16.

    photo: from `content`; returned as it is unless it has 16 bits a channel.
    bits:  of the values in it, 8 to 16; the upper 8 are kept, and larger values become 255.
    """
    if not is_deep(content):
        return photo, None
    upper, lower = _bytes_of(content, photo)  # (H, W, C)
    levels = upper
    if bits < FULL:
        levels = (upper << (FULL - bits)) | (lower >> (bits - 8))
        levels[upper >> (bits - 8) > 0] = 255
    clear = photo.info.get("transparency")
    if clear is not None:  # one colour; Pillow compares it with 8 bits
        colour = np.atleast_1d(clear)
        is_clear = ((upper == colour >> 8) & (lower == colour & 255)).all(axis=2)
        levels = levels.copy()
        levels[is_clear] = 255
    channels = levels[..., 0] if levels.shape[2] == 1 else levels
    return Image.fromarray(channels), Depth(_top(upper, lower), _declared(content))


def bits_of(depths: Collection[Depth]) -> int:
    """Bits of the values in all files of a source, from 8 to 16, so that they share one scale.

    Those that a file declares, if no value is larger; else those that the greatest value has.
    """
    top = max((depth.top for depth in depths), default=2**FULL - 1)
    declared = max((depth.declared for depth in depths), default=0)
    if declared:
        # A writer may also have spread the declared bits over all 16, as the PNG standard asks.
        return max(8, declared) if top < 2**declared else FULL
    return max(8, top.bit_length())


def notices(depths: Collection[Depth], bits: int) -> list[str]:
    """One notice if the values of 16-bit images have fewer bits, or none."""
    if not depths or bits == FULL:
        return []
    top = max(depth.top for depth in depths)
    return [
        f"{len(depths)} PNG with 16 bits a channel hold values up to {top:,}: "
        f"read as {bits}-bit values, 0 to {2**bits - 1:,}"
    ]


def _bytes_of(content: bytes, photo: Image.Image) -> tuple[np.ndarray, np.ndarray]:
    """Upper and lower bytes of the channels, (H, W, C) uint8 each: grey, RGB or RGBA."""
    if photo.mode.startswith("I"):
        values = np.array(photo)[..., None]
        return (values >> 8).astype(np.uint8), (values & 255).astype(np.uint8)
    upper = np.array(photo)
    with Image.open(io.BytesIO(content), formats=("PNG",)) as again:
        unpacked = again.tile[0].args
        again.tile = [again.tile[0]._replace(args=_LOWER[unpacked])]
        lower = np.array(again)
    return upper, lower[..., [1, 1, 1, 3]] if unpacked == "LA;16B" else lower


def _top(upper: np.ndarray, lower: np.ndarray) -> int:
    colour, below = upper[..., :3], lower[..., :3]  # without alpha
    most = colour.max()
    return int(most) * 256 + int(below[colour == most].max())


def _declared(content: bytes) -> int:
    """The most significant bits of a colour channel by the chunk sBIT; 0 without a valid one."""
    place = content.find(b"sBIT", 33, content.find(b"IDAT"))
    if place < 0:
        return 0
    n_colours = 3 if content[25] & 2 else 1
    declared = max(content[place + 4 : place + 4 + n_colours], default=0)
    return declared if declared <= FULL else 0
