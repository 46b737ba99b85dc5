import io

import numpy as np
import pytest
from matplotlib.cbook import STEP_LOOKUP_MAP
from matplotlib.colors import to_hex

from noisylab.learning.calibration import reliability
from noisylab.learning.evaluation import precision_recall
from noisylab.plots import precision_recall_curves
from noisylab.train import figures


def test_curves_are_green_for_train_and_red_for_dev() -> None:
    (axes,) = figures.loss_curves("title", ([3.0, 2.0, 1.0], [3.0, 2.5, 2.6])).axes
    drawn = {
        line.get_label(): (to_hex(line.get_color()), np.asarray(line.get_ydata()).tolist())
        for line in axes.lines
    }
    assert drawn == {"train": ("#2ca02c", [3, 2, 1]), "dev": ("#d62728", [3, 2.5, 2.6])}
    assert [line.get_linestyle() for line in axes.lines] == ["-", "--"]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("epoch", "loss, nats")
    assert axes.get_title() == "title"
    legend = axes.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["train", "dev"]


def test_the_area_below_a_curve_is_its_average_precision() -> None:
    is_positive = np.array([0, 1, 0, 1, 1, 0], bool)
    curve = precision_recall(is_positive, np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.4]))
    (axes,) = precision_recall_curves("title", {"car": curve}).axes
    (line,) = axes.lines
    # As drawn: each value with the corner that its style puts before or after it.
    x, y = STEP_LOOKUP_MAP[line.get_drawstyle()](*line.get_data())
    assert np.sum(np.diff(x) * y[1:]) == pytest.approx(curve[2])


def test_confusion_matrices_write_every_count() -> None:
    counts = np.array([[90, 10], [0, 0]])
    figure = figures.confusion_matrices("run", {"dev": counts, "test": counts.T}, ("car", "cat"))
    dev, test = figure.axes
    assert [text.get_text() for text in dev.texts] == ["90\n90%", "10\n10%", "–", "–"]
    assert [text.get_text() for text in test.texts] == ["90\n100%", "0\n0%", "10\n100%", "0\n0%"]
    assert (dev.get_xlabel(), dev.get_ylabel()) == ("predicted", "label")
    assert [label.get_text() for label in dev.get_yticklabels()] == ["car", "cat"]
    figure.canvas.draw()


def test_runs_side_by_side_share_a_scale() -> None:
    losses = {"a": ([2.0, 1.0], [2.0, 3.0]), "b": ([9.0, 1.0], [2.0, 2.0])}
    confusions = {name: np.eye(2, dtype=int) for name in losses}
    figure = figures.side_by_side("runs", losses, confusions, ("car", "cat"))
    curves = [axes for axes in figure.axes if axes.lines]
    assert len(curves) == 2
    assert curves[0].get_ylim() == curves[1].get_ylim()
    figure.canvas.draw()


def test_the_table_writes_every_class_and_the_means() -> None:
    values = np.array([[1.0, 0.5, 0.667], [0.0, 0.25, 0.0]])
    figure = figures.class_table("table", {"dev": values}, ("car", "cat"))
    (table,) = figure.axes[0].tables
    texts = {place: cell.get_text().get_text() for place, cell in table.get_celld().items()}
    assert [texts[0, column] for column in range(3)] == ["dev\nprecision", "dev\nrecall", "dev\nF1"]
    assert [texts[row, -1] for row in (1, 2, 3)] == ["car", "cat", "mean"]
    assert [texts[3, column] for column in range(3)] == ["0.500", "0.375", "0.334"]
    figure.canvas.draw()


def test_the_table_has_a_dash_for_a_figure_that_is_not_known() -> None:
    values = np.array([[1.0, 0.5, 0.667], [0.0, np.nan, np.nan]])
    (table,) = figures.class_table("table", {"dev": values}, ("car", "cat")).axes[0].tables
    texts = {place: cell.get_text().get_text() for place, cell in table.get_celld().items()}
    assert [texts[2, column] for column in range(3)] == ["0.000", "–", "–"]
    assert [texts[3, column] for column in range(3)] == ["0.500", "0.500", "0.667"]


def test_a_long_name_is_not_cut_off_at_the_table() -> None:
    figure = figures.class_table("t", {"dev": np.ones((2, 3))}, ["Airplane (civil)", "a"])
    figure.canvas.draw()
    cells = figure.axes[0].tables[0].get_celld()
    assert min(cell.get_window_extent().x0 for cell in cells.values()) >= 0


def test_a_sheet_of_augmentations_says_how_many_classes_it_shows() -> None:
    images = dict.fromkeys(("original", "mirror"), np.zeros((2, 32, 32, 3), np.uint8))
    titles = [figures.augmentations("run", images, n).get_suptitle() for n in (2, 120)]
    assert titles[0] == "run\nthe first image of each class, augmented"
    assert titles[1] == "run\nthe first image of 2 of 120 classes, augmented"


def test_suspects_are_shown_the_most_probable_first() -> None:
    images = np.zeros((4, 32, 32, 3), np.uint8)
    probs = np.array([[0.4, 0.6], [0.1, 0.9], [0.9, 0.1], [0.2, 0.8]])
    labels = np.array([0, 0, 0, 1])
    figure = figures.suspects("run", images, labels, probs, ("car", "cat"), 0, 1)
    assert [text.get_text() for text in figure.axes[0].texts] == ["1: 90%", "0: 60%"]
    assert figure.get_suptitle() == "run\n2 of 2 dev images labelled car and predicted as cat"


def test_reliability_has_a_point_for_each_bin_with_images_and_the_figures() -> None:
    probs = np.array([[0.9, 0.1], [0.3, 0.7], [0.1, 0.9]])
    found = reliability(np.array([0, 0, 1]), probs)
    figure = figures.reliability("run", {"dev": found, "test": found})
    dev, test = figure.axes
    for axes in (dev, test):
        points = np.asarray(axes.collections[0].get_offsets())
        assert points == pytest.approx(np.array([[0.7, 0], [0.9, 1]]))
    assert dev.get_title() == "dev: confidence 85.0%, calibration error 0.250"
    figure.canvas.draw()


def test_long_names_below_a_confusion_matrix_do_not_overlap() -> None:
    names = ["Rotkehlchen (male)", "European red-spotted purple", "blue tit", "cat"]
    figure = figures.confusion_matrices("run", {"dev": np.eye(4, dtype=int)}, names)
    figure.savefig(io.BytesIO())  # settles the layout
    (axes,) = figure.axes
    labels = axes.get_xticklabels()
    assert {label.get_rotation() for label in labels} == {45}
    assert all(label.get_window_extent().y0 >= 0 for label in labels)
    assert axes.get_window_extent().width > 4 * 40  # pixels: a cell holds a count and a share
    short = figures.confusion_matrices("run", {"dev": np.eye(3, dtype=int)}, ("car", "cat", "dog"))
    assert {label.get_rotation() for label in short.axes[0].get_xticklabels()} == {0}
