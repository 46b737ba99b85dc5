"""A small set with planted errors, and a model of it."""

from pathlib import Path

import torch
from conftest import make_set

from noisylab.config.settings import FitConfig, RelabelConfig
from noisylab.core.images import Decisions, ImageSet
from noisylab.learning.network import SimpleModel
from noisylab.learning.training import fit
from noisylab.many.trainer import Trainer
from noisylab.relabel.outputs import write_relabelling
from noisylab.relabel.run import Relabelling, relabel

RECIPE = FitConfig(
    epochs=12,
    lr=0.003,
    batch_size=16,
    optimizer="adam",
    device="cpu",
    class_weights="inverse_frequency",
)
CONFIG = RelabelConfig(
    "best", "cat", models=1, second_opinion=False, folds=3, fold_seeds=1, sheet_images=5
)
PLANTED = {"train": [2, 5, 8, 11, 14], "dev": [2, 5]}  # cats that are labelled car


def planted_sets() -> dict[str, ImageSet]:
    made = {"train": make_set(90, seed=1), "dev": make_set(30, seed=2)}
    for split, indices in PLANTED.items():
        labels = made[split].labels.copy()
        labels[indices] = 0
        made[split] = made[split].with_labels(labels)
    return made


def trained_model(sets: dict[str, ImageSet]) -> SimpleModel:
    return fit(sets["train"], sets["dev"], RECIPE, torch.Generator().manual_seed(0)).model


def find(
    sets: dict[str, ImageSet],
    model: SimpleModel,
    decisions: Decisions | None = None,
    config: RelabelConfig = CONFIG,
) -> Relabelling:
    return relabel(sets, model, decisions or {}, config, RECIPE, 0, Trainer(engine="local:2"))


def write(result: Relabelling, folder: Path, data: str = "data") -> list[str]:
    paths = {"data": str(folder / data), "metrics": str(folder / "m.json")}
    return write_relabelling(result, 5, **paths, plots=str(folder / "plots"))
