"""Train on balanced, augmented batches, so that repeated images of rare classes differ."""

from noisylab import stage
from noisylab.config.params import Params


def main(params: Params) -> None:
    from noisylab.data import set_files
    from noisylab.learning.finished import Finished
    from noisylab.train import outputs, run

    sets = set_files.read_sets("data")
    trained = run.train_runs(
        sets,
        params.train_augmented.runs,
        params.seed,
        stage.Watch,
        finished=Finished("finished/train_augmented"),
    )
    outputs.write_runs(trained, sets, params.train_augmented.keep, stage.places("train_augmented"))
    stage.say(run.summary(trained, sets["train"].classes))


if __name__ == "__main__":
    stage.run(main)
