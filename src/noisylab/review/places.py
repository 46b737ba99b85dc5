"""Where the images of earlier decisions are now: files may have been added, moved or renamed."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from noisylab.core.images import REVIEWED, ImageSet

Place = tuple[str, int]  # split and index


@dataclass(frozen=True)
class Row:
    """A decision as the table holds it; given and name are empty where they are not known.

    image: image_digest() of the image.
    given: its label when it was decided on, by name.
    name:  its file name then.
    """

    split: str
    index: int
    image: str
    decision: str
    given: str = ""
    name: str = ""


# What a row and an image have in common besides the pixels, the strongest evidence first. Identical
# images may carry different labels, so a decision on one of them must not go to another.
_EVIDENCE = (
    ("split", "name"),
    ("split", "index", "given"),
    ("split", "given"),
    ("split", "index"),
    ("split",),
    ("given",),
    (),
)


def find_places(rows: Sequence[Row], sets: Mapping[str, ImageSet]) -> dict[Place, Row]:
    """The row of each image that was decided on, by the split and index of the image in `sets`.

    A row belongs to one image with its digest. Of several identical ones, that is the one with its
    file name, then with its label and index, and so on; copies are taken in order. A row is left
    out if its image is in no set, or fewer times than there are rows about it.
    """
    wanted = {row.image for row in rows}
    free = {
        row_at(sets, split, index): None  # a dict, to keep their order
        for split in REVIEWED
        for index, digest in enumerate(sets[split].digests)
        if digest in wanted
    }
    left = sorted(rows, key=lambda row: (REVIEWED.index(row.split), row.index))
    places: dict[Place, Row] = {}
    for names in _EVIDENCE:
        buckets = defaultdict[tuple[object, ...], deque[Row]](deque)
        for image in free:
            buckets[_key(image, names)].append(image)
        unplaced = []
        for row in left:
            bucket = buckets.get(_key(row, names))
            if bucket and all(getattr(row, name) != "" for name in names):
                image = bucket.popleft()
                del free[image]
                places[image.split, image.index] = row
            else:
                unplaced.append(row)
        left = unplaced
    return places


def row_at(sets: Mapping[str, ImageSet], split: str, index: int, decision: str = "") -> Row:
    """The row of a decision on the image that is now at `index` of `split`."""
    image_set = sets[split]
    given = image_set.classes[image_set.labels[index]]
    name = image_set.names[index].strip() if image_set.names else ""  # tables are read stripped
    return Row(split, index, image_set.digests[index], decision, given, name)


def _key(row: Row, names: tuple[str, ...]) -> tuple[object, ...]:
    return (row.image, *(getattr(row, name) for name in names))
