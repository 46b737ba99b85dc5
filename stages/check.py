"""Validate params.yaml, its class names and the review decisions, before DVC removes outputs."""

from noisylab import stage
from noisylab.config.params import Params


def main(params: Params) -> None:
    from noisylab.config import classes
    from noisylab.core import files
    from noisylab.data import set_files
    from noisylab.review import decisions

    sets = set_files.read_sets("data")
    classes.check_named_classes("params.yaml", params, sets["train"])
    review = decisions.read_review("data/review.csv", sets)
    decisions.write_decisions("data/decisions.csv", review.decisions, sets)
    stage.say(review.notices("data/review.csv"))
    files.write_bytes("data/checked.ok", b"ok\n")  # not empty: DVC warns about empty outputs


if __name__ == "__main__":
    stage.run(main)
