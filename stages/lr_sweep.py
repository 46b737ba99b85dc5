"""Train at learning rates from far too low to far too high; the better model is the final one."""

from noisylab import stage
from noisylab.params import Params


def main(params: Params) -> None:
    from noisylab import artifacts, lr_sweep, network, pickles, sweep_artifacts

    sets = artifacts.read_fixed_sets("data")
    given = pickles.read_set("data/dev_set.pickle").labels
    swept = lr_sweep.sweep(
        sets,
        lr_sweep.trials(params.lr_sweep, params.seed),
        params.train_fixed.runs[params.train_fixed.keep],
        params.lr_sweep.epochs,
        stage.engine(params),
        stage.watch_trainings,
        stage.finished("lr_sweep"),
    )
    choice = lr_sweep.choose(swept, network.read_weights("models/train_fixed.pt"), sets, given)
    classes, places = sets["train"].classes, stage.places("lr_sweep")
    sweep_artifacts.write_sweep(swept, choice, classes, "metrics/lr_sweep.json", places)
    stage.say(sweep_artifacts.summary(swept, choice))


if __name__ == "__main__":
    stage.run(main)
