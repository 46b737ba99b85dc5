"""Classify images with a trained model: noisylab predict [--model FILE] PATH..."""

from __future__ import annotations

import argparse
import csv
import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm import tqdm

from noisylab.core.errors import InputError, located, shown_list
from noisylab.core.files import check_made
from noisylab.core.images import check_classes
from noisylab.data.sources import deep
from noisylab.data.sources.photos import first_few
from noisylab.predict.finding import READ, find_files
from noisylab.predict.outputs import CsvTable, JsonList

if TYPE_CHECKING:
    from noisylab.learning.network import SimpleModel

_MODEL = "models/lr_sweep.pt"
_DESCRIPTION = """Classify images with a trained model. Prints a CSV table with the columns file,
class, probability, and one column of probabilities for each class. A file that cannot be read is
named on standard error and passed over; the exit code is then 1."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the prediction of each image."""
    parser = argparse.ArgumentParser(prog="noisylab predict", description=_DESCRIPTION)
    parser.add_argument("paths", metavar="PATH", nargs="+", help="an image, a pickle, or a folder")
    parser.add_argument("--model", default=_MODEL, metavar="FILE", help=f"default {_MODEL}")
    names = "names of a model whose file has none, in the order of its outputs: car,truck,cat"
    parser.add_argument("--classes", metavar="NAMES", help=names)
    bits = "bits of the values in 16-bit PNG: the number that prepare printed, or 16 if none"
    parser.add_argument("--bits", type=int, choices=range(8, deep.FULL + 1), help=bits)
    parser.add_argument("--json", action="store_true", help="print a JSON list instead of CSV")
    options = parser.parse_intermixed_args(arguments)
    try:
        n_errors = _predict(options)
    except InputError as error:
        sys.exit(str(error))
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for the flush at exit
        if isinstance(error, BrokenPipeError):  # `head` has read enough
            sys.exit(1)
        sys.exit(f"the predictions cannot be written: {error.strerror}")
    sys.exit(n_errors > 0)


def _predict(options: argparse.Namespace) -> int:
    """The number of paths that could not be read."""
    found = find_files(options.paths)
    from noisylab.predict.run import predict_files  # here: PyTorch takes seconds to import

    model, classes = _read_model(options.model, options.classes)
    for line in found.errors:
        _complain(line)
    n_errors = len(found.errors)
    if isinstance(sys.stdout, io.TextIOWrapper):  # a file's name may have any bytes
        escape = "backslashreplace" if options.json else "surrogateescape"
        sys.stdout.reconfigure(encoding="utf-8", errors=escape)
    table = (JsonList if options.json else CsvTable)(sys.stdout, classes)
    bar = tqdm(total=len(found.files), desc="predict", unit=" files", disable=None)
    for n_files, results in predict_files(model, found.files, options.bits):
        with tqdm.external_write_mode():
            for result in results:
                if isinstance(result, InputError | str):
                    _complain(str(result))
                    n_errors += isinstance(result, InputError)
                else:
                    table.write(result)
            sys.stdout.flush()
        bar.update(n_files)
    bar.close()
    table.end()
    if found.skipped:
        listed = first_few([str(file) for file in found.skipped], "files")
        _complain(f"passed over, since only {READ} are read: {listed}")
    return n_errors


def _read_model(path: str, listed: str | None) -> tuple[SimpleModel, tuple[str, ...]]:
    """The model, and the classes that its file or else the user names."""
    from noisylab.learning.network import read_weights

    if path == _MODEL:
        check_made(Path(path))
    model = read_weights(path)
    if listed is None:
        if model.classes is None:
            raise InputError(
                f"{path}: does not name its {model.n_classes} classes; give their names, in the "
                "order of its outputs, as --classes NAME,NAME,..."
            )
        return model, model.classes
    classes = tuple(name.strip() for row in csv.reader(listed.splitlines()) for name in row)
    if len(classes) != model.n_classes or model.classes not in (None, classes):
        expected = f" {shown_list(model.classes)}" if model.classes else ""
        raise InputError(
            f"--classes: expected the {model.n_classes} classes{expected} of {path}, "
            f"got {shown_list(classes)}"
        )
    with located("--classes"):
        check_classes(classes)
    return model, classes


def _complain(line: str) -> None:
    shown = line if line.isprintable() else ascii(line)[1:-1]
    print(shown, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
