"""The bundled photographs: mosaics that a person can look at, and a table of their labels.

images.png holds the 32x32 tiles of train and dev, test.png those of test, counted from 0 row by
row. labels.csv has one line per tile, `tile,split,label,true_label,cifar10_index`. Both labels are
class names; the index is the image's place in CIFAR-10's training half, or its test half for test.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import numpy as np

from noisylab.core.errors import InputError, located, shown, shown_list
from noisylab.core.images import SIZE, SPLITS, ImageSet, check_classes
from noisylab.core.tables import read_table
from noisylab.data.mosaics import tiles_of
from noisylab.data.sources.photos import read_rgb

MOSAICS = {"train": "images.png", "dev": "images.png", "test": "test.png"}


class Row(NamedTuple):
    """A line of labels.csv."""

    tile: int
    split: str
    label: str
    true_label: str
    cifar10_index: int


def read_bundle(folder: Path) -> tuple[dict[str, ImageSet], list[str]]:
    """The sets by split in the order of labels.csv, with true labels, and no notices.

    Classes are numbered by falling frequency in train, ties by name. Raises InputError that names
    the file and line.
    """
    rows = _read_rows(folder / "labels.csv")
    frequency = Counter(row.label for row in rows.values() if row.split == "train")
    classes = tuple(sorted(frequency, key=lambda name: (-frequency[name], name)))
    with located(f"{folder / 'labels.csv'}: labels of split train"):
        check_classes(classes)
    names = dict.fromkeys(MOSAICS[row.split] for row in rows.values())
    tiles = {name: _read_tiles(folder / name) for name in names}
    for line, row in rows.items():
        with located(f"{folder / 'labels.csv'}: line {line}"):
            _check_row(row, classes, tiles)
    number = {name: label for label, name in enumerate(classes)}
    sets = {}
    for split in dict.fromkeys(row.split for row in rows.values()):
        own = [row for row in rows.values() if row.split == split]
        images = tiles[MOSAICS[split]][[row.tile for row in own]]
        labels = np.array([number[row.label] for row in own])
        true_labels = np.array([number[row.true_label] for row in own])
        half = "test" if split == "test" else "train"
        image_names = tuple(f"cifar10/{half}/{row.cifar10_index}" for row in own)
        sets[split] = ImageSet(images, labels, classes, true_labels, names=image_names)
    return sets, []


def _read_tiles(path: Path) -> np.ndarray:
    mosaic = read_rgb(path, whole=True)
    height, width = mosaic.shape[:2]
    if height % SIZE or width % SIZE:
        raise InputError(
            f"{path}: expected width and height to be multiples of {SIZE}, got {width}x{height}"
        )
    return tiles_of(mosaic)


def _read_rows(path: Path) -> dict[int, Row]:
    """The table's rows by their line in the file."""
    rows: dict[int, Row] = {}
    lines: dict[tuple[str, int], int] = {}
    for line, cells in read_table(path, Row._fields).items():
        with located(f"{path}: line {line}"):
            row = rows[line] = _parse_row(cells)
            first = lines.setdefault((MOSAICS[row.split], row.tile), line)
            if first != line:
                raise InputError(f"tile {row.tile} is already on line {first}")
    return rows


def _parse_row(cells: dict[str, str]) -> Row:
    tile, split, label, true_label, index = (cells[name] for name in Row._fields)
    for name, text in (("tile", tile), ("cifar10_index", index)):
        if not re.fullmatch("[0-9]{1,9}", text):
            raise InputError(f"expected {name} to be 0, 1, 2, ..., got {shown(text)}")
    if split not in SPLITS:
        raise InputError(f"expected split train, dev or test, got {shown(split)}")
    if not label:
        raise InputError("expected label to be a class name, got nothing")
    return Row(int(tile), split, label, true_label, int(index))


def _check_row(row: Row, classes: tuple[str, ...], tiles: dict[str, np.ndarray]) -> None:
    for column, name in (("label", row.label), ("true_label", row.true_label)):
        if name not in classes:
            raise InputError(
                f"expected {column} to be a label of train, {shown_list(classes)}, "
                f"got {shown(name)}"
            )
    mosaic = MOSAICS[row.split]
    if row.tile >= len(tiles[mosaic]):
        raise InputError(
            f"expected tile in 0..{len(tiles[mosaic]) - 1}, as {mosaic} has, got {row.tile}"
        )
