"""Results of trainings kept on disk: what was interrupted does not begin anew."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from noisylab import artifacts, unpickler
from noisylab.errors import InputError
from noisylab.files import read_file
from noisylab.parallel import map_trainings

MAX_FILE_BYTES = 2**30  # of one result: weights, and probabilities of each image


class Finished:
    """A folder of results, each by the fingerprint of what it was made of.

    A result is made of numbers, strings, bytes, None, lists, dicts and arrays.
    """

    def __init__(self, folder: str | Path) -> None:
        self._folder = Path(folder)

    def read(self, key: str) -> Any:
        """The result of that fingerprint; None if there is none, or if it is damaged."""
        try:
            content = read_file(self._folder / key, MAX_FILE_BYTES)
        except InputError:
            return None
        digest, data = content[:32], content[32:]
        if sha256(data).digest() != digest:
            return None
        try:
            return unpickler.load(data)
        except InputError:
            return None

    def write(self, key: str, result: Any) -> None:
        """Keep a result. Raises InputError where it cannot be written."""
        data = pickle.dumps(result, protocol=4)
        artifacts.write_bytes(self._folder / key, sha256(data).digest() + data)

    def keep_only(self, keys: Sequence[str]) -> None:
        """Remove all other results."""
        if self._folder.is_dir():
            for path in self._folder.iterdir():
                if path.name not in keys:
                    path.unlink(missing_ok=True)


def map_unfinished(
    fn: Callable[..., Any],
    jobs: Sequence[Any],
    keys: Sequence[str],
    finished: Finished,
    engine: str,
    shared: Sequence[Any] = (),
) -> Iterator[tuple[int, Any, BaseException | None]]:
    """As map_trainings, for the jobs of whose fingerprints (one each) no result is kept.

    First come those that are kept; every other is kept once it is there.
    """
    left = []
    for index, key in enumerate(keys):
        result = finished.read(key)
        if result is None:
            left.append(index)
        else:
            yield index, result, None
    for place, result, error in map_trainings(fn, [jobs[i] for i in left], engine, shared):
        index = left[place]
        if error is None:
            finished.write(keys[index], result)
        yield index, result, error
