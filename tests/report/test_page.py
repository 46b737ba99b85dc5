"""The page as a whole: one file, the same bytes, nothing from data that is not escaped."""

import re
from pathlib import Path

import pytest
from made_run import make_run

from noisylab.core.errors import InputError

LAB = {"train": (4949, 449, 227), "dev": (551, 51, 23)}


def test_the_same_run_gives_the_same_bytes(tmp_path: Path) -> None:
    assert make_run(tmp_path / "a").html() == make_run(tmp_path / "b").html()


def test_nothing_is_loaded_from_elsewhere(tmp_path: Path) -> None:
    text = make_run(tmp_path).html()
    sources = re.findall(r'(?:src|href)="([^"]*)"', text)
    assert all(source.startswith(("data:", "#")) for source in sources)
    assert not re.search(r"<script|@import|url\(|https?:", text)


def test_headings_are_in_order_and_contents_lead_somewhere(tmp_path: Path) -> None:
    text = make_run(tmp_path).html()
    levels = [int(level) for level in re.findall(r"<h(\d)", text)]
    assert levels[0] == 1
    assert set(levels[1:]) == {2}
    links = re.findall(r'<a href="#([^"]*)"', text)
    assert len(links) > 11
    assert set(links) <= set(re.findall(r'id="([^"]*)"', text))


def test_every_step_has_its_story(tmp_path: Path) -> None:
    text = make_run(tmp_path).html()
    sections = dict(re.findall(r'<section id="(\w+)"(.*?)</section>', text, flags=re.DOTALL))
    steps = ("train_baseline", "train_balanced", "train_augmented", "relabel", "train_fixed")
    for name in (*steps, "lr_sweep", "adversarial"):
        told = re.findall(r"<dt>(.*?)</dt>", sections[name])
        assert told[:3] == ["Problem", "Method", "Result"]
        assert told[3].startswith("Compared with")
        assert "<table" in sections[name]
        assert "<img" in sections[name]
    assert {"Problem", "Method"} <= set(re.findall(r"<dt>(.*?)</dt>", sections["data"]))


def test_names_from_data_are_escaped(tmp_path: Path) -> None:
    names = (
        '<script>alert("1")</script>',
        "a & b $x$ 'q' {{ 7*7 }} {0}",
        "\u05d7\u05ea\u05d5\u05dc",
    )
    run = make_run(tmp_path, names)
    text = run.html(params_text="source: <b>&amp;\n")
    assert "<script" not in text
    assert "&lt;script&gt;alert(&#34;1&#34;)&lt;/script&gt;" in text
    assert "a &amp; b $x$ &#39;q&#39; {{ 7*7 }} {0}" in text
    assert "<bdi>\u05d7\u05ea\u05d5\u05dc</bdi>" in text
    assert "source: &lt;b&gt;&amp;amp;" in text


def test_the_lab_reports_figures_are_beside_its_own_images_alone(tmp_path: Path) -> None:
    ours = make_run(tmp_path / "ours", train=LAB["train"], dev=LAB["dev"]).html()
    assert "lab report" in ours
    assert ">None<" not in ours  # what the lab report does not tell is a dash
    for figure in ("88%", "83%", "78%", "28%", "27 and 10", "3e-07"):
        assert figure in ours
    assert "lab report" not in make_run(tmp_path / "a", train=LAB["train"]).html()
    other_names = ("cat", "truck", "car")
    other = make_run(tmp_path / "b", other_names, train=LAB["train"], dev=LAB["dev"])
    assert "lab report" not in other.html()


def test_all_runs_are_in_the_table(tmp_path: Path) -> None:
    text = make_run(tmp_path).html()
    table = text[text.index('id="runs"') :]
    rows = re.findall(r'<th scope="row">(.*?)</th>', table)
    assert [re.sub("<.*?>", "", row) for row in rows] == [
        "train_baseline report",
        "train_balanced one_minus_frequency",
        "train_balanced inverse_frequency, kept",
        "train_augmented report",
        "train_augmented best, kept",
        "train_fixed report",
        "train_fixed best, kept",
        "lr_sweep best",
        "the final model, that of train_fixed",
    ]
    groups = re.findall(r'scope="col" class="group" colspan="3">(.*?)<', table)
    assert groups == ["dev (given labels)", "dev (corrected labels)", "dev (true labels)", "test"]


def test_a_missing_or_broken_picture_is_named(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    picture = tmp_path / "plots/lr_sweep/rates.png"
    picture.write_bytes(picture.read_bytes()[:60])
    with pytest.raises(InputError, match=r"rates\.png: cannot be read: is not a PNG image; run"):
        run.html()
    picture.unlink()
    with pytest.raises(InputError, match=r"rates\.png: cannot be read: No such file"):
        run.html()
    for sheet in (tmp_path / "plots/stats/sheets").iterdir():
        sheet.unlink()
    with pytest.raises(InputError, match=r"sheets/0_\*\.png: there is no such file"):
        run.html()


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("adversarial.json", ("final", "example")),
        ("adversarial.json", ("final", "example", "target_after")),
        ("adversarial.json", ("train_fixed", "example", "near")),
        ("adversarial.json", ("final", "smallest", "linf_median")),
        ("relabel.json", ("train", "flagged")),
        ("relabel.json", ("dev", "corrected")),
        ("relabel.json", ("rules", "best", "flagged")),
    ],
)
def test_a_figure_that_the_metrics_lack_is_named(
    tmp_path: Path, name: str, keys: tuple[str, ...]
) -> None:
    run = make_run(tmp_path)
    run.remove(name, *keys)
    with pytest.raises(InputError) as error:
        run.html()
    remedy = "run `dvc repro`, which writes it again"
    assert str(error.value) == f"the metrics have no {keys[-1]!r}; {remedy}"
