"""What stage `adversarial` leaves: attacked images, and figures and pictures made of the files."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from noisylab.attack import figures
from noisylab.attack.run import Attacks, way_of
from noisylab.config.settings import AdversarialConfig
from noisylab.core import files
from noisylab.data.mosaics import mosaic_of, tiles_of
from noisylab.learning.network import SimpleModel
from noisylab.learning.training import predict_probs

_MEASURED = {"linf": "a pixel", "l2": "the image as a whole (L2)"}
_COLUMNS = 32  # images in a row of a mosaic
_PAIRS = 10


def write_attacks(
    attacks: Attacks,
    model: SimpleModel,
    classes: tuple[str, ...],
    config: AdversarialConfig,
    data: str,
    metrics: str,
    plots: str,
) -> list[str]:
    """Write the images to the folder `data`, figures and pictures; lines that say what came of it.

    Each way's images are one PNG, lossless, row by row. All figures are of the files, read back.
    """
    attacks = _as_saved(attacks, Path(data), Path(plots))
    probs = {way: predict_probs(model, images) for way, images in attacks.images.items()}
    trail = predict_probs(model, attacks.trail)
    described = describe(attacks, probs, trail, classes, config)
    files.write_json(metrics, described)
    folder, names = Path(plots), (classes[attacks.source], classes[attacks.target])
    _write_example(folder, attacks, trail, classes, config)
    _write_success(folder, described, names, config)
    _write_smallest(folder, attacks, probs, names, config)
    return summary(described, config)


def describe(
    attacks: Attacks,
    probs: Mapping[str, np.ndarray],
    trail: np.ndarray,
    classes: tuple[str, ...],
    config: AdversarialConfig,
) -> dict[str, Any]:
    """Figures by name.

    probs: (N, K) by way. trail: (steps + 1, K), of the example before and after each step.
    """
    source, target = attacks.source, attacks.target
    example = _sizes(attacks.trail[-1:], attacks.trail[:1])
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
            "linf": example["linf"][0],
            "l2": example["l2"][0],
            "epsilon": config.epsilon,
            "steps": config.steps,
            "reached": int(trail[-1].argmax() == target),
        },
        "steps": {
            "attacked": len(attacks.indices),
            "before": _is_target(probs["original"], target).mean(),
        },
    }
    for way in map(way_of, config.epsilons):
        described["steps"][way] = {
            "success": _is_target(probs[way], target).mean(),
            "confident": (probs[way][:, target] >= config.confidence).mean(),
        }
    for way in ("smallest", "confident"):
        is_reached = _is_reached(way, probs[way], target, config)
        part = {"attacked": len(attacks.indices), "success": is_reached.mean()}
        for name, sizes in _sizes(attacks.images[way], attacks.images["original"]).items():
            # Where nothing was reached there is no such change: 0 stands for it.
            sizes = sizes[is_reached] if is_reached.any() else np.zeros(1)
            part |= {f"{name}_median": np.median(sizes), f"{name}_p95": np.quantile(sizes, 0.95)}
        described[way] = part
    return described


def summary(described: Mapping[str, Any], config: AdversarialConfig) -> list[str]:
    """Lines that say what came of it."""
    source, target = described["source_class"], described["target_class"]
    example, steps = described["example"], described["steps"]
    lines = [
        f"image {example['index']} of train: {source} {example['source_before']:.1%} before, "
        f"{target} {example['target_after']:.1%} after {config.steps} steps, no value changed by "
        f"more than {example['linf']:.0f} levels"
    ]
    if not example["reached"]:
        lines.append(f"the example is not called {target}: raise epsilon or steps")
    lines.append(f"{steps['attacked']} images of {described['split']} called {source} and right:")
    lines += [
        f"{config.norm} {epsilon:g}: {steps[way_of(epsilon)]['success']:.1%} called {target}, "
        f"{steps[way_of(epsilon)]['confident']:.1%} with p >= {config.confidence:g}"
        for epsilon in config.epsilons
    ]
    for way, what in (("smallest", "called so"), ("confident", f"p >= {config.confidence:g}")):
        part = described[way]
        lines.append(
            f"smallest change, {what}: {part['success']:.1%}, median L2 {part['l2_median']:.0f}"
        )
    return lines


def _as_saved(attacks: Attacks, data: Path, plots: Path) -> Attacks:
    """The same, with every changed image out of the file that it was written to."""
    saved = {
        way: _through_file(data / f"{way}.png", images) for way, images in attacks.images.items()
    }
    trail = _through_file(data / "steps.png", attacks.trail)
    for index, name in ((0, "original"), (-1, "adversarial")):
        trail[[index]] = _through_file(plots / f"{name}.png", attacks.trail[[index]])
    return replace(attacks, images=saved, trail=trail)


def _through_file(path: Path, images: np.ndarray) -> np.ndarray:
    """The images (N, 32, 32, 3) as they are once written to one PNG, without loss, and read."""
    png = io.BytesIO()
    Image.fromarray(mosaic_of(images, _COLUMNS)).save(png, format="PNG")
    files.write_bytes(path, png.getvalue())
    with Image.open(path) as opened:
        return tiles_of(np.array(opened))[: len(images)]


def _sizes(after: np.ndarray, before: np.ndarray) -> dict[str, np.ndarray]:
    """(N,) norms of what changed in images (N, 32, 32, 3), in 8-bit levels."""
    change = np.abs(after.astype(np.float64) - before).reshape(len(after), -1)
    return {"l2": np.sqrt((change**2).sum(axis=1)), "linf": change.max(axis=1)}


def _is_target(probs: np.ndarray, target: int) -> np.ndarray:
    is_target: np.ndarray = probs.argmax(axis=1) == target
    return is_target


def _is_reached(way: str, probs: np.ndarray, target: int, config: AdversarialConfig) -> np.ndarray:
    if way == "smallest":
        return _is_target(probs, target)
    is_sure: np.ndarray = probs[:, target] >= config.confidence
    return is_sure


def _write_example(
    folder: Path,
    attacks: Attacks,
    trail: np.ndarray,
    classes: tuple[str, ...],
    config: AdversarialConfig,
) -> None:
    captions = [
        "\n".join(f"{classes[label]} {row[label]:.1%}" for label in np.argsort(-row)[:3])
        for row in trail[[0, -1]]
    ]
    picture = figures.three_panels(attacks.trail[0], attacks.trail[-1], captions)
    files.write_png(folder / "example.png", picture)
    source, target = (trail[:, label].tolist() for label in (attacks.source, attacks.target))
    names = classes[attacks.source], classes[attacks.target]
    rows = [(step, *pair) for step, pair in enumerate(zip(source, target, strict=True))]
    files.write_csv(folder / "steps.csv", ("step", "source", "target"), rows)
    most = f"{_MEASURED[config.norm]} changes by at most {config.epsilon:g} levels"
    title = f"Image {attacks.example} of train, {most}"
    curves = figures.probability_curves(title, source, target, names)
    files.write_png(folder / "probabilities.png", curves)


def _write_success(
    folder: Path,
    described: Mapping[str, Any],
    names: tuple[str, str],
    config: AdversarialConfig,
) -> None:
    steps = described["steps"]
    shares: Mapping[str, Sequence[float]] = {
        what: [steps[way_of(epsilon)][what] for epsilon in config.epsilons]
        for what in ("success", "confident")
    }
    rows = sorted(zip(config.epsilons, *shares.values(), strict=True))
    files.write_csv(folder / "success.csv", ("epsilon", "success", "confident"), rows)
    source, target = names
    title = (
        f"{steps['attacked']} images of {described['split']}, {source} to {target}, "
        f"{config.steps} steps"
    )
    xlabel = f"epsilon: most that {_MEASURED[config.norm]} may change, in 8-bit levels"
    words = (f"called {target}", f"{target} with p ≥ {config.confidence:g}")
    named = dict(zip(words, shares.values(), strict=True))
    picture = figures.success_curves(title, xlabel, config.epsilons, named)
    files.write_png(folder / "success.png", picture)


def _write_smallest(
    folder: Path,
    attacks: Attacks,
    probs: Mapping[str, np.ndarray],
    names: tuple[str, str],
    config: AdversarialConfig,
) -> None:
    source, target = names
    before = attacks.images["original"]
    words = {
        "smallest": f"called {target}",
        "confident": f"{target} with p ≥ {config.confidence:g}",
    }
    sizes = {}
    for way, text in words.items():
        is_reached = _is_reached(way, probs[way], attacks.target, config)
        sizes[text] = _sizes(attacks.images[way], before)["l2"][is_reached]
    histogram = figures.norm_histogram(f"Smallest change, {source} to {target}", sizes)
    files.write_png(folder / "smallest_l2.png", histogram)
    # Spread over the whole set, not the first ten, and none that was not reached.
    reached = np.flatnonzero(_is_target(probs["smallest"], attacks.target))
    chosen = reached[np.linspace(0, len(reached) - 1, min(_PAIRS, len(reached))).astype(int)]
    l2 = _sizes(attacks.images["smallest"], before)["l2"]
    captions = [
        (
            f"{source} {probs['original'][index, attacks.source]:.0%}",
            f"{target} {probs['smallest'][index, attacks.target]:.0%}, L2 {l2[index]:.0f}",
        )
        for index in chosen
    ]
    title = f"{len(chosen)} images of {attacks.split}, and the smallest change to {target}"
    after = attacks.images["smallest"]
    sheet = figures.pairs_sheet(title, before[chosen], after[chosen], captions)
    files.write_png(folder / "pairs.png", sheet)
