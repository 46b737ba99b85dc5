"""Facts about the sets as given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from noisylab.core.images import SPLITS, most_common, rarest
from noisylab.report.run_files import read_json, reading

_UNBALANCED, _VERY_UNBALANCED = 1.5, 5  # images of the most common class for one of the rarest


@dataclass(frozen=True)
class Data:
    """The sets as given.

    splits:    figures of metrics/stats.json by split: `images`, `count` by class, ...
    images:    number of images of all splits.
    repeats:   number and split of images that repeat an earlier one, of splits that have some.
    shared:    number, split and earlier split of images in both, of pairs that have some.
    count:     images of train by label, in the order of the labels.
    rare:      the class with the fewest labels in train.
    common:    the class with the most labels in train.
    imbalance: images of the most common class for each one of the rarest that has any, in train.
    is_even:   whether all labels are equally frequent in train.
    is_unbalanced, is_very_unbalanced: whether the imbalance is worth a word, and a strong one.
    """

    splits: Mapping[str, Mapping[str, Any]]
    images: int
    repeats: Sequence[tuple[int, str]]
    shared: Sequence[tuple[int, str, str]]
    count: Mapping[str, int]
    classes: Sequence[str]
    rare: str
    common: str
    imbalance: float
    is_even: bool
    is_unbalanced: bool
    is_very_unbalanced: bool

    @classmethod
    def read(cls, path: Path) -> Data:
        """The facts from metrics/stats.json."""
        stats = read_json(path)
        with reading(path):
            splits = {name: stats[name] for name in SPLITS if name != "test" or name in stats}
            repeats = [(part["repeated_images"], name) for name, part in splits.items()]
            shared = [(n, *pair.split("_")[::-1]) for pair, n in stats["shared_images"].items()]
            count = splits["train"]["count"]
            classes, counts = list(count), list(count.values())
            imbalance = max(counts) / min(filter(None, counts))
            return cls(
                splits=splits,
                images=sum(part["images"] for part in splits.values()),
                repeats=[one for one in repeats if one[0]],
                shared=[one for one in shared if one[0]],
                count=count,
                classes=classes,
                rare=classes[rarest(counts)],
                common=classes[most_common(counts)],
                imbalance=imbalance,
                is_even=len(set(counts)) == 1,
                is_unbalanced=imbalance >= _UNBALANCED,
                is_very_unbalanced=imbalance >= _VERY_UNBALANCED,
            )

    @property
    def rivals(self) -> list[str]:
        """The classes that are about as rare in train as the rarest, itself among them."""
        most = _UNBALANCED * self.count[self.rare]
        return [label for label, count in self.count.items() if count < most]

    def most_and_least_common(self, most: int) -> list[str]:
        """Classes by falling frequency: all, or `most // 2` from either end."""
        ordered = sorted(self.classes, key=lambda label: -self.count[label])
        half = most // 2
        return ordered if len(ordered) <= most else ordered[:half] + ordered[-half:]

    def share(self, split: str, label: str) -> float:
        """Share of a label in a split."""
        share: float = self.splits[split]["count"][label] / self.splits[split]["images"]
        return share
