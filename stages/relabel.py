"""Find the mislabelled images, heed what a person decided about them, correct the sets."""

from noisylab import stage
from noisylab.params import Params


def main(params: Params) -> None:
    from noisylab import artifacts, network, relabel_artifacts, relabelling, review

    sets = artifacts.read_sets("data")
    result = relabelling.relabel(
        sets,
        network.read_weights("models/train_augmented.pt"),
        review.read_decisions("data/decisions.csv", sets),
        params.relabel,
        params.train_augmented.runs[params.train_augmented.keep],
        params.seed,
        stage.engine(params),
        stage.watch_trainings,
        stage.finished("relabel"),
    )
    relabel_artifacts.write_relabelling(
        result, params.relabel.sheet_images, "data", "metrics/relabel.json", "plots/relabel"
    )
    stage.say(relabel_artifacts.summary(result))


if __name__ == "__main__":
    stage.run(main)
