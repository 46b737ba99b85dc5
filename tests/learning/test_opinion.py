import numpy as np
import pytest
import torch

from noisylab.config.settings import FitConfig
from noisylab.core.errors import InputError
from noisylab.core.images import ImageSet
from noisylab.learning.kept import Training
from noisylab.learning.network import SimpleModel, dump_weights, load_weights
from noisylab.learning.opinion import OpinionModel
from noisylab.learning.training import predict_probs

CONFIG = FitConfig(
    epochs=6, lr=0.005, batch_size=30, optimizer="adamw", device="cpu", schedule="one_cycle"
)


def test_its_size_is_as_documented() -> None:
    assert sum(part.numel() for part in OpinionModel(3).parameters()) == 465_859


def test_it_learns_and_revives_with_equal_predictions(train: ImageSet, dev: ImageSet) -> None:
    trained = Training(CONFIG, seed=0, network=OpinionModel).run(train, dev)
    assert trained.history[-1].dev_accuracy > 0.9
    first, second = trained.revive(), trained.revive()
    assert isinstance(first, OpinionModel)
    probs = predict_probs(first, dev.images)
    assert np.array_equal(probs, predict_probs(second, dev.images))
    assert (probs.argmax(axis=1) == dev.labels).mean() == trained.history[-1].dev_accuracy


def test_a_training_is_kept_apart_from_that_of_the_fixed_network() -> None:
    keys = {Training(CONFIG, 0, network=network).key("") for network in (SimpleModel, OpinionModel)}
    assert len(keys) == 2


def test_its_weights_are_no_weights_of_the_fixed_network() -> None:
    torch.manual_seed(0)
    content = dump_weights(OpinionModel(4))
    model = load_weights(content, OpinionModel)
    assert model.n_classes == 4
    assert dump_weights(model) == content
    with pytest.raises(InputError, match="holds no weights of SimpleModel"):
        load_weights(content)
    with pytest.raises(InputError, match="holds no weights of OpinionModel"):
        load_weights(dump_weights(SimpleModel(4)), OpinionModel)
