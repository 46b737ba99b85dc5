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
from noisylab.adversarial.example import NEAR, Example
from noisylab.adversarial.measures import (
    Result,
    describe_example,
    describe_images,
    file_name,
    measure,
)
from noisylab.adversarial.parts import SEARCHES
from noisylab.adversarial.run import Attacks, ModelAttacks
from noisylab.config.settings import AdversarialConfig
from noisylab.core import files
from noisylab.core.metrics import listing
from noisylab.data.mosaics import mosaic_of, tiles_of
from noisylab.learning.network import SimpleModel
from noisylab.plots import short_names, shortened

_BUDGETS = {"linf": "largest change of a pixel", "l2": "largest L2 norm"}
_COLUMNS = 32  # images in a row of a mosaic
_PAIRS = 10  # images on the sheet of smallest changes
_LONGEST_ABOVE = 12  # characters of a class name above each of them


@dataclass(frozen=True, eq=False)
class _Story:
    """What pictures of one model need: its attacks, the labels, and their names."""

    attacks: ModelAttacks
    results: Mapping[str | float, Result]
    source: int
    target: int
    split: str
    classes: tuple[str, ...]
    config: AdversarialConfig

    @property
    def pair(self) -> tuple[str, str]:
        """Names of the source and the target."""
        return self.classes[self.source], self.classes[self.target]

    @property
    def successes(self) -> tuple[str, str]:
        """Names of the two ways to reach the target in pictures."""
        target = shortened(self.pair[1])
        return f"classified as {target}", f"{target} with p ≥ {self.config.confidence:g}"


def write_attacks(
    attacked: Attacks,
    models: Mapping[str, SimpleModel],
    classes: tuple[str, ...],
    config: AdversarialConfig,
    *,
    data: str,
    metrics: str,
    plots: str,
) -> list[str]:
    """Write images, metrics and pictures; return lines to print.

    The folders `data` and `plots` get a folder per model, and `metrics` a section. The images of
    each attack are one lossless PNG, row by row; all metrics are of those files, read back.
    """
    source, target = attacked.source, attacked.target
    described: dict[str, Any] = {
        "source_class": classes[source],
        "target_class": classes[target],
        "split": attacked.split,
    }
    lines = listing(described)
    for folder in (data, plots):
        Path(folder).mkdir(parents=True, exist_ok=True)  # DVC expects it, even without images
    for name, attacks in attacked.by_model.items():
        results = _results(attacks, models[name], target, config, Path(data) / name)
        story = _Story(attacks, results, source, target, attacked.split, classes, config)
        example = describe_example(attacks, results, source, target)
        described[name] = {"example": example, **describe_images(results, config)}
        _write_pictures(Path(plots) / name, story, described[name])
        lines += [*listing(described[name], name), *_notices(name, story, example)]
    files.write_json(metrics, described)
    return lines


def _notices(name: str, story: _Story, example: Mapping[str, Any] | None) -> list[str]:
    source, target = story.pair
    if not example:
        return [
            f"adversarial: the {name} model predicts no image of {source} in train correctly, so "
            "it has no example; train it longer, or name another source_class"
        ]
    if not example["reached"]:
        return [
            f"adversarial: the example of the {name} model is not classified as {target}; raise "
            "epsilon or steps"
        ]
    return []


def _results(
    attacks: ModelAttacks, model: SimpleModel, target: int, config: AdversarialConfig, folder: Path
) -> dict[str | float, Result]:
    """Write all images; results by attack.

    Of an example also `steps`, before and after each step, and `near` and `moved`, the images that
    it was chosen from.
    """
    by_attack, example = dict(attacks.images), attacks.example
    if example:
        by_attack |= {"steps": example.trail, "near": example.near, "moved": example.moved}
    saved = {
        attack: _through_file(folder / f"{file_name(attack)}.png", images)
        for attack, images in by_attack.items()
        if len(images)
    }
    results = {}
    for attack in by_attack:
        after = saved.get(attack, by_attack[attack])
        if attack == "steps":
            before = after[:1]
        elif attack in ("near", "moved"):
            before = saved["near"]
        else:
            before = saved.get("original", after)
        results[attack] = measure(model, before, after, target, config.confidence)
    return results


def _through_file(path: Path, images: np.ndarray) -> np.ndarray:
    """Write images (N, 32, 32, 3) to one lossless PNG, and read them back."""
    png = io.BytesIO()
    Image.fromarray(mosaic_of(images, _COLUMNS)).save(png, format="PNG")
    files.write_bytes(path, png.getvalue())
    with Image.open(path) as opened:
        return tiles_of(np.array(opened))[: len(images)]


def _write_pictures(folder: Path, story: _Story, described: Mapping[str, Any]) -> None:
    if story.attacks.example:
        _write_example(folder, story, story.attacks.example)
    if described["steps"]["attacked"]:
        _write_success(folder, story, described["steps"])
        _write_searches(folder, story)


def _write_example(folder: Path, story: _Story, example: Example) -> None:
    trail, moved, config = story.results["steps"], story.results["moved"], story.config
    for index, name in ((0, "original"), (-1, "adversarial")):
        _through_file(folder / f"{name}.png", trail.images[[index]])
    before, after = trail.images[[0, -1]]
    picture = figures.example(before, after, trail.pred_probs[[0, -1]], story.classes)
    files.write_png(folder / "example.png", picture)
    probs = trail.pred_probs[:, [story.source, story.target]]  # (steps + 1, 2)
    rows = [(step, *pair) for step, pair in enumerate(probs.tolist())]
    files.write_csv(folder / "steps.csv", ("step", "source", "target"), rows)
    budget = f"{_BUDGETS[config.norm]}: {example.epsilon:g} levels"
    title = f"Image {example.index} of train, {budget}"
    by_class = dict(zip(story.pair, probs.T, strict=True))
    files.write_png(folder / "probabilities.png", figures.probability_curves(title, by_class))
    source, target = short_names(story.pair)
    asked, found = config.example_probability, probs[0, 0]
    about = asked if round(abs(found - asked), 2) <= NEAR else found
    n_images = "1 image" if len(moved.images) == 1 else f"{len(moved.images)} images"
    title = (
        f"{n_images} of train, p({source}) about {about:.3g}, after {config.steps} steps\n{budget}"
    )
    target_probs = moved.pred_probs[:, story.target]
    histogram = figures.probability_histogram(
        title, f"p({target})", target_probs, probs[-1, 1], config.confidence
    )
    files.write_png(folder / "near.png", histogram)


def _write_success(folder: Path, story: _Story, steps: Mapping[str, Any]) -> None:
    config = story.config
    rows = [(epsilon, *steps[file_name(epsilon)].values()) for epsilon in sorted(config.epsilons)]
    files.write_csv(folder / "success.csv", ("epsilon", "success", "confident"), rows)
    epsilons, *shares = zip(*rows, strict=True)
    images = f"{steps['attacked']} images of {story.split}"
    title = f"{images}, {config.steps} steps\n{' to '.join(short_names(story.pair))}"
    xlabel = f"epsilon: {_BUDGETS[config.norm]}, in 8-bit levels"
    by_name = dict(zip(story.successes, shares, strict=True))
    picture = figures.success_curves(title, xlabel, epsilons, by_name)
    files.write_png(folder / "success.png", picture)


def _write_searches(folder: Path, story: _Story) -> None:
    source, target = short_names(story.pair)
    results = story.results
    before, after = results["original"], results["smallest"]
    norms = (results[name].l2[results[name].found(name)] for name in SEARCHES)
    by_name = dict(zip(story.successes, norms, strict=True))
    histogram = figures.norm_histogram(f"Smallest perturbation\n{source} to {target}", by_name)
    files.write_png(folder / "smallest_l2.png", histogram)
    found = np.flatnonzero(after.reached)  # shown: some from the whole set, evenly spread
    chosen = found[np.linspace(0, len(found) - 1, min(_PAIRS, len(found))).astype(int)]
    title = f"{len(chosen)} images of {story.split}, smallest perturbation to {target}"
    source, target = (shortened(name, _LONGEST_ABOVE) for name in story.pair)
    above = [f"{source} {p:.0%}" for p in before.pred_probs[chosen, story.source]]
    of_target = after.pred_probs[chosen, story.target]
    pairs = zip(of_target, after.l2[chosen], strict=True)
    below = [f"{target} {p:.0%}, L2 {size:.0f}" for p, size in pairs]
    sheet = figures.pairs_sheet(title, before.images[chosen], after.images[chosen], above, below)
    files.write_png(folder / "pairs.png", sheet)
