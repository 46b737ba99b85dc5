"""Train on balanced batches: the rare classes are seen, and soon learned by heart."""

from noisylab import stage
from noisylab.params import Params


def main(params: Params) -> None:
    from noisylab import artifacts, run_artifacts, runs

    sets = artifacts.read_sets("data")
    trained = runs.train_runs(
        sets,
        params.train_balanced.runs,
        params.seed,
        stage.Watch,
        finished=stage.finished("train_balanced"),
    )
    run_artifacts.write_runs(
        trained, sets, params.train_balanced.keep, stage.places("train_balanced")
    )
    stage.say(runs.summary(trained, sets["train"].classes))


if __name__ == "__main__":
    stage.run(main)
