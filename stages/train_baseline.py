"""Train on the raw data: the baseline, in which the most common class dominates."""

from noisylab import stage
from noisylab.config.params import Params


def main(params: Params) -> None:
    from noisylab.data import set_files
    from noisylab.learning.finished import Finished
    from noisylab.train import outputs, run

    sets = set_files.read_sets("data")
    trained = run.train_runs(
        sets,
        params.train_baseline.runs,
        params.seed,
        stage.Watch,
        finished=Finished("finished/train_baseline"),
    )
    lines = outputs.write_runs(
        trained,
        sets,
        params.train_baseline.keep,
        model="models/train_baseline.pt",
        metrics="metrics/train_baseline",
        dev_metrics="metrics/dev/train_baseline",
        plots="plots/train_baseline",
    )
    stage.say(lines)


if __name__ == "__main__":
    stage.run(main)
