"""`noisylab predict`, from the command line to its table."""

import csv
import fcntl
import io
import json
import os
import pickle
import pty
import signal
import struct
import subprocess
import sys
import termios
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import ExifTags, Image

from noisylab.data.sources import read_source
from noisylab.learning.network import SimpleModel, dump_weights
from noisylab.learning.training import predict_probs
from noisylab.predict import __main__ as program
from noisylab.predict import run

CLASSES = ("car", "cat", "éléphant, grey")
BROKEN = "expected a PNG or JPEG image, got an empty file; replace it or "


@pytest.fixture
def model(tmp_path: Path) -> SimpleModel:
    """A model whose predictions differ from image to image, in model.pt."""
    torch.manual_seed(0)
    made = SimpleModel(3, classes=CLASSES).eval()
    with torch.no_grad():
        made.fc3.weight *= 50
    (tmp_path / "model.pt").write_bytes(dump_weights(made))
    return made


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A source with photos that training turns, scales, and puts on white."""
    rng = np.random.default_rng(0)
    turned = Image.Exif()
    turned[ExifTags.Base.Orientation] = 6
    for split in ("train", "dev"):
        for name in CLASSES:
            folder = tmp_path / "photos" / split / name
            folder.mkdir(parents=True)
            pixels = rng.integers(0, 256, (40, 56, 4), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / "a.png")
            Image.fromarray(pixels[..., :3]).save(folder / "b.JPG", exif=turned)
            Image.fromarray(pixels[:32, :32, 0]).save(folder / "c.png")
    return tmp_path / "photos"


def predict(*arguments: str | Path, model: str | Path | None = None) -> int:
    """The exit code."""
    given = [] if model is None else ["--model", str(model)]
    with pytest.raises(SystemExit) as ended:
        program.main([*given, *map(str, arguments)])
    code = ended.value.code
    if isinstance(code, str):  # as Python ends a program
        print(code, file=sys.stderr)
    return int(code) if isinstance(code, (bool, int)) else 1


def table(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text)))


def test_photos_are_classified_as_the_set_made_of_them(
    photos: Path,
    model: SimpleModel,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(run, "_BATCH", 4)
    assert predict(photos / "train", model=photos.parent / "model.pt") == 0
    header, *rows = table(capsys.readouterr().out)
    assert header == ["file", "class", "probability", *CLASSES]
    train = read_source(photos).train
    assert [row[0] for row in rows] == [str(photos / name) for name in train.names or ()]
    expected = predict_probs(model, train.images)
    np.testing.assert_allclose(np.array([row[3:] for row in rows], float), expected, atol=2e-5)
    assert [row[1] for row in rows] == [CLASSES[label] for label in expected.argmax(axis=1)]
    assert [float(row[2]) for row in rows] == pytest.approx(expected.max(axis=1), abs=2e-5)
    assert len({row[2] for row in rows}) == len(rows)  # the comparison can fail


def test_one_file_of_a_deep_set_is_read_on_the_scale_of_the_set(
    tmp_path: Path, model: SimpleModel, capsys: pytest.CaptureFixture[str]
) -> None:
    values = np.random.default_rng(0).integers(0, 500, (32, 32), dtype=np.uint16)
    values[0, 0] = 499
    path, weights = tmp_path / "dark.png", tmp_path / "model.pt"
    Image.fromarray(values).save(path)
    levels = np.stack([values >> 4] * 3, axis=-1).astype(np.uint8)  # as in a set of 12 bits
    expected = predict_probs(model, levels[None])[0]

    def probs(*options: str) -> tuple[np.ndarray, str]:
        assert predict(path, *options, model=weights) == 0
        said = capsys.readouterr()
        return np.array(table(said.out)[1][3:], float), said.err

    made, notice = probs()
    hold = "1 PNG with 16 bits a channel hold values up to 499: read as "
    hint = "; to use the scale of the training set, give --bits"
    assert notice == f"{hold}9-bit values, 0 to 511{hint}\n"
    assert np.abs(made - expected).max() > 0.1
    made, notice = probs("--bits", "12")
    assert notice == f"{hold}12-bit values, 0 to 4,095\n"
    np.testing.assert_allclose(made, expected, atol=2e-5)
    np.testing.assert_array_equal(probs("--bits", "9")[0], probs()[0])


def test_unreadable_files_are_named_and_the_rest_goes_on(
    photos: Path, model: SimpleModel, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = photos / "train" / "car"
    (folder / "bad.png").write_bytes(b"")
    (folder / "notes.txt").write_bytes(b"")
    (folder / "bad.pickle").write_bytes(b"")
    empty = photos / "empty"
    empty.mkdir()
    code = predict(folder, photos / "none.png", empty, model=photos.parent / "model.pt")
    said = capsys.readouterr()
    assert code == 1
    names = [row[0] for row in table(said.out)[1:]]
    assert names == [str(folder / name) for name in ("a.png", "b.JPG", "c.png")]
    assert said.err.splitlines() == [
        f"{empty}: expected images in this folder (.png, .jpg, .jpeg, .pickle, .pkl), got none",
        f"{folder / 'bad.pickle'}: is empty; write it again with pickle.dump",
        f"{folder / 'bad.png'}: {BROKEN}remove it",
        f"{photos / 'none.png'}: cannot be read: No such file or directory; check the path",
        "passed over, since only .png, .jpg, .jpeg, .pickle, .pkl are read: "
        f"{folder / 'notes.txt'}",
    ]


def test_json_is_a_list_of_objects(
    photos: Path, model: SimpleModel, capsys: pytest.CaptureFixture[str]
) -> None:
    weights = photos.parent / "model.pt"
    first, second = photos / "dev/car/a.png", photos / "dev/cat/b.JPG"
    assert predict(first, "--json", second, model=weights) == 0
    made = json.loads(capsys.readouterr().out)
    assert [one["file"] for one in made] == [str(first), str(second)]
    for one in made:
        assert list(one) == ["file", "class", "probability", "probabilities"]
        assert list(one["probabilities"]) == list(CLASSES)
        assert one["probability"] == max(one["probabilities"].values())
        assert one["probabilities"][one["class"]] == one["probability"]
    assert predict(photos / "none.png", "--json", model=weights) == 1
    assert json.loads(capsys.readouterr().out) == []


def test_a_model_without_class_names_needs_them(
    photos: Path, model: SimpleModel, capsys: pytest.CaptureFixture[str]
) -> None:
    path, photo = photos.parent / "nameless.pt", photos / "dev/car/a.png"
    model.classes = None
    path.write_bytes(dump_weights(model))
    assert predict(photo, model=path) == 1
    assert capsys.readouterr().err == (
        f"{path}: does not name its 3 classes; give their names, in the order of its outputs, "
        "as --classes NAME,NAME,...\n"
    )
    assert predict("--classes", 'a, b,"c,d"', photo, model=path) == 0
    assert table(capsys.readouterr().out)[0][3:] == ["a", "b", "c,d"]
    assert predict("--classes", "a\nb\nc\n", photo, model=path) == 0  # the lines of classes.txt
    assert table(capsys.readouterr().out)[0][3:] == ["a", "b", "c"]
    for listed, message in {
        "a,b": f"expected the 3 classes of {path}, got ['a', 'b']",
        "a,b,b": "classes must be distinct, got 'b' more than once",
    }.items():
        assert predict("--classes", listed, photo, model=path) == 1
        said = capsys.readouterr()
        assert (said.out, said.err) == ("", f"--classes: {message}\n")


def test_other_class_names_than_the_models_are_refused(
    photos: Path, model: SimpleModel, capsys: pytest.CaptureFixture[str]
) -> None:
    path = photos.parent / "model.pt"
    assert predict(photos, "--classes", "cat,car,dog", model=path) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("--classes: expected the 3 classes ['car', 'cat', 'éléphant")


@pytest.mark.usefixtures("model")
def test_a_missing_model_ends_it_with_one_line(
    photos: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(photos)
    assert predict("dev") == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == "models/lr_sweep.pt: does not exist yet; run make repro first\n"


@pytest.mark.usefixtures("model")
def test_the_signals_of_the_calling_process_stay_as_they_are(photos: Path) -> None:
    handlers = [signal.getsignal(number) for number in sorted(signal.valid_signals())]
    assert predict(photos, model=photos.parent / "model.pt") == 0
    assert [signal.getsignal(number) for number in sorted(signal.valid_signals())] == handlers


def command(photos: Path) -> list[str]:
    weights = str(photos.parent / "model.pt")
    return [sys.executable, "-m", "noisylab", "predict", "--model", weights, str(photos)]


@pytest.mark.usefixtures("model")
def test_a_terminal_shows_a_bar(
    photos: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    with os.fdopen(theirs, "w") as terminal:
        monkeypatch.setattr(sys, "stderr", terminal)
        assert predict(photos, model=photos.parent / "model.pt") == 0
    shown = b""
    with suppress(OSError):  # the other end is closed
        while part := os.read(ours, 10_000):
            shown += part
    os.close(ours)
    assert b"predict: 100%" in shown
    assert b"18/18" in shown
    assert len(capsys.readouterr().out.splitlines()) == 19


@pytest.mark.usefixtures("model")
def test_a_reader_that_has_enough_ends_it_quietly(photos: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    ended = subprocess.run(
        command(photos), stdout=writing, stderr=subprocess.PIPE, check=False, timeout=120
    )
    os.close(writing)
    assert ended.stderr == b""
    assert ended.returncode != 0


@pytest.mark.usefixtures("model")
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_a_full_disk_ends_it_with_one_line(photos: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        ended = subprocess.run(
            command(photos), stdout=full, stderr=subprocess.PIPE, check=False, timeout=120
        )
    assert ended.stderr.splitlines()[-1] == (
        b"the predictions cannot be written: No space left on device"
    )
    assert b"Traceback" not in ended.stderr
    assert ended.returncode == 1


@pytest.mark.usefixtures("model")
def test_names_of_any_bytes_come_back(
    photos: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    weights = photos.parent / "model.pt"
    odd, empty = (os.fsencode(photos) + b"/dev/" + name for name in (b"\xff.png", b"\xfe.png"))
    (photos / "dev/car/a.png").rename(os.fsdecode(odd))
    assert predict(photos, "--json", model=weights) == 0
    listed = json.loads(capfdbinary.readouterr().out)
    assert any(os.fsencode(one["file"]) == odd for one in listed)
    Path(os.fsdecode(empty)).write_bytes(b"")
    assert predict(photos, model=weights) == 1
    shown = capfdbinary.readouterr()
    assert odd in shown.out
    assert b"\\udcfe.png: expected" in shown.err


def test_images_of_a_pickle_are_named_by_it(
    tmp_path: Path, model: SimpleModel, capsys: pytest.CaptureFixture[str]
) -> None:
    images = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)
    path = tmp_path / "new.pickle"
    path.write_bytes(pickle.dumps(images))
    assert predict(path, model=tmp_path / "model.pt") == 0
    rows = table(capsys.readouterr().out)[1:]
    assert [row[0] for row in rows] == [f"{path}#0", f"{path}#1", f"{path}#2"]
    np.testing.assert_allclose(
        np.array([row[3:] for row in rows], float), predict_probs(model, images), atol=2e-5
    )
    path.write_bytes(pickle.dumps({"images": images[:1], "names": ["IMG_1.jpg"]}))
    assert predict(path, model=tmp_path / "model.pt") == 0
    assert table(capsys.readouterr().out)[1][0] == "IMG_1.jpg"
