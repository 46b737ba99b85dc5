"""Turn the images of a source into the three sets that every other stage reads."""

from noisylab import stage
from noisylab.params import Params


def main(params: Params) -> None:
    from noisylab import artifacts, sources

    source = sources.read_source(params.prepare.source)
    artifacts.write_sets("data", source.sets)
    stage.say(source.summary())


if __name__ == "__main__":
    stage.run(main)
