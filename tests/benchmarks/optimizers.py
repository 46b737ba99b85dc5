"""Compare optimizers, each at its own learning rates.

`python tests/benchmarks/optimizers.py [EPOCHS]` trains with the recipe, engine and (by default)
epochs of stage lr_sweep, on the sets of stage relabel. It prints a table and saves it with pictures
in build/optimizers/plots/.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

from noisylab import stage
from noisylab.config.params import read_params
from noisylab.data import set_files
from noisylab.learning import network
from noisylab.learning.kept import Kept
from noisylab.many.trainer import Trainer
from noisylab.sweep import outputs, run

OPTIMIZERS = ["adam", "adamw", "sgd", "rmsprop"]  # sgd has momentum
OWN_RATES = {
    "sgd": [1e-4, 1e-3, 3e-3, 0.01, 0.03, 0.1, 0.3],
    "rmsprop": [1e-5, 1e-4, 3e-4, 1e-3, 3e-3, 0.01],
}


def main() -> None:
    params = read_params("params.yaml")
    epochs = int(sys.argv[1]) if len(sys.argv) > 1 else params.lr_sweep.epochs
    config = replace(params.lr_sweep, optimizers=OPTIMIZERS, own_rates=OWN_RATES, epochs=epochs)
    sets = set_files.read_fixed_sets("data")
    swept = run.sweep(
        sets,
        run.trainings(config, params.train_fixed.runs[params.train_fixed.keep], params.seed),
        Trainer(Kept("finished/optimizers"), stage.engine(params), stage.Watch(each_epoch=False)),
    )
    choice = run.choose(swept, network.read_weights("models/train_fixed.pt"), sets)
    out = Path("build/optimizers")
    names = {"model": "model.pt", "summary": "best.json", "metrics": "metrics"}
    names |= {"dev_metrics": "dev", "plots": "plots"}
    paths = {key: str(out / name) for key, name in names.items()}
    lines = outputs.write_sweep(swept, choice, sets["train"].classes, **paths)
    stage.say([(out / "plots" / "trainings.csv").read_text(), *lines])


if __name__ == "__main__":
    main()
