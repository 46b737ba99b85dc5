"""Attacks on the final model: chooses classes and an example by rule, and attacks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch

from noisylab.adversarial.smallest import smallest_change
from noisylab.adversarial.steps import attack
from noisylab.config.classes import named_pair
from noisylab.config.settings import RAREST, AdversarialConfig
from noisylab.core.errors import InputError
from noisylab.core.images import ImageSet
from noisylab.learning.evaluation import evaluate
from noisylab.learning.network import SimpleModel, check_model
from noisylab.learning.precision import find_device
from noisylab.learning.training import predict_probs

_KNOWN = 500  # images of the target class to start a search from; enough that one is near


@dataclass(frozen=True, eq=False)
class Attacks:
    """Attacked images, before and after.

    source, target: labels.
    example:        index in train of the example; None if the model predicts no image of `source`
                    in train correctly.
    trail:          (steps + 1, 32, 32, 3) uint8, the example before and after each step, or empty.
    split:          the attacked set: test, or dev if test is empty.
    images:         (N, 32, 32, 3) uint8 by attack, of all its images of `source` that the model
                    predicts correctly: `original`, each epsilon as a number, `smallest` and
                    `confident`. N may be 0.
    """

    source: int
    target: int
    example: int | None
    trail: np.ndarray
    split: str
    images: dict[str | float, np.ndarray]


def attack_all(
    model: SimpleModel,
    sets: Mapping[str, ImageSet],
    given_counts: np.ndarray,
    config: AdversarialConfig,
    device: str,
) -> Attacks:
    """Attack an example of train, and all images of the source class in test, or in dev.

    sets:         train, dev and test, with the labels that the model learned; test may be empty.
    given_counts: (K,) images of train by label as given.

    A poor model, which predicts no image of the source correctly, leaves nothing to attack.
    Raises InputError for a class that does not exist, a source equal to the target, and a model for
    other classes or with NaN outputs.
    """
    train = sets["train"]
    check_model(model, train.classes, "the final model")
    torch.set_num_threads(1)  # the last bits of a sum depend on it
    model = model.to(find_device(device))
    split = "test" if len(sets["test"]) else "dev"
    attacked = sets[split]
    pred_probs = {name: predict_probs(model, part.images) for name, part in sets.items()}
    if not all(np.isfinite(probs).all() for probs in pred_probs.values()):
        raise InputError("the model's output is NaN or infinite; train it again")
    right = {name: pred_probs[name].argmax(axis=1) == part.labels for name, part in sets.items()}
    able = np.intersect1d(train.labels[right["train"]], attacked.labels[right[split]]).tolist()
    confusion = evaluate(sets["dev"].labels, pred_probs["dev"]).confusion
    source, target = _choose(config, train.classes, confusion, given_counts, able)
    example, trail = None, train.images[:0]
    candidates = np.flatnonzero(right["train"] & (train.labels == source))
    if candidates.size:
        distance = np.abs(pred_probs["train"][candidates, source] - config.example_probability)
        example = int(candidates[distance.argmin()])
        trail = _trail(model, train.images[[example]], target, config)
    originals = attacked.images[right[split] & (attacked.labels == source)]
    known = train.images[right["train"] & (train.labels == target)][:_KNOWN]
    images = _attacked(model, originals, target, config, known)
    return Attacks(source, target, example, trail, split, images)


def _trail(
    model: SimpleModel, image: np.ndarray, target: int, config: AdversarialConfig
) -> np.ndarray:
    """The image (1, 32, 32, 3) before and after each step: steps do not depend on later ones."""
    targets, epsilon, norm = np.array([target]), config.epsilon, config.norm
    tries = [
        attack(model, image, targets, epsilon=epsilon, steps=steps, norm=norm).images
        for steps in range(1, config.steps + 1)
    ]
    return np.concatenate([image, *tries])


def _attacked(
    model: SimpleModel,
    images: np.ndarray,
    target: int,
    config: AdversarialConfig,
    known: np.ndarray,
) -> dict[str | float, np.ndarray]:
    """The images by attack; known: images that the model predicts as the target."""
    if not len(images):
        return dict.fromkeys(("original", *config.epsilons, "smallest", "confident"), images)
    targets = np.full(len(images), target)
    within = partial(attack, model, images, targets, steps=config.steps, norm=config.norm)
    search = partial(smallest_change, model, images, targets, known=known)
    return {
        "original": images,
        **{epsilon: within(epsilon=epsilon).images for epsilon in config.epsilons},
        "smallest": search().images,
        "confident": search(confidence=config.confidence).images,
    }


def _choose(
    config: AdversarialConfig,
    classes: tuple[str, ...],
    confusion: np.ndarray,
    given_counts: np.ndarray,
    able: list[int],
) -> tuple[int, int]:
    """Source and target; by rule, the source is one of the classes `able`, if a pair has one.

    As in the report, the pair with the fewest images of dev confused either way is chosen; of
    equal pairs, the one with the rarer target, then the earlier classes.
    """
    source, target = named_pair(config, classes)
    labels = list(range(len(classes)))
    if target is not None:
        targets = [target]
    elif config.target_class == RAREST:
        # The source may be the rarest class itself.
        targets = [min((label for label in labels if label != source), key=given_counts.item)]
    else:
        targets = labels
    sources = [source] if source is not None else able
    if not any(one != other for one in sources for other in targets):
        sources = labels
    pairs = [(one, other) for one in sources for other in targets if one != other]
    between = confusion + confusion.T
    return min(pairs, key=lambda pair: (between[pair], given_counts[pair[1]]))
