"""Shared by all stage scripts: parameters, one-line errors, progress and paths."""

from __future__ import annotations

import signal
import sys


def _stopped(number: int) -> str:
    return f"stopped by {signal.Signals(number).name}; run the same command to continue"


def _end(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        print(_stopped(signal.SIGINT), file=sys.stderr)
    else:
        sys.__excepthook__(kind, error, traceback)


sys.excepthook = _end  # before the slow imports: Ctrl-C during them prints no traceback

import gc
import io
import os

# A run depends on params.yaml, not on the shell or notebook that starts it. Pictures are files: a
# notebook's backend, which may not be installed here, has no say. The others lower the precision.
os.environ["MPLBACKEND"] = "agg"
for _name in (
    "DNNL_DEFAULT_FPMATH_MODE",
    "NVIDIA_TF32_OVERRIDE",
    "ONEDNN_DEFAULT_FPMATH_MODE",
    "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE",
):
    os.environ.pop(_name, None)

import re
import time
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from tqdm import tqdm

from noisylab.config.params import Params, read_params
from noisylab.config.settings import ENGINES, is_engine
from noisylab.core.errors import InputError, shown
from noisylab.core.processes import when_orphaned

_STOPS = (signal.SIGINT, signal.SIGTERM)
_GC_THRESHOLD = 50_000  # allocations between garbage collections; Python's default is at most 2,000
_GRACE_SECONDS = 10  # between SIGTERM and a forced exit

if TYPE_CHECKING:
    from types import FrameType, TracebackType

    from noisylab.learning.kept import Training
    from noisylab.learning.training import Epoch


def run(main: Callable[[Params], None]) -> None:
    """Validate all of params.yaml and run the stage.

    `main` does the slow imports itself, so that an invalid value is reported at once and Ctrl-C
    works from the start.

    A user error exits with code 1 and one line on standard error. Ctrl-C and SIGTERM do too, and
    leave no half-written output. A killed DVC does not stop its stage, so the stage also exits
    when DVC is gone.
    """
    for number in _STOPS:
        signal.signal(number, _stop)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # names that the terminal cannot show
    if sys.getfilesystemencoding() != "utf-8":  # files are named after classes
        sys.exit(f"file names are {sys.getfilesystemencoding()} here; run: export PYTHONUTF8=1")
    when_orphaned(_stop_orphan)
    gc.set_threshold(_GC_THRESHOLD)  # the default slows the imports of torch and matplotlib
    try:
        main(read_params("params.yaml"))
    except InputError as error:
        sys.exit(str(error))
    except (MemoryError, RuntimeError) as error:
        text = str(error)
        # On a CPU, torch raises a plain RuntimeError.
        if isinstance(error, RuntimeError) and not re.search("(allocate|out of) memory", text):
            raise
        reason = text.partition("\n")[0] or type(error).__name__
        remedy = "close other programs, lower batch_size, or set engine to local:1"
        sys.exit(f"out of memory: {remedy} ({reason})")
    gc.freeze()  # skips the final garbage collection, which takes a third of a second


def _stop(number: int, frame: FrameType | None) -> None:
    for other in _STOPS:
        signal.signal(other, signal.SIG_IGN)  # a second signal must not interrupt the clean-up
    sys.exit(_stopped(number))


def _stop_orphan() -> None:
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_GRACE_SECONDS)
    os._exit(1)  # stuck in native code; every file written so far is complete


def say(lines: Iterable[str]) -> None:
    """Print lines at once, also into a pipe."""
    for line in lines:
        print(line, flush=True)


def model_paths(name: str) -> dict[str, str]:
    """Paths of a stage that writes a model, by the names of the arguments that take them."""
    return {
        "model": f"models/{name}.pt",
        "metrics": f"metrics/{name}",
        "dev_metrics": f"metrics/dev/{name}",
        "plots": f"plots/{name}",
    }


def run_paths(name: str) -> dict[str, str]:
    """Paths of a train stage: those of model_paths(), and a folder for the models of all runs."""
    return {**model_paths(name), "models": f"models/{name}"}


def engine(params: Params) -> str:
    """Engine for many trainings: NOISYLAB_ENGINE if set, else `engine` of params.yaml."""
    name = os.environ.get("NOISYLAB_ENGINE") or params.engine
    if not is_engine(name):
        raise InputError(f"NOISYLAB_ENGINE must be {ENGINES}, got {shown(name)}")
    return name


class Watch:
    """Progress of trainings: a bar on a terminal, otherwise a line per epoch, or per training."""

    def __init__(self, *, each_epoch: bool = True, on_dev: bool = True) -> None:
        """on_dev: whether figures of dev say anything; members of an ensemble are not watched."""
        self._each_epoch, self._on_dev = each_epoch, on_dev

    def begin(self, trainings: Sequence[Training], n_images: Sequence[int]) -> None:
        """Open the bar."""
        self._trainings, self._n_images = trainings, n_images
        sizes = zip(trainings, n_images, strict=True)
        self._bar = tqdm(
            desc=f"{len(trainings)} models" if len(trainings) > 1 else trainings[0].name,
            total=sum(training.config.epochs * n for training, n in sizes),
            unit=" images",
            unit_scale=True,
            disable=None,
        )

    def resume(self, index: int, n_epochs: int) -> None:
        """Report the epochs that an earlier run finished, and advance the bar."""
        if self._bar.disable:
            training = self._trainings[index]
            say([f"{training.name}: resuming after epoch {n_epochs}/{training.config.epochs}"])
        self._bar.update(n_epochs * self._n_images[index])

    def step(self, index: int, n_images: int) -> None:
        """Advance the bar."""
        self._bar.update(n_images)

    def epoch(self, index: int, epoch: Epoch) -> None:
        """Print the epoch's figures if there is no bar."""
        training = self._trainings[index]
        losses = f"train loss {epoch.train_loss:.4f}"
        losses += f", dev loss {epoch.dev_loss:.4f}" if self._on_dev else ""
        if not self._bar.disable:
            self._bar.set_postfix_str(f"{training.name}: {losses}")
        elif self._each_epoch or epoch.epoch == training.config.epochs:
            number = f"epoch {epoch.epoch}/{training.config.epochs}"
            accuracy = f", dev accuracy {epoch.dev_accuracy:.2%}" if self._on_dev else ""
            say([f"{training.name}: {number}, {losses}{accuracy}"])

    def done(self, index: int, n_epochs: int, is_new: bool) -> None:
        """Advance the bar by the epochs that were not needed; without one, say which."""
        training = self._trainings[index]
        n_left = training.config.epochs - (n_epochs if is_new else 0)
        self._bar.update(n_left * self._n_images[index])
        if self._bar.disable and not is_new:
            say([f"{training.name}: trained before"])
        elif self._bar.disable and n_left:
            say([f"{training.name}: ended after epoch {n_epochs}/{training.config.epochs}"])

    def end(self) -> None:
        """Close the bar."""
        self._bar.close()
