"""Change images so little that they look the same, and the final model calls them otherwise."""

from noisylab import stage
from noisylab.params import Params


def main(params: Params) -> None:
    from noisylab import adversarial_artifacts, artifacts, attacking, network, pickles

    sets = artifacts.read_fixed_sets("data")
    model = network.read_weights("models/lr_sweep.pt")
    attacks = attacking.attack_all(
        model,
        sets,
        pickles.read_set("data/train_set.pickle").counts(),
        params.adversarial,
        params.threads,
        params.device,
    )
    lines = adversarial_artifacts.write_attacks(
        attacks,
        model,
        sets["train"].classes,
        params.adversarial,
        "data/adversarial",
        "metrics/adversarial.json",
        "plots/adversarial",
    )
    stage.say(lines)


if __name__ == "__main__":
    stage.run(main)
