import math
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from noisylab.config.settings import OPTIMIZERS, AugmentConfig, FitConfig
from noisylab.core.errors import InputError
from noisylab.core.images import ImageSet
from noisylab.learning import training
from noisylab.learning.network import SimpleModel, dump_weights, to_unit
from noisylab.learning.optimizers import learning_rates
from noisylab.learning.training import DivergedError, Epoch, fit, predict_probs

CONFIG = FitConfig(epochs=3, lr=0.003, batch_size=16, optimizer="adam", device="cpu")


USUAL: dict[str, Callable[[Iterator[nn.Parameter]], torch.optim.Optimizer]] = {
    "adam": lambda weights: torch.optim.Adam(weights, lr=0.003),
    "adamw": lambda weights: torch.optim.AdamW(weights, lr=0.003),
    "sgd": lambda weights: torch.optim.SGD(weights, lr=0.003, momentum=0.9),
    "rmsprop": lambda weights: torch.optim.RMSprop(weights, lr=0.003),
    "adagrad": lambda weights: torch.optim.Adagrad(weights, lr=0.003),
}


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_learns_separable_classes(train: ImageSet, dev: ImageSet) -> None:
    result = fit(train, dev, replace(CONFIG, epochs=15), seeded())
    assert [epoch.epoch for epoch in result.history] == list(range(1, 16))
    assert result.history[-1].dev_accuracy == 1
    assert result.history[-1].train_loss < result.history[0].train_loss / 4
    assert not result.model.training


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_equals_the_usual_loop(train: ImageSet, dev: ImageSet, optimizer: str) -> None:
    """One optimizer over all weights laid end to end takes the steps of torch's over each."""
    config = replace(CONFIG, epochs=1, optimizer=optimizer)
    result = fit(train, dev, config, seeded())

    generator = seeded()
    with torch.random.fork_rng():
        torch.manual_seed(int(torch.randint(2**31, (), generator=generator)))
        model = SimpleModel(3).train()
        usual = USUAL[optimizer](model.parameters())
        losses = []
        for batch in torch.randperm(len(train), generator=generator).split(16):
            usual.zero_grad()
            images = to_unit(torch.from_numpy(train.images)[batch])
            loss = functional.cross_entropy(model(images), torch.from_numpy(train.labels)[batch])
            loss.backward()
            usual.step()
            losses.append(loss.item() * len(batch))
    assert result.history[0].train_loss == pytest.approx(sum(losses) / len(train), rel=1e-4)
    for ours, theirs in zip(result.model.parameters(), model.parameters(), strict=True):
        assert torch.allclose(ours, theirs, atol=2e-4)


@pytest.mark.parametrize(("distillation", "temperature"), [(0.0, 1.0), (0.6, 1.5)])
def test_targets_other_than_labels_equal_torchs(
    train: ImageSet, dev: ImageSet, distillation: float, temperature: float
) -> None:
    """One step goes where the gradient of torch's own losses points: smoothed, by probabilities."""
    said = np.random.default_rng(0).dirichlet(np.ones(3), size=90)
    train = replace(train, pred_probs=said)
    config = replace(CONFIG, epochs=1, batch_size=90, optimizer="adagrad")
    plain = fit(train, dev, config, seeded())
    config = replace(config, label_smoothing=0.3, distillation=distillation)
    config = replace(config, temperature=temperature)
    fitted = fit(train, dev, config, seeded())
    assert fitted.history[0].train_loss == plain.history[0].train_loss  # that of the labels
    generator = seeded()
    with torch.random.fork_rng():
        torch.manual_seed(int(torch.randint(2**31, (), generator=generator)))
        model = SimpleModel(3).train()
        usual = torch.optim.Adagrad(model.parameters(), lr=config.lr)
        order = torch.randperm(90, generator=generator)
        logits = model(to_unit(torch.from_numpy(train.images)[order])) / temperature
        labels = torch.from_numpy(train.labels)[order]
        smoothed = functional.cross_entropy(logits, labels, label_smoothing=0.3)
        distilled = functional.cross_entropy(logits, torch.from_numpy(said).float()[order])
        ((1 - distillation) * smoothed + distillation * distilled).backward()
        usual.step()
    different = [
        (ours - theirs).abs().max().item()
        for ours, theirs in zip(fitted.model.parameters(), model.parameters(), strict=True)
    ]
    assert max(different) < 1e-4
    assert dump_weights(fitted.model) != dump_weights(plain.model)


def test_distillation_overrides_wrong_labels(train: ImageSet, dev: ImageSet) -> None:
    wrong = train.with_labels((train.labels + 1) % 3)
    taught = replace(wrong, pred_probs=np.eye(3)[train.labels])
    config = replace(CONFIG, epochs=8)
    assert fit(taught, dev, config, seeded()).history[-1].dev_accuracy < 0.1
    config = replace(config, distillation=1.0)
    assert fit(taught, dev, config, seeded()).history[-1].dev_accuracy > 0.9


def test_a_temperature_above_one_makes_predictions_more_confident(
    train: ImageSet, dev: ImageSet
) -> None:
    smooth = replace(CONFIG, epochs=6, label_smoothing=0.4)  # targets of 0.73 and twice 0.13
    confidence = [
        predict_probs(fit(train, dev, config, seeded()).model, train.images).max(axis=1).mean()
        for config in (smooth, replace(smooth, temperature=1.5))
    ]
    assert confidence[0] == pytest.approx(0.73, abs=0.05)
    assert confidence[1] > confidence[0] + 0.08  # 0.73 and 0.13, to the power of 1.5: 0.87


def test_distillation_without_probabilities_is_refused(train: ImageSet, dev: ImageSet) -> None:
    with pytest.raises(InputError, match="distillation needs pred_probs of the training images"):
        fit(train, dev, replace(CONFIG, distillation=0.5), seeded())


@pytest.mark.parametrize("warmup", [0.0, 0.25, 1.0])
def test_one_cycle_rises_to_lr_and_falls_to_zero(warmup: float) -> None:
    config = replace(CONFIG, lr=0.5, schedule="one_cycle", warmup=warmup)
    rates = list(learning_rates(config, 400))
    peak = int(np.argmax(rates))
    assert len(rates) == 400
    assert peak == pytest.approx(400 * warmup, abs=1)
    assert max(rates) == pytest.approx(0.5, rel=0.01)
    assert min(rates) > 0
    assert (np.diff(rates[:peak]) > 0).all()
    assert (np.diff(rates[peak:]) < 0).all()
    if warmup < 1:
        assert rates[-1] < 1e-4
    assert list(learning_rates(CONFIG, 3)) == [CONFIG.lr] * 3


def test_settings_reach_the_network_and_the_optimizer(train: ImageSet, dev: ImageSet) -> None:
    plain = fit(train, dev, CONFIG, seeded())
    assert fit(train, dev, replace(CONFIG, dropout=0.1), seeded()).model.dropout2.p == 0.1
    decayed = fit(train, dev, replace(CONFIG, weight_decay=10.0), seeded()).model
    assert decayed.fc1.weight.norm() < 0.9 * plain.model.fc1.weight.norm()


def test_a_class_of_weight_0_is_never_learned(train: ImageSet, dev: ImageSet) -> None:
    """A class of weight 0 is never shown, so its bias only falls."""
    config = replace(CONFIG, epochs=10, class_weights={"car": 1, "truck": 1, "cat": 0})
    model = fit(train, dev, config, seeded()).model
    assert predict_probs(model, dev.images)[:, 2].max() < 0.1


def test_augmentation_changes_the_model_and_not_the_set(train: ImageSet, dev: ImageSet) -> None:
    images = train.images.copy()
    config = replace(CONFIG, augment=AugmentConfig(probability="one_minus_frequency"))
    first, second = (fit(train, dev, config, seeded()) for _ in range(2))
    assert dump_weights(first.model) == dump_weights(second.model)
    assert dump_weights(first.model) != dump_weights(fit(train, dev, CONFIG, seeded()).model)
    assert (train.images == images).all()


def test_augmentation_without_effect_changes_no_loss(train: ImageSet, dev: ImageSet) -> None:
    """Black images stay black however they are turned; brighter ones do not."""
    black = ImageSet(np.zeros_like(train.images), train.labels, train.classes)
    changed = fit(
        black,
        dev,
        replace(CONFIG, epochs=1, augment=AugmentConfig({"car": 1, "truck": 1, "cat": 1})),
        seeded(),
    )
    assert (
        changed.history[0].train_loss
        == fit(black, dev, replace(CONFIG, epochs=1), seeded()).history[0].train_loss
    )


def test_equal_seeds_give_equal_bytes(train: ImageSet, dev: ImageSet) -> None:
    first = fit(train, dev, CONFIG, seeded(5))
    torch.rand(7)  # torch's own generator has no part in it
    second = fit(train, dev, CONFIG, seeded(5))
    other = fit(train, dev, CONFIG, seeded(6))
    assert dump_weights(first.model) == dump_weights(second.model)
    assert first.history == second.history
    assert dump_weights(first.model) != dump_weights(other.model)


def test_leaves_its_images_and_torchs_generator_unchanged(train: ImageSet, dev: ImageSet) -> None:
    images, state = train.images.copy(), torch.get_rng_state()
    fit(train, dev, CONFIG, seeded())
    assert (train.images == images).all()
    assert torch.equal(torch.get_rng_state(), state)


def test_a_training_that_has_not_learned_gives_up(train: ImageSet, dev: ImageSet) -> None:
    config = replace(CONFIG, epochs=9, give_up=0.5, lr=1e-7)
    whole = fit(train, dev, replace(config, give_up=1.0), seeded())
    part = fit(train, dev, config, seeded())
    assert part.history == whole.history[:5]  # the first epoch after which half are over
    assert len(fit(train, dev, replace(config, lr=0.003), seeded()).history) == 9
    assert len(fit(train, dev, replace(config, give_up=1e-9), seeded()).history) == 1
    exact = replace(config, epochs=25, give_up=0.28)  # 0.28 * 25 is above 7
    assert len(fit(train, dev, exact, seeded()).history) == 7


def test_a_training_that_is_right_and_too_confident_goes_on(train: ImageSet, dev: ImageSet) -> None:
    wrong = train.labels.copy()
    wrong[:30] = (wrong[:30] + 1) % 3
    config = replace(CONFIG, epochs=20, give_up=0.9, lr=0.003, temperature=10.0, dropout=0.0)
    history = fit(train.with_labels(wrong), dev, config, seeded()).history
    assert history[17].train_loss > math.log(3)
    assert history[17].dev_accuracy > 0.9
    assert len(history) == 20


def test_a_training_that_has_learned_does_not_give_up_later(
    train: ImageSet, dev: ImageSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    verdicts = [True, False, False]
    monkeypatch.setattr(training, "has_learned", lambda *_: verdicts.pop(0))
    assert len(fit(train, dev, replace(CONFIG, epochs=6, give_up=0.5), seeded()).history) == 6
    assert len(verdicts) == 2


def test_the_dev_set_does_not_influence_the_model(train: ImageSet, dev: ImageSet) -> None:
    other = fit(train, dev.subset([0]), CONFIG, seeded())
    assert dump_weights(other.model) == dump_weights(fit(train, dev, CONFIG, seeded()).model)


def test_the_last_epoch_has_the_figures_of_the_model(train: ImageSet, dev: ImageSet) -> None:
    result = fit(train, dev, CONFIG, seeded())
    pred_probs = predict_probs(result.model, dev.images)
    assert result.history[-1].dev_accuracy == (pred_probs.argmax(axis=1) == dev.labels).mean()
    loss = -np.log(pred_probs[np.arange(len(dev)), dev.labels]).mean()
    assert result.history[-1].dev_loss == pytest.approx(loss)


def test_progress_is_told_of_every_image_and_epoch(train: ImageSet, dev: ImageSet) -> None:
    class Heard:
        n_images = 0
        epochs = 0

        def resume(self, history: list[Epoch]) -> None:
            raise AssertionError("nothing was done before")

        def step(self, n_images: int) -> None:
            self.n_images += n_images

        def epoch(self, epoch: Epoch) -> None:
            self.epochs += 1

    heard = Heard()
    fit(train, dev, CONFIG, seeded(), heard)
    assert (heard.n_images, heard.epochs) == (270, 3)


def test_divergence_is_reported_with_its_epoch_and_losses(train: ImageSet, dev: ImageSet) -> None:
    """SGD at this rate explodes after some epochs."""
    config = replace(CONFIG, epochs=30, lr=0.2, optimizer="sgd", dropout=0.0)
    with pytest.raises(DivergedError) as raised:
        fit(train, dev, config, seeded())
    epochs, (train_loss, dev_loss) = len(raised.value.history), raised.value.losses
    assert epochs >= 2
    assert not np.isfinite(train_loss + dev_loss)
    assert str(raised.value) == (
        f"training diverged in epoch {epochs + 1}: its loss is {train_loss:.5g} on train and "
        f"{dev_loss:.5g} on dev; lr 0.2 is probably too high, lower it"
    )
    first = [Epoch(number, 1.0, 1.0, 0.5, 0.5) for number in (1, 2)]
    assert str(DivergedError(first, (np.nan, 1e30), 50)) == (
        "training diverged in epoch 3: its loss is nan on train and 1e+30 on dev; lr 50 is "
        "probably too high, lower it"
    )


def test_predictions_do_not_depend_on_their_neighbours(train: ImageSet) -> None:
    torch.manual_seed(0)
    model = SimpleModel(3).train()
    many = predict_probs(model, np.concatenate([train.images] * 7))
    assert many.shape == (630, 3)
    assert many.sum(axis=1) == pytest.approx(1, abs=1e-12)
    assert many[:90] == pytest.approx(predict_probs(model, train.images), abs=1e-6)
    assert predict_probs(model, train.images[:0]).shape == (0, 3)
