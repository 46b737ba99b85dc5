"""What the review page shows and writes: always as the files have it at that moment."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from filelock import FileLock, Timeout

from noisylab.core.errors import InputError
from noisylab.core.images import ImageSet
from noisylab.core.processes import is_running
from noisylab.data import set_files
from noisylab.review.cases import Case, read_cases
from noisylab.review.decisions import REVIEWED, read_decisions, write_decisions

_PATIENCE_WITH_DVC = 30  # seconds to wait for stage check, which takes one or two, ...
_PATIENCE = 40  # ... and for another page that writes, which may be waiting for that stage
_POLL = 0.05


class StaleError(InputError):
    """What a person decided on is not what the files hold by now."""


@dataclass(frozen=True, eq=False)
class Sheet:
    """The cases, and the sets that they are of."""

    sets: dict[str, ImageSet]
    cases: tuple[Case, ...]

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes."""
        return self.sets[REVIEWED[0]].classes

    def find(self, split: str, index: int) -> Case | None:
        """The case about that image, if there is one."""
        return next(
            (case for case in self.cases if (case.split, case.index) == (split, index)), None
        )

    def pixels(self, image: str) -> np.ndarray | None:
        """(32, 32, 3) uint8, the image of that digest, if a case is about it."""
        for case in self.cases:
            if case.image == image:
                found: np.ndarray = self.sets[case.split].images[case.index]
                return found
        return None


@dataclass(frozen=True)
class Decision:
    """What a person decided, and what they saw when they did.

    image, given: the image's digest and its given label.
    was:          the class decided on before; None if there was none.
    label:        the class decided on now: the given one to keep it; None to decide nothing.
    """

    split: str
    index: int
    image: str
    given: str
    was: str | None
    label: str | None


class Store:
    """The files of a data folder: the sets and `corrections.csv` are read, `review.csv` written.

    Its methods may be called by several threads, and by several processes for the same folder.
    Each raises InputError where a file is missing or broken.
    """

    def __init__(self, data: str | Path) -> None:
        data = Path(data)
        self.review = data / "review.csv"
        self._corrections = data / "corrections.csv"
        self._set_paths = {split: data / f"{split}_set.pickle" for split in REVIEWED}
        self._lock_path = data / ".review.csv.lock"
        self._rwlock = data.parent / ".dvc" / "tmp" / "rwlock"
        self._last: tuple[object, Sheet] | None = None

    def sheet(self) -> Sheet:
        """What there is to decide on; files are read anew if they changed."""
        paths = [*self._set_paths.values(), self._corrections]
        for path in paths:
            if not path.is_file():
                raise InputError(f"{path}: not there yet; run make repro first")
        stamp = [(status.st_mtime_ns, status.st_ino) for status in map(Path.stat, paths)]
        last = self._last
        if last is None or last[0] != stamp:
            sets = {split: set_files.read_set(path) for split, path in self._set_paths.items()}
            last = self._last = stamp, Sheet(sets, read_cases(self._corrections, sets))
        return last[1]

    def decisions(self) -> dict[tuple[str, int], str]:
        """By split and index, the class that a person decided on."""
        sheet = self.sheet()
        decisions = read_decisions(self.review, sheet.sets)
        return {place: sheet.classes[label] for place, label in decisions.items()}

    def decide(self, decision: Decision) -> None:
        """Put one decision into the file, beside what others put there meanwhile.

        Waits while a stage of DVC's reads the file, and raises InputError if that takes too long.
        Raises StaleError if the image or its label is another by now, or if it was decided
        elsewhere since. The file is then as it was.
        """
        with self._locked():
            sheet = self.sheet()
            place = decision.split, decision.index
            case = sheet.find(*place)
            if case is None or (case.image, case.given) != (decision.image, decision.given):
                raise StaleError(
                    f"image {decision.index} of {decision.split} is not what was shown: the sets "
                    "were made anew meanwhile; this decision was not written"
                )
            if not {decision.label, decision.was} <= {None, *sheet.classes}:
                raise StaleError("the sets have other classes by now; this was not written")
            decisions = read_decisions(self.review, sheet.sets)
            before = decisions.pop(place, None)
            if (None if before is None else sheet.classes[before]) != decision.was:
                raise StaleError(
                    f"image {decision.index} of {decision.split} was decided elsewhere meanwhile; "
                    "this decision was not written: look again"
                )
            if decision.label is not None:
                decisions[place] = sheet.classes.index(decision.label)
            self._wait_for_dvc()
            write_decisions(self.review, decisions, sheet.sets)

    def _wait_for_dvc(self) -> None:
        """Wait until no stage of DVC's reads the decisions.

        Of what such a stage read DVC notes the state at its end: a decision that came in between
        would be taken for one that was heeded.
        """
        end = time.monotonic() + _PATIENCE_WITH_DVC
        while reader := dvc_reader(self._rwlock, self.review):
            if time.monotonic() > end:
                raise InputError(
                    f"{self.review}: still being read by {reader}; decide again when that has "
                    "ended; this decision was not written"
                )
            time.sleep(_POLL)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """One at a time, of all threads and processes."""
        lock = FileLock(self._lock_path, timeout=_PATIENCE, poll_interval=0.005)
        try:
            lock.acquire()
        except Timeout as error:
            raise InputError(
                f"{self._lock_path}: held by another program for {_PATIENCE} s; end that one"
            ) from error
        except OSError as error:
            raise InputError(f"{self._lock_path}: cannot be written: {error.strerror}") from error
        try:
            yield
        finally:
            lock.release()


def dvc_reader(rwlock: Path, path: Path) -> str | None:
    """The command of a running DVC a stage of which reads that file, as its lock file says."""
    try:
        readers = json.loads(rwlock.read_bytes())["read"].get(os.path.realpath(path), [])
        return next((str(one["cmd"]) for one in readers if is_running(one["pid"])), None)
    except json.JSONDecodeError:
        return "DVC, whose lock file is half written: python -m noisylab.repair mends that"
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None
