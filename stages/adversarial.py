"""Change images slightly, until a model predicts another class."""

from noisylab import stage
from noisylab.config.params import Params


def main(params: Params) -> None:
    from noisylab.adversarial import outputs, run
    from noisylab.data import set_files
    from noisylab.learning import network

    config = params.adversarial
    sets = set_files.read_fixed_sets("data")
    given_counts = set_files.read_set("data/train_set.pickle").counts()
    models = {
        "train_fixed": network.read_weights(f"models/train_fixed/{config.run}.pt"),
        run.FINAL: network.read_weights("models/lr_sweep.pt"),
    }
    engine = stage.engine(params)
    attacked = run.attack_all(models, sets, given_counts, config, params.device, engine)
    lines = outputs.write_attacks(
        attacked,
        models,
        sets["train"].classes,
        config,
        data="data/adversarial",
        metrics="metrics/adversarial.json",
        plots="plots/adversarial",
    )
    stage.say(lines)


if __name__ == "__main__":
    stage.run(main)
