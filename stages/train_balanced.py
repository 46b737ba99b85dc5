"""Train on balanced batches: rare classes are learned, but soon memorised."""

from noisylab import stage
from noisylab.config.params import Params


def main(params: Params) -> None:
    from noisylab.data import set_files
    from noisylab.learning.finished import Finished
    from noisylab.train import outputs, run

    sets = set_files.read_sets("data")
    trained = run.train_runs(
        sets,
        params.train_balanced.runs,
        params.seed,
        stage.Watch,
        finished=Finished("finished/train_balanced"),
    )
    lines = outputs.write_runs(
        trained,
        sets,
        params.train_balanced.keep,
        model="models/train_balanced.pt",
        metrics="metrics/train_balanced",
        dev_metrics="metrics/dev/train_balanced",
        plots="plots/train_balanced",
    )
    stage.say(lines)


if __name__ == "__main__":
    stage.run(main)
