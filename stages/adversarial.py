"""Change images slightly, until the final model predicts another class."""

from noisylab import stage
from noisylab.config.params import Params


def main(params: Params) -> None:
    from noisylab.adversarial import outputs, run
    from noisylab.data import set_files
    from noisylab.learning import network

    config = params.adversarial
    sets = set_files.read_fixed_sets("data")
    given_counts = set_files.read_set("data/train_set.pickle").counts()
    model = network.read_weights("models/lr_sweep.pt")
    attacks = run.attack_all(model, sets, given_counts, config, params.device)
    lines = outputs.write_attacks(
        attacks,
        model,
        sets["train"].classes,
        config,
        data="data/adversarial",
        metrics="metrics/adversarial.json",
        plots="plots/adversarial",
    )
    stage.say(lines)


if __name__ == "__main__":
    stage.run(main)
