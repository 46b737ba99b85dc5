"""The recipe of the bundle: which of CIFAR-10's photographs carry which label, on which tile."""

from __future__ import annotations

import csv
import io
import itertools
from typing import NamedTuple

import numpy as np
from PIL import Image

from noisylab.core.errors import InputError
from noisylab.core.images import SPLITS
from noisylab.data.bundling import cifar10
from noisylab.data.mosaics import mosaic_of
from noisylab.data.sources.bundle import MOSAICS, Row

_TILES_PER_ROW = 50  # divides both 6,250 and 3,000, so no tile stays empty


class Draw(NamedTuple):
    """The number of images of class `true_label` that carry `label` in `split`."""

    split: str
    label: str
    true_label: str
    images: int


class Recipe(NamedTuple):
    """Images to draw: train and dev from CIFAR-10's training half, test from its test half.

    classes: CIFAR-10's names of our classes.
    seed:    for numpy's PCG64, which draws the images and shuffles the tiles.
    """

    draws: tuple[Draw, ...]
    classes: dict[str, str]
    seed: int


#: 500 of the 750 cats carry the label car; the counts by label are those of the lab report.
RECIPE = Recipe(
    draws=(
        Draw("train", "car", "car", 4497),
        Draw("train", "car", "cat", 452),
        Draw("train", "truck", "truck", 449),
        Draw("train", "cat", "cat", 227),
        Draw("dev", "car", "car", 503),
        Draw("dev", "car", "cat", 48),
        Draw("dev", "truck", "truck", 51),
        Draw("dev", "cat", "cat", 23),
        Draw("test", "car", "car", 1000),
        Draw("test", "truck", "truck", 1000),
        Draw("test", "cat", "cat", 1000),
    ),
    classes={"car": "automobile", "truck": "truck", "cat": "cat"},
    seed=20090408,
)


def make_bundle(images: cifar10.Cifar10, recipe: Recipe = RECIPE) -> dict[str, bytes]:
    """The bundle's files by name. Equal images and recipes give equal bytes.

    Raises InputError if CIFAR-10 has too few images of a class.
    """
    rows = _choose(images, recipe)
    table = io.StringIO(newline="")
    csv.writer(table, lineterminator="\n").writerows([Row._fields, *rows])
    files = {"labels.csv": table.getvalue().encode()}
    for name in dict.fromkeys(MOSAICS.values()):
        half = images.test if name == MOSAICS["test"] else images.train
        chosen = [row.cifar10_index for row in rows if MOSAICS[row.split] == name]
        png = io.BytesIO()
        mosaic = Image.fromarray(mosaic_of(half.images[chosen], _TILES_PER_ROW))
        mosaic.save(png, "PNG", optimize=True)
        files[name] = png.getvalue()
    return files


def _choose(images: cifar10.Cifar10, recipe: Recipe) -> list[Row]:
    bits = np.random.PCG64(recipe.seed)
    drawn = _draw(images, recipe, bits)
    tiles = {name: itertools.count() for name in MOSAICS.values()}
    rows: list[Row] = []
    for split in SPLITS:
        # Shuffled, so a tile's place does not reveal whether its label is true.
        for place in _shuffled(np.arange(len(drawn[split])), bits):
            draw, index = drawn[split][place]
            rows.append(Row(next(tiles[MOSAICS[split]]), split, draw.label, draw.true_label, index))
    return rows


def _draw(
    images: cifar10.Cifar10, recipe: Recipe, bits: np.random.PCG64
) -> dict[str, list[tuple[Draw, int]]]:
    pools = {
        (mosaic, name): _shuffled(np.flatnonzero(half.labels == cifar10.CLASSES.index(of)), bits)
        for mosaic, half in ((MOSAICS["train"], images.train), (MOSAICS["test"], images.test))
        for name, of in recipe.classes.items()
    }
    drawn: dict[str, list[tuple[Draw, int]]] = {split: [] for split in SPLITS}
    for draw in recipe.draws:
        key = MOSAICS[draw.split], draw.true_label
        taken, pools[key] = np.split(pools[key], [draw.images])
        if len(taken) < draw.images:
            raise InputError(
                f"CIFAR-10: expected {draw.images} images of {draw.true_label} left for "
                f"{draw.split}, got {len(taken)}; download the whole set again"
            )
        drawn[draw.split] += [(draw, int(index)) for index in taken]
    return drawn


def _shuffled(values: np.ndarray, bits: np.random.PCG64) -> np.ndarray:
    # From raw bits: NumPy guarantees these for ever, but not the output of Generator.permutation.
    order = np.argsort(bits.random_raw(len(values)), kind="stable")
    return np.take(values, order)
