"""Count the images by class and look at them: know the data first."""

from noisylab import stage
from noisylab.params import Params


def main(params: Params) -> None:
    from noisylab import artifacts, stats

    sets = artifacts.read_sets("data")
    artifacts.write_json("metrics/stats.json", stats.describe(sets))
    stats.write_plots("plots/stats", sets, params.stats.sheet_images)


if __name__ == "__main__":
    stage.run(main)
