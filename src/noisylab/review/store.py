"""The files behind the review page, always read and written in their present state."""

from __future__ import annotations

import json
import os
import time
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from filelock import FileLock, Timeout

from noisylab.core.errors import InputError
from noisylab.core.files import check_made
from noisylab.core.images import REVIEWED, ImageSet
from noisylab.core.processes import is_running
from noisylab.data.set_files import read_set
from noisylab.review import priority
from noisylab.review.cases import Case, read_cases
from noisylab.review.decisions import read_review, write_decisions
from noisylab.review.originals import read_original
from noisylab.review.places import Place

_PATIENCE_WITH_DVC = 30  # seconds to wait for stage `check`, which takes one or two, ...
_PATIENCE = 40  # ... and for another review page, which may itself wait for that stage
_POLL = 0.05


class StaleError(InputError):
    """The files no longer hold the image or the label that a person decided on."""


@dataclass(frozen=True, eq=False)
class Sheet:
    """The cases, and the sets that hold their images."""

    sets: dict[str, ImageSet]
    cases: tuple[Case, ...]

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes."""
        return self.sets[REVIEWED[0]].classes

    def find(self, image: str) -> Case | None:
        """A case about the image with that digest, or None if there is none."""
        return next((case for case in self.cases if case.image == image), None)


@dataclass(frozen=True)
class State:
    """The state of the review.

    decisions:   the class decided on, by split and index.
    wrong_probs: the probability that the given label is wrong, by split and index of each case.
    notices:     a line on each kind of decision in the file that does not count now.
    """

    decisions: dict[Place, str]
    wrong_probs: dict[Place, float]
    notices: list[str]


@dataclass(frozen=True)
class Decision:
    """The class a person decided on, and what the page showed at that moment.

    image, given: the image's digest and its given label.
    was:          the class decided on before; None if undecided.
    label:        the class decided on now, the given one to keep it; None to undo a decision.
    """

    split: str
    index: int
    image: str
    given: str
    was: str | None
    label: str | None


class Store:
    """The files of a data folder: reads the sets and corrections.csv, reads and writes review.csv.

    Safe to use from several threads, and from several processes on one folder. Every method raises
    InputError if a file is missing or broken.

    source: the folder of photographs that the sets were made from; None if unknown.
    """

    def __init__(self, data: str | Path, source: Path | None = None) -> None:
        data, self._source = Path(data), source
        self.review = data / "review.csv"
        self._corrections = data / "corrections.csv"
        self._set_paths = {split: data / f"{split}_set.pickle" for split in REVIEWED}
        self._lock_path = data / ".review.csv.lock"
        self._rwlock = data.parent / ".dvc" / "tmp" / "rwlock"
        self._last: tuple[object, Sheet] | None = None

    def sheet(self) -> Sheet:
        """The cases to review. Files are read again after they changed."""
        paths = [*self._set_paths.values(), self._corrections]
        for path in paths:
            check_made(path)
        stamp = [(status.st_mtime_ns, status.st_ino) for status in map(Path.stat, paths)]
        last = self._last  # read once: another thread may replace it
        if last is None or last[0] != stamp:
            sets = {split: read_set(path) for split, path in self._set_paths.items()}
            last = self._last = stamp, Sheet(sets, read_cases(self._corrections, sets))
        return last[1]

    def picture(self, image: str) -> np.ndarray | None:
        """(H, W, 3) uint8, to look at: the photograph behind the image with that digest.

        Without a photograph, its 32×32 pixels; None if no case is about it.
        """
        sheet = self.sheet()
        case = sheet.find(image)
        if case is None:
            return None
        pixels: np.ndarray = sheet.sets[case.split].images[case.index]
        if self._source is None or case.name is None:
            return pixels
        original = read_original(self._source, case.name, pixels)
        return pixels if original is None else original

    def decisions(self) -> dict[Place, str]:
        """The class that a person decided on, by split and index."""
        return self.state().decisions

    def state(self) -> State:
        """The decisions, and what is known about the rest."""
        sheet = self.sheet()
        review = read_review(self.review, sheet.sets)
        labels = {place: sheet.classes[label] for place, label in review.decisions.items()}
        places = [(case.split, case.index) for case in sheet.cases]
        decided = [  # without images of the suspect class, whose scores are 0 by definition
            number
            for number, place in enumerate(places)
            if place in labels and sheet.cases[number].score > 0
        ]
        probs = priority.wrong_probs(
            np.array([case.score for case in sheet.cases]),
            decided,
            [labels[places[number]] != sheet.cases[number].given for number in decided],
        )
        wrong_probs = dict(zip(places, probs.round(4).tolist(), strict=True))
        return State(labels, wrong_probs, review.notices(self.review))

    def decide(self, *made: Decision) -> None:
        """Write decisions, all or none, beside those that others have written in the meantime.

        Waits while a DVC stage reads the file, and raises InputError if that takes too long.
        Raises StaleError if an image or its label has changed, or if someone else decided on it.
        The file then stays as it was.
        """
        with self._locked():
            sheet = self.sheet()
            cases = {(case.split, case.index, case.image, case.given) for case in sheet.cases}
            review = read_review(self.review, sheet.sets)
            decisions = dict(review.decisions)
            for decision in made:
                place = split, index = decision.split, decision.index
                if (*place, decision.image, decision.given) not in cases:
                    raise StaleError(
                        f"image {index} of {split} is no longer the one shown here, since the sets "
                        "were rebuilt; nothing was written"
                    )
                if not {decision.label, decision.was} <= {None, *sheet.classes}:
                    raise StaleError("the sets have other classes now; nothing was written")
                before = decisions.pop(place, None)
                if (None if before is None else sheet.classes[before]) != decision.was:
                    raise StaleError(
                        f"image {index} of {split} has been decided elsewhere in the meantime; "
                        "nothing was written: look again"
                    )
                if decision.label is not None:
                    decisions[place] = sheet.classes.index(decision.label)
            self._wait_for_dvc()
            write_decisions(self.review, decisions, sheet.sets, review.waiting(decisions))

    def _wait_for_dvc(self) -> None:
        """Wait until no DVC stage reads the decisions.

        DVC records the state of a dependency when the stage has ended: it would take a decision
        written in between for one that the stage has read.
        """
        end = time.monotonic() + _PATIENCE_WITH_DVC
        while reader := dvc_reader(self._rwlock, self.review):
            if time.monotonic() > end:
                raise InputError(
                    f"{self.review}: still in use by {reader}; nothing was written; "
                    "decide again when that command has ended"
                )
            time.sleep(_POLL)

    def _locked(self) -> AbstractContextManager[object]:
        """The lock that threads and processes share, held until the `with` block ends."""
        try:
            return FileLock(self._lock_path, timeout=_PATIENCE, poll_interval=0.005).acquire()
        except Timeout as error:
            raise InputError(
                f"{self._lock_path}: held by another program for {_PATIENCE} s; end that program"
            ) from error
        except OSError as error:
            raise InputError(f"{self._lock_path}: cannot be written: {error.strerror}") from error


def dvc_reader(rwlock: Path, path: Path) -> str | None:
    """The command of a running DVC with a stage that reads `path`, according to its lock file."""
    try:
        readers = json.loads(rwlock.read_bytes())["read"].get(os.path.realpath(path), [])
        return next((str(one["cmd"]) for one in readers if is_running(one["pid"])), None)
    except json.JSONDecodeError:
        return "DVC, whose lock file is incomplete: repair it with noisylab repair"
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None
