"""Find mislabelled images, apply the reviewer's decisions, and correct the labels."""

from noisylab import stage
from noisylab.config.params import Params


def main(params: Params) -> None:
    from noisylab.data import set_files
    from noisylab.learning import network
    from noisylab.learning.finished import Finished
    from noisylab.relabel import outputs, run
    from noisylab.review import decisions

    sets = set_files.read_sets("data")
    result = run.relabel(
        sets,
        network.read_weights("models/train_augmented.pt"),
        decisions.read_decisions("data/decisions.csv", sets),
        params.relabel,
        params.train_augmented.runs[params.train_augmented.keep],
        params.seed,
        stage.engine(params),
        stage.watch_trainings,
        Finished("finished/relabel"),
    )
    lines = outputs.write_relabelling(
        result,
        params.relabel.sheet_images,
        data="data",
        metrics="metrics/relabel.json",
        plots="plots/relabel",
    )
    stage.say(lines)


if __name__ == "__main__":
    stage.run(main)
