"""Train on balanced batches: rare classes are learned, but soon memorised."""

from noisylab import stage
from noisylab.config.params import Params


def main(params: Params) -> None:
    from noisylab.data import set_files
    from noisylab.learning.finished import Finished
    from noisylab.train import outputs, run

    sets = set_files.read_sets("data")
    trained = run.train_runs(
        sets,
        params.train_balanced.runs,
        params.seed,
        stage.Watch,
        finished=Finished("finished/train_balanced"),
    )
    outputs.write_runs(trained, sets, params.train_balanced.keep, stage.places("train_balanced"))
    stage.say(run.summary(trained, sets["train"].classes))


if __name__ == "__main__":
    stage.run(main)
