"""PNG with 16 bits a channel: one scale for a source, by the bits that its values use."""

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest

from noisylab.data.sources import read_source
from noisylab.data.sources.deep import Depth, bits_of
from noisylab.data.sources.photos import decode, read_rgb

GREY, RGB, GREY_ALPHA, RGBA = 0, 2, 4, 6  # colour types of PNG
CHANNELS = {GREY: 1, RGB: 3, GREY_ALPHA: 2, RGBA: 4}


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">L", len(data)) + kind + data + struct.pack(">L", zlib.crc32(kind + data))


def write(path: Path, values: np.ndarray, colours: int = GREY, extra: bytes = b"") -> Path:
    """A PNG of uint16 values (H, W, C), with more chunks before its pixels."""
    height, width = values.shape[:2]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    header = struct.pack(">IIBBBBB", width, height, 16, colours, 0, 0, 0)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + extra
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )
    return path


def values(colours: int, top: int = 65535, seed: int = 0, side: int = 32) -> np.ndarray:
    rng = np.random.default_rng(seed)
    made = rng.integers(0, top + 1, (side, side, CHANNELS[colours]), np.uint16)
    made[0, 0, 0] = top
    if colours in (GREY_ALPHA, RGBA):
        made[..., -1] = 65535
    return made


def rgb_of(made: np.ndarray) -> np.ndarray:
    colour = made[..., :3] if made.shape[2] >= 3 else made[..., :1]
    return np.broadcast_to(colour, (*colour.shape[:2], 3))


@pytest.mark.parametrize("colours", CHANNELS)
@pytest.mark.parametrize("bits", [8, 10, 12, 16])
def test_the_upper_8_of_the_used_bits_are_kept(tmp_path: Path, colours: int, bits: int) -> None:
    made = values(colours, 2**bits - 1)
    photo = decode(write(tmp_path / "a.png", made, colours), bits)
    np.testing.assert_array_equal(photo.pixels, rgb_of(made) >> (bits - 8))
    assert photo.depth == Depth(top=2**bits - 1, declared=0)


def test_values_above_the_used_bits_become_white(tmp_path: Path) -> None:
    made = np.array([[[4095], [4096], [65535]]], np.uint16)
    assert decode(write(tmp_path / "a.png", made), 12).pixels[0, :, 0].tolist() == [255, 255, 255]


@pytest.mark.parametrize("colours", [GREY, RGB])
@pytest.mark.parametrize("bits", [12, 16])
def test_the_transparent_colour_lies_on_white(tmp_path: Path, colours: int, bits: int) -> None:
    made = np.zeros((2, 2, CHANNELS[colours]), np.uint16) + 513
    made[0, 0] = 514  # equal to the others in its upper 8 bits
    clear = struct.pack(f">{CHANNELS[colours]}H", *made[0, 0])
    path = write(tmp_path / "a.png", made, colours, chunk(b"tRNS", clear))
    level = 513 >> (bits - 8)
    assert decode(path, bits).pixels[..., 0].tolist() == [[255, level], [level, level]]


@pytest.mark.parametrize("colours", [GREY_ALPHA, RGBA])
def test_transparent_pixels_lie_on_white(tmp_path: Path, colours: int) -> None:
    made = np.zeros((1, 2, CHANNELS[colours]), np.uint16)
    made[0, 1, -1] = 65535
    pixels = read_rgb(write(tmp_path / "a.png", made, colours))
    assert pixels.tolist() == [[[255] * 3, [0] * 3]]


@pytest.mark.parametrize(
    ("depths", "bits"),
    [
        ([], 16),
        ([Depth(4095, 0), Depth(200, 0)], 12),
        ([Depth(4095, 0), Depth(4096, 0)], 13),
        ([Depth(200, 0)], 8),
        ([Depth(3, 0)], 8),
        ([Depth(40_000, 0)], 16),
        ([Depth(300, 12)], 12),  # dark, and known to be
        ([Depth(4095, 12)], 12),
        ([Depth(65520, 12)], 16),  # spread over all 16 bits, as the standard asks
        ([Depth(30_000, 16)], 16),
        ([Depth(90, 4)], 16),
    ],
)
def test_the_bits_are_those_declared_or_else_used(depths: list[Depth], bits: int) -> None:
    assert bits_of(depths) == bits


@pytest.mark.parametrize(("colours", "bits"), [(GREY, b"\x0c"), (RGBA, b"\x0a\x0c\x0b\x10")])
def test_the_declared_bits_of_the_colours_are_read(
    tmp_path: Path, colours: int, bits: bytes
) -> None:
    path = write(tmp_path / "a.png", values(colours, 700), colours, chunk(b"sBIT", bits))
    assert decode(path).depth == Depth(top=700, declared=12)


def source(folder: Path, tops: list[int], extra: bytes = b"") -> Path:
    """Class folders whose images have these greatest values."""
    places = [f"{split}/{name}/1.png" for split in ("train", "dev") for name in ("left", "right")]
    for seed, (place, top) in enumerate(zip(places, tops, strict=True)):
        write(folder / place, values(GREY, top, seed), GREY, extra)
    return folder


def test_all_splits_share_one_scale_with_a_notice(tmp_path: Path) -> None:
    found = read_source(source(tmp_path, [4095, 255, 1000, 4000]))
    assert found.notices == (
        "4 PNG with 16 bits a channel hold values up to 4,095: read as 12-bit values, 0 to 4,095",
    )
    for seed, (top, image) in enumerate(
        zip([4095, 255, 1000, 4000], [*found.train.images, *found.dev.images], strict=True)
    ):
        np.testing.assert_array_equal(image, rgb_of(values(GREY, top, seed)) >> 4)


def test_8_bit_values_in_16_bits_are_not_black(tmp_path: Path) -> None:
    found = read_source(source(tmp_path, [255] * 4))
    np.testing.assert_array_equal(found.train.images[0], rgb_of(values(GREY, 255)))
    assert "read as 8-bit values, 0 to 255" in found.notices[0]


def test_values_of_all_16_bits_need_no_notice(tmp_path: Path) -> None:
    found = read_source(source(tmp_path, [65535, 255, 65535, 4095], chunk(b"sBIT", b"\x10")))
    np.testing.assert_array_equal(found.dev.images[0], rgb_of(values(GREY, 65535, 2)) >> 8)
    assert not any("16 bits" in line for line in found.notices)
