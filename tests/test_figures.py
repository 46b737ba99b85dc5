import io
import os
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from PIL import Image

from noisylab import plots
from noisylab.core.images import SIZE


def pixels(figure: Figure) -> np.ndarray:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return np.asarray(Image.open(buffer).convert("RGB"))


def test_curves_are_green_for_train_and_red_for_dev() -> None:
    (axes,) = plots.train_dev_curves("title", "loss", [3.0, 2.0, 1.0], [3.0, 2.5, 2.6]).axes
    drawn = {
        line.get_label(): (to_hex(line.get_color()), np.asarray(line.get_ydata()).tolist())
        for line in axes.lines
    }
    assert drawn == {"train": ("#2ca02c", [3, 2, 1]), "dev": ("#d62728", [3, 2.5, 2.6])}
    assert (axes.get_xlabel(), axes.get_ylabel(), axes.get_title()) == ("epoch", "loss", "title")
    legend = axes.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["train", "dev"]


def test_confusion_matrices_show_every_count() -> None:
    counts = np.array([[90, 10], [0, 0]])
    figure = plots.confusion_matrices("run", {"dev": counts, "test": counts.T}, ("car", "cat"))
    dev, test = figure.axes
    assert [text.get_text() for text in dev.texts] == ["90\n90%", "10\n10%", "0\n0%", "0\n0%"]
    assert [text.get_text() for text in test.texts] == ["90\n100%", "0\n0%", "10\n100%", "0\n0%"]
    assert (dev.get_xlabel(), dev.get_ylabel()) == ("predicted", "label")
    assert [label.get_text() for label in dev.get_yticklabels()] == ["car", "cat"]
    pixels(figure)


def test_class_distribution_has_one_bar_per_split_and_class() -> None:
    counts = {"train": np.array([80, 20]), "dev": np.array([9, 1])}
    (axes,) = plots.class_distribution("title", counts, ("car", "cat")).axes
    assert [bar.get_height() for bars in axes.containers for bar in bars] == [80, 20, 90, 10]
    assert [text.get_text() for text in axes.texts] == [
        "80\n80.00%",
        "20\n20.00%",
        "9\n90.00%",
        "1\n10.00%",
    ]


def test_a_sheet_shows_each_image_at_its_position() -> None:
    images = np.zeros((5, 32, 32, 3), np.uint8)
    images[3] = (250, 0, 0)
    shown = pixels(plots.image_sheet("sheet", images, list("abcde"), columns=3))
    red = np.argwhere((abs(shown.astype(int) - (250, 0, 0)) < 40).all(axis=2))
    middle = red.mean(axis=0) / shown.shape[:2]
    assert len(red) > 64 * 64  # enlarged at least twice
    assert 0.6 < middle[0] < 0.85  # second row
    assert 0.1 < middle[1] < 0.25  # first column


def test_runs_side_by_side_share_one_scale() -> None:
    losses = {"a": ([2.0, 1.0], [2.0, 3.0]), "b": ([9.0, 1.0], [2.0, 2.0])}
    confusions = {name: np.eye(2, dtype=int) for name in losses}
    figure = plots.side_by_side("runs", losses, confusions, ("car", "cat"))
    curves = [axes for axes in figure.axes if axes.lines]
    assert len(curves) == 2
    assert curves[0].get_ylim() == curves[1].get_ylim()
    pixels(figure)


def test_the_table_shows_every_class_and_the_means() -> None:
    values = np.array([[1.0, 0.5, 0.667], [0.0, 0.25, 0.0]])
    figure = plots.class_table("table", {"dev": values}, ("car", "cat"))
    (table,) = figure.axes[0].tables
    texts = {place: cell.get_text().get_text() for place, cell in table.get_celld().items()}
    assert [texts[0, column] for column in range(3)] == ["dev\nprecision", "dev\nrecall", "dev\nF1"]
    assert [texts[row, -1] for row in (1, 2, 3)] == ["car", "cat", "mean"]
    assert [texts[3, column] for column in range(3)] == ["0.500", "0.375", "0.334"]
    pixels(figure)


def test_precision_recall_curves_name_their_class() -> None:
    curve = (np.array([1.0, 1.0, 0.5]), np.array([0.0, 0.5, 1.0]), 0.75)
    (axes,) = plots.precision_recall_curves("title", {"car": curve}).axes
    legend = axes.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["car, average 0.750"]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("recall", "precision")


def test_many_classes_and_odd_names_are_drawn() -> None:
    classes = ["$\\frac$", "猫", "a$b$c", *(f"class {number}" for number in range(300))]
    counts = np.eye(len(classes), dtype=int)
    figure = plots.confusion_matrices("run", {"dev": counts, "test": counts}, classes)
    assert max(figure.get_size_inches()) <= 40
    plots.class_distribution("title", {"train": counts.sum(axis=0)}, classes)


def test_pictures_widen_for_many_long_class_names() -> None:
    names = [f"class {index} of a name that is rather long" for index in range(30)]
    curve = (np.ones(2), np.linspace(0, 1, 2), 1.0)
    many = plots.precision_recall_curves("t", dict.fromkeys(names, curve))
    few = plots.precision_recall_curves("t", dict.fromkeys(names[:3], curve))
    assert many.get_figwidth() > few.get_figwidth()
    (legend,) = many.legends
    assert legend.get_texts()[0].get_text()[:24] == "class 0 of a name that …"
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # a warning would say that the axes have no room
        many.canvas.draw()
        plots.confusion_matrices("t", {"dev": np.ones((30, 30))}, names).canvas.draw()


def test_the_table_does_not_cut_off_long_names() -> None:
    figure = plots.class_table("t", {"dev": np.ones((2, 3))}, ["Airplane (civil)", "a"])
    figure.canvas.draw()
    cells = figure.axes[0].tables[0].get_celld()
    assert min(cell.get_window_extent().x0 for cell in cells.values()) >= 0


def test_a_wide_caption_takes_two_lines() -> None:
    images = np.zeros((2, SIZE, SIZE, 3), np.uint8)
    figure = plots.image_sheet("t", images, ["Airplane (civ… → frog 0.93", "a → b 0.93"])
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert texts == ["Airplane (civ… →\nfrog 0.93", "a → b 0.93"]


@pytest.mark.parametrize("module", ["plots", "sweep.figures", "attack.figures"])
def test_pictures_ignore_the_users_matplotlib_settings(module: str, tmp_path: Path) -> None:
    (tmp_path / "matplotlibrc").write_text("font.size: 20\nsavefig.dpi: 50\n")
    program = f"import matplotlib, noisylab.{module}; print(matplotlib.rcParams['font.size'])"
    command = [sys.executable, "-c", program]
    environment = {**os.environ, "MPLCONFIGDIR": str(tmp_path)}
    printed = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True).stdout
    assert float(printed) == 10
