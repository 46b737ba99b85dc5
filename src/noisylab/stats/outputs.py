"""Files of stage `stats`: metrics, a table of the classes, and pictures."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from noisylab.core import files
from noisylab.core.images import ImageSet
from noisylab.core.metrics import listing
from noisylab.stats import figures
from noisylab.stats.run import describe, evenly_spread


def write_stats(
    sets: Mapping[str, ImageSet], sheet_images: int, *, metrics: str, plots: str
) -> list[str]:
    """Write metrics of all sets, and counts and pictures of train and dev; return lines to print.

    sheet_images: the most images of train on the sheet of a class.
    """
    described, folder, train = describe(sets), Path(plots), sets["train"]
    files.write_json(metrics, described)
    counts = {split: sets[split].counts() for split in ("train", "dev")}
    rows = [
        (name, split, values[label], 100 * values[label] / values.sum())
        for label, name in enumerate(train.classes)
        for split, values in counts.items()
    ]
    files.write_csv(folder / "classes.csv", ("class", "split", "images", "percent"), rows)
    files.write_png(folder / "classes.png", figures.class_counts(counts, train.classes))
    for label, name in enumerate(train.classes):
        indices = evenly_spread(train.labels, label, sheet_images)
        sheet = figures.class_sheet(name, counts["train"][label], indices, train.images[indices])
        # The number tells apart names that differ only in characters no file name may hold.
        slug = re.sub(r"[^\w-]+", "_", name)[:40]
        files.write_png(folder / "sheets" / f"{label}_{slug}.png", sheet)
    return listing(described)
