"""Files of stage `adversarial`: attacked images, and metrics and pictures of those files."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from noisylab.adversarial import figures
from noisylab.adversarial.run import Attacks
from noisylab.config.settings import AdversarialConfig
from noisylab.core import files
from noisylab.core.images import SIZE
from noisylab.core.metrics import listing
from noisylab.data.mosaics import mosaic_of, tiles_of
from noisylab.learning.network import SimpleModel
from noisylab.learning.training import predict_probs

_BUDGETS = {"linf": "largest change of a pixel", "l2": "largest L2 norm"}
_SEARCHES = ("smallest", "confident")  # attacks for the smallest change
_COLUMNS = 32  # images in a row of a mosaic
_PAIRS = 10  # images on the sheet of smallest changes


@dataclass(frozen=True, eq=False)
class _Result:
    """Images (N, 32, 32, 3) uint8 after an attack, and the model's predictions (N, K).

    reached:  (N,) bool, whether the model predicts the target; after the attack `confident`,
              whether the target has the probability `confidence` of the settings.
    l2, linf: (N,) norms of the changes, in 8-bit levels.
    """

    images: np.ndarray
    pred_probs: np.ndarray
    reached: np.ndarray
    l2: np.ndarray
    linf: np.ndarray


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
    back; those of images that there are not are None, and there is no picture of them.
    """
    folder, n_attacked = Path(plots), len(attacks.images["original"])
    source, target = classes[attacks.source], classes[attacks.target]
    results = _results(attacks, model, config, Path(data), folder)
    described = _describe(attacks, results, classes, config)
    files.write_json(metrics, described)
    lines = listing(described)
    if attacks.example is None:
        lines.append(f"adversarial: no image of train is correctly predicted as {source}")
    else:
        _write_example(folder, attacks, results["steps"], classes, config)
        if not described["example"]["reached"]:
            advice = "raise epsilon or steps"
            lines.append(f"adversarial: the example is not classified as {target}; {advice}")
    if n_attacked:
        _write_success(folder, described, config)
        _write_searches(folder, attacks, results, described, config)
    else:
        lines.append(f"adversarial: no image of {attacks.split} is correctly predicted as {source}")
    return lines


def _results(
    attacks: Attacks, model: SimpleModel, config: AdversarialConfig, data: Path, plots: Path
) -> dict[str | float, _Result]:
    """Write all images; results by attack, and of the example before and after each step."""
    by_attack = {**attacks.images, "steps": attacks.trail}
    saved = {
        attack: _through_file(data / f"{_file_name(attack)}.png", images)
        for attack, images in by_attack.items()
    }
    ends = ((0, "original"), (-1, "adversarial")) if len(attacks.trail) else ()
    for index, name in ends:
        saved["steps"][[index]] = _through_file(plots / f"{name}.png", attacks.trail[[index]])
    results = {}
    for attack, images in saved.items():
        before = images[:1] if attack == "steps" else saved["original"]
        pred_probs = predict_probs(model, images)
        reached = pred_probs.argmax(axis=1) == attacks.target
        if attack == "confident":
            reached = pred_probs[:, attacks.target] >= config.confidence
        change = np.abs(images.astype(np.float64) - before).reshape(len(images), SIZE * SIZE * 3)
        l2, linf = np.sqrt((change**2).sum(axis=1)), change.max(axis=1, initial=0)
        results[attack] = _Result(images, pred_probs, reached, l2, linf)
    return results


def _through_file(path: Path, images: np.ndarray) -> np.ndarray:
    """Write images (N, 32, 32, 3) to one lossless PNG, and read them back."""
    png = io.BytesIO()
    Image.fromarray(mosaic_of(images, _COLUMNS)).save(png, format="PNG")
    files.write_bytes(path, png.getvalue())
    with Image.open(path) as opened:
        return tiles_of(np.array(opened))[: len(images)]


def _file_name(attack: str | float) -> str:
    """The name of an attack in files and metrics: that of an epsilon is `epsilon_4`."""
    return attack if isinstance(attack, str) else f"epsilon_{attack:g}"


def _describe(
    attacks: Attacks,
    results: Mapping[str | float, _Result],
    classes: tuple[str, ...],
    config: AdversarialConfig,
) -> dict[str, Any]:
    """Metrics of the example, of the steps by epsilon, and of both searches."""
    source, target = attacks.source, attacks.target
    steps: dict[str, Any] = {
        "attacked": len(attacks.images["original"]),
        "before": _share(results["original"].reached),
    }
    for epsilon in config.epsilons:
        result = results[epsilon]
        steps[_file_name(epsilon)] = {
            "success": _share(result.reached),
            "confident": _share(result.pred_probs[:, target] >= config.confidence),
        }
    described: dict[str, Any] = {
        "source_class": classes[source],
        "target_class": classes[target],
        "split": attacks.split,
        "example": {
            **_describe_example(attacks, results["steps"]),
            "epsilon": config.epsilon,
            "steps": config.steps,
        },
        "steps": steps,
    }
    for name in _SEARCHES:
        result = results[name]
        described[name] = {"attacked": len(result.images), "success": _share(result.reached)}
        for norm, values in {"l2": result.l2, "linf": result.linf}.items():
            sizes = values[result.reached]
            described[name][f"{norm}_median"] = np.median(sizes) if len(sizes) else None
            described[name][f"{norm}_p95"] = np.quantile(sizes, 0.95) if len(sizes) else None
    return described


def _describe_example(attacks: Attacks, trail: _Result) -> dict[str, Any]:
    """Metrics of the example before and after; all None if there is no example."""
    names: tuple[str, ...] = (
        "index",
        "source_before",
        "target_before",
        "source_after",
        "target_after",
    )
    names += ("linf", "l2", "reached")
    if attacks.example is None:
        return dict.fromkeys(names)
    probs = trail.pred_probs[[0, -1]][:, [attacks.source, attacks.target]]
    figures = (
        attacks.example,
        *probs.ravel(),
        trail.linf[-1],
        trail.l2[-1],
        int(trail.reached[-1]),
    )
    return dict(zip(names, figures, strict=True))


def _share(is_so: np.ndarray) -> float | None:
    """Share of the images for which something is true; None of no images."""
    return float(is_so.mean()) if is_so.size else None


def _successes(target: str, config: AdversarialConfig) -> tuple[str, str]:
    """Names of the two ways to reach the target in pictures."""
    return f"classified as {target}", f"{target} with p ≥ {config.confidence:g}"


def _write_example(
    folder: Path,
    attacks: Attacks,
    trail: _Result,
    classes: tuple[str, ...],
    config: AdversarialConfig,
) -> None:
    before, after = trail.images[[0, -1]]
    picture = figures.example(before, after, trail.pred_probs[[0, -1]], classes)
    files.write_png(folder / "example.png", picture)
    both = [attacks.source, attacks.target]
    probs = trail.pred_probs[:, both]  # (steps + 1, 2)
    rows = [(step, *pair) for step, pair in enumerate(probs.tolist())]
    files.write_csv(folder / "steps.csv", ("step", "source", "target"), rows)
    budget = f"{_BUDGETS[config.norm]}: {config.epsilon:g} levels"
    title = f"Image {attacks.example} of train, {budget}"
    by_class = {classes[label]: values for label, values in zip(both, probs.T, strict=True)}
    files.write_png(folder / "probabilities.png", figures.probability_curves(title, by_class))


def _write_success(folder: Path, described: Mapping[str, Any], config: AdversarialConfig) -> None:
    steps, target = described["steps"], described["target_class"]
    rows = [(epsilon, *steps[_file_name(epsilon)].values()) for epsilon in sorted(config.epsilons)]
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
    results: Mapping[str | float, _Result],
    described: Mapping[str, Any],
    config: AdversarialConfig,
) -> None:
    source, target = described["source_class"], described["target_class"]
    before, after = results["original"], results["smallest"]
    norms = (results[name].l2[results[name].reached] for name in _SEARCHES)
    by_name = dict(zip(_successes(target, config), norms, strict=True))
    histogram = figures.norm_histogram(f"Smallest perturbation, {source} to {target}", by_name)
    files.write_png(folder / "smallest_l2.png", histogram)
    found = np.flatnonzero(after.reached)  # shown: some from the whole set, evenly spread
    chosen = found[np.linspace(0, len(found) - 1, min(_PAIRS, len(found))).astype(int)]
    above = [f"{source} {p:.0%}" for p in before.pred_probs[chosen, attacks.source]]
    of_target = after.pred_probs[chosen, attacks.target]
    pairs = zip(of_target, after.l2[chosen], strict=True)
    below = [f"{target} {p:.0%}, L2 {size:.0f}" for p, size in pairs]
    title = f"{len(chosen)} images of {attacks.split}, smallest perturbation to {target}"
    sheet = figures.pairs_sheet(title, before.images[chosen], after.images[chosen], above, below)
    files.write_png(folder / "pairs.png", sheet)
