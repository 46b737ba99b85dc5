"""The bundled photographs: mosaics that a person can look at, and a table of their labels.

images.png holds the tiles of train and dev, test.png those of test: 32x32 pixels each, counted
from 0, row by row. labels.csv has a line a tile, `tile,split,label,true_label,cifar10_index`;
both labels are class names, the index is the image's place in CIFAR-10's training half, for
test in its test half.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import numpy as np

from noisylab.core.errors import InputError, shown, shown_list
from noisylab.core.images import SIZE, SPLITS, ImageSet, check_classes
from noisylab.core.tables import read_table
from noisylab.data.mosaics import tiles_of
from noisylab.data.sources.photos import read_rgb

MOSAICS = {"train": "images.png", "dev": "images.png", "test": "test.png"}
COLUMNS = ("tile", "split", "label", "true_label", "cifar10_index")


class Row(NamedTuple):
    """A line of labels.csv."""

    tile: int
    split: str
    label: str
    true_label: str
    cifar10_index: int


def read_bundle(folder: Path) -> dict[str, ImageSet]:
    """The sets by split, in the order of labels.csv, true labels included.

    Classes are numbered from the most frequent label in train down, ties by name. Raises
    InputError that names the file and line.
    """
    rows = _read_rows(folder / "labels.csv")
    frequency = Counter(row.label for row in rows.values() if row.split == "train")
    classes = tuple(sorted(frequency, key=lambda name: (-frequency[name], name)))
    try:
        check_classes(classes)
    except InputError as error:
        raise InputError(f"{folder / 'labels.csv'}: labels of split train: {error}") from error
    mosaics = dict.fromkeys(MOSAICS[row.split] for row in rows.values())
    tiles = {name: _read_tiles(folder / name) for name in mosaics}
    for line, row in rows.items():
        _check_row(f"{folder / 'labels.csv'}: line {line}", row, classes, tiles)
    return {split: _make_set(split, rows, classes, tiles) for split in SPLITS}


def _read_tiles(path: Path) -> np.ndarray:
    mosaic = read_rgb(path)
    height, width = mosaic.shape[:2]
    if height % SIZE or width % SIZE:
        raise InputError(
            f"{path}: expected width and height to be multiples of {SIZE}, got {width}x{height}"
        )
    return tiles_of(mosaic)


def _read_rows(path: Path) -> dict[int, Row]:
    """The table's rows by their line in the file."""
    rows: dict[int, Row] = {}
    seen: dict[tuple[str, int], int] = {}
    for line, cells in read_table(path, COLUMNS).items():
        rows[line] = _read_row(f"{path}: line {line}", cells)
        tile = MOSAICS[rows[line].split], rows[line].tile
        if tile in seen:
            raise InputError(f"{path}: line {line}: tile {tile[1]} is on line {seen[tile]} already")
        seen[tile] = line
    return rows


def _read_row(where: str, row: dict[str, str]) -> Row:
    for name in ("tile", "cifar10_index"):
        if not re.fullmatch("[0-9]{1,9}", row[name]):
            raise InputError(f"{where}: expected {name} to be 0, 1, 2, ..., got {shown(row[name])}")
    if row["split"] not in SPLITS:
        raise InputError(f"{where}: expected split train, dev or test, got {shown(row['split'])}")
    if not row["label"]:
        raise InputError(f"{where}: expected label to be a class name, got nothing")
    return Row(
        int(row["tile"]),
        row["split"],
        row["label"],
        row["true_label"],
        int(row["cifar10_index"]),
    )


def _check_row(
    where: str, row: Row, classes: tuple[str, ...], tiles: dict[str, np.ndarray]
) -> None:
    for column, name in (("label", row.label), ("true_label", row.true_label)):
        if name not in classes:
            raise InputError(
                f"{where}: expected {column} to be a label of train, {shown_list(classes)}, "
                f"got {shown(name)}"
            )
    mosaic = MOSAICS[row.split]
    if row.tile >= len(tiles[mosaic]):
        raise InputError(
            f"{where}: expected tile in 0..{len(tiles[mosaic]) - 1}, as {mosaic} has, "
            f"got {row.tile}"
        )


def _make_set(
    split: str, rows: dict[int, Row], classes: tuple[str, ...], tiles: dict[str, np.ndarray]
) -> ImageSet:
    own = [row for row in rows.values() if row.split == split]
    number = {name: index for index, name in enumerate(classes)}
    if not own:
        return ImageSet(np.empty((0, SIZE, SIZE, 3), np.uint8), np.empty(0, np.int64), classes)
    return ImageSet(
        tiles[MOSAICS[split]][[row.tile for row in own]],
        np.array([number[row.label] for row in own], np.int64),
        classes,
        np.array([number[row.true_label] for row in own], np.int64),
    )
