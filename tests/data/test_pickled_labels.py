"""Dicts of arrays as people write them: labels in lists, names in classes.txt, objects."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from noisylab.core.errors import InputError
from noisylab.data.sources import read_source

from .conftest import noise
from .test_tensors import arrays, save


def test_labels_of_arrays_may_be_lists(tmp_path: Path) -> None:
    dev = arrays(images=noise(3, 32, 32, 3, seed=9), labels=(1, 1, 0), true_labels=[1, 0, 0])
    save(tmp_path, train=arrays(labels=[0, np.int64(1), np.array(1)]), dev=dev)
    source = read_source(tmp_path)
    assert source.train.labels.tolist() == [0, 1, 1]
    assert source.dev.labels.tolist() == [1, 1, 0]
    assert source.dev.true_labels is not None
    assert source.dev.true_labels.tolist() == [1, 0, 0]


def test_classes_txt_names_the_classes_of_arrays_without_names(tmp_path: Path) -> None:
    (tmp_path / "classes.txt").write_text("boat\ncar\n")
    dev = arrays(images=noise(3, 32, 32, 3, seed=9), classes=None)
    save(tmp_path, train=arrays(classes=None), dev=dev)
    assert read_source(tmp_path).dev.classes == ("boat", "car")
    save(tmp_path, train=arrays())  # its own names count
    with pytest.raises(InputError, match=r"dev\.pickle: expected the classes of train\.pickle"):
        read_source(tmp_path)


def test_the_error_for_objects_says_what_to_write_instead(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    tensors = torch.utils.data.TensorDataset(torch.zeros(2, 3, 4, 4), torch.tensor([0, 1]))
    for train in (tensors, [(Image.new("RGB", (4, 4)), 0)]):
        save(tmp_path, train=train, dev=arrays())
        with pytest.raises(InputError, match=r"uint8 array \(N, H, W, 3\) in a dict, see docs/own"):
            read_source(tmp_path)
