"""What stage `adversarial` does: choose classes and an example by rule, and attack."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch

from noisylab.attack.smallest import smallest_change
from noisylab.attack.steps import attack
from noisylab.config.class_names import named_pair
from noisylab.config.settings import RAREST, AdversarialConfig
from noisylab.core.errors import InputError, shown
from noisylab.core.images import ImageSet
from noisylab.learning.evaluation import evaluate
from noisylab.learning.network import SimpleModel, check_model
from noisylab.learning.training import find_device, predict_probs

_KNOWN = 500  # images of the target that a search may begin from: enough for one to be near


@dataclass(frozen=True, eq=False)
class Attacks:
    """Images before and after.

    source, target: labels.
    example:        index in train of the image that was chosen.
    trail:          (steps + 1, 32, 32, 3) uint8, the example before and after each step.
    split:          the set that was attacked: test, or dev where there is no test set.
    indices:        (N,) of the images of source in it that the model gets right.
    images:         by way, (N, 32, 32, 3) uint8: `original`, `epsilon_...` for each epsilon,
                    `smallest` and `confident`.
    """

    source: int
    target: int
    example: int
    trail: np.ndarray
    split: str
    indices: np.ndarray
    images: dict[str, np.ndarray]


def attack_all(
    model: SimpleModel,
    sets: Mapping[str, ImageSet],
    given_counts: np.ndarray,
    config: AdversarialConfig,
    threads: int,
    device: str,
) -> Attacks:
    """Attack an example of train, and every image of test that qualifies.

    sets:         train, dev and test, the latter perhaps empty, with the labels that the model
                  learned.
    given_counts: (K,) how many images of train carried each label as it was given.

    Raises InputError for a class that is not there, a source that is the target, no image of
    source that the model gets right, and a model of other classes or whose output is NaN.
    """
    train = sets["train"]
    check_model(model, train.classes, "the final model")
    torch.set_num_threads(threads)  # which the last bits of a sum depend on
    model = model.to(find_device(device))
    split = "test" if len(sets["test"]) else "dev"
    pred_probs = {name: predict_probs(model, part.images) for name, part in sets.items()}
    if not all(np.isfinite(probs).all() for probs in pred_probs.values()):
        raise InputError("the model's output is NaN or infinite; train it again")
    right = {name: pred_probs[name].argmax(axis=1) == part.labels for name, part in sets.items()}
    able = [
        label
        for label in range(len(train.classes))
        if all((right[name] & (sets[name].labels == label)).any() for name in ("train", split))
    ]
    confusion = evaluate(sets["dev"].labels, pred_probs["dev"]).confusion
    source, target = _choose(config, train.classes, confusion, given_counts, able)
    if source not in able:
        raise InputError(
            f"adversarial: no image of {shown(train.classes[source])} in train and in {split} is "
            "called right by the model; train it longer, or name another source_class"
        )
    candidates = np.flatnonzero(right["train"] & (train.labels == source))
    distance = np.abs(pred_probs["train"][candidates, source] - config.example_probability)
    example = int(candidates[distance.argmin()])
    indices = np.flatnonzero(right[split] & (sets[split].labels == source))
    return Attacks(
        source,
        target,
        example,
        _trail(model, train.images[[example]], target, config),
        split,
        indices,
        _attacked(
            model,
            sets[split].images[indices],
            target,
            config,
            known=train.images[right["train"] & (train.labels == target)][:_KNOWN],
        ),
    )


def _trail(
    model: SimpleModel, image: np.ndarray, target: int, config: AdversarialConfig
) -> np.ndarray:
    """The image (1, 32, 32, 3) before and after each step: a step does not heed how many come."""
    targets, options = np.array([target]), {"epsilon": config.epsilon, "norm": config.norm}
    steps = range(1, config.steps + 1)
    tries = (attack(model, image, targets, steps=step, **options).images for step in steps)  # type: ignore[arg-type]
    return np.concatenate([image, *tries])


def _attacked(
    model: SimpleModel,
    images: np.ndarray,
    target: int,
    config: AdversarialConfig,
    known: np.ndarray,
) -> dict[str, np.ndarray]:
    """By way; known: images that the model calls the target."""
    targets = np.full(len(images), target)
    attacked = {"original": images}
    for epsilon in config.epsilons:
        tried = attack(
            model, images, targets, epsilon=epsilon, steps=config.steps, norm=config.norm
        )
        attacked[way_of(epsilon)] = tried.images
    attacked["smallest"] = smallest_change(model, images, targets, known=known).images
    surer = smallest_change(model, images, targets, confidence=config.confidence, known=known)
    return {**attacked, "confident": surer.images}


def way_of(epsilon: float) -> str:
    """The name of an epsilon's figures."""
    return f"epsilon_{epsilon:g}"


def _choose(
    config: AdversarialConfig,
    classes: tuple[str, ...],
    confusion: np.ndarray,
    given_counts: np.ndarray,
    able: list[int],
) -> tuple[int, int]:
    """Source and target; source by rule only among the classes `able`, if there are any.

    As the report chose: what counts is how few images fell between two classes, either way.
    Of equals the earlier class is taken.
    """
    source, target = named_pair(config, classes)
    everything = range(len(classes))
    sources = [source] if source is not None else able or list(everything)
    if target is not None:
        targets = [target]
    elif config.target_class == RAREST:
        # Not the source, if that is the rarest itself.
        targets = [min((one for one in everything if one != source), key=given_counts.__getitem__)]
    else:
        targets = list(everything)
    between = confusion + confusion.T
    pairs = [(one, other) for one in sources for other in targets if one != other]
    if not pairs:
        raise InputError(
            f"adversarial: the model gets no image right but of {shown(classes[targets[0]])}, the "
            "target; train it longer, or name another target_class"
        )
    # Of a pair, the rarer class is the target.
    return min(pairs, key=lambda pair: (between[pair], given_counts[pair[1]]))
