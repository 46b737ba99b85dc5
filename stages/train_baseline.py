"""Train on the raw data as given, to get a feeling for it: one class drowns the others."""

from noisylab import stage
from noisylab.params import Params


def main(params: Params) -> None:
    from noisylab import artifacts, run_artifacts, runs

    sets = artifacts.read_sets("data")
    trained = runs.train_runs(
        sets,
        params.train_baseline.runs,
        params.seed,
        stage.Watch,
        finished=stage.finished("train_baseline"),
    )
    run_artifacts.write_runs(
        trained, sets, params.train_baseline.keep, stage.places("train_baseline")
    )
    stage.say(runs.summary(trained, sets["train"].classes))


if __name__ == "__main__":
    stage.run(main)
