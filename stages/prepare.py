"""Turn a source of images into the train, dev and test sets."""

from noisylab import stage
from noisylab.config.params import Params


def main(params: Params) -> None:
    from noisylab.data import set_files, sources

    source = sources.read_source(params.prepare.source)
    set_files.write_sets("data", source.sets)
    stage.say(source.summary())


if __name__ == "__main__":
    stage.run(main)
