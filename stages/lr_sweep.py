"""Repeat the recipe of train_fixed at many learning rates, and choose the final model.

The final model is the better of train_fixed's and the best one trained here.
"""

from noisylab import stage
from noisylab.config.params import Params


def main(params: Params) -> None:
    from noisylab.data import set_files
    from noisylab.learning import network
    from noisylab.learning.kept import Kept
    from noisylab.many.trainer import Trainer
    from noisylab.sweep import outputs, run

    recipe = params.train_fixed.runs[params.train_fixed.keep]
    sets = set_files.read_fixed_sets("data")
    given = set_files.read_set("data/dev_set.pickle").labels
    trainer = Trainer(
        Kept("finished/lr_sweep", also="finished/train_fixed"),
        stage.engine(params),
        stage.Watch(each_epoch=False),
    )
    swept = run.sweep(sets, run.trainings(params.lr_sweep, recipe, params.seed), trainer)
    choice = run.choose(swept, network.read_weights("models/train_fixed.pt"), sets, given)
    lines = outputs.write_sweep(
        swept,
        choice,
        sets["train"].classes,
        summary="metrics/lr_sweep.json",
        **stage.model_paths("lr_sweep"),
    )
    stage.say(lines)


if __name__ == "__main__":
    stage.run(main)
