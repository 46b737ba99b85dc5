"""Find mislabelled images, apply the reviewer's decisions, and correct the labels."""

from noisylab import stage
from noisylab.config.params import Params


def main(params: Params) -> None:
    from noisylab.data import set_files
    from noisylab.learning import network
    from noisylab.learning.kept import Kept
    from noisylab.many.trainer import Trainer
    from noisylab.relabel import outputs, run
    from noisylab.review import decisions

    config = params.relabel
    recipe = params.train_augmented.runs[params.train_augmented.keep]
    sets = set_files.read_sets("data")
    model = network.read_weights("models/train_augmented.pt")
    made = decisions.read_review("data/decisions.csv", sets).decisions
    watch = stage.Watch(each_epoch=False, on_dev=False)
    trainer = Trainer(Kept("finished/relabel"), stage.engine(params), watch)
    result = run.relabel(sets, model, made, config, recipe, params.seed, trainer)
    paths = {"data": "data", "metrics": "metrics/relabel.json", "plots": "plots/relabel"}
    stage.say(outputs.write_relabelling(result, config.sheet_images, **paths))


if __name__ == "__main__":
    stage.run(main)
