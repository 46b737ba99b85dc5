"""A run's metrics and plots as the stages write them, made up, for the report to be made from."""

import io
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from jinja2 import BytecodeCache, Environment
from jinja2.bccache import Bucket
from markupsafe import Markup
from PIL import Image

from noisylab.config.params import Params, read_params
from noisylab.core import files
from noisylab.learning.calibration import N_BINS, Reliability
from noisylab.learning.evaluation import Evaluation
from noisylab.report import page
from noisylab.report.commit import Commit
from noisylab.report.facts import ATTACKED, Facts, read_facts
from noisylab.report.runs import STAGES

ROOT = Path(__file__).parents[2]
SIZES = {"confusion": (1035, 385), "runs": (920, 820), "flagged": (1080, 1850)}
#: All predictions are made with 92 %, and as many are right.
RELIABILITY = Reliability(*(np.eye(N_BINS)[13] * value for value in (1.0, 0.92, 0.92)))
BEST_RATE = 0.001  # of the sweep, and that of the kept recipe of train_fixed
COMMIT = Commit("0123456789abcdef" * 2 + "01234567")


class InMemory(BytecodeCache):
    """Templates compiled once for all tests: compiling takes most of the time of a page."""

    def __init__(self) -> None:
        self._compiled: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key in self._compiled:
            bucket.bytecode_from_string(self._compiled[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._compiled[bucket.key] = bucket.bytecode_to_string()


COMPILED = InMemory()


@dataclass(frozen=True)
class MadeRun:
    """What there is in `folder`; every change is written at once."""

    folder: Path
    params: Params

    def change(self, name: str, *keys: str, value: Any) -> None:
        """Set a figure of a metrics file."""
        path = self.folder / "metrics" / name
        values = part = json.loads(path.read_text())
        for key in keys[:-1]:
            part = part[key]
        part[keys[-1]] = value
        path.write_text(json.dumps(values))

    def remove(self, name: str, *keys: str) -> None:
        """Take a figure or a section out of a metrics file."""
        path = self.folder / "metrics" / name
        values = part = json.loads(path.read_text())
        for key in keys[:-1]:
            part = part[key]
        del part[keys[-1]]
        path.write_text(json.dumps(values))

    def confuse(self, stage: str, confusion: Sequence[Sequence[int]]) -> None:
        """Let the kept run of a train stage have these counts on dev, by label and answer."""
        keep = getattr(self.params, stage).keep
        write_run(self.folder, stage, keep, {"dev": np.array(confusion)}, self.classes)

    def facts(self) -> Facts:
        return read_facts(self.folder / "metrics", self.folder / "plots", self.params)

    def said(self) -> dict[str, str]:
        """The sentences of each section, without markup and with plain spaces."""
        parts = r'<section id="(\w+)"(.*?)</section>'
        sections = dict(re.findall(parts, self.html(), flags=re.DOTALL))
        spoken = re.compile(r"<p>(.*?)</p>|<dl class=\"story\">(.*?)</dl>", flags=re.DOTALL)
        return {
            name: " ".join(
                Markup(re.sub("<dt>.*?</dt>", "", paragraph or story)).striptags()
                for paragraph, story in spoken.findall(text)
            ).replace("\u00a0", " ")
            for name, text in sections.items()
        }

    def html(self, commit: Commit = COMMIT, params_text: str = "seed: 0\n") -> str:
        with mock.patch.object(page, "Environment", partial(Environment, bytecode_cache=COMPILED)):
            return page.render(self.facts(), self.folder / "plots", params_text, commit).decode()

    @property
    def classes(self) -> tuple[str, ...]:
        return tuple(json.loads((self.folder / "metrics/stats.json").read_text())["train"]["count"])


def make_run(
    folder: Path,
    classes: tuple[str, ...] = ("car", "truck", "cat"),
    train: Sequence[int] = (500, 60, 40),
    dev: Sequence[int] = (100, 12, 8),
    test: Sequence[int] | None = (20, 20, 20),
    truth: bool = True,
    scale: int = 10,
    **params: Any,
) -> MadeRun:
    """A run on images of those counts: the baseline calls all one class, the rest is 90 % right."""
    counts = {"train": train, "dev": dev, **({"test": test} if test else {})}
    stats: dict[str, Any] = {
        split: {
            "images": sum(values),
            "count": dict(zip(classes, values, strict=True)),
            "repeated_images": 0,
        }
        for split, values in counts.items()
    }
    stats["shared_images"] = {"train_dev": 0}
    files.write_json(folder / "metrics/stats.json", stats)
    settings = replace(shipped_params(), **params)
    sets = [*counts, *(["dev_true"] if truth else [])]
    as_labelled = {name: counts["dev" if name == "dev_true" else name] for name in sets}
    for stage in STAGES:
        for run in getattr(settings, stage).runs:
            right = 0.0 if stage == "train_baseline" else 0.9
            confusions = {name: confused(values, right) for name, values in as_labelled.items()}
            if stage == "train_fixed":
                confusions["dev_given"] = confusions["dev"]
            write_run(folder, stage, run, confusions, classes)
    fixed = json.loads(
        (folder / f"metrics/train_fixed/{settings.train_fixed.keep}.json").read_text()
    )
    for name in ("best", "final"):
        files.write_json(folder / f"metrics/lr_sweep/{name}.json", fixed)
    write_relabel(folder, classes, truth)
    write_sweep(folder)
    write_attack(folder, classes)
    write_pictures(folder, classes, settings, truth, scale)
    return MadeRun(folder, settings)


@cache
def shipped_params() -> Params:
    return with_best_rate(read_params(ROOT / "params.yaml"))


def with_best_rate(params: Params) -> Params:
    """With the sweep's best rate in the kept recipe of train_fixed."""
    stage = params.train_fixed
    kept = replace(stage.runs[stage.keep], lr=BEST_RATE)
    return replace(params, train_fixed=replace(stage, runs={**stage.runs, stage.keep: kept}))


def confused(counts: Sequence[int], right: float) -> np.ndarray:
    """Of each class that share is right, at least; all the rest is called the first."""
    matrix = np.zeros((len(counts), len(counts)), dtype=np.int64)
    for label, count in enumerate(counts):
        matrix[label, label] = round(count * right)
        matrix[label, 0] += count - round(count * right)
    return matrix


def write_run(
    folder: Path,
    stage: str,
    run: str,
    confusions: Mapping[str, np.ndarray],
    classes: tuple[str, ...],
) -> None:
    """Figures by set, on top of those there are; confusion.csv and history.csv."""
    path = folder / f"metrics/{stage}/{run}.json"
    figures = json.loads(path.read_text()) if path.exists() else {}
    for name, matrix in confusions.items():
        accuracy = matrix.trace() / matrix.sum()
        figures[name] = Evaluation(0.5, accuracy, matrix, RELIABILITY).metrics(classes)
    files.write_json(path, figures)
    dev = confusions["dev"]
    cells = [(classes[i], classes[j], count) for (i, j), count in np.ndenumerate(dev)]
    plots = folder / f"plots/{stage}/{run}"
    files.write_csv(plots / "confusion.csv", ("label", "predicted", "count"), cells)
    rows = [(1, 1.0, 1.1), (2, 0.5, 0.6)]
    files.write_csv(plots / "history.csv", ("epoch", "train_loss", "dev_loss"), rows)


def write_relabel(folder: Path, classes: tuple[str, ...], truth: bool) -> None:
    known = {"wrong_before": 20, "wrong_after": 5, "made_wrong": 2} if truth else {}
    figures: dict[str, Any] = {
        "train": {"flagged": 17, "corrected": 16, **known},
        "dev": {"flagged": 3, "corrected": 3, **known},
        "corrected": {classes[0]: {classes[-1]: 19}},
        "reviewed": 0,
    }
    if truth:
        rule = {
            "flagged": 20,
            "precision": 0.9,
            "recall": 0.8,
            "f1": 0.85,
            "average_precision": 0.9,
            "missed": 0.1,
        }
        figures["rules"] = {"report": rule, "best": rule}
    files.write_json(folder / "metrics/relabel.json", figures)


def write_sweep(folder: Path) -> None:
    best = {
        "optimizer": "adam", "lr": BEST_RATE, "seeds": 1,
        "balanced_accuracy": 0.9, "deviation": 0, "standard_error": 0.02,
    }  # fmt: skip
    figures = {
        "final": "train_fixed",
        "best": best,
        "near_best": 1,
        "trainings": 3,
        "diverged": 0,
    }
    files.write_json(folder / "metrics/lr_sweep.json", figures)
    columns = (
        "optimizer", "rate", "seed", "diverged", "learned",
        "first_train_loss", "final_train_loss", "balanced_accuracy",
    )  # fmt: skip
    rows = [
        ("adam", "3e-07", 0, "no", "no", 1.099, 1.098, 0.333),
        ("adam", f"{BEST_RATE:g}", 0, "no", "yes", 0.9, 0.3, 0.9),
        ("adam", "0.05", 0, "no", "no", 1.9, 1.1, 0.333),
    ]
    files.write_csv(folder / "plots/lr_sweep/trainings.csv", columns, rows)


def write_attack(folder: Path, classes: tuple[str, ...]) -> None:
    search = {
        "attacked": 18, "success": 1.0,
        "l2_median": 140.0, "l2_p95": 310.0, "linf_median": 9.0, "linf_p95": 20.0,
    }  # fmt: skip
    near = {"images": 38, "target_median": 0.63, "success": 0.7, "confident": 0.23}
    of_model = {
        "example": {
            "index": 3, "source_before": 0.96, "target_before": 0.01, "source_after": 0.004,
            "target_after": 0.99, "linf": 4, "l2": 150.0, "epsilon": 4, "steps": 5, "reached": 1,
            "near": near,
        },
        "steps": {"attacked": 18},
        "smallest": search,
        "confident": search,
    }  # fmt: skip
    figures = {
        "split": "test",
        "source_class": classes[1],
        "target_class": classes[-1] if len(classes) > 2 else classes[0],
        **dict.fromkeys(ATTACKED, of_model),
    }
    files.write_json(folder / "metrics/adversarial.json", figures)
    rows = [(4, 0.6, 0.2), (8, 0.9, 0.8), (16, 1.0, 0.9)]
    for name in ATTACKED:
        table = folder / "plots/adversarial" / name / "success.csv"
        files.write_csv(table, ("epsilon", "success", "confident"), rows)


@cache
def blank(size: tuple[int, int], scale: int) -> bytes:
    """A PNG of a picture's size, `scale` times smaller: to decode and encode many takes long."""
    buffer = io.BytesIO()
    Image.new("RGB", (size[0] // scale, size[1] // scale), "lightblue").save(buffer, "png")
    return buffer.getvalue()


def write_pictures(
    folder: Path, classes: tuple[str, ...], params: Params, truth: bool, scale: int
) -> None:
    names = ["stats/classes", *(f"stats/sheets/{at}_x" for at in range(len(classes)))]
    for stage in STAGES:
        section = getattr(params, stage)
        kept = ("confusion", "classes", "loss", "precision_recall", "suspects", "reliability")
        names += [f"{stage}/{section.keep}/{name}" for name in kept]
        names += [f"{stage}/runs"] if len(section.runs) > 1 else []
    names += ["train_augmented/best/augmentations", "train_fixed/before_after"]
    names += ["relabel/flagged", "relabel/near", "relabel/classes"]
    names += ["relabel/precision_recall"] if truth else []
    names += ["lr_sweep/rates", "lr_sweep/losses"]
    attack = ("example", "near", "probabilities", "success", "smallest_l2", "pairs")
    names += [f"adversarial/{model}/{name}" for model in ATTACKED for name in attack]
    for name in names:
        path = folder / f"plots/{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(blank(SIZES.get(path.stem, (640, 420)), scale))
