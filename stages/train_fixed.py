"""Train on the corrected labels."""

from noisylab import stage
from noisylab.config.params import Params


def main(params: Params) -> None:
    from noisylab.data import set_files
    from noisylab.learning import evaluation, network, training
    from noisylab.learning.kept import Kept
    from noisylab.many.trainer import Trainer
    from noisylab.train import outputs, run

    config = params.train_fixed
    sets = set_files.read_fixed_sets("data")
    given_train = set_files.read_set("data/train_set.pickle")
    given_dev_labels = set_files.read_set("data/dev_set.pickle").labels
    before = network.read_weights("models/train_augmented.pt")
    network.check_model(before, given_train.classes, "the model of train_augmented")
    trainer = Trainer(Kept("finished/train_fixed"), stage.engine(params), stage.Watch())
    trained = run.train_runs(sets, config.runs, params.seed, trainer, given_dev_labels)
    paths = stage.run_paths("train_fixed")
    lines = outputs.write_runs(trained, sets, config.keep, given_train, **paths)
    outputs.write_before_after(
        "plots/train_fixed/before_after.png",
        evaluation.evaluate_splits(sets, training.predict_splits(before, sets), given_dev_labels),
        trained[config.keep].evaluations,
        sets["train"].classes,
    )
    stage.say(lines)


if __name__ == "__main__":
    stage.run(main)
