"""Train again, on the corrected labels: a class no longer hides under another."""

from noisylab import stage
from noisylab.params import Params


def main(params: Params) -> None:
    from noisylab import artifacts, network, pickles, run_artifacts, runs

    sets = artifacts.read_fixed_sets("data")
    given_train = pickles.read_set("data/train_set.pickle")
    given_dev_labels = pickles.read_set("data/dev_set.pickle").labels
    classes = sets["train"].classes
    before = network.read_weights("models/train_augmented.pt")
    trained = runs.train_runs(
        sets,
        params.train_fixed.runs,
        params.seed,
        stage.Watch,
        given_dev_labels,
        stage.finished("train_fixed"),
    )
    kept = trained[params.train_fixed.keep]
    run_artifacts.write_runs(
        trained, sets, params.train_fixed.keep, stage.places("train_fixed"), given_train
    )
    run_artifacts.write_before_after(
        "plots/train_fixed/before_after.png",
        runs.evaluate_splits(sets, runs.predict_splits(before, sets), given_dev_labels),
        kept.evaluations,
        classes,
    )
    stage.say(runs.summary(trained, classes))


if __name__ == "__main__":
    stage.run(main)
