"""Train on balanced, augmented batches, so that repeated images of rare classes differ."""

from noisylab import stage
from noisylab.config.params import Params


def main(params: Params) -> None:
    from noisylab.data import set_files
    from noisylab.learning.finished import Finished
    from noisylab.train import outputs, run

    sets = set_files.read_sets("data")
    trained = run.train_runs(
        sets,
        params.train_augmented.runs,
        params.seed,
        stage.Watch,
        finished=Finished("finished/train_augmented"),
    )
    lines = outputs.write_runs(
        trained,
        sets,
        params.train_augmented.keep,
        model="models/train_augmented.pt",
        metrics="metrics/train_augmented",
        dev_metrics="metrics/dev/train_augmented",
        plots="plots/train_augmented",
    )
    stage.say(lines)


if __name__ == "__main__":
    stage.run(main)
