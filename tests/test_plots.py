import io
import os
import subprocess
import sys
import warnings
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from noisylab import plots
from noisylab.adversarial import figures as attacks
from noisylab.core.images import SIZE
from noisylab.train import figures

SOURCE = Path(plots.__file__).parent


def pixels(figure: Figure) -> np.ndarray:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return np.asarray(Image.open(buffer).convert("RGB"))


def test_class_distribution_has_a_bar_a_split_and_class() -> None:
    counts = {"train": np.array([80, 20]), "dev": np.array([9, 1])}
    (axes,) = plots.class_distribution("title", counts, ("car", "cat")).axes
    assert [bar.get_height() for bars in axes.containers for bar in bars] == [80, 20, 90, 10]
    assert [text.get_text() for text in axes.texts] == [
        "80\n80.00%",
        "20\n20.00%",
        "9\n90.00%",
        "1\n10.00%",
    ]


def test_a_sheet_shows_each_image_in_its_place() -> None:
    images = np.zeros((5, 32, 32, 3), np.uint8)
    images[3] = (250, 0, 0)
    shown = pixels(plots.image_sheet("sheet", images, list("abcde"), columns=3))
    red = np.argwhere((abs(shown.astype(int) - (250, 0, 0)) < 40).all(axis=2))
    middle = red.mean(axis=0) / shown.shape[:2]
    assert len(red) > 64 * 64  # enlarged twice at least
    assert 0.6 < middle[0] < 0.85  # second row
    assert 0.1 < middle[1] < 0.25  # first column


def test_curves_of_precision_and_recall_name_their_class() -> None:
    curve = (np.array([1.0, 1.0, 0.5]), np.array([0.0, 0.5, 1.0]), 0.75)
    (axes,) = plots.precision_recall_curves("title", {"car": curve}).axes
    legend = axes.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["car, average precision 0.750"]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("recall", "precision")


def test_a_class_whose_name_begins_with_an_underscore_is_in_every_legend() -> None:
    curve, ones = (np.ones(2), np.linspace(0, 1, 2), 1.0), np.ones(2)
    names = ["_background_", *(f"class {number}" for number in range(11))]
    few, many = (
        plots.precision_recall_curves("t", dict.fromkeys(names[:end], curve)) for end in (2, 12)
    )
    two = {"_background_": ones, "cat": ones}
    drawn = [
        attacks.probability_curves("t", two),
        attacks.success_curves("t", "x", [1, 2], two),  # type: ignore[arg-type]
        attacks.norm_histogram("t", two),
        few,
    ]
    legends: list[Any] = [*(figure.axes[0].get_legend() for figure in drawn), *many.legends]
    for legend in legends:
        assert legend.get_texts()[0].get_text().startswith("_background_")
    assert len(legends[-1].get_texts()) == 12


def test_many_classes_and_odd_names_are_drawn() -> None:
    classes = ["$\\frac$", "猫", "a$b$c", *(f"class {number}" for number in range(300))]
    counts = np.eye(len(classes), dtype=int)
    figure = figures.confusion_matrices("run", {"dev": counts, "test": counts}, classes)
    assert max(figure.get_size_inches()) <= 40
    plots.class_distribution("title", {"train": counts.sum(axis=0)}, classes)


def test_pictures_of_many_classes_with_long_names_leave_room_for_them() -> None:
    names = [f"class {index} of a name that is rather long" for index in range(30)]
    curve = (np.ones(2), np.linspace(0, 1, 2), 1.0)
    many = plots.precision_recall_curves("t", dict.fromkeys(names, curve))
    few = plots.precision_recall_curves("t", dict.fromkeys(names[:3], curve))
    assert many.get_figwidth() > few.get_figwidth()
    (legend,) = many.legends
    assert legend.get_texts()[0].get_text()[:24] == "class 0 of a name that …"
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # that there is no room for the axes
        many.canvas.draw()
        figures.confusion_matrices("t", {"dev": np.ones((30, 30))}, names).canvas.draw()


def test_a_wide_caption_takes_two_lines() -> None:
    images = np.zeros((2, SIZE, SIZE, 3), np.uint8)
    figure = plots.image_sheet("t", images, ["Airplane (civ… → frog 0.93", "a → b 0.93"])
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert texts == ["Airplane (civ… →\nfrog 0.93", "a → b 0.93"]


def test_matplotlib_is_set_up_in_one_place() -> None:
    texts = {path: path.read_text() for path in SOURCE.rglob("*.py")}
    setting = [path for path, text in texts.items() if "rcParams" in text or "rcdefaults" in text]
    assert setting == [SOURCE / "plots.py"]


#: Imports the figures of each package as if it were the first, and prints the settings then.
IMPORTS = """
import importlib, sys
import matplotlib
user = matplotlib.rcParams.copy()
print(user["font.size"], user["savefig.dpi"])
for package in sys.argv[1:]:
    for name in [name for name in sys.modules if name.partition(".")[0] == "noisylab"]:
        del sys.modules[name]
    matplotlib.rcParams.update(user)
    importlib.import_module(f"noisylab.{package}.figures")
    print(matplotlib.rcParams["font.size"], matplotlib.rcParams["savefig.dpi"])
"""


def test_no_setting_of_the_user_reaches_a_picture(tmp_path: Path) -> None:
    (tmp_path / "matplotlibrc").write_text("font.size: 20\nsavefig.dpi: 50\n")
    packages = ("stats", "train", "relabel", "sweep", "adversarial")
    command = [sys.executable, "-c", IMPORTS, *packages]
    environment = {**os.environ, "MPLCONFIGDIR": str(tmp_path)}
    printed = subprocess.run(
        command, env=environment, stdout=subprocess.PIPE, text=True, check=True
    )
    of_user, *after = printed.stdout.splitlines()
    assert of_user == "20.0 50.0"
    assert after == ["10.0 figure"] * len(packages)


def test_a_title_with_long_names_stays_in_the_picture() -> None:
    images = np.zeros((2, SIZE, SIZE, 3), np.uint8)
    words = "2 of 2 dev images labelled Rotkehlchen (male) and predicted as European purple"
    for title, n_lines in ((f"run\n{words}", 3), ("run\n2 of 2 dev images", 2)):
        figure = plots.image_sheet(title, images, ["a", "b"])
        figure.canvas.draw()
        (shown,) = figure.texts
        assert shown.get_text().count("\n") == n_lines - 1
        box = shown.get_window_extent()
        assert box.x0 >= 0
        assert box.x1 <= figure.bbox.x1
        assert box.y0 >= figure.axes[0].get_window_extent().y1  # above the images


def test_long_names_below_an_attacked_image_stay_in_its_panel() -> None:
    names = ["a very long name of a class that goes on and on", "another rather long name", "cat"]
    image = np.zeros((SIZE, SIZE, 3), np.uint8)
    figure = attacks.example(image, image, np.full((2, 3), 1 / 3), names)
    figure.canvas.draw()
    boxes = [axes.xaxis.label.get_window_extent() for axes in figure.axes]
    assert boxes[0].x0 >= 0
    assert all(left.x1 <= right.x0 for left, right in pairwise(boxes))
