"""Train on balanced and augmented batches: no rare image is seen twice the same."""

from noisylab import stage
from noisylab.params import Params


def main(params: Params) -> None:
    from noisylab import artifacts, run_artifacts, runs

    sets = artifacts.read_sets("data")
    trained = runs.train_runs(
        sets,
        params.train_augmented.runs,
        params.seed,
        stage.Watch,
        finished=stage.finished("train_augmented"),
    )
    run_artifacts.write_runs(
        trained, sets, params.train_augmented.keep, stage.places("train_augmented")
    )
    stage.say(runs.summary(trained, sets["train"].classes))


if __name__ == "__main__":
    stage.run(main)
