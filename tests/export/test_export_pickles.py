"""`noisylab export` of pickles in the user's own form, and of the bundled form."""

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from noisylab.core.errors import InputError
from noisylab.data.mosaics import mosaic_of
from noisylab.data.sources import read_source
from noisylab.export.repickle import with_labels

from .conftest import files, finish_run, photo, rows

Export = Callable[..., list[str]]

PIXELS = np.stack([np.asarray(photo(seed)) for seed in range(6)])
TENSORS = torch.from_numpy((PIXELS.transpose(0, 3, 1, 2) / 255 - 0.5) / 0.5)
GIVEN, CORRECTED = [0, 0, 0, 1, 1, 1], [1, 1, 0, 0, 1, 1]


def arrays(labels: list[int]) -> dict[str, Any]:
    return {
        "classes": ("car", "cat"),
        "true_labels": np.array(GIVEN, np.uint16),
        "labels": np.array(labels, np.uint8),
        "images": PIXELS,
        "names": [f"IMG_{number}.jpg" for number in range(6)],
    }


def tensors(labels: list[int]) -> dict[str, Any]:
    parts = arrays(labels)
    own = {"labels": torch.tensor(labels, dtype=torch.int32), "images": torch.from_numpy(PIXELS)}
    return {**parts, **own, "true_labels": parts["true_labels"]}


def pairs(
    image: Callable[[torch.Tensor], Any], label: Callable[[int], Any], both: type = tuple
) -> Callable[[list[int]], Any]:
    def made(labels: list[int]) -> Any:
        return [both((image(t), label(n))) for t, n in zip(TENSORS, labels, strict=True)]

    return made


FORMS: dict[str, Callable[[list[int]], Any]] = {
    "dict of arrays": arrays,
    "dict of lists": lambda labels: {**arrays(labels), "labels": labels},
    "dict of tensors": tensors,
    "tensors and ints": pairs(torch.Tensor.float, int),
    "half tensors and tensors": pairs(torch.Tensor.half, torch.tensor, list),
    "doubles and numpy ints": pairs(torch.Tensor.numpy, np.int16),
    "arrays and arrays": pairs(torch.Tensor.numpy, lambda n: np.array(n, np.uint8)),
    "tuple of pairs": lambda labels: tuple(pairs(torch.Tensor.float, int)(labels)),
}


def check_equal(got: Any, expected: Any) -> None:
    assert type(got) is type(expected)
    if isinstance(expected, (torch.Tensor, np.ndarray, np.generic)):
        assert (got.dtype, got.shape) == (expected.dtype, expected.shape)
        assert (got == expected).all()
    elif isinstance(expected, dict):
        assert [*got] == [*expected]
        check_equal([*got.values()], [*expected.values()])
    elif isinstance(expected, (list, tuple)):
        assert len(got) == len(expected)
        for one, other in zip(got, expected, strict=True):
            check_equal(one, other)
    else:
        assert got == expected


@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
@pytest.mark.parametrize("form", FORMS)
def test_only_labels_change(tmp_path: Path, form: str, protocol: int) -> None:
    path = tmp_path / "train.pickle"
    path.write_bytes(pickle.dumps(FORMS[form](GIVEN), protocol))
    content = with_labels(path, np.array(CORRECTED))
    check_equal(pickle.loads(content), FORMS[form](CORRECTED))
    starts = content[:2] if protocol else b"\x80\0"
    assert starts == bytes([0x80, protocol])
    assert (content[:1] == b"\x80") == (protocol > 0)
    check_equal(pickle.loads(with_labels(path, np.array(GIVEN))), FORMS[form](GIVEN))


def write_source(project: Path, content: Any) -> Path:
    source = project / "photos"
    source.mkdir()
    (source / "train.pickle").write_bytes(pickle.dumps(content))
    pairs_of = zip(TENSORS, GIVEN, strict=True)
    dev: Any = [(tensor.flip(2).float(), label) for tensor, label in pairs_of]
    if isinstance(content, dict):
        dev = {**content, "images": PIXELS[:, ::-1].copy(), "names": content["names"]}
    (source / "dev.pickle").write_bytes(pickle.dumps(dev))
    return source


CHANGED = """
train,0,car,cat,0.9,yes,cat,rule
train,1,car,cat,0.9,yes,cat,rule
train,3,cat,car,0.7,yes,car,rule
"""


def test_pickles_of_pairs_come_back_with_their_classes(project: Path, export: Export) -> None:
    source = write_source(project, FORMS["tensors and ints"](GIVEN))
    (source / "classes.txt").write_text("car\ncat\n")
    finish_run(project, CHANGED, {})
    assert export("out")[-1] == "written: out"
    assert files(project / "out") == ["classes.txt", "dev.pickle", "train.pickle"]
    content = pickle.loads((project / "out/train.pickle").read_bytes())
    check_equal(content, FORMS["tensors and ints"](CORRECTED))
    again = read_source(project / "out")
    assert again.train.labels.tolist() == CORRECTED
    assert again.dev.labels.tolist() == GIVEN
    assert again.train.classes == ("car", "cat")


def test_images_of_pickles_are_listed_by_name(project: Path, export: Export) -> None:
    write_source(project, arrays(GIVEN))
    finish_run(project, CHANGED, {})
    export("out", "--changes")
    names = [row["file"] for row in rows(project / "out/changes.csv")]
    assert names == ["IMG_0.jpg", "IMG_1.jpg", "IMG_3.jpg"]


def test_without_names_images_are_listed_by_number(project: Path, export: Export) -> None:
    source = write_source(project, FORMS["tensors and ints"](GIVEN))
    (source / "classes.txt").write_text("car\ncat\n")
    finish_run(project, CHANGED, {})
    export("out", "--changes")
    names = [row["file"] for row in rows(project / "out/changes.csv")]
    assert names == ["train 0", "train 1", "train 3"]


@pytest.mark.parametrize("kind", [str, str.encode])
def test_batches_of_cifar_come_back_as_batches(
    project: Path, export: Export, kind: Callable[[str], Any]
) -> None:
    source = project / "photos"
    source.mkdir()
    rows_ = PIXELS.transpose(0, 3, 1, 2).reshape(6, -1).copy()
    names = [*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"]
    batches = {
        name: {kind("data"): np.roll(rows_, place, axis=1), kind("labels"): GIVEN}
        for place, name in enumerate(names)
    }
    batches["batches.meta"] = {kind("label_names"): [kind("car"), kind("cat")]}
    for name, content in batches.items():
        (source / name).write_bytes(pickle.dumps(content))
    finish_run(project, "\ntrain,7,car,cat,0.9,yes,cat,rule\ndev,3,cat,car,0.9,yes,car,rule\n", {})
    assert export("out")[-1] == "written: out"
    assert files(project / "out") == sorted(batches)
    batches["data_batch_2"][kind("labels")] = [0, 1, 0, 1, 1, 1]
    batches["data_batch_5"][kind("labels")] = [0, 0, 0, 0, 1, 1]
    for name, content in batches.items():
        check_equal(pickle.loads((project / "out" / name).read_bytes()), content)
    assert read_source(project / "out").train.labels.sum() == 13


def test_a_damaged_pickle_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "train.pickle"
    path.write_bytes(pickle.dumps(arrays(GIVEN))[:-10])
    with pytest.raises(InputError, match=r"train\.pickle: is damaged or not a pickle"):
        with_labels(path, np.array(GIVEN))


BUNDLED = """
train,0,car,cat,0.9,yes,cat,rule
dev,1,cat,car,0.8,yes,car,rule
"""


def write_bundle(project: Path) -> Path:
    source = project / "photos"
    source.mkdir()
    for name in ("images.png", "test.png"):
        Image.fromarray(mosaic_of(PIXELS, 6)).save(source / name)
    lines = ["tile,split,label,true_label,cifar10_index"]
    lines += ["0,train,car,cat,10", "1,dev,car,car,11", "2,train,cat,cat,12", "3,dev,cat,cat,13"]
    lines += [
        "4,train,car,car,14",
        "5,dev,cat,cat,17",
        "0,test,car,car,15",
        "1,test,cat,cat,16",
        "",
    ]
    (source / "labels.csv").write_text("\n".join(lines))
    return source


def test_the_bundled_form_is_a_source_with_corrected_labels(project: Path, export: Export) -> None:
    source = write_bundle(project)
    finish_run(project, BUNDLED, {})
    assert export("out")[-1] == "written: out"
    assert files(project / "out") == ["images.png", "labels.csv", "test.png"]
    given, written = rows(source / "labels.csv"), rows(project / "out/labels.csv")
    corrected = [row["label"] for row in written]
    assert corrected == ["cat", "car", "cat", "car", "car", "cat", "car", "cat"]
    for row in written:
        row["label"] = row.pop("given_label")
    assert written == given
    before, after = (read_source(folder).sets for folder in (source, project / "out"))
    for split, labels in {"train": ["cat", "cat", "car"], "dev": ["car", "car", "cat"]}.items():
        assert [after[split].classes[label] for label in after[split].labels] == labels
        assert (after[split].images == before[split].images).all()


def test_the_bundled_form_may_have_no_test_set(project: Path, export: Export) -> None:
    source = write_bundle(project)
    lines = (source / "labels.csv").read_text().splitlines(keepends=True)
    (source / "labels.csv").write_text("".join(line for line in lines if ",test," not in line))
    (source / "test.png").unlink()
    finish_run(project, BUNDLED, {})
    assert export("out")[-1] == "written: out"
    assert files(project / "out") == ["images.png", "labels.csv"]


def test_the_bundled_photographs_are_listed_by_their_place_in_cifar10(
    project: Path, export: Export
) -> None:
    write_bundle(project)
    finish_run(project, BUNDLED, {})
    export("out", "--changes")
    assert [*rows(project / "out/changes.csv")] == [
        {"file": "cifar10/train/10", "from": "car", "to": "cat", "score": "0.9", "by": "rule"},
        {"file": "cifar10/train/13", "from": "cat", "to": "car", "score": "0.8", "by": "rule"},
    ]
