"""Check what a person decided about labels, and hand on what is decided by now."""

from noisylab import stage
from noisylab.params import Params


def main(params: Params) -> None:
    from noisylab import artifacts, review

    sets = artifacts.read_sets("data")
    decisions = review.read_decisions("data/review.csv", sets)
    review.write_decisions("data/decisions.csv", decisions, sets)


if __name__ == "__main__":
    stage.run(main)
