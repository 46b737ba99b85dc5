"""Templates and page of .dvc/plots, filled in by DVC itself in a small repository."""

import json
import os
import re
import runpy
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import vl_convert

Spec = dict[str, Any]

TEMPLATES = Path(__file__).parents[1] / ".dvc" / "plots"
SVG = "{http://www.w3.org/2000/svg}"
GREEN, RED = "#2ca02c", "#d62728"

DVC_YAML = """
plots:
  - loss:
      template: train_dev
      x: epoch
      y: {plots/a/history.csv: [train_loss, dev_loss]}
      y_label: loss
  - two runs:
      template: train_dev
      x: epoch
      y:
        plots/b/history.csv: [train_loss, dev_loss]
        plots/a/history.csv: [train_loss, dev_loss]
      y_label: loss
  - plots/a/confusion.csv:
      template: confusion
      x: predicted
      y: label
  - rates:
      template: rates
      x: rate
      y: {plots/a/trainings.csv: balanced_accuracy}
  - shares:
      template: shares
      x: epsilon
      y: {plots/a/success.csv: [success, confident]}
      y_label: share
  - plots/a/dot.png
"""
# Level curves: train at 1 lies below dev at 2.
HISTORY = "epoch,train_loss,dev_loss\n1,1,2\n2,1,2\n3,1,2\n"
# The classes are sorted neither by name nor by count.
CONFUSION = """\
label,predicted,count,share
ship,ship,{},0.9
ship,auto,1,0.1
auto,ship,25,0.05
auto,auto,1475,0.95
"""
TRAININGS = """\
optimizer,rate,seed,balanced_accuracy
adam,1e-06,0,0.25
adam,1e-06,1,0.35
adam,0.001,0,0.75
adam,0.001,1,0.85
adam,1,0,nan
sgd,0.001,0,0.5
"""
SUCCESS = "epsilon,success,confident\n4,0.2,0.0\n8,0.5,0.1\n16,0.7,0.2\n"
DOT_PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c6360606060000000050001a5f64540"
    "0000000049454e44ae426082"
)


class Filled(NamedTuple):
    """Plots that DVC made from the templates."""

    show: dict[str, Spec]  # plot name -> spec, one revision
    diff: dict[str, Spec]  # plot name -> spec, two revisions
    page: Path  # the page of the diff


@pytest.fixture(scope="module")
def dvc(tmp_path_factory: pytest.TempPathFactory) -> Filled:
    repo = tmp_path_factory.mktemp("repo")
    environment = {
        **os.environ,
        "DVC_NO_ANALYTICS": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_AUTHOR_NAME": "test",
        "GIT_AUTHOR_EMAIL": "test@example.org",
        "GIT_COMMITTER_NAME": "test",
        "GIT_COMMITTER_EMAIL": "test@example.org",
    }

    def run(*command: str) -> str:
        done = subprocess.run(
            command, cwd=repo, env=environment, check=True, stdout=subprocess.PIPE, text=True
        )
        return done.stdout

    def commit(first_count: int) -> None:
        (repo / "plots/a/confusion.csv").write_text(CONFUSION.format(first_count))
        run("git", "add", "-A")
        run("git", "commit", "-q", "-m", f"{first_count}")

    def specs(*command: str) -> dict[str, Spec]:
        output = json.loads(run(dvc_program, "plots", *command, "--json"))
        assert "errors" not in output
        return {
            name: found[0]["content"]
            for name, found in output["data"].items()
            if found[0]["type"] == "vega"
        }

    dvc_program = str(Path(sys.executable).parent / "dvc")
    run("git", "init", "-q")
    run(dvc_program, "init", "-q")
    run(dvc_program, "config", "plots.html_template", "plots/page.html")
    shutil.copytree(TEMPLATES, repo / ".dvc" / "plots")
    for name, text in {
        "dvc.yaml": DVC_YAML,
        "plots/a/history.csv": HISTORY,
        "plots/b/history.csv": HISTORY,
        "plots/a/trainings.csv": TRAININGS,
        "plots/a/success.csv": SUCCESS,
    }.items():
        (repo / name).parent.mkdir(parents=True, exist_ok=True)
        (repo / name).write_text(text)
    (repo / "plots/a/dot.png").write_bytes(DOT_PNG)
    commit(9)
    commit(1234)
    run(dvc_program, "plots", "diff", "HEAD~1", "-o", "out")
    return Filled(specs("show"), specs("diff", "HEAD~1"), repo / "out" / "index.html")


def render(spec: Spec) -> ElementTree.Element:
    return ElementTree.fromstring(vl_convert.vegalite_to_svg(spec))


def texts(svg: ElementTree.Element) -> list[str]:
    """All visible texts, in drawing order."""
    return [
        element.text
        for element in svg.iter(SVG + "text")
        if element.text and element.get("fill-opacity") != "0"
    ]


def paths(svg: ElementTree.Element, role: str) -> list[ElementTree.Element]:
    return [path for path in svg.iter(SVG + "path") if path.get("aria-roledescription") == role]


def test_train_is_green_and_dev_is_red(dvc: Filled) -> None:
    heights = {}  # stroke -> first point of the curve, pixels from the top
    for path in paths(render(dvc.show["loss"]), "line mark"):
        heights[path.get("stroke")] = float(path.attrib["d"].split("L")[0].split(",")[1])
    assert set(heights) == {GREEN, RED}
    assert heights[GREEN] > heights[RED]  # train has the lower loss


def test_one_revision_has_no_legend_of_revisions(dvc: Filled) -> None:
    svg = render(dvc.show["loss"])
    assert {"loss", "epoch", "train", "dev"} <= set(texts(svg))
    assert "workspace" not in texts(svg)
    assert {path.get("stroke-dasharray") for path in paths(svg, "line mark")} == {"1,0"}


def test_dashes_distinguish_revisions(dvc: Filled) -> None:
    svg = render(dvc.diff["loss"])
    assert {
        (path.get("stroke"), path.get("stroke-dasharray")) for path in paths(svg, "line mark")
    } == {(GREEN, "1,0"), (RED, "1,0"), (GREEN, "6,3"), (RED, "6,3")}
    assert {"workspace", "HEAD~1"} <= set(texts(svg))


def test_runs_are_panels_in_the_order_of_dvc_yaml(dvc: Filled) -> None:
    svg = render(dvc.show["two runs"])
    assert [text for text in texts(svg) if text in ("a", "b")] == ["b", "a"]
    assert len(paths(svg, "line mark")) == 4


def test_short_runs_show_their_points(dvc: Filled) -> None:
    points = paths(render(dvc.show["loss"]), "point")
    assert len([point for point in points if point.get("opacity") == "1"]) == 6


def test_confusion_shows_counts_and_shares_in_file_order(dvc: Filled) -> None:
    seen = texts(render(dvc.show["plots/a/confusion.csv"]))
    assert {"1,234", "1", "25", "1,475", "90.0%", "10.0%", "5.0%", "95.0%"} <= set(seen)
    assert {"label", "predicted"} <= set(seen)
    assert [text for text in seen if text in ("ship", "auto")] == ["ship", "auto"] * 2
    assert "workspace" not in seen


def test_confusion_has_readable_contrast(dvc: Filled) -> None:
    svg = render(dvc.show["plots/a/confusion.csv"])
    colour = {text.text: text.get("fill") for text in svg.iter(SVG + "text")}
    assert (colour["1,234"], colour["25"]) == ("white", "black")


def test_confusion_has_one_panel_per_revision(dvc: Filled) -> None:
    seen = texts(render(dvc.diff["plots/a/confusion.csv"]))
    assert [text for text in seen if text in ("workspace", "HEAD~1")] == ["workspace", "HEAD~1"]
    assert {"1,234", "9"} <= set(seen)


def places(path: str) -> list[tuple[float, float]]:
    """Vertices of a line, in pixels."""
    pairs = re.findall(r"[ML](-?[\d.]+),(-?[\d.]+)", path)
    return [(float(x), float(y)) for x, y in pairs]


def test_rates_draw_one_line_per_optimizer_through_its_means(dvc: Filled) -> None:
    svg = render(dvc.show["rates"])
    points = {point.get("aria-label") for point in paths(svg, "point")}
    assert len(points) == 5  # the training at rate 1 diverged
    lines = [places(path.attrib["d"]) for path in paths(svg, "line mark")]
    ((left, low), (right, high)) = next(line for line in lines if len(line) == 2)
    assert (left, right) == pytest.approx((12, 428))  # the ends of a log axis 440 pixels wide
    assert low - high == pytest.approx(250 * (0.8 - 0.3) / 0.65, rel=0.1)
    assert {"adam", "sgd", "rate", "balanced_accuracy"} <= set(texts(svg))
    assert "workspace" not in texts(svg)


def test_dashes_distinguish_the_rates_of_revisions(dvc: Filled) -> None:
    dashes = {
        path.get("stroke-dasharray") for path in paths(render(dvc.diff["rates"]), "line mark")
    }
    assert dashes == {"1,0", "6,3"}


def test_shares_draw_one_line_per_column_on_an_axis_up_to_100_percent(dvc: Filled) -> None:
    svg = render(dvc.show["shares"])
    lines = [places(path.attrib["d"]) for path in paths(svg, "line mark")]
    heights = sorted([round(250 - y) for _, y in line] for line in lines)  # of 250 pixels
    assert heights == [[0, 25, 50], [50, 125, 175]]
    assert {"success", "confident", "epsilon", "share", "100%"} <= set(texts(svg))
    assert "workspace" not in texts(svg)
    both = render(dvc.diff["shares"])
    strokes = {
        (path.get("stroke"), path.get("stroke-dasharray")) for path in paths(both, "line mark")
    }
    assert len(strokes) == 4
    assert {"workspace", "HEAD~1"} <= set(texts(both))


class Loads(HTMLParser):
    """Collects what a page makes the browser load."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str | None] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        loading = ("src", "href", "srcset", "data", "action")
        self.addresses += [value for name, value in attrs if name in loading]


def test_page_loads_nothing_but_its_own_images(dvc: Filled) -> None:
    page = dvc.page.read_text(encoding="utf-8")
    loads = Loads()
    loads.feed(page)
    images = ["static/workspace_plots_a_dot.png", "static/HEAD~1_plots_a_dot.png"]
    assert loads.addresses == images
    assert all((dvc.page.parent / image).read_bytes() == DOT_PNG for image in images)
    style = page[page.index("<style>") : page.index("</style>")]
    assert "url(" not in style
    assert "@import" not in style


def test_page_embeds_vega_and_every_plot(dvc: Filled) -> None:
    page = dvc.page.read_text(encoding="utf-8")
    assert "window.vegaEmbed=" in page
    embedded = re.findall(r"vegaEmbed\('#(\w+)', spec\)", page)
    assert embedded == ["loss", "two_runs", "plots_a_confusion_csv", "rates", "shares"]
    assert "Redistributions in binary form must reproduce the above copyright notice" in page
    assert "{plot_divs}" not in page
    assert "{refresh_tag}" not in page


def test_page_html_is_up_to_date() -> None:
    page = (TEMPLATES / "page.html").read_text(encoding="utf-8")
    if f"vl-convert-python {version('vl-convert-python')}:" not in page:
        pytest.skip("page.html was made with another version of vl-convert-python")
    assert runpy.run_path(str(TEMPLATES / "make_page.py"))["make_page"]() == page
