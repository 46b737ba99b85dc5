"""Train on the raw data: the baseline, in which the most common class dominates."""

from noisylab import stage
from noisylab.config.params import Params


def main(params: Params) -> None:
    from noisylab.data import set_files
    from noisylab.learning.finished import Finished
    from noisylab.train import outputs, run

    sets = set_files.read_sets("data")
    trained = run.train_runs(
        sets,
        params.train_baseline.runs,
        params.seed,
        stage.Watch,
        finished=Finished("finished/train_baseline"),
    )
    outputs.write_runs(trained, sets, params.train_baseline.keep, stage.places("train_baseline"))
    stage.say(run.summary(trained, sets["train"].classes))


if __name__ == "__main__":
    stage.run(main)
