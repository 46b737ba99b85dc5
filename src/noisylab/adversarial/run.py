"""Attacks on the models: chooses the classes and an example by rule, and attacks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch

from noisylab.adversarial.example import Example, find_example
from noisylab.adversarial.parts import Victim, attack_images
from noisylab.config.classes import named_pair
from noisylab.config.settings import RAREST, AdversarialConfig
from noisylab.core.errors import InputError
from noisylab.core.images import ImageSet
from noisylab.learning.evaluation import evaluate
from noisylab.learning.network import SimpleModel, check_model
from noisylab.learning.precision import find_device
from noisylab.learning.training import predict_probs

FINAL = "final"  # name of the final model among those attacked
_KNOWN = 500  # images of the target class to start a search from; enough that one is near


@dataclass(frozen=True, eq=False)
class ModelAttacks:
    """Images that one model was attacked with, before and after.

    example: None where the model predicts no image of the source class in train correctly.
    images:  (N, 32, 32, 3) uint8 by attack, of all images of the source class in the attacked set
             that the model predicts correctly, perhaps none: `original`, each epsilon as a number,
             `smallest` and `confident`.
    """

    example: Example | None
    images: dict[str | float, np.ndarray]


@dataclass(frozen=True, eq=False)
class Attacks:
    """Attacks on several models, all from one class to another.

    source, target: labels.
    split:          the attacked set: test, or dev if test is empty.
    by_model:       attacks by the name of the model.
    """

    source: int
    target: int
    split: str
    by_model: dict[str, ModelAttacks]


def attack_all(
    models: Mapping[str, SimpleModel],
    sets: Mapping[str, ImageSet],
    given_counts: np.ndarray,
    config: AdversarialConfig,
    device: str,
    engine: str,
) -> Attacks:
    """Attack each model with an example of train, and all images of the source class in test.

    models:       by name, with one named `final`, by whose predictions the classes are chosen; they
                  are moved to `device`.
    sets:         train, dev and test, with the labels that the models learned; without images in
                  test, those of dev are attacked.
    given_counts: (K,) images of train by label as given.
    engine:       as for map_trainings(); results do not depend on it.

    A model that predicts no image correctly is a result without images. Raises InputError for a
    class that does not exist, a source equal to the target, and a model for other classes or with
    NaN outputs.
    """
    torch.set_num_threads(1)  # the last bits of a sum depend on it
    train, split = sets["train"], "test" if len(sets["test"]) else "dev"
    probs = {}
    for name, model in models.items():
        check_model(model, train.classes, f"the {name} model")
        model.to(find_device(device))
        probs[name] = {part: predict_probs(model, sets[part].images) for part in sets}
        if not all(np.isfinite(part).all() for part in probs[name].values()):
            raise InputError(
                f"the output of the {name} model is NaN or infinite; train the model again"
            )
    right = {
        name: {part: parts[part].argmax(axis=1) == sets[part].labels for part in sets}
        for name, parts in probs.items()
    }
    able = np.intersect1d(*(sets[part].labels[right[FINAL][part]] for part in ("train", split)))
    confusion = evaluate(sets["dev"].labels, probs[FINAL]["dev"]).confusion
    source, target = _choose(config, train.classes, confusion, given_counts, able.tolist())
    victims, examples = {}, {}
    for name, model in models.items():
        is_source, is_target = (
            right[name]["train"] & (train.labels == label) for label in (source, target)
        )
        originals = sets[split].images[right[name][split] & (sets[split].labels == source)]
        victims[name] = Victim(model, originals, train.images[is_target][:_KNOWN])
        source_probs = probs[name]["train"][:, source]
        indices = np.flatnonzero(is_source)
        examples[name] = find_example(model, train.images, source_probs, indices, target, config)
    images = attack_images(victims, target, config, device, engine)
    by_model = {name: ModelAttacks(examples[name], images[name]) for name in models}
    return Attacks(source, target, split, by_model)


def _choose(
    config: AdversarialConfig,
    classes: tuple[str, ...],
    confusion: np.ndarray,
    given_counts: np.ndarray,
    able: list[int],
) -> tuple[int, int]:
    """Source and target; by rule, the source is one of the classes `able`, if one can be.

    As in the report, the pair with the fewest images of dev confused either way is chosen; of
    equal pairs, the one with the rarer target, then the earlier classes.
    """
    source, target = named_pair(config, classes)
    labels = list(range(len(classes)))
    sources = [source] if source is not None else able
    if target is not None:
        targets = [target]
    elif config.target_class == RAREST:
        # The source may be the rarest class itself.
        targets = [min((label for label in labels if label != source), key=given_counts.item)]
    else:
        targets = labels
    pairs = [(one, other) for one in sources for other in targets if one != other]
    if not pairs:  # the model predicts no image correctly, or only images of the target
        pairs = [(one, other) for one in labels for other in targets if one != other]
    between = confusion + confusion.T
    return min(pairs, key=lambda pair: (between[pair], given_counts[pair[1]]))
