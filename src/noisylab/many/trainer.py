"""The one object that runs trainings: here or on an engine, and each only once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from noisylab.core.images import ImageSet
from noisylab.learning.kept import EpochFile, Kept, Trained, Training, sets_fingerprint
from noisylab.learning.training import Progress, from_rows
from noisylab.many.local import map_trainings

Trainings = Iterator[tuple[int, Trained]]

#: Passes on trainings as they end, of the number given, and may show how many did.
Watch = Callable[[Trainings, int], Trainings]

#: Makes the observer of a training from its name, its epochs and its images per epoch.
Show = Callable[[str, int, int], Progress]


class Trainer:
    """Runs trainings; those kept are read, those interrupted resume, all with equal bits.

    kept:   the store of results and of states; on dask no states are kept.
    engine: of train(), as for map_trainings().
    watch:  shows the trainings of train(); show: shows one of train_one(). None shows nothing.
    """

    def __init__(
        self,
        kept: Kept | None = None,
        engine: str = "local",
        watch: Watch | None = None,
        show: Show | None = None,
    ) -> None:
        self._kept = kept or Kept()
        self._engine = engine
        self._watch = watch
        self._show = show

    def train_one(self, name: str, train: ImageSet, dev: ImageSet, training: Training) -> Trained:
        """Train in this process, on the threads of its settings. Raises InputError as fit()."""
        config = training.config
        progress = self._show(name, config.epochs, len(train)) if self._show else None
        key = training.key(sets_fingerprint(train, dev))
        result = self._kept.read(key)
        if result is None:
            result = training.run(train, dev, progress, self._kept.checkpoint(key))
            self._kept.write(key, result)
        elif progress:
            progress.resume(from_rows(result["history"]))
        return _trained(training, result)

    def train(self, train: ImageSet, dev: ImageSet, trainings: Sequence[Training]) -> Trainings:
        """Yield (index of the training, result) as trainings end, in any order.

        Each runs on one thread, whatever its settings, so that results do not depend on the
        engine. Raises what a training raised, unless it diverged.
        """
        single = [replace(one, config=replace(one.config, threads=1)) for one in trainings]
        results = self._results(train, dev, single)
        return self._watch(results, len(single)) if self._watch else results

    def keep_used(self) -> None:
        """Remove results and states of trainings that this object was not asked for."""
        self._kept.keep_used()

    def _results(self, train: ImageSet, dev: ImageSet, trainings: Sequence[Training]) -> Trainings:
        sets = sets_fingerprint(train, dev)
        keys = [training.key(sets) for training in trainings]
        left = []
        for index, key in enumerate(keys):
            result = self._kept.read(key)
            if result is None:
                left.append(index)
            else:
                yield index, _trained(trainings[index], result)
        if not left:
            return
        is_here = not self._engine.startswith("dask:")
        jobs = [
            (trainings[index], self._kept.checkpoint(keys[index]) if is_here else None)
            for index in left
        ]
        for place, result, error in map_trainings(_run, jobs, self._engine, (train, dev)):
            if error:
                raise error
            index = left[place]
            self._kept.write(keys[index], result)
            yield index, _trained(trainings[index], result)


def _run(job: tuple[Training, EpochFile | None], train: ImageSet, dev: ImageSet) -> dict[str, Any]:
    training, checkpoint = job
    return training.run(train, dev, checkpoint=checkpoint)


def _trained(training: Training, result: dict[str, Any]) -> Trained:
    return Trained(training.config, from_rows(result["history"]), result["weights"])
