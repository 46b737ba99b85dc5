"""A person sees the photograph that an image was made from, if it is still that one."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from flask.testing import FlaskClient
from PIL import Image
from PIL.ExifTags import Base

from noisylab.core.images import ImageSet
from noisylab.data.sources.photos import Sizes, fit, read_rgb
from noisylab.review.app import create_app
from noisylab.review.originals import read_original
from noisylab.review.store import Store

NAME = "train/car/IMG_1.jpg"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A folder with one photograph, 400 wide and 300 high, that lies on its side."""
    path = tmp_path / "photos" / NAME
    path.parent.mkdir(parents=True)
    noise = np.random.default_rng(0).integers(0, 256, (30, 40, 3), np.uint8)
    photo = Image.fromarray(noise).resize((400, 300))
    exif = Image.Exif()
    exif[Base.Orientation] = 6
    photo.save(path, exif=exif)
    return tmp_path / "photos"


@pytest.fixture
def image(source: Path) -> np.ndarray:
    return fit(read_rgb(source / NAME), Sizes())


def test_the_photograph_keeps_its_shape_and_is_turned_upright(
    source: Path, image: np.ndarray
) -> None:
    original = read_original(source, NAME, image)
    assert original is not None
    assert original.shape == (384, 288, 3)


@pytest.mark.parametrize(
    "name", ["train/car/other.jpg", "/etc/passwd", f"../photos/{NAME}", "train/car", "\0", ""]
)
def test_without_a_photograph_below_the_source_there_is_none(
    source: Path, image: np.ndarray, name: str
) -> None:
    assert read_original(source, name, image) is None


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.write_bytes(b"damaged"),
        lambda path: Image.new("RGB", (400, 300)).save(path),
        lambda path: Image.fromarray(fit(read_rgb(path), Sizes())).save(path, "png"),
    ],
    ids=["damaged", "another picture", "no larger"],
)
def test_a_photograph_that_is_not_the_image_is_not_shown(
    source: Path, image: np.ndarray, spoil: Callable[[Path], None]
) -> None:
    spoil(source / NAME)
    assert read_original(source, NAME, image) is None


def test_the_page_shows_the_photograph(
    source: Path,
    image: np.ndarray,
    sets: dict[str, ImageSet],
    write_data: Callable[[dict[str, ImageSet]], Path],
) -> None:
    train = sets["train"]
    images = train.images.copy()
    images[3] = image
    names = tuple(NAME if index == 3 else f"{index}.png" for index in range(len(train)))
    named = ImageSet(images, train.labels, train.classes, names=names)
    data = write_data({**sets, "train": named})
    client: FlaskClient = create_app(Store(data, source)).test_client()
    for index, shape in ((3, (384, 288)), (1, (32, 32))):
        answer = client.get(
            f"/images/{named.digests[index]}.png", headers={"Host": "127.0.0.1:8765"}
        )
        assert Image.open(io.BytesIO(answer.data)).size[::-1] == shape
