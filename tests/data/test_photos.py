"""Reading one image file: modes, orientation, damage, size."""

import io
import struct
import zlib
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageOps

from noisylab.core.errors import InputError
from noisylab.data.sources.photos import fit, read_rgb

RED_GREEN = np.array([[[255, 0, 0], [0, 255, 0]]], np.uint8)  # 1 high, 2 wide


def test_rgb_png_comes_back_exactly(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_rgb(tmp_path / "a.png"), pixels)


@pytest.mark.parametrize(
    ("mode", "value", "expected"),
    [
        ("L", 7, (7, 7, 7)),
        ("1", 1, (255, 255, 255)),
        ("LA", (7, 255), (7, 7, 7)),
        ("RGBA", (10, 20, 30, 255), (10, 20, 30)),
        ("RGBA", (10, 20, 30, 0), (255, 255, 255)),
        ("I;16", 513, (2, 2, 2)),
    ],
)
def test_every_mode_becomes_rgb(
    tmp_path: Path, mode: str, value: int | tuple[int, ...], expected: tuple[int, ...]
) -> None:
    Image.new(mode, (4, 3), value).save(tmp_path / "a.png")
    pixels = read_rgb(tmp_path / "a.png")
    assert pixels.shape == (3, 4, 3)
    assert (pixels == expected).all()


def test_a_palette_with_a_transparent_colour_lies_on_white(tmp_path: Path) -> None:
    palette = Image.fromarray(RED_GREEN).quantize(2)
    palette.save(tmp_path / "a.png", transparency=palette.getpixel((0, 0)))
    np.testing.assert_array_equal(read_rgb(tmp_path / "a.png"), [[[255, 255, 255], [0, 255, 0]]])


def test_a_cmyk_jpeg_becomes_rgb(tmp_path: Path) -> None:
    Image.new("CMYK", (32, 32), (0, 0, 0, 0)).save(tmp_path / "a.jpg")
    assert (read_rgb(tmp_path / "a.jpg") >= 250).all()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied_as_pillow_does(tmp_path: Path, orientation: int) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    pixels = np.random.default_rng(0).integers(0, 256, (2, 3, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png", exif=exif)
    with Image.open(tmp_path / "a.png") as photo:
        expected = ImageOps.exif_transpose(photo)
    np.testing.assert_array_equal(read_rgb(tmp_path / "a.png"), np.array(expected))


def test_orientation_6_turns_a_quarter_clockwise(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    Image.fromarray(RED_GREEN).save(tmp_path / "a.png", exif=exif)
    np.testing.assert_array_equal(read_rgb(tmp_path / "a.png"), RED_GREEN.transpose(1, 0, 2))


def test_fit_resizes_a_flat_image_to_the_same_colour() -> None:
    image = np.full((48, 100, 3), (1, 2, 3), np.uint8)
    np.testing.assert_array_equal(fit(image, Counter()), np.full((32, 32, 3), (1, 2, 3), np.uint8))


def test_fit_is_antialiased() -> None:
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[:, ::2] = 255
    inner = fit(stripes, Counter())[:, 2:-2]
    assert abs(inner.astype(int) - 127).max() <= 1


def test_fit_leaves_an_image_of_the_right_size_alone() -> None:
    image = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
    np.testing.assert_array_equal(fit(image, Counter()), image)


def _claims_to_be_huge(side: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (1, 1)).save(buffer, "PNG")
    header = b"IHDR" + struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return (
        buffer.getvalue()[:12]
        + header
        + struct.pack(">I", zlib.crc32(header))
        + buffer.getvalue()[33:]
    )


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("side", [4001, 12_000, 100_000, 2**31 - 1])
def test_a_header_that_claims_a_huge_image_is_refused_before_decoding(
    tmp_path: Path, side: int
) -> None:
    (tmp_path / "a.png").write_bytes(_claims_to_be_huge(side))
    with pytest.raises(InputError, match=r"a\.png: expected at most 16 million pixels"):
        read_rgb(tmp_path / "a.png")


@pytest.mark.parametrize("format_", ["PNG", "JPEG"])
def test_a_truncated_file_is_refused_wherever_it_ends(tmp_path: Path, format_: str) -> None:
    buffer = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (8, 8, 3), np.uint8)
    Image.fromarray(noise).save(buffer, format_)
    content = buffer.getvalue()
    ends = len(content) - 24 if format_ == "PNG" else len(content) - 4  # within the pixels
    for end in range(0, ends, 7):
        (tmp_path / "a.png").write_bytes(content[:end])
        with pytest.raises(InputError, match=r"a\.png: expected a PNG or JPEG image"):
            read_rgb(tmp_path / "a.png")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a\.png: cannot be read: No such file"):
        read_rgb(tmp_path / "a.png")
