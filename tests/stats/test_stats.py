import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from noisylab.core.images import ImageSet
from noisylab.stats.outputs import write_stats
from noisylab.stats.run import channel_mean_std, describe, evenly_spread


def test_counts_shares_and_repetitions(train: ImageSet, dev: ImageSet) -> None:
    train = train.with_labels(np.where(np.arange(90) < 72, 0, np.where(np.arange(90) < 84, 1, 2)))
    train.images[5] = train.images[4]
    dev.images[0] = train.images[4]
    figures = describe({"train": train, "dev": dev, "test": dev.subset([])})
    assert list(figures) == ["train", "dev", "shared_images"]  # a test without images has none
    assert figures["train"]["images"] == 90
    assert figures["train"]["count"] == {"car": 72, "truck": 12, "cat": 6}
    assert figures["train"]["percent"]["car"] == pytest.approx(80)
    assert figures["train"]["imbalance_ratio"] == 12
    assert figures["train"]["repeated_images"] == 1
    assert figures["shared_images"] == {"train_dev": 1}


def test_channel_figures_equal_numpy(train: ImageSet) -> None:
    mean, std = channel_mean_std(train.images)
    assert mean == pytest.approx((train.images / 255).mean(axis=(0, 1, 2)))
    assert std == pytest.approx((train.images / 255).std(axis=(0, 1, 2)))


def test_sheets_are_of_one_label_and_spread(train: ImageSet) -> None:
    indices = evenly_spread(train.labels, 1, 10)
    assert len(set(indices)) == 10
    assert (train.labels[indices] == 1).all()
    assert (indices[0], indices[-1]) == (1, 88)
    assert len(evenly_spread(train.labels, 1, 1000)) == 30


def test_tables_and_pictures_cover_every_class(
    tmp_path: Path, train: ImageSet, dev: ImageSet
) -> None:
    odd = ImageSet(train.images, train.labels, ("a/b", "a b", "chat"))
    metrics, plots = (str(tmp_path / name) for name in ("stats.json", "plots"))
    lines = write_stats({"train": odd, "dev": dev}, 7, metrics=metrics, plots=plots)
    assert lines[0].startswith("train: images 90, count a/b 30, a b 30, chat 30, percent a/b 33.33")
    assert json.loads(Path(metrics).read_text())["dev"]["images"] == 30
    table = (tmp_path / "plots" / "classes.csv").read_text().splitlines()
    assert table[:3] == [
        "class,split,images,percent",
        "a/b,train,30,33.33333",
        "a/b,dev,10,33.33333",
    ]
    sheets = sorted(path.name for path in (tmp_path / "plots" / "sheets").iterdir())
    assert sheets == ["0_a_b.png", "1_a_b.png", "2_chat.png"]
    with Image.open(tmp_path / "plots" / "sheets" / sheets[0]) as sheet:
        assert sheet.width >= 7 * 64  # each image at least twice its size
