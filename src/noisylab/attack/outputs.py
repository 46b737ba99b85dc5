"""Files of stage `adversarial`: attacked images, and metrics and pictures of those files."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from noisylab.attack import figures
from noisylab.attack.run import Attacks
from noisylab.config.settings import AdversarialConfig
from noisylab.core import files
from noisylab.core.metrics import listing
from noisylab.data.mosaics import mosaic_of, tiles_of
from noisylab.learning.network import SimpleModel
from noisylab.learning.training import predict_probs

_BUDGETS = {"linf": "largest change of a pixel", "l2": "largest L2 norm"}
_COLUMNS = 32  # images in a row of a mosaic
_PAIRS = 10  # images on the sheet of smallest changes


def write_attacks(
    attacks: Attacks,
    model: SimpleModel,
    classes: tuple[str, ...],
    config: AdversarialConfig,
    *,
    data: str,
    metrics: str,
    plots: str,
) -> list[str]:
    """Write images to the folder `data`, metrics and pictures; return lines to print.

    The images of each attack are one lossless PNG, row by row. All metrics are of the files, read
    back.
    """
    attacks = _as_saved(attacks, Path(data), Path(plots))
    pred_probs = {name: predict_probs(model, images) for name, images in attacks.images.items()}
    trail = predict_probs(model, attacks.trail)
    described = describe(attacks, pred_probs, trail, classes, config)
    files.write_json(metrics, described)
    _write_example(Path(plots), attacks, trail, classes, config)
    _write_success(Path(plots), described, config)
    _write_searches(Path(plots), attacks, pred_probs, classes, config)
    lines = listing(described)
    if not described["example"]["reached"]:
        target = classes[attacks.target]
        lines.append(
            f"adversarial: the example is not classified as {target}; raise epsilon or steps"
        )
    return lines


def describe(
    attacks: Attacks,
    pred_probs: Mapping[str | float, np.ndarray],
    trail: np.ndarray,
    classes: tuple[str, ...],
    config: AdversarialConfig,
) -> dict[str, Any]:
    """Metrics of the example, of the steps by epsilon, and of both searches.

    pred_probs: (N, K) by attack. trail: (steps + 1, K), of the example before and after each step.
    """
    source, target, n_images = attacks.source, attacks.target, len(attacks.indices)
    sizes = _sizes(attacks.trail[-1:], attacks.trail[:1])
    described: dict[str, Any] = {
        "source_class": classes[source],
        "target_class": classes[target],
        "split": attacks.split,
        "example": {
            "index": attacks.example,
            "source_before": trail[0, source],
            "target_before": trail[0, target],
            "source_after": trail[-1, source],
            "target_after": trail[-1, target],
            "linf": sizes["linf"][0],
            "l2": sizes["l2"][0],
            "epsilon": config.epsilon,
            "steps": config.steps,
            "reached": int(trail[-1].argmax() == target),
        },
        "steps": {
            "attacked": n_images,
            "before": _is_called(pred_probs["original"], target).mean(),
        },
    }
    for epsilon in config.epsilons:
        described["steps"][file_name(epsilon)] = {
            "success": _is_called(pred_probs[epsilon], target).mean(),
            "confident": (pred_probs[epsilon][:, target] >= config.confidence).mean(),
        }
    for name, reached in _reached(pred_probs, target, config).items():
        described[name] = {"attacked": n_images, "success": reached.mean()}
        for norm, values in _sizes(attacks.images[name], attacks.images["original"]).items():
            some = values[reached]
            described[name] |= {
                f"{norm}_median": np.median(some) if len(some) else None,
                f"{norm}_p95": np.quantile(some, 0.95) if len(some) else None,
            }
    return described


def file_name(attack: str | float) -> str:
    """The name of an attack in files and metrics: that of an epsilon is `epsilon_4`."""
    return attack if isinstance(attack, str) else f"epsilon_{attack:g}"


def _as_saved(attacks: Attacks, data: Path, plots: Path) -> Attacks:
    """The attacks with every image read back from the file that it was written to."""
    saved = {
        attack: _through_file(data / f"{file_name(attack)}.png", images)
        for attack, images in attacks.images.items()
    }
    trail = _through_file(data / "steps.png", attacks.trail)
    for index, name in ((0, "original"), (-1, "adversarial")):
        trail[[index]] = _through_file(plots / f"{name}.png", attacks.trail[[index]])
    return replace(attacks, images=saved, trail=trail)


def _through_file(path: Path, images: np.ndarray) -> np.ndarray:
    """Write images (N, 32, 32, 3) to one lossless PNG, and read them back."""
    png = io.BytesIO()
    Image.fromarray(mosaic_of(images, _COLUMNS)).save(png, format="PNG")
    files.write_bytes(path, png.getvalue())
    with Image.open(path) as opened:
        return tiles_of(np.array(opened))[: len(images)]


def _sizes(after: np.ndarray, before: np.ndarray) -> dict[str, np.ndarray]:
    """Norms (N,) of the changes of images (N, 32, 32, 3), in 8-bit levels."""
    change = np.abs(after.astype(np.float64) - before).reshape(len(after), -1)
    return {"l2": np.sqrt((change**2).sum(axis=1)), "linf": change.max(axis=1)}


def _is_called(pred_probs: np.ndarray, target: int) -> np.ndarray:
    is_called: np.ndarray = pred_probs.argmax(axis=1) == target
    return is_called


def _reached(
    pred_probs: Mapping[str | float, np.ndarray], target: int, config: AdversarialConfig
) -> dict[str, np.ndarray]:
    """(N,) bool by search, whether it reached the target."""
    return {
        "smallest": _is_called(pred_probs["smallest"], target),
        "confident": pred_probs["confident"][:, target] >= config.confidence,
    }


def _successes(target: str, config: AdversarialConfig) -> tuple[str, str]:
    """Names of the two ways to reach the target in pictures."""
    return f"classified as {target}", f"{target} with p ≥ {config.confidence:g}"


def _write_example(
    folder: Path,
    attacks: Attacks,
    trail: np.ndarray,
    classes: tuple[str, ...],
    config: AdversarialConfig,
) -> None:
    picture = figures.example(attacks.trail[0], attacks.trail[-1], trail[[0, -1]], classes)
    files.write_png(folder / "example.png", picture)
    both = [attacks.source, attacks.target]
    rows = [(step, *pair) for step, pair in enumerate(trail[:, both].tolist())]
    files.write_csv(folder / "steps.csv", ("step", "source", "target"), rows)
    budget = f"{_BUDGETS[config.norm]}: {config.epsilon:g} levels"
    title = f"Image {attacks.example} of train, {budget}"
    names = [classes[label] for label in both]
    curves = figures.probability_curves(title, dict(zip(names, trail[:, both].T, strict=True)))
    files.write_png(folder / "probabilities.png", curves)


def _write_success(folder: Path, described: Mapping[str, Any], config: AdversarialConfig) -> None:
    steps, target = described["steps"], described["target_class"]
    rows = [(epsilon, *steps[file_name(epsilon)].values()) for epsilon in sorted(config.epsilons)]
    files.write_csv(folder / "success.csv", ("epsilon", "success", "confident"), rows)
    epsilons, *shares = zip(*rows, strict=True)
    images = f"{steps['attacked']} images of {described['split']}"
    title = f"{images}, {described['source_class']} to {target}, {config.steps} steps"
    xlabel = f"epsilon: {_BUDGETS[config.norm]}, in 8-bit levels"
    by_name = dict(zip(_successes(target, config), shares, strict=True))
    picture = figures.success_curves(title, xlabel, epsilons, by_name)
    files.write_png(folder / "success.png", picture)


def _write_searches(
    folder: Path,
    attacks: Attacks,
    pred_probs: Mapping[str | float, np.ndarray],
    classes: tuple[str, ...],
    config: AdversarialConfig,
) -> None:
    source, target = classes[attacks.source], classes[attacks.target]
    before, after = attacks.images["original"], attacks.images["smallest"]
    reached = _reached(pred_probs, attacks.target, config)
    l2 = {name: _sizes(attacks.images[name], before)["l2"] for name in reached}
    norms = (l2[name][mask] for name, mask in reached.items())
    by_name = dict(zip(_successes(target, config), norms, strict=True))
    histogram = figures.norm_histogram(f"Smallest perturbation, {source} to {target}", by_name)
    files.write_png(folder / "smallest_l2.png", histogram)
    found = np.flatnonzero(reached["smallest"])  # shown: some from the whole set, evenly spread
    chosen = found[np.linspace(0, len(found) - 1, min(_PAIRS, len(found))).astype(int)]
    above = [f"{source} {p:.0%}" for p in pred_probs["original"][chosen, attacks.source]]
    of_target, sizes = pred_probs["smallest"][chosen, attacks.target], l2["smallest"][chosen]
    below = [f"{target} {p:.0%}, L2 {size:.0f}" for p, size in zip(of_target, sizes, strict=True)]
    title = f"{len(chosen)} images of {attacks.split}, smallest perturbation to {target}"
    sheet = figures.pairs_sheet(title, before[chosen], after[chosen], above, below)
    files.write_png(folder / "pairs.png", sheet)
