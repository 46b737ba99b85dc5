"""Count the images per class and draw sheets of them."""

from noisylab import stage
from noisylab.config.params import Params


def main(params: Params) -> None:
    from noisylab.core import files
    from noisylab.data import set_files
    from noisylab.stats import run

    sets = set_files.read_sets("data")
    files.write_json("metrics/stats.json", run.describe(sets))
    run.write_plots("plots/stats", sets, params.stats.sheet_images)


if __name__ == "__main__":
    stage.run(main)
