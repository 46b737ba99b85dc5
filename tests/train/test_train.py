from dataclasses import replace

import pytest

from noisylab.config.settings import FitConfig
from noisylab.core.errors import InputError
from noisylab.core.images import ImageSet
from noisylab.many.trainer import Trainer
from noisylab.train.run import train_runs

CONFIG = FitConfig(epochs=2, lr=0.003, batch_size=16, optimizer="adam", device="cpu")
OTHER = FitConfig(epochs=1, lr=0.003, batch_size=16, optimizer="sgd", device="cpu")


@pytest.fixture
def sets(train: ImageSet, dev: ImageSet) -> dict[str, ImageSet]:
    return {"train": train, "dev": dev, "test": dev.subset(range(9))}


def test_every_run_starts_from_the_same_seed(sets: dict[str, ImageSet]) -> None:
    alone = train_runs(sets, {"long": CONFIG}, 7, Trainer(engine="local:1"))
    beside = train_runs(sets, {"short": OTHER, "long": CONFIG}, 7, Trainer(engine="local:1"))
    assert alone["long"].history == beside["long"].history
    assert (
        alone["long"].history
        != train_runs(sets, {"long": CONFIG}, 8, Trainer(engine="local:1"))["long"].history
    )


def test_true_labels_only_score(sets: dict[str, ImageSet]) -> None:
    run = train_runs(sets, {"long": CONFIG}, 0, Trainer(engine="local:1"))["long"]
    assert list(run.evaluations) == ["train", "dev", "dev_true", "test"]
    blind = {
        split: ImageSet(part.images, part.labels, part.classes) for split, part in sets.items()
    }
    blind["test"] = blind["test"].subset([])
    same = train_runs(blind, {"long": CONFIG}, 0, Trainer(engine="local:1"))["long"]
    assert list(same.evaluations) == ["train", "dev"]
    assert same.history == run.history


def test_what_cannot_be_trained_names_its_run(sets: dict[str, ImageSet]) -> None:
    config = replace(CONFIG, class_weights={"car": 1, "dog": 2})
    with pytest.raises(InputError) as error:
        train_runs(sets, {"heavy": config}, 0, Trainer(engine="local:1"))
    expected = "run heavy: class_weights must have a number for each of ['car', 'truck', 'cat']:"
    assert str(error.value).startswith(expected)
