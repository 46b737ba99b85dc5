"""How far attacks succeeded, measured on images as they are saved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from noisylab.adversarial.parts import SEARCHES
from noisylab.adversarial.run import ModelAttacks
from noisylab.config.settings import AdversarialConfig
from noisylab.core.images import SIZE
from noisylab.learning.network import SimpleModel
from noisylab.learning.training import predict_probs


@dataclass(frozen=True, eq=False)
class Result:
    """Images (N, 32, 32, 3) uint8 after an attack, and the model's predictions (N, K).

    reached:  (N,) bool, whether the model predicts the target.
    sure:     (N,) bool, whether the target has the probability `confidence` of the settings.
    l2, linf: (N,) norms of the changes, in 8-bit levels.
    """

    images: np.ndarray
    pred_probs: np.ndarray
    reached: np.ndarray
    sure: np.ndarray
    l2: np.ndarray
    linf: np.ndarray

    def found(self, search: str) -> np.ndarray:
        """(N,) bool, whether one of SEARCHES found what it looked for."""
        return self.sure if search == "confident" else self.reached


def measure(
    model: SimpleModel, before: np.ndarray, after: np.ndarray, target: int, confidence: float
) -> Result:
    """Compare images (N, 32, 32, 3) uint8 after an attack with those before, or with one image."""
    pred_probs = predict_probs(model, after)
    reached = pred_probs.argmax(axis=1) == target
    sure = pred_probs[:, target] >= confidence
    change = np.abs(after.astype(np.float64) - before).reshape(len(after), SIZE * SIZE * 3)
    l2, linf = np.sqrt((change**2).sum(axis=1)), change.max(axis=1)
    return Result(after, pred_probs, reached, sure, l2, linf)


def file_name(attack: str | float) -> str:
    """The name of an attack in files and metrics: that of an epsilon is `epsilon_4`."""
    return attack if isinstance(attack, str) else f"epsilon_{attack:.15g}"


def describe_example(
    attacks: ModelAttacks, results: Mapping[str | float, Result], source: int, target: int
) -> dict[str, Any] | None:
    """Metrics of the example and, as `near`, of all the images that it was chosen from."""
    if not attacks.example:
        return None
    trail, moved = results["steps"], results["moved"]
    before, after = trail.pred_probs[[0, -1]]
    return {
        "index": attacks.example.index,
        "source_before": before[source],
        "target_before": before[target],
        "source_after": after[source],
        "target_after": after[target],
        "linf": trail.linf[-1],
        "l2": trail.l2[-1],
        "epsilon": attacks.example.epsilon,
        "steps": len(trail.images) - 1,
        "reached": int(trail.reached[-1]),
        "near": {
            "images": len(moved.images),
            "target_median": np.median(moved.pred_probs[:, target]),
            "success": moved.reached.mean(),
            "confident": moved.sure.mean(),
        },
    }


def describe_images(
    results: Mapping[str | float, Result], config: AdversarialConfig
) -> dict[str, Any]:
    """Metrics of the attacks on all images: steps by epsilon, and both searches."""
    steps: dict[str, Any] = {"attacked": len(results["original"].images)}
    for epsilon in config.epsilons:
        result = results[epsilon]
        shares = {"success": _share(result.reached), "confident": _share(result.sure)}
        steps[file_name(epsilon)] = shares
    described: dict[str, Any] = {"steps": steps}
    for name in SEARCHES:
        result = results[name]
        found = result.found(name)
        described[name] = {"attacked": len(result.images), "success": _share(found)}
        for norm, values in {"l2": result.l2, "linf": result.linf}.items():
            sizes = values[found]
            described[name][f"{norm}_median"] = np.median(sizes) if len(sizes) else None
            described[name][f"{norm}_p95"] = np.quantile(sizes, 0.95) if len(sizes) else None
    return described


def _share(values: np.ndarray) -> float | None:
    """Share of the images that are true; None of no images."""
    return float(values.mean()) if len(values) else None
