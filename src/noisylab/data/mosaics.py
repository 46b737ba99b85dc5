"""Images tiled into one picture, and back."""

from __future__ import annotations

import numpy as np

from noisylab.core.images import SIZE


def mosaic_of(images: np.ndarray, columns: int) -> np.ndarray:
    """Images (N, 32, 32, 3) uint8 as one (H, W, 3), row by row; unused tiles are black.

    Fewer images than columns make one row of just these; no images make one black tile.
    """
    columns = max(1, min(columns, len(images)))
    rows = max(1, -(-len(images) // columns))
    tiles = np.zeros((rows * columns, SIZE, SIZE, 3), dtype=np.uint8)
    tiles[: len(images)] = images
    grid = tiles.reshape(rows, columns, SIZE, SIZE, 3).swapaxes(1, 2)
    mosaic: np.ndarray = grid.reshape(rows * SIZE, columns * SIZE, 3)
    return mosaic


def tiles_of(mosaic: np.ndarray) -> np.ndarray:
    """The tiles (N, 32, 32, 3) of a mosaic (H, W, 3), row by row; H and W are multiples of 32."""
    height, width = mosaic.shape[:2]
    grid = mosaic.reshape(height // SIZE, SIZE, width // SIZE, SIZE, 3).swapaxes(1, 2)
    tiles: np.ndarray = grid.reshape(-1, SIZE, SIZE, 3)
    return tiles
