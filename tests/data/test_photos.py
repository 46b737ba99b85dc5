"""Reading one image file: modes, orientation, damage, size."""

import io
import struct
import tracemalloc
import zlib
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageOps

from noisylab.core.errors import InputError
from noisylab.data.sources.photos import decode, fit, read_photos, read_rgb

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
@pytest.mark.parametrize(
    ("side", "got"),
    [(4001, "4001x4001"), (12_000, "12000x12000"), (100_000, "more"), (2**31 - 1, "more")],
)
def test_a_header_that_claims_a_huge_image_is_refused_before_decoding(
    tmp_path: Path, side: int, got: str
) -> None:
    (tmp_path / "a.png").write_bytes(_claims_to_be_huge(side))
    message = rf"a\.png: expected at most 16 million pixels, or .* in a JPEG, got {got}; make the"
    with pytest.raises(InputError, match=message):
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


def large_jpeg(path: Path, width: int, height: int, **options: Any) -> np.ndarray:
    """Blobs of colour; returns the pixels."""
    small = np.random.default_rng(0).integers(0, 256, (height // 64, width // 64, 3), np.uint8)
    photo = Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC)
    photo.save(path, "JPEG", quality=95, **options)
    return np.array(photo)


@pytest.mark.parametrize("orientation", [1, 6])
def test_photos_of_24_megapixels_are_read(tmp_path: Path, orientation: int) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    Image.new("RGB", (6000, 4000), "green").save(tmp_path / "camera.jpg", exif=exif)
    tracemalloc.start()
    images, notices = read_photos([tmp_path / "camera.jpg"])
    assert tracemalloc.get_traced_memory()[1] < 64 * 2**20
    tracemalloc.stop()
    assert abs(images[0].astype(int) - (0, 128, 0)).max() <= 2
    size = "6000x4000" if orientation == 1 else "4000x6000"
    assert notices == [f"1 image resized to 32x32, from {size}"]


@pytest.mark.parametrize("progressive", [False, True])
def test_a_reduced_scale_hardly_changes_the_image(tmp_path: Path, progressive: bool) -> None:
    large_jpeg(tmp_path / "a.jpg", 2048, 1536, progressive=progressive)
    reduced, whole = (
        fit(read_rgb(tmp_path / "a.jpg", whole=whole), Counter()).astype(int)
        for whole in (False, True)
    )
    assert abs(reduced - whole).max() <= 3
    assert abs(reduced - whole).mean() < 0.5


def test_a_small_jpeg_is_not_reduced(tmp_path: Path) -> None:
    large_jpeg(tmp_path / "a.jpg", 1024, 511)
    assert decode(tmp_path / "a.jpg").pixels.shape == (511, 1024, 3)
    large_jpeg(tmp_path / "a.jpg", 1024, 512)
    assert decode(tmp_path / "a.jpg").pixels.shape == (256, 512, 3)


@pytest.mark.parametrize("size", [(8200, 8000), (65_000, 300)])
def test_a_jpeg_that_is_too_large_is_refused(tmp_path: Path, size: tuple[int, int]) -> None:
    Image.new("L", size).save(tmp_path / "a.jpg")
    message = rf"expected at most .* or 65 million in a JPEG, got {size[0]}x{size[1]}; make the"
    with pytest.raises(InputError, match=message):
        read_rgb(tmp_path / "a.jpg")


def test_a_large_progressive_jpeg_may_not_have_many_scans(tmp_path: Path) -> None:
    Image.new("L", (5000, 4000)).save(tmp_path / "a.jpg", progressive=True)
    content = (tmp_path / "a.jpg").read_bytes()
    scan = content[content.index(b"\xff\xda") : -2]
    (tmp_path / "a.jpg").write_bytes(content[:-2] + scan * 28 + content[-2:])
    message = r"a\.jpg: expected at most 16 million pixels, .* got 5000x4000 in \d+ scans; make"
    with pytest.raises(InputError, match=message):
        read_rgb(tmp_path / "a.jpg")


def test_a_png_may_hold_the_bytes_that_begin_a_scan_of_a_jpeg(tmp_path: Path) -> None:
    pixels = np.tile(np.frombuffer(b"\xff\xda", np.uint8), 1500 * 1500 * 3 // 2)
    picture = pixels.reshape(1500, 1500, 3)
    Image.fromarray(picture).save(tmp_path / "a.png", compress_level=0)
    assert np.array_equal(read_rgb(tmp_path / "a.png", whole=True), picture)


def test_a_photo_of_two_pictures_shows_the_first(tmp_path: Path) -> None:
    """As phones write: an MPO file is a JPEG with more pictures behind it."""
    first, second = (Image.new("RGB", (40, 30), colour) for colour in ("red", "blue"))
    first.save(tmp_path / "a.jpg", "MPO", save_all=True, append_images=[second])
    assert (read_rgb(tmp_path / "a.jpg")[..., 0] > 250).all()


def test_an_animated_png_shows_its_first_picture(tmp_path: Path) -> None:
    first, second = (Image.new("RGB", (40, 30), colour) for colour in ("red", "blue"))
    first.save(tmp_path / "a.png", save_all=True, append_images=[second])
    assert (read_rgb(tmp_path / "a.png") == (255, 0, 0)).all()
