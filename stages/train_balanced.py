"""Train on balanced batches: rare classes are learned, but soon memorised."""

from noisylab import stage
from noisylab.config.params import Params


def main(params: Params) -> None:
    from noisylab.data import set_files
    from noisylab.learning.kept import Kept
    from noisylab.many.trainer import Trainer
    from noisylab.train import outputs, run

    config = params.train_balanced
    sets = set_files.read_sets("data")
    trainer = Trainer(Kept("finished/train_balanced"), stage.engine(params), stage.Watch())
    trained = run.train_runs(sets, config.runs, params.seed, trainer)
    paths = stage.run_paths("train_balanced")
    stage.say(outputs.write_runs(trained, sets, config.keep, sets["train"], **paths))


if __name__ == "__main__":
    stage.run(main)
