"""Trainings that are not done twice: each has a name by all that its result depends on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple

import numpy as np
import torch

from noisylab.config.settings import FitConfig
from noisylab.core.images import ImageSet
from noisylab.data.set_files import dump_set
from noisylab.learning.fingerprint import TRAINING, code_digest, fingerprint
from noisylab.learning.finished import Finished
from noisylab.learning.network import dump_weights
from noisylab.learning.training import Epoch, Fit, Progress, find_device, fit, revive


def common_fingerprint(sets: Sequence[ImageSet], device: str, *packages: str) -> str:
    """Of what trainings on these sets have in common: code, versions of packages, device, data.

    packages: names of those that a result depends on besides the ones of fit().
    """
    code = code_digest(*TRAINING, *packages)
    versions = (torch.__version__, np.__version__, str(find_device(device)))
    said = [part.pred_probs for part in sets if part.pred_probs is not None]
    return fingerprint(
        code, *versions, *map(dump_set, sets), *(pred_probs.tobytes() for pred_probs in said)
    )


def training_fingerprint(common: str, config: FitConfig, seed: int, *parts: bytes) -> str:
    """Of one training: that, its settings, its seed, and what else is its own."""
    return fingerprint(common, repr(config), str(seed), *parts)


def fit_once(
    train: ImageSet,
    dev: ImageSet,
    config: FitConfig,
    seed: int,
    progress: Progress,
    finished: Finished | None = None,
) -> Fit:
    """As fit() from a generator of that seed: what an earlier run finished is not done again.

    A training that was interrupted goes on after the last of its epochs that was kept. The model
    and its history have the same bits in either case. Raises as fit() does.
    """
    if finished is None:
        return fit(train, dev, config, torch.Generator().manual_seed(seed), progress)
    common = common_fingerprint((train, dev), config.device)
    key = training_fingerprint(common, config, seed)
    kept = finished.read(key)
    if kept:
        history = [Epoch(*row) for row in kept["history"]]
        progress.resume(history)
        return Fit(revive(kept["weights"], config), history)
    generator = torch.Generator().manual_seed(seed)
    fitted = fit(train, dev, config, generator, progress, finished.checkpoint(key))
    rows = [list(astuple(epoch)) for epoch in fitted.history]
    finished.write(key, {"history": rows, "weights": dump_weights(fitted.model)})
    return fitted
