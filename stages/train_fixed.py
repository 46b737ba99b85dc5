"""Train on the corrected labels."""

from noisylab import stage
from noisylab.config.params import Params


def main(params: Params) -> None:
    from noisylab.data import set_files
    from noisylab.learning import network
    from noisylab.learning.finished import Finished
    from noisylab.train import outputs, run

    sets = set_files.read_fixed_sets("data")
    given_train = set_files.read_set("data/train_set.pickle")
    given_dev_labels = set_files.read_set("data/dev_set.pickle").labels
    before = network.read_weights("models/train_augmented.pt")
    trained = run.train_runs(
        sets,
        params.train_fixed.runs,
        params.seed,
        stage.Watch,
        given_dev_labels,
        Finished("finished/train_fixed"),
    )
    lines = outputs.write_runs(
        trained,
        sets,
        params.train_fixed.keep,
        model="models/train_fixed.pt",
        metrics="metrics/train_fixed",
        dev_metrics="metrics/dev/train_fixed",
        plots="plots/train_fixed",
        given_train=given_train,
    )
    outputs.write_before_after(
        "plots/train_fixed/before_after.png",
        run.evaluate_splits(sets, run.predict_splits(before, sets), given_dev_labels),
        trained[params.train_fixed.keep].evaluations,
        sets["train"].classes,
    )
    stage.say(lines)


if __name__ == "__main__":
    stage.run(main)
