from dataclasses import replace

import numpy as np
import pytest
import torch

from noisylab.config.settings import FitConfig
from noisylab.core.images import ImageSet, joined
from noisylab.learning.network import SimpleModel
from noisylab.learning.training import DivergedError, fit, predict_both_ways, predict_probs
from noisylab.many.ensemble import fold_members, mean_probs, seed_members
from noisylab.many.trainer import Trainer

pytestmark = pytest.mark.usefixtures("trainings_here")
CONFIG = FitConfig(epochs=1, lr=0.003, batch_size=16, optimizer="adam", device="cpu")


def test_folds_are_a_partition_that_keeps_the_shares_of_labels() -> None:
    labels = np.repeat([0, 1, 2], (100, 40, 11))
    members = fold_members(labels, n_folds=5, seeds=[3, 4])
    assert [member.seed for member in members] == [3] * 5 + [4] * 5
    for five in (members[:5], members[5:]):
        held_out = np.concatenate([member.predict for member in five])
        assert sorted(held_out) == list(range(151))
        for member in five:
            assert sorted([*member.train, *member.predict]) == list(range(151))
            counts = np.bincount(labels[member.predict], minlength=3)
            assert (abs(counts - np.array([20, 8, 2.2])) <= 1).all()
    assert not np.array_equal(members[0].predict, members[5].predict)
    again = fold_members(labels, n_folds=5, seeds=[3])
    for one, same in zip(members[:5], again, strict=True):
        assert np.array_equal(one.predict, same.predict)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("counts", "n_folds"),
    [
        ((20, 2, 1), 5),  # classes with fewer images than folds
        ((3, 3, 3), 5),  # no class has an image for every fold
        ((2, 2, 2), 3),
        ((3, 2), 9),  # fewer images than folds
        ((1, 1, 1), 3),
    ],
)
def test_rare_classes_are_spread_over_folds_in_silence(
    counts: tuple[int, ...], n_folds: int
) -> None:
    labels = np.repeat(np.arange(len(counts)), counts)
    members = fold_members(labels, n_folds, seeds=[0])
    assert len(members) == min(n_folds, max(counts) if max(counts) > 1 else len(labels))
    held_out = np.concatenate([member.predict for member in members])
    assert sorted(held_out) == list(range(len(labels)))
    for label, count in enumerate(counts):
        per_fold = [(labels[member.predict] == label).sum() for member in members]
        assert max(per_fold) - min(per_fold) <= 1
        assert sum(per_fold) == count


def test_the_mean_is_that_of_single_trainings(train: ImageSet, dev: ImageSet) -> None:
    known = joined(train, dev)
    members = seed_members(len(known), seeds=[1, 2, 3])
    mean = mean_probs(known, members, CONFIG, Trainer(engine="local:2"))
    alone = []
    for seed in (1, 2, 3):
        generator = torch.Generator().manual_seed(seed)
        model = fit(known, dev, replace(CONFIG), generator).model
        alone.append(predict_both_ways(model, known.images))
    assert mean == pytest.approx(np.mean(alone, axis=0), abs=1e-12)
    assert np.array_equal(mean, mean_probs(known, members, CONFIG, Trainer(engine="local:1")))


def test_out_of_fold_predictions_never_saw_the_image(train: ImageSet) -> None:
    """Each fold has a label of its own, which a model of the other folds never predicts."""
    folds = fold_members(train.labels, n_folds=3, seeds=[0])
    labels = train.labels.copy()
    config = replace(CONFIG, epochs=12)
    black = ImageSet(np.zeros_like(train.images), labels, train.classes)
    for fold, member in enumerate(folds):
        black.labels[member.predict] = fold
    probs = mean_probs(black, folds, config, Trainer(engine="local:2"))
    assert (probs.argmax(axis=1) != black.labels).all()


def test_an_image_and_its_mirror_image_get_equal_predictions() -> None:
    torch.manual_seed(0)
    model = SimpleModel(2).eval()
    images = np.random.default_rng(0).integers(0, 256, (5, 32, 32, 3), dtype=np.uint8)
    both = predict_both_ways(model, images)
    assert np.array_equal(both, predict_both_ways(model, images[:, :, ::-1].copy()))
    assert not np.allclose(both, predict_probs(model, images))


def test_a_member_that_diverges_raises(train: ImageSet) -> None:
    members = seed_members(90, [0])
    with pytest.raises(DivergedError, match="lr 1e\\+30 is probably too high"):
        mean_probs(train, members, replace(CONFIG, lr=1e30), Trainer())
