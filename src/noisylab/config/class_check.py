"""Whether the classes that `params.yaml` names are those of the images."""

from __future__ import annotations

from pathlib import Path

from noisylab.config.class_names import by_class, named_pair, named_suspect
from noisylab.config.params import Params
from noisylab.core.errors import InputError
from noisylab.core.images import ImageSet


def check_named_classes(path: str | Path, params: Params, train: ImageSet) -> None:
    """Refuse what no stage could do with the classes of `train`.

    path: of the file that `params` was read from. Raises InputError, which names it and the key.
    """
    try:
        for stage in ("train_baseline", "train_balanced", "train_augmented", "train_fixed"):
            for name, config in getattr(params, stage).runs.items():
                place = f"{stage}.runs.{name}"
                by_class(f"{place}.class_weights", config.class_weights, train)
                if config.augment and config.augment.probability is not None:
                    by_class(f"{place}.augment.probability", config.augment.probability, train)
        named_suspect(params.relabel, train.classes)
        named_pair(params.adversarial, train.classes)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
