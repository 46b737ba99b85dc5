"""Check that the classes in params.yaml are those of the images, before any stage uses them."""

from noisylab import stage
from noisylab.config.params import Params


def main(params: Params) -> None:
    from noisylab.config import class_check
    from noisylab.core import files
    from noisylab.data import set_files

    train = set_files.read_set("data/train_set.pickle")
    class_check.check_named_classes("params.yaml", params, train)
    files.write_bytes("data/classes.ok", b"ok\n")


if __name__ == "__main__":
    stage.run(main)
