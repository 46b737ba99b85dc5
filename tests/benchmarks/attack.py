"""Our attacks against foolbox's on the final model: success rate, size and images per second.

    python tests/benchmarks/attack.py [--images N] [--rounds N]

Attacks every test image of the source class that the model classifies correctly, or the first N.
Both libraries take turns; times are medians over rounds. Run `make repro` first.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import foolbox
import numpy as np
import torch
from foolbox.attacks.ddn import DDNAttack
from foolbox.models.pytorch import PyTorchModel

from noisylab.attack.smallest import smallest_change
from noisylab.attack.steps import attack
from noisylab.config.params import read_params
from noisylab.data import set_files
from noisylab.learning.network import read_weights, to_unit
from noisylab.learning.training import predict_probs

BUDGETS = {"linf": (4, 8, 16), "l2": (4, 8, 16, 128, 255)}  # 8-bit levels


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    params = read_params("params.yaml")
    torch.set_num_threads(1)
    model = read_weights("models/lr_sweep.pt")
    for weight in model.parameters():
        weight.requires_grad_(False)  # otherwise foolbox also computes their gradients
    images, targets = attacked_images(model, arguments.images)
    print(f"{len(images)} images, one thread, median of {arguments.rounds} rounds")
    inputs = to_unit(torch.from_numpy(images)).contiguous()
    criterion = foolbox.criteria.TargetedMisclassification(torch.from_numpy(targets))
    oracle_model = PyTorchModel(model, bounds=(0, 1), device="cpu")

    def oracle(method: Any, epsilons: float | None) -> Callable[[], Any]:
        return lambda: method(oracle_model, inputs, criterion, epsilons=epsilons)

    config = params.adversarial
    for norm, budgets in BUDGETS.items():
        make = foolbox.attacks.LinfPGD if norm == "linf" else foolbox.attacks.L2PGD
        method = make(rel_stepsize=0.4, steps=config.steps, random_start=False)
        for epsilon in budgets:
            options: Any = {"epsilon": epsilon, "steps": config.steps, "norm": norm}
            ours, theirs, seconds = race(
                partial(attack, model, images, targets, **options),
                oracle(method, epsilon / 255),
                arguments.rounds,
            )
            print(
                f"{norm} {epsilon}: success {ours.reached.mean():.2%}, "
                f"foolbox {theirs[2].float().mean().item():.2%} "
                f"({survival(model, theirs[1], targets):.2%} as uint8); "
                f"{speeds(seconds, len(images))}",
                flush=True,
            )
    ddn = DDNAttack(steps=100)
    ours, theirs, seconds = race(
        lambda: smallest_change(model, images, targets), oracle(ddn, None), arguments.rounds
    )
    before = 255 * (theirs[1] - inputs).flatten(1).norm(dim=1).numpy()
    found = theirs[2].numpy()
    print(
        f"smallest: success as uint8 {ours.reached.mean():.2%}, median L2 "
        f"{median_l2(ours.images, images, ours.reached):.1f}, where foolbox succeeds "
        f"{median_l2(ours.images, images, ours.reached & found):.1f}; foolbox DDN-100 "
        f"{found.mean():.2%} ({survival(model, theirs[1], targets):.2%} as uint8), median L2 "
        f"before rounding {np.median(before[found]):.1f}; {speeds(seconds, len(images))}",
        flush=True,
    )
    surer = smallest_change(model, images, targets, confidence=config.confidence)
    print(
        f"smallest with p >= {config.confidence:g}: {surer.reached.mean():.2%}, median L2 "
        f"{median_l2(surer.images, images, surer.reached):.1f}"
    )


def attacked_images(model: Any, most: int | None) -> tuple[np.ndarray, np.ndarray]:
    """Images that stage adversarial attacks, and their target classes."""
    test = set_files.read_sets("data")["test"]
    described = json.loads(Path("metrics/adversarial.json").read_text())
    source, target = (test.classes.index(described[f"{end}_class"]) for end in ("source", "target"))
    is_right = predict_probs(model, test.images).argmax(axis=1) == test.labels
    indices = np.flatnonzero(is_right & (test.labels == source))[:most]
    return test.images[indices], np.full(len(indices), target)


def race(
    ours: Callable[[], Any], theirs: Callable[[], Any], rounds: int
) -> tuple[Any, Any, tuple[float, float]]:
    """Results and median seconds, ours first."""
    seconds: tuple[list[float], list[float]] = ([], [])
    results: list[Any] = [None, None]
    for _ in range(rounds):
        for number, run in enumerate((ours, theirs)):
            start = time.perf_counter()
            results[number] = run()
            seconds[number].append(time.perf_counter() - start)
    return results[0], results[1], (statistics.median(seconds[0]), statistics.median(seconds[1]))


def survival(model: Any, attacked: torch.Tensor, targets: np.ndarray) -> float:
    """Share of images (N, 3, 32, 32) in [0, 1] that still reach the target as uint8."""
    levels = (255 * attacked).round().clamp(0, 255).permute(0, 2, 3, 1).to(torch.uint8).numpy()
    return float((predict_probs(model, levels).argmax(axis=1) == targets).mean())


def speeds(seconds: tuple[float, float], n_images: int) -> str:
    ours, theirs = (n_images / one for one in seconds)
    return f"images/s {ours:,.0f}, foolbox {theirs:,.0f}: {ours / theirs:.2f} x"


def median_l2(after: np.ndarray, before: np.ndarray, of: np.ndarray) -> float:
    change = (after.astype(float) - before).reshape(len(after), -1)
    return float(np.median(np.linalg.norm(change, axis=1)[of]))


if __name__ == "__main__":
    main()
