"""Training on a GPU; where there is none, these tests are skipped."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from noisylab.config.settings import OPTIMIZERS, AugmentConfig, FitConfig
from noisylab.core.images import ImageSet
from noisylab.learning.kept import Training
from noisylab.learning.network import Network, SimpleModel, dump_weights
from noisylab.learning.opinion import OpinionModel
from noisylab.learning.optimizers import as_one_parameter, make_optimizer
from noisylab.learning.precision import find_device, own_stream
from noisylab.learning.sampling import make_augmentation, many_batches, soft_targets
from noisylab.learning.stepping import RecordedSteps
from noisylab.learning.training import fit, predict_probs
from noisylab.many.trainer import Trainer

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")

ON_CPU = FitConfig(2, 0.003, 16, "adam", "cpu", dropout=0.0, precision="float32")
# 90 images are 22 batches of 4 and one of 2: two records of eight batches, and another of seven.
CONFIG = replace(
    ON_CPU,
    device="cuda",
    batch_size=4,
    dropout=0.5,
    precision="bfloat16",
    augment=AugmentConfig(probability=0.8, shift_pixels=4, mirror=0.5),
    mixup=0.3,
    cutmix=0.3,
)


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(0)


@pytest.mark.parametrize("network", [SimpleModel, OpinionModel])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_losses_are_those_of_the_cpu(
    train: ImageSet, dev: ImageSet, optimizer: str, network: type[Network]
) -> None:
    on_cpu = replace(ON_CPU, optimizer=optimizer, lr=0.0003)
    ends = [
        fit(train, dev, replace(on_cpu, device=device), seeded(), network=network).history[-1]
        for device in ("cpu", "cuda")
    ]
    assert ends[0].train_loss == pytest.approx(ends[1].train_loss, rel=1e-3)
    assert ends[0].dev_loss == pytest.approx(ends[1].dev_loss, rel=1e-3)


@pytest.mark.parametrize("network", [SimpleModel, OpinionModel])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_equal_seeds_give_equal_bytes(
    train: ImageSet, dev: ImageSet, precision: str, network: type[Network]
) -> None:
    config = replace(CONFIG, precision=precision)
    first, second = (fit(train, dev, config, seeded(), network=network) for _ in range(2))
    assert first.history == second.history
    assert dump_weights(first.model) == dump_weights(second.model)


def test_float32_is_not_rounded_to_tf32(train: ImageSet) -> None:
    find_device("cuda")
    model = SimpleModel(3).eval()
    on_cpu = predict_probs(model, train.images)
    assert np.abs(predict_probs(model.cuda(), train.images) - on_cpu).max() < 1e-6


@pytest.mark.parametrize("network", [SimpleModel, OpinionModel])
def test_trainings_side_by_side_have_the_results_of_those_in_turn(
    train: ImageSet, dev: ImageSet, network: type[Network]
) -> None:
    wanted = [Training(replace(CONFIG, epochs=8), seed, network=network) for seed in range(6)]
    in_turn = dict(Trainer(engine="local:1").train(train, dev, wanted))
    at_once = dict(Trainer(engine="local:6").train(train, dev, wanted))
    for index, trained in in_turn.items():
        assert at_once[index].history == trained.history
        assert at_once[index].weights == trained.weights


def test_torchs_generators_are_left_unchanged(train: ImageSet, dev: ImageSet) -> None:
    before = torch.get_rng_state(), torch.cuda.get_rng_state()
    fit(train, dev, CONFIG, seeded())
    assert torch.equal(torch.get_rng_state(), before[0])
    assert torch.equal(torch.cuda.get_rng_state(), before[1])


def test_no_step_waits_for_the_gpu(train: ImageSet) -> None:
    device = find_device("cuda")
    model = SimpleModel(3)
    weights = as_one_parameter(model, device)
    optimizer = make_optimizer(weights, CONFIG)
    known = (
        torch.from_numpy(train.images).to(device),
        torch.from_numpy(train.labels),
        soft_targets(train, CONFIG).to(device),
    )
    with own_stream(device):
        cast = torch.autocast("cuda", torch.bfloat16)
        steps = RecordedSteps(model, weights, optimizer, cast, 4, 1.0, seed=0)

        def take_all() -> int:
            change = make_augmentation(train, CONFIG, seeded())
            ((images, _, targets),) = many_batches(known, torch.arange(90), 4, change)
            return sum(len(logits) for logits in steps.take(images, targets, [0.001] * 23))

        assert take_all() == 90  # records them
        torch.cuda.set_sync_debug_mode("error")
        try:
            assert take_all() == 90
        finally:
            torch.cuda.set_sync_debug_mode("default")
