"""Count the images per class and draw sheets of them."""

from noisylab import stage
from noisylab.config.params import Params


def main(params: Params) -> None:
    from noisylab.data import set_files
    from noisylab.stats import outputs

    sets = set_files.read_sets("data")
    lines = outputs.write_stats(
        sets, params.stats.sheet_images, metrics="metrics/stats.json", plots="plots/stats"
    )
    stage.say(lines)


if __name__ == "__main__":
    stage.run(main)
