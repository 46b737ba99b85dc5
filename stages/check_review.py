"""Check what a person decided about labels, and hand on what is decided by now."""

from noisylab import stage
from noisylab.config.params import Params


def main(params: Params) -> None:
    from noisylab.data import set_files
    from noisylab.review import decisions

    sets = set_files.read_sets("data")
    made = decisions.read_decisions("data/review.csv", sets)
    decisions.write_decisions("data/decisions.csv", made, sets)


if __name__ == "__main__":
    stage.run(main)
