import numpy as np
import pytest

from noisylab.data.mosaics import mosaic_of, tiles_of


@pytest.mark.parametrize(
    ("n_images", "columns", "shape"),
    [(70, 32, (96, 1024, 3)), (3, 32, (32, 96, 3)), (50, 25, (64, 800, 3)), (0, 32, (32, 32, 3))],
)
def test_unused_tiles_of_a_mosaic_are_black(
    n_images: int, columns: int, shape: tuple[int, ...]
) -> None:
    images = np.random.default_rng(0).integers(1, 256, (n_images, 32, 32, 3), dtype=np.uint8)
    mosaic = mosaic_of(images, columns)
    assert mosaic.shape == shape
    tiles = tiles_of(mosaic)
    assert (tiles[:n_images] == images).all()
    assert not tiles[n_images:].any()


def test_tiles_come_row_by_row() -> None:
    images = np.stack([np.full((32, 32, 3), level, np.uint8) for level in range(4)])
    assert mosaic_of(images, 2)[::32, ::32, 0].tolist() == [[0, 1], [2, 3]]
