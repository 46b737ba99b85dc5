"""Check that the classes in params.yaml are those of the images, before any stage uses them."""

from noisylab import stage
from noisylab.params import Params


def main(params: Params) -> None:
    from noisylab import artifacts, class_check, pickles

    train = pickles.read_set("data/train_set.pickle")
    class_check.check_named_classes("params.yaml", params, train)
    artifacts.write_bytes("data/classes.ok", b"ok\n")


if __name__ == "__main__":
    stage.run(main)
