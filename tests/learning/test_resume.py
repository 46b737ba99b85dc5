"""A training that is interrupted after any epoch resumes to the same bits."""

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from noisylab.config.settings import OPTIMIZERS, AugmentConfig, FitConfig
from noisylab.core.images import ImageSet
from noisylab.learning.fingerprint import TRAINING
from noisylab.learning.kept import Trained, Training, sets_fingerprint
from noisylab.learning.network import dump_weights
from noisylab.learning.opinion import OpinionModel
from noisylab.learning.training import DivergedError, Epoch, Fit, fit, predict_probs
from noisylab.learning.training_state import EpochFile

CONFIG = FitConfig(epochs=4, lr=0.003, batch_size=16, optimizer="adam", device="cpu")
EVERYTHING = replace(
    CONFIG,
    schedule="one_cycle",
    label_smoothing=0.1,
    dropout=0.3,
    class_weights="inverse_frequency",
    temperature=1.5,
    mixup=0.2,
    cutmix=0.3,
    augment=AugmentConfig(probability="one_minus_frequency", shift_pixels=2, mirror=0.5),
)
CONFIGS = {
    **{name: replace(CONFIG, optimizer=name) for name in OPTIMIZERS},
    "everything, adam": replace(EVERYTHING, precision="bfloat16"),
    "everything, sgd": replace(EVERYTHING, optimizer="sgd", weight_decay=0.01),
}


def on_cuda(value: str) -> Any:
    """A parameter of tests that are skipped where there is no GPU."""
    return pytest.param(
        value, marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
    )


class StopHereError(Exception):
    pass


class Interrupt:
    """Ends a training after an epoch, and notes how many epochs it resumed."""

    def __init__(self, after: int | None = None, in_next: bool = False) -> None:
        self.after = after
        self.in_next = in_next
        self.resumed = 0
        self.heard: list[int] = []

    def resume(self, history: list[Epoch]) -> None:
        self.resumed = len(history)

    def step(self, n_images: int) -> None:
        if self.in_next and self.heard and self.heard[-1] == self.after:
            raise StopHereError

    def epoch(self, epoch: Epoch) -> None:
        self.heard.append(epoch.epoch)
        if epoch.epoch == self.after and not self.in_next:
            raise StopHereError


def every_epoch(path: Path) -> EpochFile:
    return EpochFile(path, seconds=0, share=math.inf)


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(5)


def same(first: Fit[Any], second: Fit[Any]) -> bool:
    weights = dump_weights(first.model) == dump_weights(second.model)
    return weights and first.history == second.history


@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize("in_next", [False, True])
@pytest.mark.parametrize("device", ["cpu", on_cuda("cuda")])
def test_an_interrupted_training_resumes_to_the_same_bits(
    train: ImageSet, dev: ImageSet, tmp_path: Path, name: str, in_next: bool, device: str
) -> None:
    config = replace(CONFIGS[name], device=device)
    undisturbed = fit(train, dev, config, seeded())
    file = every_epoch(tmp_path / "state")
    for after in (1, 3):
        with pytest.raises(StopHereError):
            fit(train, dev, config, seeded(), Interrupt(after, in_next), file)
    watch = Interrupt()
    state = torch.get_rng_state()
    resumed = fit(train, dev, config, seeded(), watch, file)
    assert (watch.resumed, watch.heard) == (3, [4])
    assert same(resumed, undisturbed)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("device", ["cpu", on_cuda("cuda")])
def test_running_means_of_the_second_network_resume_to_the_same_bits(
    train: ImageSet, dev: ImageSet, tmp_path: Path, device: str
) -> None:
    config = replace(EVERYTHING, epochs=2, batch_size=64, device=device)
    undisturbed = fit(train, dev, config, seeded(), network=OpinionModel)
    file = every_epoch(tmp_path / "state")
    with pytest.raises(StopHereError):
        fit(train, dev, config, seeded(), Interrupt(1), file, network=OpinionModel)
    resumed = fit(train, dev, config, seeded(), Interrupt(), file, network=OpinionModel)
    assert same(resumed, undisturbed)


def test_a_resumed_training_gives_up_after_the_same_epoch(
    train: ImageSet, dev: ImageSet, tmp_path: Path
) -> None:
    config = replace(CONFIG, epochs=9, lr=1e-7, give_up=0.5)
    file = every_epoch(tmp_path / "state")
    with pytest.raises(StopHereError):
        fit(train, dev, config, seeded(), Interrupt(5), file)
    assert same(fit(train, dev, config, seeded(), None, file), fit(train, dev, config, seeded()))


def test_a_resumed_training_diverges_in_the_same_epoch(
    train: ImageSet, dev: ImageSet, tmp_path: Path
) -> None:
    """SGD at this rate explodes after some epochs."""
    config = replace(CONFIG, epochs=30, lr=0.2, optimizer="sgd", dropout=0.0)
    with pytest.raises(DivergedError) as undisturbed:
        fit(train, dev, config, seeded())
    epochs = len(undisturbed.value.history)
    assert epochs >= 2
    file = every_epoch(tmp_path / "state")
    with pytest.raises(StopHereError):
        fit(train, dev, config, seeded(), Interrupt(epochs - 1), file)
    with pytest.raises(DivergedError) as resumed:
        fit(train, dev, config, seeded(), None, file)
    assert str(resumed.value) == str(undisturbed.value)
    assert resumed.value.history == undisturbed.value.history


def damage(path: Path, change: Callable[[bytearray], object]) -> None:
    content = bytearray(path.read_bytes())
    change(content)
    path.write_bytes(content)


@pytest.mark.parametrize(
    "change",
    [
        lambda content: content.__setitem__(0, content[0] ^ 1),
        lambda content: content.__setitem__(-1, content[-1] ^ 1),
        lambda content: content.__delitem__(slice(len(content) // 2, None)),
        lambda content: content.clear(),
    ],
)
def test_a_damaged_state_is_ignored(
    train: ImageSet, dev: ImageSet, tmp_path: Path, change: Callable[[bytearray], object]
) -> None:
    file = every_epoch(tmp_path / "state")
    with pytest.raises(StopHereError):
        fit(train, dev, CONFIG, seeded(), Interrupt(2), file)
    damage(tmp_path / "state", change)
    watch = Interrupt()
    fitted = fit(train, dev, CONFIG, seeded(), watch, file)
    assert (watch.resumed, watch.heard) == (0, [1, 2, 3, 4])
    assert same(fitted, fit(train, dev, CONFIG, seeded()))


def test_a_key_changes_with_everything_a_result_depends_on(train: ImageSet, dev: ImageSet) -> None:
    def key(
        train: ImageSet,
        config: FitConfig = CONFIG,
        seed: int = 0,
        indices: np.ndarray | None = None,
        dev: ImageSet = dev,
    ) -> str:
        return Training(config, seed, indices).key(sets_fingerprint(train, dev))

    other_labels = train.with_labels((train.labels + 1) % 3)
    other_images = ImageSet(255 - train.images, train.labels, train.classes, train.true_labels)
    keys = [
        key(train),
        key(other_labels),
        key(other_images),
        key(replace(train, pred_probs=np.full((len(train), 3), 1 / 3))),
        key(train, seed=1),
        key(train, EVERYTHING),
        key(train, replace(CONFIG, precision="bfloat16")),
        key(train, indices=np.arange(5)),
        key(train, indices=np.arange(6)),
        key(train, dev=train),
    ]
    assert len(set(keys)) == len(keys)
    assert key(train) == key(train)


def test_a_key_ignores_the_names_of_images(train: ImageSet, dev: ImageSet) -> None:
    named = replace(train, names=tuple(f"{index}.png" for index in range(len(train))))
    assert sets_fingerprint(named, dev) == sets_fingerprint(train, dev)


def test_a_key_changes_with_versions_and_code(
    train: ImageSet, dev: ImageSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    sets, training = sets_fingerprint(train, dev), Training(CONFIG, 0)
    keys = [training.key(sets)]
    monkeypatch.setattr("noisylab.learning.kept.torch.__version__", "9.9")
    keys.append(training.key(sets))
    asked: list[tuple[str, ...]] = []

    def other_code(*packages: str) -> str:
        asked.append(packages)
        return "other"

    monkeypatch.setattr("noisylab.learning.kept.code_digest", other_code)
    keys.append(training.key(sets))
    assert len(set(keys)) == 3
    assert asked == [TRAINING]


def test_states_are_kept_at_intervals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock is monotonic; its first value must not matter."""
    clock = [1e6]
    monkeypatch.setattr("noisylab.learning.training_state.time.monotonic", lambda: clock[0])
    file = EpochFile(tmp_path / "state", seconds=2, share=0.01)
    kept: list[float] = []

    def state() -> dict[str, float]:
        kept.append(clock[0] - 1e6)
        clock[0] += cost
        return {"now": clock[0]}

    cost = 0.01
    assert file.read() is None
    for _ in range(10):
        clock[0] += 0.5
        file.write(state)
    assert kept == pytest.approx([2, 4.01])
    cost = 0.1
    for _ in range(40):
        clock[0] += 0.5
        file.write(state)
    assert kept[2:] == pytest.approx([6.02, 16.12])
    assert file.read() == {"now": pytest.approx(1e6 + 16.22)}


def test_revived_models_are_laid_out_as_trained_and_predict_the_same_bits(
    train: ImageSet, dev: ImageSet
) -> None:
    model = fit(train, dev, EVERYTHING, seeded()).model
    images = np.concatenate([train.images] * 7)
    expected = predict_probs(model, images)
    torch.set_num_threads(2)
    revived = Trained(EVERYTHING, [], dump_weights(model)).revive()
    assert torch.get_num_threads() == 1
    assert [p.stride() for p in revived.parameters()] == [p.stride() for p in model.parameters()]
    assert not revived.training
    assert predict_probs(revived, images).tobytes() == expected.tobytes()
